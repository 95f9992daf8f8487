//! Measures what dividing a big storage trie by its first nibble is worth: one contract, a block that
//! changes some of its slots, the new root on one thread and on all of them, in turns.
//! Method and figures: docs/benchmarks.md.
//!
//! `cargo run --release -p bench --example big_storage [SLOTS] [CHANGED]`

use alloy_primitives::{Address, B256, U256, keccak256};
use cluster::clock::SystemClock;
use engine::{
    account::Account,
    fold::{AccountDiff, StateDiff},
    trie::StateTrie,
};
use std::{
    io::{self, Write},
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const N_RUNS: usize = 11;
/// The default of `state.limits.hash_part_keys_min`.
const CHANGED_KEYS_MIN: usize = 1_024;

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let n_slots = numbers.next().transpose()?.unwrap_or(1_000_000);
    let n_changed = numbers.next().transpose()?.unwrap_or(10_000);
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let clock = SystemClock::shared();
    let before = state(n_slots);
    before.hash();
    let (mut at_once, mut in_parts) = (Vec::new(), Vec::new());
    for run in 0..N_RUNS as u64 {
        let diff = diff(n_slots, n_changed, run);
        let begun = clock.now();
        let mut one = before.clone();
        one.apply(&diff)?;
        let root = one.root()?;
        at_once.push(clock.now() - begun);
        let begun = clock.now();
        let other = divided(&before, &diff, threads)?;
        let same_root = other.root()?;
        in_parts.push(clock.now() - begun);
        anyhow::ensure!(root == same_root, "run {run}: {root} at once, {same_root} in parts");
    }
    let (at_once, in_parts) = (median(at_once), median(in_parts));
    let ratio = at_once.as_secs_f64() / in_parts.as_secs_f64();
    writeln!(
        io::stdout().lock(),
        "{n_slots} slots, {n_changed} changed: {at_once:.1?} at once, {in_parts:.1?} in parts on {threads} threads, ratio {ratio:.2}"
    )?;
    Ok(())
}

fn slot(number: u64) -> U256 {
    U256::from(number)
}

fn state(n_slots: u64) -> StateTrie {
    let slots = (0..n_slots).map(|number| (slot(number), value(number)));
    let account = Account { nonce: 1, ..Account::default() };
    StateTrie::from_values([(CONTRACT, account, slots)], [])
}

fn value(number: u64) -> U256 {
    U256::from_be_bytes(keccak256(number.to_be_bytes()).0)
}

/// Nine of ten slots that change are there; of the others one half is new, one half goes.
fn diff(n_slots: u64, n_changed: u64, run: u64) -> StateDiff {
    let chance = |number: u64| B256::from(value((run + 1) << 40 | number));
    let slots = (0..n_changed).map(|number| {
        let drawn = u64::from_be_bytes(chance(number)[..8].try_into().expect("8 of 32 bytes"));
        match number % 20 {
            0 => (slot(n_slots + drawn % n_slots), value(drawn)),
            1 => (slot(drawn % n_slots), U256::ZERO),
            _ => (slot(drawn % n_slots), value(drawn)),
        }
    });
    let account = Some(Account { nonce: 1, ..Account::default() });
    let changes = AccountDiff { account, wiped: false, slots: slots.collect() };
    StateDiff { accounts: [(CONTRACT, changes)].into(), ..StateDiff::default() }
}

fn divided(
    before: &StateTrie,
    diff: &StateDiff,
    threads: NonZeroUsize,
) -> anyhow::Result<StateTrie> {
    let mut state = before.clone();
    let parts = state.change_parts(diff, CHANGED_KEYS_MIN)?;
    let changed = on_threads(threads, parts, |part| part.run());
    state.apply_changed(diff, changed.into_iter().collect::<Result<_, _>>()?)?;
    for parts in state.hash_parts(CHANGED_KEYS_MIN) {
        on_threads(threads, parts, |part| part.run());
    }
    Ok(state)
}

/// Works through a list on threads.
fn on_threads<T: Send, U: Send>(
    threads: NonZeroUsize,
    work: Vec<T>,
    run: impl Fn(T) -> U + Sync,
) -> Vec<U> {
    let work = Mutex::new(work.into_iter());
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let take = || std::iter::from_fn(next).map(&run).collect::<Vec<_>>();
        let running: Vec<_> = (0..threads.get()).map(|_| scope.spawn(take)).collect();
        running.into_iter().flat_map(|one| one.join().expect("no part panics")).collect()
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
