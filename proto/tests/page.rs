//! docs/protocol.md speaks of every service, method, message and enum of the .proto files.

use crate::generator;
use std::{collections::BTreeSet, fs, path::Path};

/// Returns the names that the .proto files declare.
fn declared() -> BTreeSet<String> {
    let folder = generator::sources().join("evmesh/v1");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if matches!(words.next(), Some("message" | "enum" | "service" | "rpc")) {
                let name = words.next().unwrap();
                names.insert(name.split('(').next().unwrap().to_owned());
            }
        }
    }
    names
}

/// Returns the names that a page does not have in code type.
fn unnamed<'n>(names: &'n BTreeSet<String>, page: &str) -> Vec<&'n String> {
    names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect()
}

#[test]
fn the_page_names_every_message() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let page = fs::read_to_string(page).unwrap();
    let names = declared();
    assert!(names.contains("SliceOutcome") && names.contains("Attach") && names.len() > 90);

    let unnamed_ones = unnamed(&names, &page);
    assert!(unnamed_ones.is_empty(), "docs/protocol.md does not name {unnamed_ones:?}");

    let without = page.replace("`TxOutcome`", "");
    assert_eq!(unnamed(&names, &without), ["TxOutcome"]);
}
