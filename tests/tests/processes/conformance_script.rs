//! `make conformance-real` looks at what runs say, not only at how they end.

use crate::workspace;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

/// A command in the place of `evmesh run`: says what it was asked to do, and that all is well, but for
/// what `BROKEN` replaces in its answer.
const EVMESH: &str = r#"#!/usr/bin/env bash
slice_gas=0
while (($#)); do
  case $1 in
    --transport) transport=$2 ;;
    --workers) workers=$2 ;;
    --state-shards) shards=$2 ;;
    --slice-gas) slice_gas=$2 ;;
  esac
  shift
done
slices=$((slice_gas == 1 ? 60 : workers))
{
  echo "{\"kind\":\"run\",\"transport\":\"$transport\",\"workers\":$workers,\"state_shards\":$shards}"
  for number in $(seq 34); do
    echo "{\"kind\":\"block\",\"number\":$number,\"status\":\"equal\",\"transactions\":60,\"plan\":{\"slices\":$slices,\"workers_used\":$workers},\"oracle\":{\"compared\":true},\"messages\":{\"total\":9,\"bound\":10}}"
  done
  echo "{\"kind\":\"summary\",\"blocks\":34,\"equal\":34}"
} | sed "$BROKEN"
"#;

fn run_with(broken: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let evmesh = folder.path().join("evmesh");
    fs::write(&evmesh, EVMESH).unwrap();
    fs::set_permissions(&evmesh, fs::Permissions::from_mode(0o755)).unwrap();
    Command::new(workspace::root().join("scripts/conformance-real.sh"))
        .args([Path::new(&evmesh), &folder.path().join("out")])
        .env("EVMESH_DATA", folder.path())
        .env("BROKEN", broken)
        .output()
        .unwrap()
}

#[test]
fn shapes_that_are_as_asked_for_pass() {
    let output = run_with("");

    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("26 shapes, all equal"), "{said}");
}

#[test]
fn a_shape_whose_counts_are_wrong_fails_though_the_command_says_that_all_is_well() {
    for (broken, complaint) in [
        (
            "s/\"number\":7,\"status\":\"equal\"/\"number\":7,\"status\":\"failed\"/",
            "block 7: not equal",
        ),
        ("/\"number\":7,/d", "33 lines of equal blocks"),
        ("s/\"blocks\":34,\"equal\":34/\"blocks\":34,\"equal\":33/", "33 of 34 blocks equal"),
        ("/summary/d", "no end"),
        ("s/\"workers_used\":5/\"workers_used\":4/", "4 workers used of 5"),
        ("s/\"slices\":60/\"slices\":59/", "59 slices of 60 transactions"),
        ("s/\"slices\":5,/\"slices\":1,/", "only 1 slices"),
        ("s/\"compared\":true/\"compared\":false/", "not compared with serial revm"),
        ("s/\"transport\":\"grpc\"/\"transport\":\"in-process\"/", "it did not run over grpc"),
        ("s/\"state_shards\":16/\"state_shards\":1/", "state_shards: 1"),
        ("s/\"total\":9/\"total\":11/", "11 messages, bound 10"),
    ] {
        let output = run_with(broken);

        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{broken}: {said}");
        assert!(said.contains(complaint), "{broken}: {said}");
    }
}
