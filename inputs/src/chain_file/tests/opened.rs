//! Chains as they lie in folders and archives.

use super::handmade::{blocks, chain, genesis, genesis_header, open_both};
use crate::{Input, InputError, open, open_chain};
use alloy_consensus::Header;
use serde_json::json;
use std::{fs, io::Write, path::Path};

fn open_at(path: &Path) -> Result<Vec<Input>, InputError> {
    open(path.to_str().unwrap(), &mut |_, _| {})
}

fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn assert_is_chain(input: &Input, headers: &[(Header, Vec<u8>)]) {
    assert_eq!(input.chain.chain_id(), 77);
    let rlp: Vec<&[u8]> = input.blocks.iter().map(|block| block.block_rlp.as_ref()).collect();
    assert_eq!(rlp, headers.iter().map(|(_, rlp)| rlp.as_slice()).collect::<Vec<_>>());
    assert_eq!(input.expected.head, Some(headers.last().unwrap().0.hash_slow()));
    let parents: Vec<u64> =
        input.blocks.iter().map(|block| block.lineage.parent().unwrap().header.number).collect();
    assert_eq!(parents, (0..headers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_chain_is_found_with_its_genesis_whatever_it_is_called_and_packed() {
    let blocks = blocks(&genesis_header(), 3);
    let genesis = genesis().to_string();
    let plain = ("genesis.json", genesis.as_bytes().to_vec());
    let packed = ("genesis.json.gz", gzip(genesis.as_bytes()));
    for (name, content, genesis) in [
        ("chain.rlp", chain(&blocks), &plain),
        ("chain.rlp.gz", gzip(&chain(&blocks)), &packed),
        ("exported", chain(&blocks), &packed),
        ("other.bin.gz", gzip(&chain(&blocks)), &plain),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let files: [(&str, &[u8]); 4] = [
            (name, &content),
            (genesis.0, &genesis.1),
            ("headstate.json", br#"{"root": "00", "accounts": {"a": {"balance": "1"}}}"#),
            ("notes.txt", b"not a chain"),
        ];
        write(folder.path(), &files);
        for path in [folder.path().to_owned(), folder.path().join(name)] {
            let inputs = open_at(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(inputs.len(), 1);
            assert_is_chain(&inputs[0], &blocks);
            assert!(inputs[0].name.ends_with(name), "{}", inputs[0].name);
        }
    }
}

#[test]
fn a_chain_that_begins_with_the_genesis_block_goes_on_after_it() {
    let after = blocks(&genesis_header(), 3);
    let whole = [super::handmade::encode(genesis_header()), chain(&after)].concat();
    assert_is_chain(&open_both(whole, &genesis()).unwrap(), &after);
}

#[test]
fn the_genesis_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks(&genesis_header(), 2);
    let (chain_path, elsewhere) = (folder.path().join("c.rlp"), folder.path().join("g"));
    fs::write(&chain_path, chain(&blocks)).unwrap();
    fs::write(&elsewhere, genesis().to_string()).unwrap();
    let error = open_at(&chain_path).unwrap_err();
    assert!(matches!(error, InputError::Incomplete { file: "genesis.json", .. }), "{error:?}");
    let mut heard = Vec::new();
    let input =
        open_chain(&chain_path, &elsewhere, &mut |done, of| heard.push((done, of))).unwrap();
    assert_is_chain(&input, &blocks);
    assert_eq!(heard, [(1, 2), (2, 2)]);
}

#[test]
fn a_chain_on_another_genesis_names_both() {
    let other = Header { timestamp: 17, ..genesis_header() };
    let error = open_both(chain(&blocks(&other, 2)), &genesis()).unwrap_err();
    for hash in [other.hash_slow(), genesis_header().hash_slow()] {
        assert!(error.to_string().contains(&hash.to_string()), "{error}");
    }
    assert!(error.to_string().contains("folder/genesis.json"), "{error}");
    assert!(error.at().contains("block 1 of the file, at byte 0"), "{}", error.at());
}

#[test]
fn blocks_that_do_not_follow_each_other_are_refused() {
    let blocks = blocks(&genesis_header(), 4);
    let mut missing = blocks.clone();
    missing.remove(2);
    let error = open_both(chain(&missing), &genesis()).unwrap_err();
    assert!(error.at().contains("block 3 of the file"), "{}", error.at());
    assert!(error.to_string().contains(&blocks[1].0.hash_slow().to_string()), "{error}");
    let twice = [chain(&blocks), blocks[3].1.clone()].concat();
    let error = open_both(twice, &genesis()).unwrap_err();
    assert!(error.at().contains("block 5 of the file"), "{}", error.at());
}

#[test]
fn a_chain_without_blocks_is_none() {
    for empty in [Vec::new(), super::handmade::encode(genesis_header())] {
        let error = open_both(empty, &genesis()).unwrap_err();
        assert!(matches!(error, InputError::NoBlocks { .. }), "{error:?}");
    }
    let mut broken = genesis();
    broken["alloc"] = json!([]);
    let error = open_both(chain(&blocks(&genesis_header(), 1)), &broken).unwrap_err();
    assert!(matches!(error, InputError::Json { .. }), "{error:?}");
}
