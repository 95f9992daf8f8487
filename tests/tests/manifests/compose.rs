//! `compose.yaml`, as far as it can be judged without a container engine.

use std::collections::BTreeMap;

use serde_json::Value;

use super::flags::Flags;
use super::house;
use crate::workspace;

fn services() -> BTreeMap<String, Value> {
    let file: Value = serde_saphyr::from_str(&workspace::text_of("compose.yaml")).unwrap();
    let services = file["services"].as_object().unwrap().clone();
    services.into_iter().collect()
}

/// The broken rules of a service that runs one of our programs.
fn broken(service: &Value, flags: &Flags) -> Vec<String> {
    let words = house::texts(&service["entrypoint"]).chain(house::texts(&service["command"]));
    let words: Vec<_> = words.collect();
    let variables = service["environment"].as_object().into_iter().flatten();
    let variables: Vec<_> = variables.map(|(name, _)| name.clone()).collect();
    house::unknown(&words, &variables, flags)
}

fn is_ours(service: &Value) -> bool {
    !service["build"].is_null()
}

#[test]
fn compose_passes_only_flags_and_variables_that_exist() {
    let flags = Flags::documented();
    let mut n_ours = 0;

    for (name, service) in services().iter().filter(|(_, service)| is_ours(service)) {
        assert_eq!(broken(service, &flags), Vec::<String>::new(), "{name}");
        n_ours += 1;
    }

    assert_eq!(n_ours, 5, "two shards, workers, a coordinator, a client");
}

#[test]
fn a_flag_that_no_process_has_is_seen_in_compose_too() {
    let mut worker = services()["worker"].clone();
    worker["command"].as_array_mut().unwrap().push("--stateshards=2".into());

    assert_eq!(broken(&worker, &Flags::documented()), ["worker does not know --stateshards"]);
}

#[test]
fn compose_has_as_many_shards_as_the_coordinator_waits_for() {
    let services = services();
    let n_shards = services.keys().filter(|name| name.starts_with("state-")).count();

    let told: Vec<_> = house::texts(&services["coordinator"]["command"]).collect();

    assert!(told.contains(&format!("--state-shards={n_shards}").as_str()), "{told:?}");
}

#[test]
fn workers_of_compose_can_be_scaled() {
    let worker = &services()["worker"];

    for fixed in ["ports", "container_name", "hostname"] {
        assert_eq!(worker[fixed], Value::Null, "two containers cannot share {fixed}");
    }
}

#[test]
fn processes_of_compose_have_time_to_drain_and_no_rights() {
    for (name, service) in services().iter().filter(|(_, service)| is_ours(service)) {
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        if name != "client" {
            assert_eq!(service["stop_grace_period"], "20s", "{name}");
            assert_eq!(service["environment"]["EVMESH_SHUTDOWN__DRAIN_TIMEOUT"], "10s", "{name}");
            assert!(service["healthcheck"]["test"].is_array(), "{name}");
        }
    }
}
