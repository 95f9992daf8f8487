//! Inputs as a user gives them, executed serially.

mod mainnet;
mod sealed;

use crate::{Input, InputBlock};
use engine::{
    block::Block,
    header::{FieldComparison, compare},
    sequential::{self, SequentialOutcome, SerialState},
};

fn execute(input: &Input, block: &InputBlock, state: &SerialState) -> SequentialOutcome {
    sequential::run(&input.chain, &block.block_rlp, &block.ancestors, state)
        .unwrap_or_else(|stop| panic!("{}, block {}: {stop}", input.name, block.number))
}

fn comparisons(block: &InputBlock, outcome: &SequentialOutcome) -> Vec<FieldComparison> {
    let header = Block::decode(&block.block_rlp).unwrap().header;
    compare(&outcome.results, &header, block.ommers)
}
