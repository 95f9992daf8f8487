//! State roots between the transactions, which receipts before Byzantium hold.

use super::{
    records::busy,
    scene::{Scene, addr, transfer},
};
use crate::{
    account::TouchRule,
    chain::ChainSpec,
    fold::fold,
    ids::AccessIndex,
    sequential::{Execution, Record, finish},
    trie::{StateTrie, state_root},
};
use alloy_consensus::Eip658Value;
use alloy_eips::eip7892::BlobScheduleBlobParams;
use alloy_evm::eth::dao_fork::DAO_HARDFORK_ACCOUNTS;
use alloy_hardforks::{
    EthereumHardfork::{Byzantium, Dao, Frontier, Homestead, SpuriousDragon},
    ForkCondition,
};
use alloy_primitives::B256;

/// Executes a scene's block and returns the roots that come of it.
fn roots(scene: &Scene, record: Record) -> (Execution, Option<Vec<B256>>) {
    let execution = scene.execute(record);
    let trie = StateTrie::from_values(scene.state.accounts(), []);
    let roots = execution.roots(trie).unwrap();
    (execution, roots)
}

/// Returns the roots after each transaction in another way: all writes up to it, folded, and the
/// state built anew.
fn folded_roots(scene: &Scene) -> Vec<B256> {
    let header = &scene.block.header;
    let rule = TouchRule::of(scene.chain.spec_at(header.number, header.timestamp));
    let writes = scene.run().writes.unwrap();
    let root = |offset| {
        let last = AccessIndex::of_transaction(offset);
        let until: Vec<_> = writes.iter().filter(|(index, _)| *index <= last).cloned().collect();
        let mut state = scene.state.clone();
        state.apply(&fold(&until, rule, |address| scene.state.account(address)));
        state_root(state.accounts())
    };
    (0..scene.block.transactions.len()).map(root).collect()
}

#[test]
fn each_transaction_has_the_root_of_the_state_that_it_leaves() {
    for fork in [Frontier, Homestead, SpuriousDragon] {
        let scene = busy(fork);
        let (_, found) = roots(&scene, Record::Steps);
        let found = found.unwrap();
        assert_eq!(found, folded_roots(&scene), "{fork:?}");
        assert_eq!(found.len(), 6);
        let mut different = found.clone();
        different.dedup();
        assert_eq!(different.len(), 6, "{fork:?}: each transaction pays a fee at least");
    }
}

#[test]
fn what_the_block_changes_first_is_in_every_root_and_rewards_are_in_none() {
    let forks = [(Frontier, 0), (Homestead, 0), (Dao, 10)];
    let forks = forks.map(|(fork, number)| (fork, ForkCondition::Block(number)));
    let chain = ChainSpec::custom(1, forks, BlobScheduleBlobParams::mainnet(), None);
    let scene = Scene::on(chain, 10)
        .with_sender(1)
        .with_balance(DAO_HARDFORK_ACCOUNTS[7], 77)
        .with_transactions([transfer(1, 0, addr(0x10), 5)]);
    let (_, found) = roots(&scene, Record::Steps);
    assert_eq!(found.unwrap(), folded_roots(&scene));
    assert!(scene.after().account(&DAO_HARDFORK_ACCOUNTS[7]).unwrap().balance.is_zero());
    assert_ne!(folded_roots(&scene)[0], state_root(scene.after().accounts()), "a reward follows");
}

#[test]
fn receipts_hold_the_roots_that_they_are_given() {
    let scene = busy(Homestead);
    let (execution, found) = roots(&scene, Record::Steps);
    let found = found.unwrap();
    let prepared = scene.prepared();
    let with = finish(&scene.chain, &prepared, execution.clone(), Some(&found)).unwrap();
    for (receipt, root) in with.receipts.iter().zip(&found) {
        assert_eq!(receipt.as_receipt().unwrap().status, Eip658Value::PostState(*root));
    }
    assert!(with.results.receipts_root.is_some());
    let without = finish(&scene.chain, &prepared, execution, None).unwrap();
    assert_eq!(without.results.receipts_root, None);
    assert!(
        without.receipts.iter().all(|receipt| receipt.as_receipt().unwrap().status.coerce_status())
    );
}

#[test]
fn without_steps_there_are_no_roots() {
    for record in [Record::Nothing, Record::Writes] {
        assert_eq!(roots(&busy(Byzantium), record).1, None);
    }
}
