//! What a witness says of the blocks before its own.

use super::handmade::{FILE, OLDEST, STATE_ROOT, block, file, headers, read};
use crate::input::ParentState;
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use engine::trie::Witness;
use serde_json::json;

#[test]
fn a_witness_has_its_nodes_its_block_and_the_line_before_it() {
    let headers = headers(9);
    let input = read(&file(&headers)).unwrap();
    assert_eq!((input.name.as_str(), input.chain.chain_id()), (FILE, 1));
    let ParentState::Witness(witness) = &input.parent else { panic!("{:?}", input.parent) };
    let bytes = |list: &[&'static [u8]]| list.iter().map(|item| Bytes::from_static(item)).collect();
    let expected = Witness {
        state_root: STATE_ROOT,
        nodes: bytes(&[&[0xc0], &[0x80]]),
        codes: bytes(&[&[0x60, 0x01]]),
    };
    assert_eq!(**witness, expected);
    let read = &input.blocks[0];
    assert_eq!(read.number, OLDEST + 9);
    assert_eq!(read.parent_hash, headers[8].hash_slow());
    let hashes: Vec<B256> = read.ancestors.0.values().copied().collect();
    assert_eq!(hashes, headers.iter().map(Header::hash_slow).collect::<Vec<_>>());
    assert_eq!(read.ancestors.0.keys().copied().next(), Some(OLDEST));
    let line: Vec<&Header> = read.lineage.0.iter().map(|ancestor| &ancestor.header).collect();
    assert_eq!(line, headers.iter().rev().take(7).collect::<Vec<_>>());
    assert!(read.lineage.0.iter().all(|ancestor| ancestor.ommers == Some(Vec::new())));
}

#[test]
fn headers_come_in_any_order_and_those_that_do_not_lead_to_the_block_are_passed_over() {
    let headers = headers(4);
    let mut file = file(&headers);
    let expected = read(&file).unwrap().blocks.remove(0);
    let list = file["witness"]["headers"].as_array_mut().unwrap();
    list.reverse();
    list.push(json!(Bytes::from(alloy_rlp::encode(Header::default()))));
    let read_block = read(&file).unwrap().blocks.remove(0);
    assert_eq!(read_block.lineage, expected.lineage);
    assert_eq!(read_block.ancestors, expected.ancestors);

    // Without its second youngest the older ones lead nowhere; their hashes stay.
    file["witness"]["headers"].as_array_mut().unwrap().remove(1);
    let cut = read(&file).unwrap().blocks.remove(0);
    assert_eq!(cut.lineage.0.len(), 1);
    assert_eq!(cut.ancestors, expected.ancestors);
}

#[test]
fn headers_give_hashes_that_the_list_lacks() {
    let headers = headers(3);
    let mut file = file(&headers);
    file["ancestor_hashes_oldest_first"] = json!([]);
    assert_eq!(read(&file).unwrap().blocks[0].ancestors.0.len(), 3);
    file["witness"]["headers"] = json!([]);
    let only_parent = read(&file).unwrap().blocks.remove(0);
    assert_eq!(only_parent.ancestors.0.len(), 1, "the block itself names its parent");
    assert!(only_parent.lineage.0.is_empty());
}

#[test]
fn ommers_that_are_known_by_hash_only_are_not_taken_for_none() {
    let mut headers = headers(2);
    headers[1].ommers_hash = B256::repeat_byte(3);
    let input = read(&file(&headers)).unwrap();
    assert_eq!(input.blocks[0].lineage.0[0].ommers, None);
    assert_eq!(input.blocks[0].parent_hash, block(&headers).parent_hash);
}
