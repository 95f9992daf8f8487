//! Real blocks, executed serially on what their witnesses know.

use crate::{Input, input::ParentState, open, testdata};
use alloy_primitives::{B256, keccak256};
use engine::{
    block::Block,
    fold::StateDiff,
    header::{FieldStatus, compare},
    sequential,
    shard::ShardCount,
    trie::{Missing, StateTrie, Witness, join},
};

fn whole(witness: &Witness) -> StateTrie {
    let one = ShardCount::ONE;
    StateTrie::from_witness(witness, one, one.indices().next().unwrap()).unwrap()
}

/// Computes the root after a diff, in as many parts.
fn root_after(witness: &Witness, n_shards: usize, diff: &StateDiff) -> Result<B256, Missing> {
    let count = ShardCount::new(n_shards).unwrap();
    let mut nodes = Vec::new();
    for shard in count.indices() {
        let mut state = StateTrie::from_witness(witness, count, shard).unwrap();
        let mut own = diff.clone();
        own.accounts.retain(|address, _| count.shard_of(address) == shard);
        state.apply(&own)?;
        nodes.push(state.root_node());
    }
    Ok(join(nodes.iter().map(AsRef::as_ref)).unwrap())
}

fn blocks(test: &str) -> Option<Vec<(Input, std::sync::Arc<Witness>)>> {
    let folder = testdata::folder(test)?.join("witness");
    let inputs = open(folder.to_str().unwrap(), &mut |_, _| {}).unwrap();
    let with_witness = inputs.into_iter().map(|input| {
        let ParentState::Witness(witness) = &input.parent else { panic!("{}", input.name) };
        let witness = std::sync::Arc::clone(witness);
        (input, witness)
    });
    Some(with_witness.collect())
}

/// Executes a block on its witness.
fn execute(input: &Input, state: &StateTrie) -> sequential::SequentialOutcome {
    let given = &input.blocks[0];
    sequential::run(&input.chain, &given.block_rlp, &given.lineage, &given.ancestors, state)
        .unwrap_or_else(|stop| panic!("{}: {stop}", input.name))
}

#[test]
fn every_real_block_is_equal_to_its_header_on_what_its_witness_knows() {
    let test = "every_real_block_is_equal_to_its_header_on_what_its_witness_knows";
    let Some(blocks) = blocks(test) else { return };
    for (input, witness) in &blocks {
        let state = whole(witness);
        let mut outcome = execute(input, &state);
        let header = Block::decode(&input.blocks[0].block_rlp).unwrap().header;
        for n_shards in [1, 2, 4, 8, 16] {
            let root = root_after(witness, n_shards, &outcome.post).unwrap();
            assert_eq!(root, header.state_root, "{}, {n_shards} shards", input.name);
        }
        let mut after = state.clone();
        after.apply(&outcome.post).unwrap();
        outcome.results.state_root = Some(after.root().unwrap());
        assert_eq!(state.root(), Ok(witness.state_root), "{}: the parent stays", input.name);
        for field in compare(&outcome.results, &header, input.blocks[0].ommers) {
            let is_good = matches!(field.status, FieldStatus::Equal | FieldStatus::Absent);
            assert!(is_good, "{}: {field:?}", input.name);
        }
    }
    assert_eq!(blocks.len(), 6);
}

#[test]
fn a_real_witness_without_a_node_gives_the_right_root_or_none() {
    let test = "a_real_witness_without_a_node_gives_the_right_root_or_none";
    let Some(blocks) = blocks(test) else { return };
    let (mut n_right, mut n_missing) = (0, 0);
    for (input, witness) in blocks.iter().filter(|(_, witness)| witness.nodes.len() < 1_000) {
        let outcome = execute(input, &whole(witness));
        let header = Block::decode(&input.blocks[0].block_rlp).unwrap().header;
        let step = 1 + witness.nodes.len() / 40;
        for at in (0..witness.nodes.len()).step_by(step) {
            let mut fewer = witness.as_ref().clone();
            let hash = keccak256(fewer.nodes.remove(at));
            if hash == witness.state_root {
                continue;
            }
            for n_shards in [1, 16] {
                match root_after(&fewer, n_shards, &outcome.post) {
                    Ok(root) => {
                        assert_eq!(root, header.state_root, "{} without {at}", input.name);
                        n_right += 1;
                    }
                    Err(missing) => {
                        assert_eq!(missing.hash, hash, "{}", input.name);
                        n_missing += 1;
                    }
                }
            }
        }
    }
    assert!(n_right > 20 && n_missing > 20, "{n_right} right, {n_missing} missing");
}
