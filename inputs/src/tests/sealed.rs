//! Workloads: blocks that make a chain, each equal to its header in every field.

use super::{comparisons, execute};
use crate::{Input, InputError, ParentState, open, workload::WorkloadKind};
use alloy_primitives::B256;
use engine::{
    block::Block,
    header::{FieldStatus, check_body, check_header, check_lineage},
};

fn sealed(text: &str) -> Input {
    let mut inputs = open(text, &mut |_, _| {}).unwrap();
    assert_eq!(inputs.len(), 1);
    inputs.remove(0)
}

#[test]
fn every_workload_is_a_chain_of_blocks_that_are_equal_to_their_headers() {
    for name in WorkloadKind::NAMES {
        let input = sealed(&format!("workload:{name}?txs=20&blocks=3&accounts=200"));
        let ParentState::Genesis { block_hash, state, .. } = &input.parent else {
            panic!("{name} has no genesis");
        };
        let (mut serial, mut trie) = (state.to_serial_state(), state.to_trie());
        let mut parent = *block_hash;
        for (block, number) in input.blocks.iter().zip(1..) {
            let decoded = Block::decode(&block.block_rlp).unwrap();
            assert_eq!(check_body(&input.chain, &decoded, block.block_rlp.len()), Ok(()), "{name}");
            assert_eq!((decoded.header.number, decoded.header.parent_hash), (number, parent));
            assert_eq!(block.ancestors.get(number - 1), parent, "{name}");
            assert_eq!(check_lineage(&decoded, &block.lineage), Ok(()), "{name}");
            assert_eq!(check_header(&input.chain, &decoded, &block.lineage), Ok(()), "{name}");
            assert_eq!(block.lineage.0.len() as u64, number, "{name}");
            let mut outcome = execute(&input, block, &serial);
            serial.apply(&outcome.post);
            trie.apply(&outcome.post).unwrap();
            outcome.results.state_root = Some(trie.root().unwrap());
            for field in comparisons(block, &outcome) {
                let is_good = matches!(field.status, FieldStatus::Equal | FieldStatus::Absent);
                assert!(is_good, "{name}, block {number}: {field:?}");
            }
            assert!(decoded.header.gas_used > 0 && decoded.header.state_root != B256::ZERO);
            parent = decoded.hash;
        }
        assert_eq!(input.blocks.len(), 3, "{name}");
    }
}

#[test]
fn the_same_workload_is_the_same_bytes_and_another_seed_is_not() {
    let text = "workload:transfers?txs=20&blocks=2&accounts=200&seed=7";
    let (one, again) = (sealed(text), sealed(text));
    let bytes = |input: &Input| {
        input.blocks.iter().map(|block| block.block_rlp.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(&one), bytes(&again));
    assert_ne!(
        bytes(&one),
        bytes(&sealed("workload:transfers?txs=20&blocks=2&accounts=200&seed=8"))
    );
}

#[test]
fn progress_is_told_block_by_block() {
    let mut heard = Vec::new();
    open("workload:transfers?txs=5&blocks=3&accounts=200", &mut |done, of| heard.push((done, of)))
        .unwrap();
    assert_eq!(heard, [(1, 3), (2, 3), (3, 3)]);
}

#[test]
fn a_workload_that_does_not_exist_is_an_error_that_says_where() {
    let error = open("workload:nothing?txs=5", &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, InputError::Workload { .. }), "{error:?}");
    assert_eq!(error.at(), "workload:nothing?txs=5");
    assert!(error.to_string().contains("nothing"));
}
