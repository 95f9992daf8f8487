//! Every dependency has a reason, written down in `docs/dependencies.md`, and somebody who uses it.

use std::collections::BTreeSet;

use crate::workspace;

/// The workspace's dependencies on crates of others.
fn declared() -> BTreeSet<String> {
    let manifest: toml::Table = toml::from_str(&workspace::text_of("Cargo.toml")).unwrap();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let foreign = dependencies.iter().filter(|(_, value)| value.get("path").is_none());
    foreign.map(|(name, _)| name.clone()).collect()
}

/// The names in lines such as ``* `name`: reason.`` that give a reason.
fn with_reason(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("* `")?.split_once("`: "));
    lines.filter(|(_, reason)| reason.len() > 10).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_dependency_has_its_reason_and_no_reason_is_stale() {
    let declared = declared();
    assert!(declared.contains("revm"), "the manifest was not read: {declared:?}");

    let explained = with_reason(&workspace::text_of("docs/dependencies.md"));

    let missing: Vec<_> = declared.difference(&explained).collect();
    assert!(missing.is_empty(), "without a line in docs/dependencies.md: {missing:?}");
    let stale: Vec<_> = explained.difference(&declared).collect();
    assert!(stale.is_empty(), "in docs/dependencies.md, but not in Cargo.toml: {stale:?}");
}

#[test]
fn every_dependency_is_used_by_a_crate() {
    let metadata = workspace::metadata();
    let used: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|member| &member.dependencies)
        .map(|dependency| dependency.name.clone())
        .collect();

    let unused: Vec<_> = declared().difference(&used).cloned().collect();
    assert!(unused.is_empty(), "in the workspace's Cargo.toml, but used by no crate: {unused:?}");
}

#[test]
fn every_dependency_of_a_crate_is_declared_in_the_workspace() {
    let metadata = workspace::metadata();
    let members = metadata.workspace_packages();
    let declared = declared();

    for member in &members {
        for dependency in &member.dependencies {
            let name = &dependency.name;
            let is_ours = members.iter().any(|other| other.name.as_str() == name);
            assert!(
                is_ours || declared.contains(name),
                "{} depends on {name}, which the workspace's Cargo.toml does not declare",
                member.name
            );
        }
    }
}

#[test]
fn only_a_line_with_a_reason_counts() {
    let page =
        "# Dependencies\n* `revm`: the EVM itself.\n* `serde`: x\n- `toml`: other bullet here\n";

    assert_eq!(with_reason(page), BTreeSet::from(["revm".to_owned()]));
}
