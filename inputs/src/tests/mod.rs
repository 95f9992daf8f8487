//! Inputs as a user gives them, executed serially.

mod archives;
mod damage;
mod damaged_json;
mod folders;
mod handmade;
mod mainnet;
mod mixed;
pub(crate) mod replay;
mod sealed;

use crate::{Input, InputBlock, InputError, open};
use engine::{
    block::Block,
    header::{FieldComparison, compare},
    sequential::{SequentialOutcome, SerialState},
};
use std::path::Path;

fn open_path(path: &Path) -> Result<Vec<Input>, InputError> {
    open(path.to_str().unwrap(), &mut |_, _| {})
}

fn execute(input: &Input, block: &InputBlock, state: &SerialState) -> SequentialOutcome {
    state
        .run(&input.chain, &block.block_rlp, &block.lineage, &block.ancestors)
        .unwrap_or_else(|stop| panic!("{}, block {}: {stop}", input.name, block.number))
}

fn comparisons(block: &InputBlock, outcome: &SequentialOutcome) -> Vec<FieldComparison> {
    let header = Block::decode(&block.block_rlp).unwrap().header;
    compare(&outcome.results, &header, block.ommers)
}
