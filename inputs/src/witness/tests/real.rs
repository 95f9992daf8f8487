//! Real blocks with their witnesses, held against the list of what is in them.

use crate::{input::ParentState, open, testdata};
use alloy_primitives::keccak256;
use engine::{block::Block, header::check_lineage};
use serde::Deserialize;
use std::fs;

#[derive(Deserialize)]
struct Row {
    file: String,
    number: u64,
    txs: usize,
    gas: u64,
    state_nodes: usize,
    codes: usize,
    headers: usize,
}

#[test]
fn real_witnesses_are_what_their_list_says() {
    let test = "real_witnesses_are_what_their_list_says";
    let Some(data) = testdata::folder(test) else { return };
    let folder = data.join("witness");
    let rows: Vec<Row> =
        serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let mut n_codes = 0;
    for row in &rows {
        let inputs = open(folder.join(&row.file).to_str().unwrap(), &mut |_, _| {}).unwrap();
        assert_eq!(inputs.len(), 1, "{}", row.file);
        let input = &inputs[0];
        let ParentState::Witness(witness) = &input.parent else { panic!("{}", row.file) };
        assert_eq!(witness.nodes.len(), row.state_nodes, "{}", row.file);
        assert_eq!(witness.codes.len(), row.codes, "{}", row.file);
        let is_root = |node: &alloy_primitives::Bytes| keccak256(node) == witness.state_root;
        assert!(witness.nodes.iter().any(is_root), "{}: the root is not there", row.file);
        n_codes += witness.codes.len();

        let given = &input.blocks[0];
        let block = Block::decode(&given.block_rlp).unwrap();
        assert_eq!((given.number, block.header.number), (row.number, row.number));
        assert_eq!((block.transactions.len(), block.header.gas_used), (row.txs, row.gas));
        assert_eq!(given.lineage.0.len(), row.headers.min(7), "{}", row.file);
        check_lineage(&block, &given.lineage).unwrap();
        assert_eq!(given.ancestors.get(row.number - 1), block.header.parent_hash);
    }
    assert_eq!((rows.len(), n_codes), (6, 348));

    let all = open(folder.to_str().unwrap(), &mut |_, _| {}).unwrap();
    assert_eq!(all.len(), rows.len(), "the folder holds them all");
}
