//! W9: everything that parallel executors of Ethereum have been seen to get wrong, as blocks.
//!
//! A [`Case`] is one such thing, for the forks that have it. Playing it gives a scene: accounts of
//! genesis, and steps in order. Scenes are played one through the other, among transactions that
//! look at, call and pay anybody's accounts, and share senders; so cases meet. Whatever is drawn,
//! every transaction is valid in its place. Start reading at [`generate`] and in `cases`.

mod asm;
mod case;
mod cases;
mod compose;
mod envelope;
mod stage;
mod step;
#[cfg(test)]
mod tests;
mod world;

pub use case::Case;

use super::{Attributes, DraftBlock, GeneratedWorkload, fork::Fork, parallel, spec::WorkloadSpec};
use compose::{Body, Composer};
use envelope::BASE_FEE;
use world::World;

/// Gas limit of blocks: room for transactions of 2^52 gas.
const GAS_LIMIT: u64 = (1 << 53) - 1;

/// Generates the blocks of edge cases of a fork; of one case alone, if it is named.
pub(super) fn generate(spec: &WorkloadSpec, fork: Fork, only: Option<Case>) -> GeneratedWorkload {
    let (world, bodies) = compose(spec, fork, only);
    let mut attributes = Attributes::new(spec, GAS_LIMIT);
    let blocks = bodies.into_iter().map(|body| {
        let Body { beneficiary, withdrawals, transactions, .. } = body;
        let transactions = parallel::map(&transactions, |placed| placed.sign(&world.keys));
        DraftBlock { beneficiary, withdrawals, transactions, ..attributes.next() }
    });
    let blocks = blocks.collect();
    GeneratedWorkload { genesis: world.genesis.finish(GAS_LIMIT, BASE_FEE), blocks }
}

fn compose(spec: &WorkloadSpec, fork: Fork, only: Option<Case>) -> (World, Vec<Body>) {
    let mut composer = Composer::new(spec, fork, only);
    let n_transactions = spec.txs as usize;
    let bodies = (0..spec.blocks).map(|_| composer.next_body(n_transactions)).collect();
    (composer.into_world(), bodies)
}
