//! Jobs and attempts that come, go, are refused and cancelled; and what a worker does when others
//! fail.

use crate::{
    state::MemoryState,
    world::{CIRCLE, PEEK, Person, call, contract, frame, job, start, task, worker, worker_with},
};
use alloy_consensus::TxLegacy;
use alloy_primitives::{Address, TxKind};
use cluster::clock::ManualClock;
use engine::{ids::Attempt, task::SliceTask};
use futures::join;
use proto::{
    status::{Code, Status},
    worker::{PrepareRequest, WorkerService},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::task::yield_now;
use worker::{
    config::{Switch, WorkerConfig},
    cpu_time::CpuTime,
    pool::InlinePool,
};

fn attempt(task: &SliceTask, number: u32) -> SliceTask {
    SliceTask { attempt: Attempt::new(number), ..task.clone() }
}

fn code_of<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    answer.unwrap_err().code
}

fn peeking() -> (Arc<MemoryState>, Person) {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    (state, Person::number(1))
}

#[actix::test]
async fn an_attempt_that_is_not_newer_than_one_before_is_refused() {
    let (state, alice) = peeking();
    let worker = start(&state);
    let task = call(&frame(1, 1), 0, alice, contract(1));
    let done = worker.execute_slice(attempt(&task, 4)).await.unwrap();
    assert_eq!(done.attempt, Attempt::new(4));

    for number in [0, 3, 4] {
        let refused = worker.execute_slice(attempt(&task, number)).await;
        assert_eq!(code_of(refused), Code::Cancelled, "attempt {number}");
    }

    assert!(worker.execute_slice(attempt(&task, 5)).await.is_ok());
    assert_eq!(worker.metrics().refused_late_attempt.get(), 3);
}

#[actix::test]
async fn a_new_attempt_cancels_the_one_that_runs() {
    let (state, alice) = peeking();
    let worker = start(&state);
    let task = call(&frame(1, 1), 0, alice, contract(1));
    state.hold();
    let second = async {
        state.until_reads(1).await;
        let second = worker.execute_slice(attempt(&task, 1));
        let (second, ()) = join!(second, async { state.release() });
        second
    };

    let (first, second) = join!(worker.execute_slice(attempt(&task, 0)), second);

    assert_eq!(code_of(first), Code::Cancelled);
    assert_eq!(second.unwrap().attempt, Attempt::new(1));
    assert_eq!(worker.metrics().slices_cancelled.get(), 1);
    assert_eq!(state.keys_asked().len(), 3, "what the first had asked for serves the second");
}

#[actix::test]
async fn the_end_of_a_job_cancels_its_slices_at_once_and_refuses_late_ones() {
    let (state, alice) = peeking();
    let worker = start(&state);
    state.hold();
    let ended = worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1)));
    let other = worker.execute_slice(call(&frame(2, 1), 0, alice, contract(1)));
    let end = async {
        state.until_reads(2).await;
        worker.end_job(job(1)).await.unwrap();
    };
    let ended_first = async {
        let (ended, ()) = join!(ended, end);
        assert_eq!(code_of(ended), Code::Cancelled, "while its read still is under way");
        state.release();
    };

    let (other, ()) = join!(other, ended_first);

    assert!(other.is_ok(), "another job runs on: {other:?}");
    let late = worker.execute_slice(call(&frame(1, 1), 1, alice, contract(1))).await;
    assert_eq!(code_of(late), Code::Cancelled);
    assert_eq!(worker.metrics().refused_job_ended.get(), 1);
    assert_eq!(worker.metrics().jobs_open.get(), 1);
    let late = worker.prepare(PrepareRequest { frame: frame(1, 0), transactions: Vec::new() });
    assert_eq!(code_of(late.await), Code::Cancelled);
}

#[actix::test]
async fn a_job_may_end_before_it_began() {
    let (state, alice) = peeking();
    let worker = start(&state);
    worker.end_job(job(1)).await.unwrap();

    let late = worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await;

    assert_eq!(code_of(late), Code::Cancelled);
    assert!(state.reads().is_empty());
}

#[actix::test]
async fn cancelling_frees_a_cpu_thread_in_the_middle_of_a_run() {
    let (state, alice) = peeking();
    state.put_code(contract(2), &CIRCLE);
    let worker = worker_with(&state, WorkerConfig::default()).start().unwrap();
    let for_ages = alice.signs(TxLegacy {
        // Minutes of turning in a circle.
        gas_limit: 1 << 40,
        to: TxKind::Call(contract(2)),
        ..TxLegacy::default()
    });
    let mut long_frame = Arc::unwrap_or_clone(frame(1, 1));
    long_frame.attributes.header.gas_limit = 1 << 40;
    let long = worker.execute_slice(task(&Arc::new(long_frame), 0, 1, &[(alice, for_ages)]));
    let end = async {
        state.until_reads(2).await;
        // The slot is there, so the run is on its way to the one thread.
        while worker.metrics().read_bytes.get() < 72 + CIRCLE.len() as u64 + 32
            || worker.pool_queue_len() > 0
        {
            yield_now().await;
        }
        worker.end_job(job(1)).await.unwrap();
    };

    let (long, ()) = join!(long, end);

    assert_eq!(code_of(long), Code::Cancelled);
    let next = worker.execute_slice(call(&frame(2, 1), 0, alice, contract(1))).await;
    assert!(next.is_ok(), "the only thread is free again: {next:?}");
}

#[actix::test]
async fn what_goes_beyond_a_bound_is_refused_and_taken_later() {
    let (state, alice) = peeking();
    let mut config = WorkerConfig::default();
    config.limits.slice_queue_len_max = 1.try_into().unwrap();
    config.limits.jobs_max = 2.try_into().unwrap();
    let worker = worker_with(&state, config).start().unwrap();
    state.hold();
    let first = worker.execute_slice(call(&frame(1, 2), 0, alice, contract(1)));
    let beyond = async {
        state.until_reads(1).await;
        let second = worker.execute_slice(call(&frame(2, 2), 1, alice, contract(1))).await;
        let second = second.unwrap_err();
        assert_eq!(second.code, Code::ResourceExhausted);
        assert!(second.message.starts_with("1 slices run or wait"), "{second}");
        let third = worker.execute_slice(call(&frame(3, 2), 0, alice, contract(1))).await;
        let third = third.unwrap_err();
        assert_eq!(third.code, Code::ResourceExhausted);
        assert!(third.message.starts_with("2 jobs are open"), "{third}");
        state.release();
    };

    let (first, ()) = join!(first, beyond);

    assert!(first.is_ok());
    assert_eq!(worker.metrics().refused_full.get(), 2);
    worker.end_job(job(1)).await.unwrap();
    for sequence in [2, 3] {
        let later = worker.execute_slice(call(&frame(sequence, 2), 1, alice, contract(1))).await;
        assert!(later.is_ok(), "job {sequence}: {later:?}");
    }
}

#[actix::test]
async fn a_read_that_fails_fails_its_slices_and_may_be_tried_again() {
    let (state, alice) = peeking();
    let worker = start(&state);
    let task = call(&frame(1, 1), 0, alice, contract(1));
    *state.failure.lock().unwrap() = Some(Status::new(Code::NotFound, "no such snapshot"));

    let failed = worker.execute_slice(task.clone()).await.unwrap_err();

    assert_eq!(failed.code, Code::NotFound);
    assert!(failed.message.contains("no such snapshot"), "{failed}");
    assert_eq!(worker.metrics().reads_failed.get(), 1);
    *state.failure.lock().unwrap() = None;
    assert!(worker.execute_slice(attempt(&task, 1)).await.is_ok());
}

#[actix::test]
async fn a_read_without_an_answer_ends_at_its_deadline() {
    let (state, alice) = peeking();
    let clock = ManualClock::new();
    let mut config = WorkerConfig::default();
    config.limits.read_timeout = Duration::from_secs(3);
    let worker = worker_with(&state, config).clock(Arc::new(clock.clone())).start().unwrap();
    state.hold();
    let time_passes = async {
        clock.until_sleepers(1).await;
        assert_eq!(clock.advance_to_next(), Some(Duration::from_secs(3)));
    };

    let slice = worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1)));
    let (late, ()) = join!(slice, time_passes);

    assert_eq!(code_of(late), Code::Unavailable);
}

#[actix::test]
async fn a_read_that_was_lost_on_the_way_is_sent_again() {
    let (state, alice) = peeking();
    let clock = ManualClock::new();
    let config = WorkerConfig::default();
    let worker = worker_with(&state, config).clock(Arc::new(clock.clone())).start().unwrap();
    *state.failure.lock().unwrap() = Some(Status::new(Code::Unavailable, "lost on the way"));
    let the_way_is_free_again = async {
        // One waits for the answer, the other before the next try.
        clock.until_sleepers(2).await;
        *state.failure.lock().unwrap() = None;
        assert!(clock.advance_to_next().unwrap() <= Duration::from_millis(5));
    };

    let slice = worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1)));
    let (answer, ()) = join!(slice, the_way_is_free_again);

    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(worker.metrics().reads_failed.get(), 0);
}

#[actix::test]
async fn a_shard_that_restarts_in_the_middle_of_a_job_is_not_believed() {
    let (state, alice) = peeking();
    let worker = start(&state);
    worker.execute_slice(call(&frame(1, 2), 0, alice, contract(1))).await.unwrap();
    state.boot.store(2, Ordering::Relaxed);
    let bob = Person::number(2);

    let same_job = worker.execute_slice(call(&frame(1, 2), 1, bob, contract(1))).await;
    let next_job = worker.execute_slice(call(&frame(2, 2), 1, bob, contract(1))).await;

    assert_eq!(code_of(same_job), Code::Unavailable);
    assert!(next_job.is_ok(), "{next_job:?}");
}

#[actix::test]
async fn an_answer_with_too_few_values_is_no_answer() {
    let (state, alice) = peeking();
    state.n_values_short.store(1, Ordering::Relaxed);

    let slice = start(&state).execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await;

    assert_eq!(code_of(slice), Code::Internal);
}

#[actix::test]
async fn writes_are_staged_by_index_and_incarnation() {
    let (state, alice) = peeking();
    state.put_balance(alice.address, 100);
    let friend = Address::repeat_byte(0xaa);
    let worker = start(&state);
    let invalid = (alice, alice.sends(friend, 1, 9));
    let transactions = [(alice, alice.sends(friend, 1, 0)), invalid];

    let outcome = worker.execute_slice(task(&frame(1, 2), 0, 1, &transactions)).await.unwrap();
    state.until_staged(1).await;

    let staged = state.staged();
    let [(index, incarnation, writes)] = &staged[0].writes[..] else { panic!("{staged:?}") };
    let executed = &outcome.transactions[0];
    assert_eq!((*index, *incarnation), (executed.index, executed.incarnation));
    assert_eq!(*writes, executed.executed().unwrap().writes);
    assert_eq!(staged[0].job, job(1));
    assert_eq!(worker.metrics().stages.get(), 1);
}

#[actix::test]
async fn a_slice_stands_whatever_becomes_of_its_stage_message() {
    let (state, alice) = peeking();
    let (worker, frame) = (start(&state), frame(1, 2));
    // The same keys again: nothing is read any more, so that only staging can fail.
    let first = worker.execute_slice(call(&frame, 0, alice, contract(1))).await.unwrap();
    state.until_staged(1).await;
    *state.failure.lock().unwrap() = Some(Status::new(Code::Unavailable, "the shard is away"));

    let again = worker.execute_slice(attempt(&call(&frame, 0, alice, contract(1)), 1)).await;

    assert_eq!(again.unwrap().transactions, first.transactions);
    while worker.metrics().stages_failed.get() == 0 {
        yield_now().await;
    }
}

#[actix::test]
async fn nothing_is_staged_when_staging_is_off() {
    let (state, alice) = peeking();
    let config = WorkerConfig { stage: Switch::Off, ..WorkerConfig::default() };
    let worker = worker_with(&state, config).start().unwrap();

    worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await.unwrap();
    worker.stop().await;

    assert!(state.staged().is_empty());
    assert_eq!(worker.metrics().stages.get(), 0);
}

#[actix::test]
async fn a_stopped_worker_answers_nobody_and_cancels_what_runs() {
    let (state, alice) = peeking();
    let worker = start(&state);
    state.hold();
    let stop = async {
        state.until_reads(1).await;
        worker.stop().await;
    };

    let slice = worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1)));
    let (slice, ()) = join!(slice, stop);

    let slice = slice.unwrap_err();
    assert_eq!((slice.code, slice.message.as_str()), (Code::Unavailable, "the worker is gone"));
    assert_eq!(code_of(worker.end_job(job(1)).await), Code::Unavailable);
    let late = worker.execute_slice(call(&frame(2, 1), 0, alice, contract(1))).await;
    assert_eq!(code_of(late), Code::Unavailable);
}

#[test]
fn without_threads_and_without_a_system_the_outcome_is_the_same() {
    let (state, alice) = peeking();
    let run_inline = async {
        let worker = worker(&state)
            .pool(Arc::new(InlinePool))
            .clock(Arc::new(ManualClock::new()))
            .cpu_time(CpuTime::NotMeasured)
            .start()
            .unwrap();
        worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await.unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inline = tokio::task::LocalSet::new().block_on(&runtime, run_inline);

    let threaded = actix::System::new().block_on(async {
        let worker = start(&state);
        worker.execute_slice(call(&frame(1, 1), 0, alice, contract(1))).await.unwrap()
    });

    assert_eq!(inline.cpu_us, 0);
    assert_eq!(inline, engine::outcome::SliceOutcome { cpu_us: 0, ..threaded });
}
