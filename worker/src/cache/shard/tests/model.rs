//! A shard with every Snapshot it ever had, a feed that can be disturbed, and answers on their way.

use super::super::{Bounds, Emptied, ShardCache};
use crate::{cache::base::Cached, prefetch::KnownKey};
use alloy_primitives::{Address, B256, U256, keccak256};
use engine::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    ids::{BootId, JobId, SnapshotId, Term},
};
use proptest::prelude::*;
use proto::state::FeedMessage;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

const N_ACCOUNTS: u8 = 3;
const N_SLOTS: u8 = 3;

/// What a block does to an account.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Balance(u8),
    Slots(Vec<(u8, u8)>),
    Destroy,
    Recreate(Vec<(u8, u8)>),
}

/// How the next message of the feed comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery {
    InOrder,
    Lost,
    Overtaken,
    Repeated(usize),
    FromAnotherBoot,
}

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Seal { parent: usize, by_hash: bool, changes: Vec<(u8, Change)> },
    Commit(usize),
    Drop(usize),
    Deliver(Delivery),
    Reconnect,
    Restart,
    Read { of: usize, by_hash: bool, account: u8, slot: Option<u8> },
    Answer { which: usize, from_another_boot: bool },
}

fn change() -> impl Strategy<Value = Change> {
    let slots = || prop::collection::vec((0..N_SLOTS, 0..5_u8), 0..3);
    prop_oneof![
        3 => any::<u8>().prop_map(Change::Balance),
        3 => slots().prop_map(Change::Slots),
        1 => Just(Change::Destroy),
        1 => slots().prop_map(Change::Recreate),
    ]
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let changes = prop::collection::vec((0..N_ACCOUNTS, change()), 0..3);
    let delivery = prop_oneof![
        60 => Just(Delivery::InOrder),
        1 => Just(Delivery::Lost),
        1 => Just(Delivery::Overtaken),
        2 => any::<usize>().prop_map(Delivery::Repeated),
        1 => Just(Delivery::FromAnotherBoot),
    ];
    let read = (any::<usize>(), any::<bool>(), 0..N_ACCOUNTS, prop::option::of(0..N_SLOTS));
    prop_oneof![
        8 => (any::<usize>(), any::<bool>(), changes)
            .prop_map(|(parent, by_hash, changes)| Act::Seal { parent, by_hash, changes }),
        6 => any::<usize>().prop_map(Act::Commit),
        1 => any::<usize>().prop_map(Act::Drop),
        20 => delivery.prop_map(Act::Deliver),
        1 => prop::bool::weighted(0.2)
            .prop_map(|dies| if dies { Act::Restart } else { Act::Reconnect }),
        24 => read
            .prop_map(|(of, by_hash, account, slot)| Act::Read { of, by_hash, account, slot }),
        16 => (any::<usize>(), prop::bool::weighted(0.05))
            .prop_map(|(which, from_another_boot)| Act::Answer { which, from_another_boot }),
    ]
}

/// All values of a Snapshot; a key that is not there is absent or zero.
type Values = BTreeMap<KnownKey, Cached>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Undecided,
    Committed,
    Dropped,
}

#[derive(Clone, Debug)]
struct Block {
    job: JobId,
    hash: B256,
    parent: usize,
    fate: Fate,
    values: Values,
}

#[derive(Debug)]
struct Answer {
    snapshot: SnapshotId,
    boot: BootId,
    key: KnownKey,
    value: Cached,
}

/// What was reached.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Hits by how many diffs lay between.
    pub(super) n_hits: [usize; 4],
    pub(super) n_emptied: [usize; 4],
    /// Diffs that did not extend the chain when they came, and were taken later.
    pub(super) n_taken_later: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.n_hits.iter_mut().zip(other.n_hits).for_each(|(sum, n)| *sum += n);
        self.n_emptied.iter_mut().zip(other.n_emptied).for_each(|(sum, n)| *sum += n);
        self.n_taken_later += other.n_taken_later;
    }
}

#[derive(Debug)]
pub(super) struct World {
    cache: ShardCache,
    boot: BootId,
    /// Blocks of this boot, the first committed; their jobs are numbered alike in every boot.
    blocks: Vec<Block>,
    head: usize,
    /// What each name meant in each boot.
    meant: BTreeMap<(BootId, SnapshotId), Values>,
    feed: VecDeque<FeedMessage>,
    delivered: Vec<FeedMessage>,
    answers: Vec<Answer>,
    pub(super) counts: Counts,
}

impl World {
    pub(super) fn new(bounds: Bounds) -> Self {
        let boot = BootId::new(1);
        let mut world = Self {
            cache: ShardCache::new(bounds),
            boot,
            blocks: Vec::new(),
            head: 0,
            meant: BTreeMap::new(),
            feed: VecDeque::new(),
            delivered: Vec::new(),
            answers: Vec::new(),
            counts: Counts::default(),
        };
        world.begin(Values::new());
        world
    }

    /// A boot begins with one committed block of these values.
    fn begin(&mut self, values: Values) {
        self.blocks.clear();
        self.head = 0;
        let block = self.block(0, values);
        self.blocks.push(Block { fate: Fate::Committed, ..block });
        self.start_feed();
    }

    fn block(&mut self, parent: usize, values: Values) -> Block {
        let number = self.blocks.len();
        let job = JobId { term: Term::new(1), sequence: number as u64 };
        let hash = keccak256(format!("{} {number}", self.boot));
        for name in [SnapshotId::Job(job), SnapshotId::Block(hash)] {
            self.meant.insert((self.boot, name), values.clone());
        }
        Block { job, hash, parent, fate: Fate::Undecided, values }
    }

    fn start_feed(&mut self) {
        let Block { job, hash, .. } = self.blocks[self.head];
        self.feed.clear();
        self.delivered.clear();
        self.feed.push_back(FeedMessage::Start { boot: self.boot, head: Some((Some(job), hash)) });
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Seal { parent, by_hash, changes } => self.seal(parent, by_hash, &changes),
            Act::Commit(choice) => self.commit(choice),
            Act::Drop(choice) => self.drop_one(choice),
            Act::Deliver(delivery) => self.deliver(delivery),
            Act::Reconnect => {
                self.cache.break_off();
                self.start_feed();
            }
            Act::Restart => {
                let values = self.blocks[self.head].values.clone();
                self.boot = self.boot.next();
                self.begin(values);
            }
            Act::Read { of, by_hash, account, slot } => self.read(of, by_hash, key(account, slot)),
            Act::Answer { which, from_another_boot } => self.answer(which, from_another_boot),
        }
    }

    fn seal(&mut self, parent: usize, by_hash: bool, changes: &[(u8, Change)]) {
        let alive: Vec<_> = (0..self.blocks.len())
            .filter(|block| *block == self.head || self.blocks[*block].fate == Fate::Undecided)
            .collect();
        // Mostly on what came last: a chain.
        let choice =
            if parent.is_multiple_of(4) { parent / 4 % alive.len() } else { alive.len() - 1 };
        let parent = alive[choice];
        let below = self.blocks[parent].clone();
        let (diff, values) = apply(&below.values, changes);
        let block = self.block(parent, values);
        let by_hash = by_hash && below.fate == Fate::Committed;
        let name = if by_hash { SnapshotId::Block(below.hash) } else { SnapshotId::Job(below.job) };
        let (boot, job) = (self.boot, block.job);
        self.blocks.push(block);
        self.feed.push_back(FeedMessage::Sealed { boot, job, parent: name, diff: Arc::new(diff) });
    }

    fn commit(&mut self, choice: usize) {
        let ready: Vec<_> = (0..self.blocks.len())
            .filter(|block| self.blocks[*block].fate == Fate::Undecided)
            .filter(|block| self.blocks[*block].parent == self.head)
            .collect();
        let Some(block) = ready.get(choice % ready.len().max(1)) else { return };
        self.head = *block;
        let Block { job, hash, fate, .. } = &mut self.blocks[*block];
        *fate = Fate::Committed;
        self.feed.push_back(FeedMessage::Committed { job: *job, block_hash: *hash });
    }

    fn drop_one(&mut self, choice: usize) {
        let undecided: Vec<_> = (0..self.blocks.len())
            .filter(|block| self.blocks[*block].fate == Fate::Undecided)
            .collect();
        let Some(first) = undecided.get(choice % undecided.len().max(1)) else { return };
        self.feed.push_back(FeedMessage::Dropped { job: self.blocks[*first].job });
        self.blocks[*first].fate = Fate::Dropped;
        for block in *first + 1..self.blocks.len() {
            if self.blocks[self.blocks[block].parent].fate == Fate::Dropped {
                self.blocks[block].fate = Fate::Dropped;
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Lost => drop(self.feed.pop_front()),
            Delivery::Overtaken if self.feed.len() > 1 => self.feed.swap(0, 1),
            Delivery::Repeated(choice) if !self.delivered.is_empty() => {
                self.feed.push_front(self.delivered[choice % self.delivered.len()].clone());
            }
            Delivery::FromAnotherBoot => {
                if let Some(FeedMessage::Sealed { boot, diff, .. }) = self.feed.front_mut() {
                    *boot = BootId::new(boot.get() + 1_000);
                    *diff = Arc::new(apply(&Values::new(), &[(0, Change::Balance(99))]).0);
                }
            }
            Delivery::InOrder | Delivery::Overtaken | Delivery::Repeated(_) => {}
        }
        let Some(message) = self.feed.pop_front() else { return };
        self.delivered.push(message.clone());
        let n_aside = self.cache.aside.len();
        let is_sealed = matches!(message, FeedMessage::Sealed { .. });
        if let Some(emptied) = self.cache.hear(message) {
            self.counts.n_emptied[emptied as usize] += 1;
            let reasons = [Emptied::Start, Emptied::NotFirst, Emptied::TooLong, Emptied::OtherBoot];
            assert_eq!(reasons[emptied as usize], emptied);
        } else if !is_sealed && self.cache.aside.len() < n_aside {
            self.counts.n_taken_later += 1;
        }
        let (bytes, diff_bytes) = self.cache.bytes();
        assert!(bytes <= super::NARROW.bytes_max && diff_bytes <= 2 * super::NARROW.diff_bytes_max);
        assert!(self.cache.chain.diffs.len() <= super::NARROW.diffs_max);
    }

    fn read(&mut self, of: usize, by_hash: bool, key: KnownKey) {
        // Mostly of what came last.
        let n_blocks = self.blocks.len();
        let of_last = n_blocks - 1 - of / 4 % n_blocks.min(4);
        let block = if of.is_multiple_of(4) { of / 4 % n_blocks } else { of_last };
        let Block { job, hash, fate, .. } = self.blocks[block];
        let by_hash = by_hash && fate == Fate::Committed;
        let snapshot = if by_hash { SnapshotId::Block(hash) } else { SnapshotId::Job(job) };
        if let Some(value) = self.cache.get(&snapshot, &key) {
            let depth = self.cache.depth(&snapshot).unwrap();
            self.counts.n_hits[depth] += 1;
            let boot = self.cache.boot().expect("what is not believed answers nothing");
            let values = &self.meant[&(boot, snapshot)];
            assert_eq!(value, value_of(values, &key), "{key:?} of {snapshot}");
        } else if fate != Fate::Dropped {
            let value = value_of(&self.blocks[block].values, &key);
            self.answers.push(Answer { snapshot, boot: self.boot, key, value });
        }
    }

    fn answer(&mut self, which: usize, from_another_boot: bool) {
        if self.answers.is_empty() {
            return;
        }
        let which = which % self.answers.len();
        let Answer { snapshot, mut boot, key, mut value } = self.answers.swap_remove(which);
        if from_another_boot {
            boot = BootId::new(boot.get() + 1_000);
            value = match value {
                Cached::Account(_) => {
                    Cached::Account(Some(Account { nonce: 777, ..Account::default() }))
                }
                Cached::Slot(value) => Cached::Slot(value + U256::from(777)),
            };
        }
        self.cache.fill(&snapshot, boot, std::iter::once((key, value)));
        assert!(self.cache.bytes().0 <= super::NARROW.bytes_max);
    }
}

fn address(account: u8) -> Address {
    Address::repeat_byte(account + 1)
}

fn key(account: u8, slot: Option<u8>) -> KnownKey {
    match slot {
        None => KnownKey::Account(address(account)),
        Some(slot) => KnownKey::Slot(address(account), U256::from(slot)),
    }
}

fn value_of(values: &Values, key: &KnownKey) -> Cached {
    let default = match key {
        KnownKey::Slot(..) => Cached::Slot(U256::ZERO),
        _ => Cached::Account(None),
    };
    values.get(key).copied().unwrap_or(default)
}

/// Returns the diff of a block with these changes, and the values after it.
fn apply(below: &Values, changes: &[(u8, Change)]) -> (StateDiff, Values) {
    let mut values = below.clone();
    let mut diff = StateDiff::default();
    // One change an account; the last counts.
    for (account, change) in &BTreeMap::from_iter(changes.iter().cloned()) {
        let Cached::Account(before) = value_of(&values, &key(*account, None)) else { panic!() };
        let slots_of = |slots: &[(u8, u8)]| -> BTreeMap<U256, U256> {
            slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value))).collect()
        };
        let one = Account { nonce: 1, ..Account::default() };
        let (after, wiped, slots) = match change {
            Change::Balance(wei) => {
                let account = Account { balance: U256::from(*wei), ..before.unwrap_or(one) };
                (Some(account), false, BTreeMap::new())
            }
            Change::Slots(slots) => (Some(before.unwrap_or(one)), false, slots_of(slots)),
            Change::Destroy => (None, before.is_some(), BTreeMap::new()),
            Change::Recreate(slots) => (Some(Account { nonce: 9, ..one }), true, slots_of(slots)),
        };
        if wiped {
            for slot in 0..N_SLOTS {
                values.remove(&key(*account, Some(slot)));
            }
        }
        values.insert(key(*account, None), Cached::Account(after));
        for (slot, value) in &slots {
            values.insert(KnownKey::Slot(address(*account), *slot), Cached::Slot(*value));
        }
        diff.accounts.insert(address(*account), AccountDiff { account: after, wiped, slots });
    }
    (diff, values)
}
