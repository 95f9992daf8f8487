//! Chains that are written, and read again.

use crate::{
    Input, InputError, WriteOptions, open, tests::replay::replay, workload::Fork,
    workload::WorkloadKind, write_chain,
};
use engine::{block::Block, chain::ChainSpec};
use std::{collections::BTreeMap, fs, path::Path};

fn workload(text: &str) -> Input {
    open(text, &mut |_, _| {}).unwrap().remove(0)
}

fn small() -> Input {
    workload("workload:transfers?txs=5&blocks=3&accounts=200")
}

fn read(path: &Path) -> Input {
    let mut inputs = open(path.to_str().unwrap(), &mut |_, _| {}).unwrap();
    assert_eq!(inputs.len(), 1);
    inputs.remove(0)
}

/// What is in a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

/// Tells of each block of an input by which rules it is run.
fn specs(chain: &ChainSpec, input: &Input) -> Vec<revm::primitives::hardfork::SpecId> {
    let header = |rlp: &[u8]| Block::decode(rlp).unwrap().header;
    let headers = input.blocks.iter().map(|block| header(&block.block_rlp));
    headers.map(|header| chain.spec_at(header.number, header.timestamp)).collect()
}

fn assert_reads_back(input: &Input) {
    let folder = tempfile::tempdir().unwrap();
    let written = write_chain(input, folder.path(), WriteOptions::default()).unwrap();
    let again = read(folder.path());
    assert_eq!(again.expected.head, Some(written.head));
    let blocks = |input: &Input| {
        let all = input.blocks.iter();
        all.map(|block| (block.block_rlp.clone(), block.ancestors.clone(), block.lineage.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(blocks(&again), blocks(input), "{}", input.name);
    assert_eq!(again.parent.values(), input.parent.values(), "{}", input.name);
    assert_eq!(again.chain.chain_id(), input.chain.chain_id());
    assert_eq!(specs(&again.chain, input), specs(&input.chain, input), "{}", input.name);
    let replayed = replay(&again);
    // Before Byzantium a block alone does not tell its receipts' root.
    assert!(replayed.n_equal >= 4 * again.blocks.len(), "{}", replayed.n_equal);
}

#[test]
fn every_workload_reads_back_to_the_same_blocks_state_and_rules() {
    for name in WorkloadKind::NAMES.into_iter().filter(|name| *name != "edges") {
        let sizes = "txs=10&blocks=2&accounts=200";
        assert_reads_back(&workload(&format!("workload:{name}?{sizes}")));
    }
}

#[test]
fn chains_of_old_and_new_forks_read_back() {
    for fork in [Fork::Frontier, Fork::Spurious, Fork::London, Fork::Shanghai, Fork::Osaka] {
        assert_reads_back(&workload(&format!("workload:edges?fork={}&blocks=1", fork.name())));
    }
}

#[test]
fn a_packed_chain_is_the_same_one() {
    let folder = tempfile::tempdir().unwrap();
    let input = small();
    let options = WriteOptions { gzip: true, force: false };
    write_chain(&input, folder.path(), options).unwrap();
    assert_eq!(names(folder.path()), ["chain.rlp.gz", "genesis.json"]);
    let again = read(&folder.path().join("chain.rlp.gz"));
    assert_eq!(again.blocks[2].block_rlp, input.blocks[2].block_rlp);
}

#[test]
fn the_genesis_names_every_fork_as_geth_does() {
    let folder = tempfile::tempdir().unwrap();
    write_chain(&small(), folder.path(), WriteOptions::default()).unwrap();
    let json = fs::read(folder.path().join("genesis.json")).unwrap();
    let genesis: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let config = &genesis["config"];
    for fork in ["homesteadBlock", "eip155Block", "petersburgBlock", "londonBlock", "shanghaiTime"]
    {
        assert_eq!(config[fork], 0, "{fork}");
    }
    assert_eq!(config["terminalTotalDifficulty"], 0);
    assert_eq!(config["cancunTime"], 0);
    let blobs = &config["blobSchedule"]["cancun"];
    assert_eq!((blobs["target"].as_u64(), blobs["max"].as_u64()), (Some(3), Some(6)));
    assert_eq!(blobs["baseFeeUpdateFraction"], 3_338_477);
    // Blocks 0 to 9 would have to say `dao-hard-fork`.
    assert!(config.get("daoForkBlock").is_none_or(serde_json::Value::is_null));
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let error = write_chain(&small(), folder.path(), WriteOptions::default()).unwrap_err();
    assert!(matches!(error, InputError::Occupied { .. }), "{error:?}");
    assert!(error.advice().contains("--force"));
    assert_eq!(names(folder.path()), ["mine.txt"]);
}

#[test]
fn force_replaces_a_chain_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    for (gzip, chain) in [(true, "chain.rlp.gz"), (false, "chain.rlp"), (true, "chain.rlp.gz")] {
        let options = WriteOptions { gzip, force: true };
        write_chain(&small(), folder.path(), options).unwrap();
        assert_eq!(names(folder.path()), [chain, "genesis.json", "mine.txt"]);
        assert_eq!(read(folder.path()).blocks.len(), 3);
    }
    assert_eq!(files(folder.path())["mine.txt"], b"mine");
}

#[test]
fn a_write_that_fails_leaves_nothing_behind_it_began() {
    let folder = tempfile::tempdir().unwrap();
    // A folder stands where the chain is to be.
    fs::create_dir_all(folder.path().join("chain.rlp/inside")).unwrap();
    let options = WriteOptions { gzip: false, force: true };
    let error = write_chain(&small(), folder.path(), options).unwrap_err();
    assert!(matches!(error, InputError::Write { .. }), "{error:?}");
    let left: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["chain.rlp"]);

    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let error = write_chain(&small(), &file, options).unwrap_err();
    assert!(matches!(error, InputError::Write { .. }), "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), b"not a folder");
}

#[test]
fn what_is_no_chain_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    let mut branch = small();
    branch.blocks.swap(1, 2);
    let mut refused = small();
    refused.blocks[1].expects_invalid = Some("it is wrong".to_owned());
    let mut rootless = small();
    rootless.blocks[0].lineage.0.clear();
    let mut empty = small();
    empty.blocks.clear();
    for input in [branch, refused, rootless, empty] {
        let error = write_chain(&input, &target, WriteOptions::default()).unwrap_err();
        assert!(matches!(error, InputError::NoChain { .. }), "{error:?}");
        assert!(!target.exists());
    }
    write_chain(&small(), &target, WriteOptions::default()).unwrap();
    assert_eq!(names(&target), ["chain.rlp", "genesis.json"]);
}

#[test]
fn a_folder_that_was_not_there_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a/b");
    write_chain(&small(), &target, WriteOptions::default()).unwrap();
    assert_eq!(names(&target), ["chain.rlp", "genesis.json"]);
    let in_a = |path: &Path| fs::read_dir(path).unwrap().count();
    assert_eq!(in_a(&folder.path().join("a")), 1, "nothing is left beside it");

    // A file is where a folder on the way should be.
    let blocked = target.join("genesis.json/x/y");
    write_chain(&small(), &blocked, WriteOptions::default()).unwrap_err();
    assert_eq!(names(&target), ["chain.rlp", "genesis.json"]);
}
