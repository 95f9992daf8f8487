//! What a worker knows and has asked of one Snapshot for one job: each key is asked for once,
//! whichever of its slices want it, and keys wanted together leave in one read per shard.

mod batch;
mod known;

pub(crate) use batch::{Batch, Why};
pub(crate) use known::{KnownKey, answer_bytes};

use crate::{cache::CodeCache, machine::RunId, shards::StateShards};
use alloy_primitives::{Address, B256, map::HashMap};
use batch::Outbox;
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::Code,
    ids::{BootId, ShardIndex},
};
use known::{Asked, Entry, has_code};
use std::collections::BTreeMap;

/// What became of a key that a run wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The worker has the answer.
    Here(SnapshotAnswer),
    /// The run is woken when more is known; then it wants the key again.
    Later,
}

/// A shard's boot id is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restarted {
    pub(crate) before: BootId,
    pub(crate) now: BootId,
}

/// All keys of one job on this worker, or of one Confirmation.
#[derive(Debug)]
pub(crate) struct JobKeys {
    entries: HashMap<KnownKey, Entry>,
    outboxes: BTreeMap<ShardIndex, Outbox>,
    /// Boot id of each shard's first answer.
    boots: BTreeMap<ShardIndex, BootId>,
    /// Whether codes of other jobs may answer.
    uses_cache: bool,
}

impl JobKeys {
    /// Makes an empty memory; `uses_cache` says whether codes of other jobs may answer.
    pub(crate) fn new(uses_cache: bool) -> Self {
        Self {
            entries: HashMap::default(),
            outboxes: BTreeMap::new(),
            boots: BTreeMap::new(),
            uses_cache,
        }
    }

    /// Makes room for keys that are about to be wanted.
    pub(crate) fn reserve(&mut self, n_keys: usize) {
        self.entries.reserve(n_keys);
    }

    /// Answers a key, or sees to it that it is asked for; then the run is noted as waiting once.
    pub(crate) fn want(
        &mut self,
        run: RunId,
        key: SnapshotKey,
        why: Why,
        codes: &mut CodeCache,
    ) -> Wanted {
        match key {
            SnapshotKey::Account(address) => match self.entries.get_mut(&KnownKey::of(&key)) {
                None => self.ask(run, SnapshotKey::Account(address), why),
                Some(entry) => entry.answer_or_wait(run),
            },
            SnapshotKey::AccountWithCode(address) => self.want_with_code(run, address, why, codes),
            SnapshotKey::Slot(..) => match self.entries.get_mut(&KnownKey::of(&key)) {
                None => self.ask(run, key, why),
                Some(entry) => entry.answer_or_wait(run),
            },
            SnapshotKey::Code(address, hash) => self.want_code(run, (address, hash), why, codes),
        }
    }

    fn want_with_code(
        &mut self,
        run: RunId,
        address: Address,
        why: Why,
        codes: &mut CodeCache,
    ) -> Wanted {
        let (account, asked_with_code) = match self.entries.get_mut(&KnownKey::Account(address)) {
            None if self.uses_cache && codes.probably_has_code_of(&address) => {
                return self.ask(run, SnapshotKey::Account(address), why);
            }
            None => return self.ask(run, SnapshotKey::AccountWithCode(address), why),
            Some(Entry::Account { account, with_code }) => (*account, *with_code),
            Some(entry) => return entry.answer_or_wait(run),
        };
        let hash = match account {
            Some(account) if has_code(&account) => account.code_hash,
            _ => return Wanted::Here(SnapshotAnswer::Account { account, code: None }),
        };
        match self.code(&hash, codes) {
            Some(SnapshotAnswer::Code(bytes)) => {
                let code = Some(Code { hash, bytes });
                Wanted::Here(SnapshotAnswer::Account { account, code })
            }
            // It was asked for with its code, or the code by itself, and the shard has none.
            Some(_) => Wanted::Here(SnapshotAnswer::Account { account, code: None }),
            None if asked_with_code => {
                Wanted::Here(SnapshotAnswer::Account { account, code: None })
            }
            None => self.want_code(run, (address, hash), why, codes),
        }
    }

    fn want_code(
        &mut self,
        run: RunId,
        (address, hash): (Address, B256),
        why: Why,
        codes: &mut CodeCache,
    ) -> Wanted {
        if let Some(answer) = self.code(&hash, codes) {
            return Wanted::Here(answer);
        }
        match self.entries.get_mut(&KnownKey::Code(hash)) {
            None => self.ask(run, SnapshotKey::Code(address, hash), why),
            Some(entry) => entry.answer_or_wait(run),
        }
    }

    /// Returns code that this job was answered, or that earlier jobs left.
    fn code(&self, hash: &B256, codes: &mut CodeCache) -> Option<SnapshotAnswer> {
        match self.entries.get(&KnownKey::Code(*hash)) {
            Some(Entry::Asked(_)) | None if self.uses_cache => {
                codes.code(hash).cloned().map(SnapshotAnswer::Code)
            }
            Some(entry) => entry.answer(),
            None => None,
        }
    }

    fn ask(&mut self, run: RunId, key: SnapshotKey, why: Why) -> Wanted {
        let known_key = KnownKey::of(&key);
        self.entries.insert(known_key, Entry::Asked(Asked::new(key, why, run)));
        let shard = StateShards::shard_of(key.address());
        self.outboxes.entry(shard).or_default().push(known_key);
        Wanted::Later
    }

    /// Returns the next read to send, if one may leave. Keys that nobody waits for any more are
    /// not asked.
    pub(crate) fn next_batch(
        &mut self,
        keys_max: usize,
        in_flight_max: usize,
        lives: impl Fn(RunId) -> bool,
    ) -> Option<Batch> {
        let entries = &mut self.entries;
        self.outboxes.iter_mut().find_map(|(shard, outbox)| {
            if outbox.n_in_flight >= in_flight_max {
                return None;
            }
            let mut batch = Batch::new(*shard);
            while batch.keys.len() < keys_max {
                let Some(known_key) = outbox.pop() else { break };
                let Some(Entry::Asked(asked)) = entries.get_mut(&known_key) else { continue };
                let owner = asked.waiters().find(|run| lives(*run));
                match owner {
                    Some(owner) => batch.push(asked, owner),
                    None => drop(entries.remove(&known_key)),
                }
            }
            if batch.keys.is_empty() {
                return None;
            }
            outbox.n_in_flight += 1;
            Some(batch)
        })
    }

    /// Takes in the answers to a read, in the order of its keys, and returns the runs to wake, once
    /// for each key they wait for.
    pub(crate) fn record(
        &mut self,
        batch: &Batch,
        answers: Vec<SnapshotAnswer>,
        codes: &mut CodeCache,
    ) -> Vec<RunId> {
        self.landed(batch.shard);
        let mut woken = Vec::new();
        for (key, answer) in batch.keys.iter().zip(answers) {
            let entry = self.take_in(key, answer, codes);
            if let Some(Entry::Asked(asked)) = self.entries.insert(KnownKey::of(key), entry) {
                woken.extend(asked.waiters());
            }
        }
        woken
    }

    fn take_in(
        &mut self,
        key: &SnapshotKey,
        answer: SnapshotAnswer,
        codes: &mut CodeCache,
    ) -> Entry {
        match (key, answer) {
            (
                SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address),
                SnapshotAnswer::Account { account, code },
            ) => {
                let with_code = matches!(key, SnapshotKey::AccountWithCode(_));
                self.keep_account(*address, account, code, codes);
                Entry::Account { account, with_code }
            }
            (SnapshotKey::Slot(..), SnapshotAnswer::Slot(value)) => Entry::Slot(value),
            (SnapshotKey::Code(_, hash), SnapshotAnswer::Code(bytes)) => {
                if self.uses_cache {
                    codes.insert(*hash, bytes.clone());
                }
                Entry::Code(bytes)
            }
            // An answer of another kind than its question is no answer.
            _ => Entry::Unavailable,
        }
    }

    fn keep_account(
        &mut self,
        address: Address,
        account: Option<Account>,
        code: Option<Code>,
        codes: &mut CodeCache,
    ) {
        let Some(account) = account.filter(has_code) else { return };
        if self.uses_cache {
            codes.note_account(address, account.code_hash);
        }
        let Some(code) = code.filter(|code| code.hash == account.code_hash) else { return };
        if self.uses_cache {
            codes.insert(code.hash, code.bytes.clone());
        }
        // Somebody may wait for the same code of another account; that read wakes them.
        self.entries.entry(KnownKey::Code(code.hash)).or_insert(Entry::Code(code.bytes));
    }

    /// Forgets that a read was sent, because it failed, and returns the runs that waited for it.
    pub(crate) fn fail(&mut self, batch: &Batch) -> Vec<RunId> {
        self.landed(batch.shard);
        let mut failed = Vec::new();
        for key in &batch.keys {
            if let Some(Entry::Asked(asked)) = self.entries.remove(&KnownKey::of(key)) {
                failed.extend(asked.waiters());
            }
        }
        failed
    }

    /// Holds a shard's boot id against that of its first answer.
    pub(crate) fn check_boot(&mut self, shard: ShardIndex, now: BootId) -> Result<(), Restarted> {
        let before = *self.boots.entry(shard).or_insert(now);
        if before == now { Ok(()) } else { Err(Restarted { before, now }) }
    }

    fn landed(&mut self, shard: ShardIndex) {
        if let Some(outbox) = self.outboxes.get_mut(&shard) {
            outbox.n_in_flight = outbox.n_in_flight.saturating_sub(1);
        }
    }
}
