//! Rule 5: what is not recorded as observed may be anything.
//!
//! Every real transaction runs again with every key of every account changed that its first run
//! did not record, once upwards and once downwards, and must produce the same outcome.

use super::world::RealBlock;
use alloy_primitives::{Address, B256, U256};
use engine::{
    access::{AccessKey, ReadSet},
    account::{Account, SnapshotKey, TouchRule},
    execute::{CancelFlag, Executor, Guesses, RunEnd, RunLimits, StateView, ViewMiss},
    ids::AccessIndex,
    memory::BlockMemory,
    outcome::Verdict,
};
use inputs::testdata;
use revm::{bytecode::Bytecode, primitives::KECCAK_EMPTY};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Up,
    Down,
}

/// State at an index, with unrecorded keys changed.
struct ChangedView<'a> {
    block: &'a RealBlock,
    memory: &'a BlockMemory,
    at: AccessIndex,
    recorded: BTreeSet<AccessKey>,
    change: Change,
    n_changed: Arc<AtomicU64>,
}

impl fmt::Debug for ChangedView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedView").field("at", &self.at).finish_non_exhaustive()
    }
}

impl ChangedView<'_> {
    fn changed(&self, address: &Address, account: Option<Account>) -> Option<Account> {
        let free = |key: AccessKey| !self.recorded.contains(&key);
        let balance = free(AccessKey::Balance(*address));
        let nonce = free(AccessKey::Nonce(*address));
        let existence = free(AccessKey::Existence(*address));
        match (self.change, account) {
            // What is absent may exist, if that and one value may be another.
            (Change::Up, None) if existence && (balance || nonce) => Some(Account {
                balance: U256::from(u8::from(balance)),
                nonce: u64::from(nonce),
                code_hash: KECCAK_EMPTY,
            }),
            (Change::Up, Some(account)) if existence || !account.is_empty() => Some(Account {
                balance: account.balance + U256::from(u8::from(balance)),
                nonce: account.nonce + u64::from(nonce),
                ..account
            }),
            // What exists may be absent, if every value that it would lose may be another.
            (Change::Down, Some(account))
                if existence
                    && (balance || account.balance.is_zero())
                    && (nonce || account.nonce == 0)
                    && account.code_hash == KECCAK_EMPTY =>
            {
                None
            }
            (_, account) => account,
        }
    }
}

impl StateView for ChangedView<'_> {
    fn account(&self, address: &Address) -> Result<Option<Account>, ViewMiss> {
        let base = || Some(self.block.account(address));
        let account = self.memory.account(address, self.at, base).unwrap();
        let changed = self.changed(address, account);
        if changed != account {
            self.n_changed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(changed)
    }

    fn slot(&self, address: &Address, slot: &U256) -> Result<U256, ViewMiss> {
        let base = || Some(self.block.state.slot(address, slot));
        Ok(self.memory.slot(address, slot, self.at, base).unwrap())
    }

    fn code(&self, address: &Address, hash: &B256) -> Result<Bytecode, ViewMiss> {
        let deployed = self.memory.code(hash).cloned();
        match deployed.or_else(|| self.block.code(hash).map(|code| code.bytes)) {
            Some(bytes) => Ok(Bytecode::new_raw(bytes)),
            None => Err(ViewMiss::Unavailable(SnapshotKey::Code(*address, *hash))),
        }
    }
}

fn run(
    block: &RealBlock,
    memory: &BlockMemory,
    index: AccessIndex,
    (recorded, change): (BTreeSet<AccessKey>, Change),
    n_changed: &Arc<AtomicU64>,
) -> (ReadSet, Verdict) {
    let view =
        ChangedView { block, memory, at: index, recorded, change, n_changed: n_changed.clone() };
    let limits = RunLimits::default();
    let mut executor = Executor::new(
        Arc::clone(&block.frame),
        view,
        Guesses::default(),
        limits,
        CancelFlag::default(),
    );
    let n_transactions = block.block().transactions.len();
    let offset = index.transaction_offset().filter(|offset| *offset < n_transactions);
    let signed = offset.map(|offset| block.signed(offset));
    match executor.run(index, signed.as_ref(), None) {
        RunEnd::Outcome(reads, verdict) => (reads, verdict),
        other => panic!("block {} index {index}: {other:?}", block.number),
    }
}

fn check_block(block: &RealBlock, n_changed: &Arc<AtomicU64>) {
    let mut memory = BlockMemory::new(TouchRule::of(block.prepared.spec));
    let last = AccessIndex::post_block(block.block().transactions.len());
    for position in 0..=last.position() {
        let index = AccessIndex::new(position);
        let (reads, verdict) =
            run(block, &memory, index, (BTreeSet::new(), Change::Nothing), n_changed);
        let recorded: BTreeSet<AccessKey> = reads.0.iter().map(|read| read.key).collect();
        for change in [Change::Up, Change::Down] {
            let (again_reads, again) =
                run(block, &memory, index, (recorded.clone(), change), n_changed);
            let place = format!("block {} index {index}, unrecorded {change:?}", block.number);
            assert_eq!(again, verdict, "{place}");
            assert_eq!(again_reads, reads, "{place}");
        }
        let Verdict::Executed(executed) = verdict else {
            panic!("block {} index {index}: {verdict:?}", block.number)
        };
        memory.put(index, executed.writes);
    }
}

#[test]
fn a_key_that_is_not_recorded_never_changes_an_outcome_of_a_real_block() {
    let Some(inputs) = testdata::mainnet_blocks("unrecorded keys on real blocks") else { return };
    let n_changed = Arc::new(AtomicU64::new(0));
    for input in &inputs {
        check_block(&RealBlock::new(input), &n_changed);
    }
    let n_changed = n_changed.load(Ordering::Relaxed);
    assert!(n_changed > 5_000, "only {n_changed} accounts were changed: this shows nothing");
}
