//! Files of every kind, told apart by their content wherever they lie.

use super::{
    archives::{gzip, zstd},
    open_path,
};
use crate::{
    Input, InputError,
    blockchain_tests::{NotRun, tests::handmade as tests},
    chain_file::tests::handmade as chains,
    open_listing,
    witness::tests::handmade as witnesses,
};
use serde_json::json;
use std::{fs, path::Path};

fn test_file(network: &str) -> Vec<u8> {
    tests::file(network, json!([])).to_string().into()
}

fn witness_file() -> Vec<u8> {
    witnesses::file(&witnesses::headers(2)).to_string().into()
}

fn chain_file() -> Vec<u8> {
    chains::chain(&chains::blocks(&chains::genesis_header(), 2))
}

/// One file of each kind, and some that are nothing.
fn everything() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("tests/a.json", test_file("London")),
        ("tests/b.txt.zst", zstd(&test_file("Cancun"))),
        ("witness/w.json.gz", gzip(&witness_file())),
        ("witness/index.json", b"[{\"file\": \"w.json\"}]".to_vec()),
        ("chain/exported", gzip(&chain_file())),
        ("chain/genesis.json", chains::genesis().to_string().into()),
        ("chain/headstate.json", b"{\"accounts\": {\"a\": {\"balance\": 1.5}}}".to_vec()),
        ("readme.md", b"this is {text}".to_vec()),
        ("empty", Vec::new()),
    ]
}

fn names(inputs: &[Input]) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    inputs.iter().map(|input| last(&input.name)).collect()
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn every_kind_of_file_is_found_in_folders_and_in_archives() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in"), &everything());
    let packed = folder.path().join("packed");
    fs::write(&packed, zstd(&tar(&everything()))).unwrap();
    let case = tests::CASE;
    let expected = [
        "exported".to_owned(),
        format!("a.json#{case}"),
        format!("b.txt.zst#{case}"),
        "w.json.gz".to_owned(),
    ];
    for path in [folder.path().join("in"), packed] {
        assert_eq!(names(&open_path(&path).unwrap()), expected, "{path:?}");
    }
    for (file, n) in [("tests/b.txt.zst", 1), ("witness/w.json.gz", 1), ("chain/exported", 1)] {
        assert_eq!(open_path(&folder.path().join("in").join(file)).unwrap().len(), n, "{file}");
    }
}

#[test]
fn a_file_that_is_nothing_is_refused_when_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &everything());
    for file in ["witness/index.json", "chain/headstate.json", "readme.md", "empty"] {
        let error = open_path(&folder.path().join(file)).unwrap_err();
        assert!(matches!(error, InputError::NoBlocks { .. }), "{file}: {error:?}");
    }
    write(folder.path(), &[("broken", b"{ \"pre\": ".to_vec())]);
    let error = open_path(folder.path()).unwrap_err();
    assert!(matches!(error, InputError::Json { .. }), "what may have been an input: {error:?}");
}

#[test]
fn tests_that_are_not_run_are_listed_by_rule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    write(
        folder.path(),
        &[
            ("1.json", test_file("Constantinople")),
            ("2.json", test_file("Amsterdam")),
            ("3.json", test_file("BPO2ToAmsterdamAtTime15k")),
        ],
    );
    let error = open_path(folder.path()).unwrap_err();
    let InputError::NotRun { at, rule } = &error else { panic!("{error:?}") };
    assert_eq!(
        (at.clone(), *rule),
        (format!("{path}/1.json#{}", tests::CASE), NotRun::Constantinople)
    );

    let payloads = json!({ "one": { "engineNewPayloads": [] }, "two": {} }).to_string().into();
    write(folder.path(), &[("4.json", test_file("London")), ("5.json", payloads)]);
    assert_eq!(names(&open_path(folder.path()).unwrap()).len(), 1);
    let listed = open_listing(path, &mut |_, _| {}).unwrap();
    let counts: Vec<(NotRun, u64)> =
        listed.not_run.iter().map(|(rule, left_out)| (*rule, left_out.n_cases)).collect();
    let expected =
        [(NotRun::Constantinople, 1), (NotRun::Amsterdam, 2), (NotRun::EnginePayloads, 2)];
    assert_eq!(counts, expected);
    assert!(listed.not_run[&NotRun::Amsterdam].first.contains("2.json"));
}

#[test]
fn two_genesis_files_of_one_folder_are_one_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let genesis: Vec<u8> = chains::genesis().to_string().into();
    write(folder.path(), &[("genesis.json", genesis.clone()), ("genesis.json.gz", gzip(&genesis))]);
    let error = open_path(folder.path()).unwrap_err();
    assert!(matches!(error, InputError::Twice { .. }), "{error:?}");
}

#[test]
fn one_wrong_file_refuses_all_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &everything());
    let mut wrong = tests::file("London", json!([]));
    wrong[tests::CASE]["lastblockhash"] = json!("0x1");
    write(folder.path(), &[("tests/c.json", wrong.to_string().into())]);
    let error = open_path(folder.path()).unwrap_err();
    assert!(error.at().contains("tests/c.json"), "{}", error.at());
    assert!(error.at().contains(tests::CASE), "{}", error.at());
}
