//! The ledger against serial execution of model blocks, under every order of dispatch and answer.

mod bench;

use super::{KnownSnapshot, Ledger, Next};
use crate::{
    access::{AccountWrite, BalanceWrite, Wipe, WriteSet},
    account::{SnapshotAnswer, SnapshotKey, SnapshotValue, TouchRule},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, WorkerId},
    model::{ModelBlock, Shape},
    outcome::{Executed, ReadStats, SliceOutcome, TxOutcome, Verdict},
};
use alloy_primitives::{Address, U256};
use bench::Bench;
use std::sync::Arc;

fn assert_same(
    seed: u64,
    parallel: &Result<Vec<Executed>, AccessIndex>,
    serial: &Result<Vec<Executed>, AccessIndex>,
) {
    match (parallel, serial) {
        (Ok(parallel), Ok(serial)) => {
            for (index, (one, other)) in parallel.iter().zip(serial).enumerate() {
                assert_eq!(one.writes, other.writes, "seed {seed}: writes of {index}");
                assert_eq!(one.receipt, other.receipt, "seed {seed}: receipt of {index}");
            }
        }
        (Err(parallel), Err(serial)) => assert_eq!(parallel, serial, "seed {seed}"),
        (Ok(_), Err(serial)) => panic!("seed {seed}: {serial} is invalid and became final"),
        (Err(parallel), Ok(_)) => panic!("seed {seed}: {parallel} is not invalid"),
    }
}

const SHAPES: [Shape; 4] = [
    Shape {
        n_transactions: 12,
        n_accounts: 4,
        invalid_percent: 0,
        parked_percent: 10,
        n_fitting: 12,
    },
    Shape {
        n_transactions: 30,
        n_accounts: 40,
        invalid_percent: 0,
        parked_percent: 0,
        n_fitting: 30,
    },
    Shape {
        n_transactions: 15,
        n_accounts: 8,
        invalid_percent: 20,
        parked_percent: 5,
        n_fitting: 15,
    },
    Shape {
        n_transactions: 12,
        n_accounts: 20,
        invalid_percent: 0,
        parked_percent: 0,
        n_fitting: 7,
    },
];

fn shape(seed: u64) -> (Shape, TouchRule) {
    let rule = if seed & 4 == 0 { TouchRule::Creates } else { TouchRule::Clears };
    (SHAPES[usize::try_from(seed % 4).unwrap()], rule)
}

#[test]
fn whatever_the_order_of_dispatches_and_answers_the_final_block_is_the_serial_one() {
    let (mut n_refused, mut n_late, mut n_wanted, mut n_conflicts) = (0, 0, 0, 0);
    for seed in 0..4_000 {
        let (shape, rule) = shape(seed);
        let mut bench = Bench::new(seed, shape, rule);

        let parallel = bench.run();

        assert_same(seed, &parallel, &bench.block.serial());
        n_refused += bench.n_refused;
        n_late += bench.n_late;
        n_wanted += bench.n_wanted;
        n_conflicts += bench.ledger.n_conflicts();
    }
    assert!(n_late > 1_000, "{n_late} late outcomes were delivered");
    assert_eq!(n_refused, n_late, "every late or repeated outcome is refused");
    assert!(n_wanted > 1_000, "{n_wanted} keys were read by the coordinator");
    assert!(n_conflicts > 100, "{n_conflicts} outcomes conflicted");
}

#[test]
fn a_worker_that_reports_wrong_snapshot_values_is_caught_and_changes_nothing() {
    let mut n_caught = 0;
    for seed in 0..2_000 {
        let (shape, rule) = shape(seed);
        let mut bench = Bench::new(seed, shape, rule);
        bench.liar = bench.workers.first().copied();

        let parallel = bench.run();

        assert_same(seed, &parallel, &bench.block.serial());
        n_caught += bench.caught.len();
    }
    assert!(n_caught > 500, "{n_caught} liars were caught");
}

#[test]
fn a_dispute_takes_finality_back_until_it_is_settled() {
    let mut n_disputes = 0;
    for seed in 0..100 {
        let (shape, rule) = shape(seed * 4);
        let mut bench = Bench::new(seed, shape, rule);
        while bench.ledger.next().1 != Next::Done {
            bench.step();
        }
        let reports = bench.old.iter().flat_map(|answer| &answer.outcome.snapshot);
        let Some(SnapshotValue::Account(address, account)) = reports.copied().next() else {
            continue;
        };
        let mut altered = account.unwrap_or_default();
        altered.nonce += 7;
        let (liar, key) = (WorkerId::new(77), SnapshotKey::Account(address));
        let snapshot = vec![SnapshotValue::Account(address, Some(altered))];
        let outcome = SliceOutcome { snapshot, transactions: Vec::new(), ..empty_answer() };

        let admission = bench.ledger.admit(liar, &[], outcome);

        if bench.ledger.next().1 == Next::Done {
            // The state service was asked before, or nobody read the account in the end.
            continue;
        }
        assert_eq!(admission.breaches, [], "seed {seed}: nobody knows yet who is right");
        n_disputes += 1;
        assert_eq!(bench.ledger.next().1, Next::Unsettled, "seed {seed}");
        let wanted = bench.ledger.take_wanted();
        assert!(wanted.contains(&key), "seed {seed}: {wanted:?}");
        let answers: Vec<_> =
            wanted.into_iter().map(|key| (key, bench.block.base.answer(&key))).collect();

        let breaches = bench.ledger.settle(&answers);

        assert_eq!(breaches.iter().map(|it| it.worker).collect::<Vec<_>>(), [liar], "seed {seed}");
        assert_eq!(bench.ledger.next().1, Next::Done, "seed {seed}");
    }
    assert!(n_disputes > 20, "{n_disputes} disputes");
}

#[test]
fn what_is_parked_or_panicked_runs_again_when_it_is_next_and_not_before() {
    let block = ModelBlock::new(1, SHAPES[0], TouchRule::Clears);
    let frame = block.frame(JobId::default());
    let worker = WorkerId::new(1);
    for verdict in [Verdict::Parked, Verdict::Failed { message: String::new() }] {
        let known = KnownSnapshot::default();
        let mut ledger = Ledger::new(&frame, block.transactions(), known, Incarnation::default());
        let [first, second] = [0, 1].map(AccessIndex::new);
        for (index, verdict) in [(second, Some(verdict)), (first, None)] {
            assert!(ledger.open().contains(&index));
            let issued = ledger.issue(&[index], worker, false);
            let mut outcome = block.run(index, issued[0].incarnation, &block.base);
            outcome.reads.0.clear();
            outcome.verdict = verdict.unwrap_or(outcome.verdict);
            let answer = SliceOutcome { transactions: vec![outcome], ..empty_answer() };
            ledger.admit(worker, &[index], answer);
            assert_eq!(ledger.open().contains(&second), index == first);
        }
        assert_eq!(ledger.final_below(), second);
    }
}

#[test]
fn a_payment_that_does_not_fit_what_is_final_below_it_is_conflicted_though_its_reads_hold() {
    let block = ModelBlock::new(1, SHAPES[0], TouchRule::Clears);
    let frame = block.frame(JobId::default());
    let (worker, payee) = (WorkerId::new(1), Address::repeat_byte(7));
    let paid = |index, write| {
        let mut writes = WriteSet::default();
        *writes.account_mut(payee) = write;
        (AccessIndex::new(index), writes)
    };
    let set = |balance| AccountWrite {
        balance: Some(BalanceWrite::Set(balance)),
        ..AccountWrite::default()
    };
    // The Snapshot's account is known, the account that is destroyed below needs none, or the
    // coordinator has to read it.
    let destroyed = AccountWrite { wipe: Some(Wipe::Destroyed), ..AccountWrite::default() };
    for (first, fits) in
        [(set(U256::MAX), false), (set(U256::MAX - U256::from(5)), true), (destroyed, true)]
    {
        let known = KnownSnapshot::default();
        let mut ledger = Ledger::new(&frame, block.transactions(), known, Incarnation::default());
        let own = [0, 1, 2].map(AccessIndex::new);
        let written = [paid(1, first), paid(2, AccountWrite::credit(U256::from(5)))].into_iter();
        // The payment is admitted first: that its reads hold is known before what is below it.
        for (index, writes) in [(own[0], WriteSet::default())].into_iter().chain(written).rev() {
            let issued = ledger.issue(&[index], worker, false);
            let mut outcome = block.run(index, issued[0].incarnation, &block.base);
            outcome.reads.0.clear();
            outcome.verdict = match outcome.verdict {
                Verdict::Executed(it) => {
                    Verdict::Executed(Box::new(Executed { writes: Arc::new(writes), ..*it }))
                }
                other => other,
            };
            let answer = SliceOutcome { transactions: vec![outcome], ..empty_answer() };
            assert_eq!(ledger.admit(worker, &[index], answer).breaches, []);
        }
        let payment = own[2];
        if ledger.next() == (payment, Next::Unsettled) {
            let wanted = ledger.take_wanted();
            assert_eq!(wanted, [SnapshotKey::Account(payee)]);
            let nobody = SnapshotAnswer::Account { account: None, code: None };
            assert_eq!(ledger.settle(&[(wanted[0], nobody)]), []);
        }
        let expected =
            if fits { (payment.next(), Next::Empty) } else { (payment, Next::Conflicted) };
        assert_eq!(ledger.next(), expected);
    }
}

#[test]
fn what_an_outcome_lacks_or_has_too_much_is_a_breach() {
    let block = ModelBlock::new(1, SHAPES[0], TouchRule::Clears);
    let frame = block.frame(JobId::default());
    let worker = WorkerId::new(1);
    let spoil: [fn(&mut TxOutcome); 4] = [
        |outcome| outcome.reads.0.extend(outcome.reads.0.first().copied()),
        |outcome| executed(outcome).receipt = None,
        |outcome| executed(outcome).requests.push(vec![1].into()),
        |outcome| {
            let writes = Arc::make_mut(&mut executed(outcome).writes);
            writes.accounts.extend(writes.accounts.first().cloned());
            writes.accounts.push(Default::default());
            writes.accounts.push(Default::default());
        },
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let known = KnownSnapshot::default();
        let mut ledger = Ledger::new(&frame, block.transactions(), known, Incarnation::default());
        let index = AccessIndex::new(1);
        let issued = ledger.issue(&[index], worker, false);
        let mut outcome = block.run(index, issued[0].incarnation, &block.base);
        spoil(&mut outcome);
        let answer = SliceOutcome { transactions: vec![outcome], ..empty_answer() };

        let admission = ledger.admit(worker, &[index], answer);

        let named: Vec<_> = admission.breaches.iter().map(|it| (it.worker, it.index)).collect();
        assert_eq!(named, [(worker, Some(index))], "spoilt in way {number}");
    }
}

fn executed(outcome: &mut TxOutcome) -> &mut Executed {
    match &mut outcome.verdict {
        Verdict::Executed(executed) => executed,
        other => panic!("{other:?}"),
    }
}

fn empty_answer() -> SliceOutcome {
    SliceOutcome {
        job: JobId::default(),
        slice: SliceId::default(),
        attempt: Attempt::default(),
        transactions: Vec::new(),
        snapshot: Vec::new(),
        n_executions: 0,
        reads: ReadStats::default(),
        n_stages: 0,
        cpu_us: 0,
    }
}
