//! What a worker knows and has asked of one Snapshot for one job: each key is asked for once,
//! whichever of its slices want it, and keys wanted together leave in one read per shard.

mod batch;
mod known;

pub(crate) use batch::{Batch, Why};
pub(crate) use known::{KnownKey, answer_bytes};

use crate::{
    cache::{Cached, Caches},
    machine::RunId,
};
use alloy_primitives::{Address, B256, map::HashMap};
use batch::Outbox;
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::Code,
    ids::{BootId, ShardIndex, SnapshotId},
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
    snapshot: SnapshotId,
    entries: HashMap<KnownKey, Entry>,
    outboxes: BTreeMap<ShardIndex, Outbox>,
    /// Boot id of each shard's first answer.
    boots: BTreeMap<ShardIndex, BootId>,
    /// Whether what other jobs left may answer.
    uses_cache: bool,
    counts: CacheCounts,
}

/// How often caches were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheCounts {
    pub(crate) n_hits: u64,
    pub(crate) n_misses: u64,
}

impl JobKeys {
    /// Makes an empty memory; `uses_cache` says whether what other jobs left may answer.
    pub(crate) fn new(snapshot: SnapshotId, uses_cache: bool) -> Self {
        Self {
            snapshot,
            entries: HashMap::default(),
            outboxes: BTreeMap::new(),
            boots: BTreeMap::new(),
            uses_cache,
            counts: CacheCounts::default(),
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
        caches: &mut Caches,
    ) -> Wanted {
        match key {
            SnapshotKey::Account(_) | SnapshotKey::Slot(..) => {
                let known_key = KnownKey::of(&key);
                if let Some(entry) = self.entries.get_mut(&known_key) {
                    return entry.answer_or_wait(run);
                }
                match self.cached(&known_key, caches) {
                    Some(Cached::Account(account)) => {
                        Wanted::Here(SnapshotAnswer::Account { account, code: None })
                    }
                    Some(Cached::Slot(value)) => Wanted::Here(SnapshotAnswer::Slot(value)),
                    None => self.ask(run, key, why, caches),
                }
            }
            SnapshotKey::AccountWithCode(address) => self.want_with_code(run, address, why, caches),
            SnapshotKey::Code(address, hash) => self.want_code(run, (address, hash), why, caches),
        }
    }

    fn want_with_code(
        &mut self,
        run: RunId,
        address: Address,
        why: Why,
        caches: &mut Caches,
    ) -> Wanted {
        let (account, asked_with_code) = match self.entries.get_mut(&KnownKey::Account(address)) {
            None => match self.cached(&KnownKey::Account(address), caches) {
                Some(Cached::Account(account)) => (account, false),
                _ => return self.ask_with_code(run, address, why, caches),
            },
            Some(Entry::Account { account, with_code }) => (*account, *with_code),
            Some(entry) => return entry.answer_or_wait(run),
        };
        let hash = match account {
            Some(account) if has_code(&account) => account.code_hash,
            _ => return Wanted::Here(SnapshotAnswer::Account { account, code: None }),
        };
        match self.code(&hash, caches) {
            Some(SnapshotAnswer::Code(bytes)) => {
                let code = Some(Code { hash, bytes });
                Wanted::Here(SnapshotAnswer::Account { account, code })
            }
            // It was asked for with its code, or the code by itself, and the shard has none.
            Some(_) => Wanted::Here(SnapshotAnswer::Account { account, code: None }),
            None if asked_with_code => {
                Wanted::Here(SnapshotAnswer::Account { account, code: None })
            }
            None => self.want_code(run, (address, hash), why, caches),
        }
    }

    /// Asks for an account, and for its code if that is not here as far as one can tell.
    fn ask_with_code(
        &mut self,
        run: RunId,
        address: Address,
        why: Why,
        caches: &mut Caches,
    ) -> Wanted {
        let has_code = self.uses_cache && caches.codes.probably_has_code_of(&address);
        let key = if has_code {
            SnapshotKey::Account(address)
        } else {
            SnapshotKey::AccountWithCode(address)
        };
        self.ask(run, key, why, caches)
    }

    /// Returns what a cache has of a key, unless it is from another boot of its shard than this
    /// job's other values.
    fn cached(&mut self, key: &KnownKey, caches: &mut Caches) -> Option<Cached> {
        if !self.uses_cache || matches!(self.snapshot, SnapshotId::Loaded(_)) {
            return None;
        }
        let value = caches.value(&self.snapshot, key).and_then(|(shard, boot, value)| {
            (*self.boots.entry(shard).or_insert(boot) == boot).then_some(value)
        });
        match value {
            Some(_) => self.counts.n_hits += 1,
            None => self.counts.n_misses += 1,
        }
        value
    }

    /// Returns how often caches were asked since this was called last.
    pub(crate) fn take_counts(&mut self) -> CacheCounts {
        std::mem::take(&mut self.counts)
    }

    fn want_code(
        &mut self,
        run: RunId,
        (address, hash): (Address, B256),
        why: Why,
        caches: &mut Caches,
    ) -> Wanted {
        if let Some(answer) = self.code(&hash, caches) {
            return Wanted::Here(answer);
        }
        match self.entries.get_mut(&KnownKey::Code(hash)) {
            None => self.ask(run, SnapshotKey::Code(address, hash), why, caches),
            Some(entry) => entry.answer_or_wait(run),
        }
    }

    /// Returns code that this job was answered, or that earlier jobs left.
    fn code(&self, hash: &B256, caches: &mut Caches) -> Option<SnapshotAnswer> {
        match self.entries.get(&KnownKey::Code(*hash)) {
            Some(Entry::Asked(_)) | None if self.uses_cache => {
                caches.codes.code(hash).cloned().map(SnapshotAnswer::Code)
            }
            Some(entry) => entry.answer(),
            None => None,
        }
    }

    fn ask(&mut self, run: RunId, key: SnapshotKey, why: Why, caches: &mut Caches) -> Wanted {
        let known_key = KnownKey::of(&key);
        self.entries.insert(known_key, Entry::Asked(Asked::new(key, why, run)));
        let shard = caches.owners.owner(key.address());
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
            let mut batch = None::<Batch>;
            while batch.as_ref().is_none_or(|batch| batch.keys.len() < keys_max) {
                let Some(known_key) = outbox.pop() else { break };
                let Some(Entry::Asked(asked)) = entries.get_mut(&known_key) else { continue };
                let owner = asked.waiters().find(|run| lives(*run));
                match (owner, &mut batch) {
                    (None, _) => drop(entries.remove(&known_key)),
                    (Some(owner), Some(batch)) => batch.push(asked, owner),
                    (Some(owner), None) => {
                        batch = Some(Batch::new(*shard, self.snapshot, asked, owner));
                    }
                }
            }
            outbox.n_in_flight += usize::from(batch.is_some());
            batch
        })
    }

    /// Takes in the answers to a read, in the order of its keys, and returns the runs to wake, once
    /// for each key they wait for.
    pub(crate) fn record(
        &mut self,
        batch: &Batch,
        answers: Vec<SnapshotAnswer>,
        caches: &mut Caches,
    ) -> Vec<RunId> {
        self.landed(batch.shard);
        if let Some(boot) = self.boots.get(&batch.shard).filter(|_| self.uses_cache) {
            let values = batch.keys.iter().zip(&answers).filter_map(kept);
            caches.fill(batch.shard, (&self.snapshot, *boot), values);
        }
        let mut woken = Vec::new();
        for (key, answer) in batch.keys.iter().zip(answers) {
            let entry = self.take_in(key, answer, caches);
            if let Some(Entry::Asked(asked)) = self.entries.insert(KnownKey::of(key), entry) {
                woken.extend(asked.waiters());
            }
        }
        woken
    }

    fn take_in(&mut self, key: &SnapshotKey, answer: SnapshotAnswer, caches: &mut Caches) -> Entry {
        match (key, answer) {
            (
                SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address),
                SnapshotAnswer::Account { account, code },
            ) => {
                let with_code = matches!(key, SnapshotKey::AccountWithCode(_));
                self.keep_account(*address, account, code, caches);
                Entry::Account { account, with_code }
            }
            (SnapshotKey::Slot(..), SnapshotAnswer::Slot(value)) => Entry::Slot(value),
            (SnapshotKey::Code(_, hash), SnapshotAnswer::Code(bytes)) => {
                if self.uses_cache {
                    caches.codes.insert(*hash, bytes.clone());
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
        caches: &mut Caches,
    ) {
        let Some(account) = account.filter(has_code) else { return };
        if self.uses_cache {
            caches.codes.note_account(address, account.code_hash);
        }
        let Some(code) = code.filter(|code| code.hash == account.code_hash) else { return };
        if self.uses_cache {
            caches.codes.insert(code.hash, code.bytes.clone());
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

/// Returns what a cache may keep of an answer.
const fn kept((key, answer): (&SnapshotKey, &SnapshotAnswer)) -> Option<(KnownKey, Cached)> {
    let value = match (key, answer) {
        (
            SnapshotKey::Account(_) | SnapshotKey::AccountWithCode(_),
            SnapshotAnswer::Account { account, .. },
        ) => Cached::Account(*account),
        (SnapshotKey::Slot(..), SnapshotAnswer::Slot(value)) => Cached::Slot(*value),
        _ => return None,
    };
    Some((KnownKey::of(key), value))
}
