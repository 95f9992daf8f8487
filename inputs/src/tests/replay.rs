//! A chain executed serially from its genesis, every header checked whole.

use crate::input::{Input, StateValues};
use engine::{
    block::Block,
    header::{self, FieldStatus},
    sequential::SerialState,
    trie::StateTrie,
};

/// What a chain left behind.
pub(crate) struct Replayed {
    pub(crate) state: SerialState,
    pub(crate) trie: StateTrie,
    /// Header fields that were equal, over all blocks.
    pub(crate) n_equal: usize,
}

/// Executes every block of an input on what was left by those before it. Whatever a header says
/// and serial execution can tell has to be equal.
pub(crate) fn replay(input: &Input) -> Replayed {
    let values: &StateValues = input.parent.values().unwrap();
    let mut replayed =
        Replayed { state: values.to_serial_state(), trie: values.to_trie(), n_equal: 0 };
    for given in &input.blocks {
        let what = format!("{}, block {}", input.name, given.number);
        let block = Block::decode(&given.block_rlp).unwrap();
        header::check_lineage(&block, &given.lineage).unwrap_or_else(|e| panic!("{what}: {e}"));
        header::check_body(&input.chain, &block, given.block_rlp.len())
            .and_then(|()| header::check_header(&input.chain, &block, &given.lineage))
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let outcome = replayed
            .state
            .run(&input.chain, &given.block_rlp, &given.lineage, &given.ancestors)
            .unwrap_or_else(|stop| panic!("{what}: {stop}"));
        for field in header::compare(&outcome.results, &block.header, given.ommers) {
            assert_ne!(field.status, FieldStatus::Different, "{what}: {field:?}");
            replayed.n_equal += usize::from(field.status == FieldStatus::Equal);
        }
        replayed.state.apply(&outcome.post);
        replayed.trie.apply(&outcome.post).unwrap();
        assert_eq!(replayed.trie.root().unwrap(), block.header.state_root, "{what}");
    }
    replayed
}
