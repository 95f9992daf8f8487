//! The page on configuration, held against the structs that it describes.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{ConfigError, Loader};

/// Asserts that the page lists the keys of `T`, which is the table `table`, in their order and with
/// their defaults.
pub(crate) fn assert_lists<T>(table: &str)
where
    T: DeserializeOwned + Default + PartialEq + Debug,
{
    let documented = documented(table);
    let keys: Vec<_> = documented.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, known::<T>());

    let given = documented.iter().filter(|(_, default)| default != "none" && default != "empty");
    let loader = given.fold(Loader::new(), |all, (key, text)| all.flag(key, Some(text)));
    assert_eq!(loader.load::<T>().unwrap(), T::default());
}

/// The rows of the page's table, as key without its table's name, and default.
fn documented(table: &str) -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let begin = format!("| `{table}.");
    let rows = page.lines().filter_map(|line| line.strip_prefix(&begin));
    rows.map(|row| {
        let (key, rest) = row.split_once("` | ").unwrap();
        let default = rest.split(" | ").next().unwrap();
        (key.to_owned(), default.trim_matches('`').to_owned())
    })
    .collect()
}

/// The keys of the struct, as the refusal of an unknown one lists them.
fn known<T: DeserializeOwned + Debug>() -> Vec<String> {
    let refusal = Loader::new().flag("unknown", Some(1)).load::<T>();
    let Err(ConfigError::Value { reason, .. }) = refusal else { panic!("{refusal:?}") };
    let list = reason.split_once("expected ").expect("a list of keys").1;
    let list = list.strip_prefix("one of ").unwrap_or(list).replace(" or ", ", ");
    list.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}
