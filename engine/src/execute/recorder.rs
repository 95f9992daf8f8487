//! The database that revm runs on: asks the view, records what was asked, bounds the run.

use super::observed::Aspects;
use super::{
    guess::Guesses,
    limits::{CancelFlag, RunLimits},
    observed::Observations,
    view::{StateView, ViewMiss},
};
use crate::{
    access::{AccessKey, Read, ReadSet},
    account::{Account, SnapshotKey},
    memory::value_of,
    task::JobFrame,
};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, B256Map, HashMap},
};
use revm::{
    Database,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    primitives::KECCAK_EMPTY,
    state::{AccountInfo, EvmState},
};
use std::sync::Arc;

/// Jumps and calls between two looks at the cancel flag.
const CHECK_INTERVAL: u32 = 64;
/// The same after a missing key.
const TAINTED_CHECK_INTERVAL: u32 = 16;
/// Looks, after a missing key, that a run has at least until it is ended for only learning keys: what
/// follows a wrong value soon leads nowhere.
const TAINTED_LOOKS_MIN: u32 = 1024;
/// How many more looks the same work has after a missing key.
const LOOKS_RATIO: u32 = CHECK_INTERVAL / TAINTED_CHECK_INTERVAL;

/// Why the database ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// The flag was raised.
    #[error("cancelled")]
    Cancelled,
    /// The speculative gas is used up.
    #[error("speculative gas used up")]
    Parked,
    /// A run that only learns keys has gone on long enough.
    #[error("state not here yet")]
    Tainted,
    /// The Snapshot cannot answer.
    #[error("state not available")]
    Unavailable(SnapshotKey),
}

impl DBErrorMarker for Stop {}

/// Records one run of one index.
#[derive(Debug)]
pub(super) struct Recorder<V> {
    /// What is read.
    pub(super) view: V,
    /// What hooks and the executor noted.
    pub(super) observations: Observations,
    /// Accounts that revm loaded, as the view gave them.
    pub(super) loaded: AddressMap<Option<Account>>,
    /// Keys that the view did not have. Once there is one the run is tainted: it goes on with
    /// zeroes only to learn more keys, and is no outcome.
    pub(super) missing: Vec<SnapshotKey>,
    /// What missing slots are taken for.
    pub(super) guesses: Guesses,
    /// Gas that a frame may spend; `None` if everything below is final or in the slice.
    pub(super) gas_budget: Option<u64>,
    slots: HashMap<(Address, U256), U256>,
    code_owners: B256Map<Address>,
    /// What earlier system calls of the same index wrote.
    earlier: EvmState,
    frame: Arc<JobFrame>,
    limits: RunLimits,
    cancel: CancelFlag,
    n_checks: u32,
    /// Looks at flag and budgets.
    n_looks: u32,
    looks_before_taint: Option<u32>,
    gas_before_taint: Option<u64>,
}

impl<V: StateView> Recorder<V> {
    /// Makes a recorder over a view.
    pub(super) fn new(
        view: V,
        frame: Arc<JobFrame>,
        guesses: Guesses,
        (limits, cancel): (RunLimits, CancelFlag),
    ) -> Self {
        Self {
            view,
            guesses,
            observations: Observations::default(),
            loaded: AddressMap::default(),
            missing: Vec::new(),
            gas_budget: None,
            slots: HashMap::default(),
            code_owners: B256Map::default(),
            earlier: EvmState::default(),
            frame,
            limits,
            cancel,
            n_checks: 0,
            n_looks: 0,
            looks_before_taint: None,
            gas_before_taint: None,
        }
    }

    /// Forgets the run before.
    pub(super) fn begin(&mut self, gas_budget: Option<u64>) {
        self.observations.clear();
        self.loaded.clear();
        self.missing.clear();
        self.slots.clear();
        self.code_owners.clear();
        self.earlier.clear();
        self.gas_budget = gas_budget;
        self.n_checks = 0;
        self.n_looks = 0;
        self.looks_before_taint = None;
        self.gas_before_taint = None;
    }

    /// Keeps what a system call wrote, for the next one of the same index.
    pub(super) fn keep_for_next_step(&mut self, state: EvmState) {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            match self.earlier.get_mut(&address) {
                Some(before) => {
                    before.info = account.info;
                    before.storage.extend(account.storage);
                }
                None => {
                    self.earlier.insert(address, account);
                }
            }
        }
    }

    /// Looks at flag and budgets; called by hooks with the gas that the frame has spent.
    pub(super) fn check_jump(&mut self, frame_gas_spent: u64) -> Result<(), Stop> {
        self.n_checks += 1;
        let interval =
            if self.missing.is_empty() { CHECK_INTERVAL } else { TAINTED_CHECK_INTERVAL };
        if self.n_checks.is_multiple_of(interval) { self.check(frame_gas_spent) } else { Ok(()) }
    }

    /// Looks at flag and budgets.
    pub(super) fn check(&mut self, frame_gas_spent: u64) -> Result<(), Stop> {
        self.n_looks = self.n_looks.saturating_add(1);
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if !self.missing.is_empty() && self.has_learned_enough(frame_gas_spent) {
            return Err(Stop::Tainted);
        }
        match self.gas_budget {
            Some(budget) if frame_gas_spent > budget => Err(Stop::Parked),
            _ => Ok(()),
        }
    }

    /// Tells whether a run that goes on only to learn keys should end. What came before the miss does
    /// not count, and as much again may come after it: so each run gets twice as far as the one
    /// before, however many keys a transaction reads.
    fn has_learned_enough(&mut self, frame_gas_spent: u64) -> bool {
        let looks_before = *self.looks_before_taint.get_or_insert(self.n_looks);
        let looks_max = TAINTED_LOOKS_MIN.max(looks_before.saturating_mul(LOOKS_RATIO));
        if self.n_looks - looks_before > looks_max {
            return true;
        }
        if frame_gas_spent == 0 {
            return false;
        }
        let gas_before = *self.gas_before_taint.get_or_insert(frame_gas_spent);
        frame_gas_spent.saturating_sub(gas_before) > self.limits.tainted_gas.max(gas_before)
    }

    /// Returns what the run observed.
    pub(super) fn read_set(&self) -> ReadSet {
        let mut reads = Vec::with_capacity(self.loaded.len() * 3 + self.slots.len());
        for (address, account) in &self.loaded {
            let balance = account.map(|account| account.balance).unwrap_or_default();
            let observed = self.observations.of(address, &balance);
            let keys = [
                (AccessKey::Balance(*address), observed.has(Aspects::BALANCE)),
                (AccessKey::Nonce(*address), observed.has(Aspects::NONCE)),
                (AccessKey::CodeHash(*address), true),
                (AccessKey::Existence(*address), observed.has(Aspects::EXISTENCE)),
            ];
            let keys = keys.into_iter().filter(|(_, observed)| *observed);
            reads
                .extend(keys.map(|(key, _)| Read { key, value: value_of(&key, account.as_ref()) }));
        }
        reads.extend(self.slots.iter().map(|((address, slot), value)| Read {
            key: AccessKey::Slot(*address, *slot),
            value: (*value).into(),
        }));
        reads.sort_unstable_by_key(|read| read.key);
        ReadSet(reads)
    }

    /// Turns a miss into a default value and a taint, or into the end of the run.
    fn go_on_after<T: Default>(&mut self, miss: ViewMiss) -> Result<T, Stop> {
        match miss {
            ViewMiss::Missing(key) => {
                self.missing.push(key);
                Ok(T::default())
            }
            ViewMiss::Unavailable(key) => Err(Stop::Unavailable(key)),
        }
    }
}

impl<V: StateView> Database for Recorder<V> {
    type Error = Stop;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Stop> {
        self.check(0)?;
        if let Some(account) = self.earlier.get(&address) {
            return Ok(Some(account.info.clone()));
        }
        let account = match self.view.account(&address) {
            Ok(account) => account,
            Err(miss) => self.go_on_after(miss)?,
        };
        self.loaded.insert(address, account);
        let Some(account) = account else { return Ok(None) };
        if account.code_hash != KECCAK_EMPTY {
            self.code_owners.insert(account.code_hash, address);
        }
        let code = (account.code_hash == KECCAK_EMPTY).then(Bytecode::default);
        Ok(Some(AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Stop> {
        if hash == KECCAK_EMPTY {
            return Ok(Bytecode::default());
        }
        let owner = self.code_owners.get(&hash).copied().unwrap_or_default();
        match self.view.code(&owner, &hash) {
            Ok(code) => Ok(code),
            Err(miss) => self.go_on_after(miss),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Stop> {
        self.check(0)?;
        let earlier = self.earlier.get(&address).and_then(|account| account.storage.get(&slot));
        if let Some(written) = earlier {
            return Ok(written.present_value);
        }
        let value = match self.view.slot(&address, &slot) {
            Ok(value) => value,
            Err(miss) => {
                let () = self.go_on_after(miss)?;
                self.guesses.guess(&address)
            }
        };
        if self.missing.is_empty() {
            self.guesses.learn(&address, value);
        }
        self.slots.insert((address, slot), value);
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Stop> {
        Ok(self.frame.ancestors.get(number))
    }
}
