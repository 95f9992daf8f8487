//! The page on configuration, held against the structs that it describes.

use super::WorkerConfig;
use crate::{grpc::StreamConfig, process::Settings};
use cluster::config::{ConfigError, Loader};
use serde::de::DeserializeOwned;
use std::{fmt::Debug, fs, path::Path};

/// The rows of the section on workers, as key and default.
fn documented() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Worker\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (key, rest) = row.split_once("` | ").unwrap();
        let default = rest.split(" | ").next().unwrap();
        (key.to_owned(), default.trim_matches('`').to_owned())
    })
    .collect()
}

/// The keys of a table of `T`, as the refusal of an unknown one lists them.
fn known<T: DeserializeOwned + Debug>(table: &str) -> Vec<String> {
    let refusal = Loader::new().flag(&format!("{table}unknown"), Some(1)).load::<T>();
    let Err(ConfigError::Value { reason, .. }) = refusal else { panic!("{refusal:?}") };
    let list = reason.split_once("expected ").expect("a list of keys").1;
    let list = list.strip_prefix("one of ").unwrap_or(list).replace(" or ", ", ");
    list.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

#[test]
fn the_page_lists_every_key_in_order_with_its_default() {
    let documented = documented();
    let keys: Vec<_> = documented.iter().map(|(key, _)| key.clone()).collect();
    let mut expected: Vec<_> = known::<WorkerConfig>("");
    expected.retain(|key| !["run", "read_retry", "limits"].contains(&key.as_str()));
    expected.extend(known::<WorkerConfig>("run.").iter().map(|key| format!("run.{key}")));
    expected
        .extend(known::<WorkerConfig>("read_retry.").iter().map(|key| format!("read_retry.{key}")));
    expected.extend(known::<WorkerConfig>("limits.").iter().map(|key| format!("limits.{key}")));
    let expected = expected.iter().map(|key| format!("worker.{key}"));
    let expected = expected
        .chain(known::<StreamConfig>("").iter().map(|key| format!("stream.{key}")))
        .collect::<Vec<_>>();
    assert_eq!(keys, expected);

    let load = |rows: &[(String, String)]| {
        let loader = rows.iter().fold(Loader::new(), |all, (key, text)| all.flag(key, Some(text)));
        loader.load::<Settings>().unwrap()
    };
    assert_eq!(load(&documented), Settings::default());
    // Another default than the documented one would be noticed, of each key.
    for position in 0..documented.len() {
        let mut other = documented.clone();
        let text = &mut other[position].1;
        *text = match text.as_str() {
            "on" => "off".to_owned(),
            text => format!("1{text}"),
        };
        assert_ne!(load(&other), Settings::default(), "{}", other[position].0);
    }
}
