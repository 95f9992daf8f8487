//! A slice that is the whole block, driven by hand, equals the judge on every real block.

use super::world::RealBlock;
use engine::{
    access::WriteSet,
    account::TouchRule,
    fold::fold,
    header::{assemble_receipts, block_results},
    ids::AccessIndex,
    outcome::{Executed, SliceOutcome},
};
use inputs::testdata;
use std::sync::Arc;

fn executed(outcome: &SliceOutcome) -> Vec<(AccessIndex, Executed)> {
    let all = outcome.transactions.iter().map(|transaction| match transaction.executed() {
        Some(executed) => (transaction.index, executed.clone()),
        None => panic!("index {}: {:?}", transaction.index, transaction.verdict),
    });
    all.collect()
}

#[test]
fn a_pure_loop_on_one_worker_equals_serial_on_real_blocks() {
    let Some(inputs) = testdata::mainnet_blocks("a pure loop on real blocks") else { return };
    for input in &inputs {
        let block = RealBlock::new(input);
        let judged = block.judged();

        let outcome = executed(&block.run(block.whole()));

        let requests = outcome.last().unwrap().1.requests.clone();
        let receipts = outcome.iter().filter_map(|(_, executed)| executed.receipt.clone());
        let receipts = assemble_receipts(receipts.collect(), None);
        assert_eq!(receipts, judged.receipts, "block {}", block.number);
        let transactions = &block.block().transactions;
        let attributes = &block.frame.attributes;
        let results =
            block_results(&block.frame.chain, attributes, transactions, &receipts, &requests);
        assert_eq!(results.unwrap(), judged.results, "block {}", block.number);

        let writes: Vec<(AccessIndex, Arc<WriteSet>)> =
            outcome.into_iter().map(|(index, executed)| (index, executed.writes)).collect();
        let rule = TouchRule::of(block.prepared.spec);
        let diff = fold(&writes, rule, |address| block.account(address));
        let (diff, judged) = (block.state.normalise(&diff), block.state.normalise(&judged.post));
        assert_eq!(diff, judged, "block {}", block.number);
    }
}
