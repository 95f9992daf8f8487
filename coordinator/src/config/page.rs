//! The page on configuration, held against the structs that it describes.

use super::CoordinatorConfig;
use crate::{grpc::AttachConfig, process::Settings};
use cluster::config::{ConfigError, Loader};
use serde::de::DeserializeOwned;
use std::{fmt::Debug, fs, path::Path};

/// Tables within the coordinator's.
const TABLES: [&str; 5] =
    ["limits.", "configure_retry.", "state_retry.", "spread_retry.", "deadlines."];

/// The rows of the coordinator's section, as key and default.
fn documented() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Coordinator\n"));
    let rows = section.unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |row: &str| {
        let (key, rest) = row.split_once("` | ").unwrap();
        let default = rest.split(" | ").next().unwrap();
        (key.to_owned(), default.trim_matches('`').to_owned())
    };
    rows.map(row).collect()
}

/// The keys of a table of `T`, as the refusal of an unknown one lists them.
fn known<T: DeserializeOwned + Debug>(table: &str) -> Vec<String> {
    let refusal = Loader::new().flag(&format!("{table}unknown"), Some(1)).load::<T>();
    let Err(ConfigError::Value { reason, .. }) = refusal else { panic!("{refusal:?}") };
    let list = reason.split_once("expected ").expect("a list of keys").1;
    let list = list.strip_prefix("one of ").unwrap_or(list).replace(" or ", ", ");
    list.split(", ").map(|key| format!("{table}{}", key.trim_matches('`'))).collect()
}

fn load(rows: &[(String, String)]) -> Settings {
    let loader = rows.iter().fold(Loader::new(), |all, (key, text)| all.flag(key, Some(text)));
    loader.load().unwrap()
}

#[test]
fn the_page_lists_every_key_in_order_with_its_default() {
    let mut expected = Vec::new();
    for key in known::<CoordinatorConfig>("") {
        let table = format!("{key}.");
        if TABLES.contains(&&*table) {
            expected.extend(known::<CoordinatorConfig>(&table));
        } else {
            expected.push(key);
        }
    }
    let expected = expected.iter().map(|key| format!("coordinator.{key}"));
    let attach = known::<AttachConfig>("").into_iter().map(|key| format!("attach.{key}"));
    let rows = documented();
    let keys: Vec<_> = rows.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, expected.chain(attach).collect::<Vec<_>>());

    assert_eq!(load(&rows), Settings::default());
    // Another default than the documented one would be noticed, of each key.
    for position in 0..rows.len() {
        let mut other = rows.clone();
        other[position].1.insert(0, '1');
        assert_ne!(load(&other), Settings::default(), "{}", other[position].0);
    }
}
