//! A block reduced to reads and writes, for property tests of whoever brings outcomes into order.
//!
//! Each index is a small program: what it reads next depends on what it read before, and what it
//! writes on all of it, so that an outcome with one wrong value is wrong. State is a plain map that
//! writes are applied to in order; nothing of the multi-version memory is used.

mod numbers;
mod state;
mod worker;

pub use numbers::Numbers;
pub use state::ModelState;

use crate::{
    access::{AccessKey, AccountWrite, BalanceWrite, Read, ReadSet, Wipe, WriteSet},
    account::{Account, TouchRule},
    block::{AncestorHashes, BlockAttributes},
    chain::ChainSpec,
    ids::{AccessIndex, Incarnation, JobId, SnapshotId},
    outcome::{Executed, GasVector, TxOutcome, TxReceipt, Verdict},
    task::JobFrame,
};
use alloy_consensus::{Header, SignableTransaction, TxEnvelope, TxLegacy, TxType};
use alloy_hardforks::EthereumHardfork;
use alloy_primitives::{Address, B256, Bloom, Signature, U256};
use revm::primitives::KECCAK_EMPTY;
use std::{collections::BTreeMap, sync::Arc};

/// Slots of each account that programs use.
const SLOTS: u64 = 3;
/// Gas limit of each transaction.
const TX_GAS_LIMIT: u64 = 30_000;
/// Gas that each transaction uses at least.
const TX_GAS_MIN: u64 = 21_000;

/// How a block is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of transactions.
    pub n_transactions: u32,
    /// Number of accounts: few make many conflicts.
    pub n_accounts: u64,
    /// How many of a hundred transactions may be invalid, depending on what they read.
    pub invalid_percent: u64,
    /// How many of a hundred transactions are parked when run as a guess.
    pub parked_percent: u64,
    /// How many transactions fit in the block's gas limit for certain.
    pub n_fitting: u64,
}

/// A block of programs over a state.
#[derive(Clone, Debug)]
pub struct ModelBlock {
    seed: u64,
    shape: Shape,
    /// The state below the block.
    pub base: ModelState,
}

impl ModelBlock {
    /// Draws a block.
    pub fn new(seed: u64, shape: Shape, rule: TouchRule) -> Self {
        let mut numbers = Numbers::new(seed);
        let mut base = ModelState { rule, accounts: BTreeMap::new(), slots: BTreeMap::new() };
        for number in 0..shape.n_accounts {
            let account = Account {
                balance: U256::from(numbers.below(3)),
                nonce: numbers.below(2),
                code_hash: code_hash(numbers.below(2)),
            };
            if numbers.percent(70) {
                base.accounts.insert(address(number), account);
                for slot in 0..SLOTS {
                    let value = U256::from(numbers.below(3));
                    base.slots.insert((address(number), U256::from(slot)), value);
                }
            }
        }
        Self { seed, shape, base }
    }

    /// Returns the number of indices, the one before and the one after the transactions included.
    pub const fn n_indices(&self) -> u32 {
        self.shape.n_transactions + 2
    }

    /// Tells whether an index is parked when it is run while others below are not final.
    pub const fn is_heavy(&self, index: AccessIndex) -> bool {
        let mut numbers = Numbers::new(self.seed ^ index.position() as u64 ^ 0xbeef);
        numbers.percent(self.shape.parked_percent)
    }

    /// Returns the frame of a job that runs the block.
    pub fn frame(&self, job: JobId) -> JobFrame {
        let last = match self.base.rule {
            TouchRule::Creates => EthereumHardfork::Homestead,
            TouchRule::Clears => EthereumHardfork::Shanghai,
        };
        let header = Header { gas_limit: self.gas_limit(), number: 1, ..Header::default() };
        JobFrame {
            job,
            chain: ChainSpec::up_to(1, last),
            attributes: BlockAttributes {
                header,
                ommers: Vec::new(),
                withdrawals: None,
                n_transactions: self.shape.n_transactions as usize,
            },
            ancestors: AncestorHashes::default(),
            snapshot: SnapshotId::Loaded(1),
        }
    }

    /// Returns the block's transactions; all that matters of them is their gas limit.
    pub fn transactions(&self) -> Arc<[Arc<TxEnvelope>]> {
        let transaction = |nonce| {
            let tx = TxLegacy { nonce, gas_limit: TX_GAS_LIMIT, ..TxLegacy::default() };
            Arc::new(TxEnvelope::Legacy(tx.into_signed(Signature::test_signature())))
        };
        (0..u64::from(self.shape.n_transactions)).map(transaction).collect()
    }

    const fn gas_limit(&self) -> u64 {
        TX_GAS_LIMIT * self.shape.n_fitting
    }

    /// Runs one index over a state.
    pub fn run(
        &self,
        index: AccessIndex,
        incarnation: Incarnation,
        state: &ModelState,
    ) -> TxOutcome {
        let mut numbers = Numbers::new(self.seed ^ (u64::from(index.position()) << 20));
        let mut reads = BTreeMap::new();
        let mut seen = numbers.next();
        for _ in 0..=numbers.below(4) {
            let key = self.key(&mut numbers, seen);
            let value = state.read(&key);
            reads.insert(key, value);
            seen = Numbers::new(seen ^ low_bits(value.0)).next();
        }
        let mut choices = Numbers::new(seen);
        let is_transaction = index.position() > 0 && index.position() + 1 < self.n_indices();
        let may_be_invalid = is_transaction && numbers.percent(self.shape.invalid_percent);
        let verdict = if may_be_invalid && choices.percent(50) {
            Verdict::Invalid { reason: format!("model says no at {index}") }
        } else {
            self.execute(is_transaction, &mut numbers, &mut choices)
        };
        let reads = ReadSet(reads.into_iter().map(|(key, value)| Read { key, value }).collect());
        TxOutcome { index, incarnation, reads, verdict }
    }

    /// Runs the block in order; stops at an invalid transaction and returns its index.
    ///
    /// # Errors
    /// The index of the first invalid transaction.
    pub fn serial(&self) -> Result<Vec<Executed>, AccessIndex> {
        let mut state = self.base.clone();
        let mut gas_left = self.gas_limit();
        let mut all = Vec::new();
        for index in (0..self.n_indices()).map(AccessIndex::new) {
            let is_transaction = index.position() > 0 && index.position() + 1 < self.n_indices();
            if is_transaction && gas_left < TX_GAS_LIMIT {
                return Err(index);
            }
            let outcome = self.run(index, Incarnation::default(), &state);
            let executed = outcome.executed().ok_or(index)?;
            state.apply(&executed.writes);
            gas_left -= executed.receipt.as_ref().map_or(0, |receipt| receipt.gas.used);
            all.push(executed.clone());
        }
        Ok(all)
    }

    /// Runs the block in order and leaves invalid transactions out, and those that find no room.
    /// Returns what ran, and what did not.
    pub fn serial_built(&self) -> (Vec<(AccessIndex, Executed)>, Vec<AccessIndex>) {
        let mut state = self.base.clone();
        let mut gas_left = self.gas_limit();
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for index in (0..self.n_indices()).map(AccessIndex::new) {
            let is_transaction = index.position() > 0 && index.position() + 1 < self.n_indices();
            let outcome = self.run(index, Incarnation::default(), &state);
            let has_room = !is_transaction || gas_left >= TX_GAS_LIMIT;
            let Some(executed) = outcome.executed().filter(|_| has_room) else {
                dropped.push(index);
                continue;
            };
            state.apply(&executed.writes);
            gas_left -= executed.receipt.as_ref().map_or(0, |receipt| receipt.gas.used);
            kept.push((index, executed.clone()));
        }
        (kept, dropped)
    }

    fn key(&self, numbers: &mut Numbers, seen: u64) -> AccessKey {
        // Half of the keys depend on what was seen before.
        let choice = if numbers.percent(50) { Numbers::new(seen).next() } else { numbers.next() };
        let address = address(choice % self.shape.n_accounts);
        match (choice >> 32) % 6 {
            0 => AccessKey::Balance(address),
            1 => AccessKey::Nonce(address),
            2 => AccessKey::CodeHash(address),
            3 => AccessKey::Existence(address),
            _ => AccessKey::Slot(address, U256::from((choice >> 40) % SLOTS)),
        }
    }

    /// Which accounts are written is mostly fixed, which values follow from what was read.
    fn execute(
        &self,
        is_transaction: bool,
        numbers: &mut Numbers,
        choices: &mut Numbers,
    ) -> Verdict {
        let mut writes = WriteSet::default();
        for _ in 0..numbers.below(4) {
            let choice = if numbers.percent(80) { numbers.next() } else { choices.next() };
            let write = writes.account_mut(address(choice % self.shape.n_accounts));
            match (choice >> 32) % 12 {
                0..=1 => write.balance = Some(BalanceWrite::Set(small(choices))),
                2..=4 => write.add_credit(U256::from(choices.below(2))),
                5..=6 => write.nonce = Some(choices.below(2)),
                7 => write.code_hash = Some(code_hash(choices.below(2))),
                8 => *write = destroyed(),
                9 => write.wipe = write.wipe.or(Some(Wipe::Storage)),
                _ => set_slot(write, U256::from((choice >> 40) % SLOTS), small(choices)),
            }
        }
        let receipt = is_transaction.then(|| TxReceipt {
            tx_type: TxType::Legacy,
            success: choices.percent(90),
            gas: GasVector { used: TX_GAS_MIN + choices.below(9), ..GasVector::default() },
            logs: Vec::new(),
            bloom: Bloom::ZERO,
        });
        let executed = Executed { writes: Arc::new(writes), receipt, requests: Vec::new() };
        Verdict::Executed(Box::new(executed))
    }
}

fn address(number: u64) -> Address {
    Address::with_last_byte(u8::try_from(number % 251).expect("below 251"))
}

const fn code_hash(number: u64) -> B256 {
    if number == 0 { KECCAK_EMPTY } else { B256::with_last_byte(7) }
}

fn small(choices: &mut Numbers) -> U256 {
    U256::from(choices.below(3))
}

fn destroyed() -> AccountWrite {
    AccountWrite { wipe: Some(Wipe::Destroyed), ..Default::default() }
}

fn set_slot(write: &mut AccountWrite, slot: U256, value: U256) {
    if write.wipe == Some(Wipe::Destroyed) {
        return;
    }
    match write.slots.binary_search_by_key(&slot, |(slot, _)| *slot) {
        Ok(at) => write.slots[at].1 = value,
        Err(at) => write.slots.insert(at, (slot, value)),
    }
}

const fn low_bits(word: U256) -> u64 {
    word.as_limbs()[0] ^ word.as_limbs()[3]
}
