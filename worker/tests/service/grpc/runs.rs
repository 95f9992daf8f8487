//! What the coordinator asks for, and what becomes of it.

use super::{
    coordinator::{Coordinator, Line},
    program::Program,
    shard, soon,
};
use crate::{
    state::MemoryState,
    world::{CHASE, PEEK, Person, call, contract, frame, start},
};
use engine::{
    ids::AccessIndex,
    outcome::SliceOutcome,
    shard::ShardCount,
    task::{JobFrame, SliceTask},
};
use proto::{
    attach::{Answer, CoordinatorMessage, Request, WorkerMessage},
    status::Code,
    worker::{PrepareRequest, WorkerService},
};
use std::{net::SocketAddr, sync::Arc};

/// A worker's process that was welcomed, and its shard.
struct World {
    coordinator: Coordinator,
    state: Arc<MemoryState>,
    shard: SocketAddr,
    program: Program,
    line: Line,
    alice: Person,
}

async fn world(variables: &[(&str, &str)]) -> World {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &CHASE);
    state.put_slot(contract(1), 0, 9);
    state.put_code(contract(2), &PEEK);
    let shard = shard::serve(&state).await;
    let coordinator = Coordinator::start().await;
    let program = Program::start(coordinator.address, variables).await;
    let (_, line) = coordinator.welcome(&[shard]).await;
    World { coordinator, state, shard, program, line, alice: Person::number(1) }
}

impl World {
    async fn open(&self, frame: &Arc<JobFrame>) {
        self.line.say(CoordinatorMessage::JobFrame(Arc::clone(frame))).await;
    }

    fn task(&self, frame: &Arc<JobFrame>, slice: u32) -> SliceTask {
        call(frame, slice, self.alice, contract(1))
    }
}

fn run(task: SliceTask) -> Request {
    Request::ExecuteSlice(Box::new(task))
}

fn outcome(answer: Answer) -> SliceOutcome {
    match answer {
        Answer::Slice(outcome) => *outcome,
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn a_worker_prepares_and_runs_what_it_is_told_as_it_does_in_process() {
    let mut world = world(&[]).await;
    let frame = frame(1, 1);
    world.open(&frame).await;
    let transaction = world.alice.sends(contract(1), 0, 0);
    let transactions = vec![(AccessIndex::new(1), transaction)];
    let prepare = PrepareRequest { frame: Arc::clone(&frame), transactions };

    let asked = world.line.call(Request::Prepare(prepare)).await;
    let (answered, prepared) = world.line.answer().await;
    assert_eq!(answered, asked);
    let Ok(Answer::Prepared(prepared)) = prepared else { panic!("{prepared:?}") };
    assert_eq!(prepared.senders, [(AccessIndex::new(1), Some(world.alice.address))]);

    let task = world.task(&frame, 0);
    let asked = world.line.call(run(task.clone())).await;
    let (answered, ran) = world.line.answer().await;
    assert_eq!(answered, asked);
    let ran = outcome(ran.unwrap());
    soon("what it stages", world.state.until_staged(1)).await;
    let n_keys = world.state.keys_asked().len();
    assert_eq!((ran.reads.keys, ran.n_stages), (n_keys as u64, 1));
    assert_eq!(world.state.n_open_feeds(), 1);
    let in_process = start(&world.state).execute_slice(task).await.unwrap();
    assert_eq!((ran.transactions, ran.snapshot), (in_process.transactions, in_process.snapshot));

    world.line.call(Request::EndJob(frame.job)).await;
    assert_eq!(world.line.answer().await.1, Ok(Answer::Done));
    world.line.call(run(world.task(&frame, 1))).await;
    let late = world.line.answer().await.1.unwrap_err();
    assert!(late.message.contains("job_id"), "its frame is forgotten: {late}");

    assert_eq!(world.program.metric(r#"evmesh_slices_total{outcome="done"}"#).await, 1.0);
    assert_eq!(world.program.metric("evmesh_senders_total").await, 1.0);
    assert!(world.program.metric(r#"evmesh_grpc_bytes_total{direction="in"}"#).await > 100.0);
    assert!(world.program.metric("evmesh_process_cpu_seconds_total").await > 0.0);
}

#[actix::test]
async fn keys_go_to_the_shards_that_the_welcome_names_and_to_their_new_addresses() {
    let states = [(); 3].map(|()| Arc::new(MemoryState::default()));
    let mut shards = Vec::new();
    for state in &states {
        state.put_code(contract(1), &CHASE);
        state.put_slot(contract(1), 0, 9);
        shards.push(shard::serve(state).await);
    }
    let coordinator = Coordinator::start().await;
    let _program = Program::start(coordinator.address, &[]).await;
    let (_, mut line) = coordinator.welcome(&shards[..2]).await;
    let count = ShardCount::new(2).unwrap();
    let alice = Person::number(1);
    let ask = async |line: &mut Line, sequence| {
        let frame = frame(sequence, 1);
        line.say(CoordinatorMessage::JobFrame(Arc::clone(&frame))).await;
        line.call(run(call(&frame, 0, alice, contract(1)))).await;
        outcome(line.answer().await.1.unwrap())
    };
    let n_keys = |of: usize| states[of].keys_asked().len();

    ask(&mut line, 1).await;
    for (index, state) in count.indices().zip(&states) {
        for key in state.keys_asked() {
            assert_eq!(count.shard_of(key.address()), index, "{key:?}");
        }
    }
    let before = [n_keys(0), n_keys(1), n_keys(2)];
    assert_eq!((before[0] + before[1] > 3, before[2]), (true, 0), "{before:?}");

    let moved = [shards[2], shards[1]].iter().map(ToString::to_string).collect();
    line.say(CoordinatorMessage::ShardMap(moved)).await;
    ask(&mut line, 2).await;

    assert_eq!(n_keys(0), before[0], "nobody is there any more");
    assert!(n_keys(2) + n_keys(1) > before[1], "the shards were asked at their new addresses");
    let elsewhere = states[2].keys_asked();
    assert!(elsewhere.iter().all(|key| count.shard_of(key.address()).get() == 0));
}

#[actix::test]
async fn a_call_that_is_taken_back_is_not_answered_and_its_slice_stops() {
    let mut world = world(&[]).await;
    let frame = frame(1, 2);
    world.open(&frame).await;
    world.state.hold();
    let first = world.line.call(run(world.task(&frame, 0))).await;
    soon("its read", world.state.until_reads(1)).await;

    world.line.say(CoordinatorMessage::Cancel(first)).await;
    let second = call(&frame, 1, Person::number(2), contract(2));
    let second = world.line.call(run(second)).await;
    soon("the second's read", world.state.until_reads(2)).await;
    world.state.release();

    let (answered, ran) = world.line.answer().await;
    assert_eq!(answered, second);
    assert!(ran.is_ok(), "{ran:?}");
    assert_eq!(world.program.metric(r#"evmesh_slices_total{outcome="cancelled"}"#).await, 1.0);
    assert_eq!(world.program.metric("evmesh_calls_cancelled_total").await, 1.0);
    // The same slice is taken in again, as its next attempt.
    let next = engine::ids::Attempt::new(1);
    let again = SliceTask { attempt: next, ..world.task(&frame, 0) };
    let again = world.line.call(run(again)).await;
    let (answered, ran) = world.line.answer().await;
    assert_eq!((answered, outcome(ran.unwrap()).attempt), (again, next));
}

#[actix::test]
async fn a_worker_outlives_its_coordinator_and_the_next_may_give_the_same_numbers() {
    let mut world = world(&[]).await;
    let frame = frame(1, 1);
    world.open(&frame).await;
    world.state.hold();
    world.line.call(run(world.task(&frame, 0))).await;
    soon("its read", world.state.until_reads(1)).await;
    let World { coordinator, state, shard, program, line, alice } = world;

    drop(line);
    let (hello, mut line) = coordinator.welcome(&[shard]).await;
    state.release();
    line.say(CoordinatorMessage::JobFrame(Arc::clone(&frame))).await;
    line.call(run(call(&frame, 0, alice, contract(1)))).await;
    let ran = outcome(line.answer().await.1.unwrap());

    assert_eq!((hello.name.as_str(), ran.job), ("tested", frame.job));
    assert_eq!(state.n_open_feeds(), 1, "what is kept of the state stays");
    assert_eq!(program.metric("evmesh_feed_breaks_total").await, 0.0);
    assert_eq!(program.metric(r#"evmesh_attaches_total{outcome="attached"}"#).await, 2.0);
    assert_eq!(program.metric(r#"evmesh_slices_total{outcome="cancelled"}"#).await, 1.0);
}

#[actix::test]
async fn a_worker_that_is_told_to_end_finishes_what_it_has_and_takes_nothing_new() {
    let mut world = world(&[]).await;
    let frame = frame(1, 2);
    world.open(&frame).await;
    world.state.hold();
    let running = world.line.call(run(world.task(&frame, 0))).await;
    soon("its read", world.state.until_reads(1)).await;

    world.program.terminate();
    assert_eq!(world.line.next_but_heartbeats().await, Some(WorkerMessage::Draining));
    let refused = world.line.call(run(world.task(&frame, 1))).await;
    let (answered, refusal) = world.line.answer().await;
    assert_eq!((answered, refusal.unwrap_err().code), (refused, Code::Unavailable));
    assert_eq!(world.program.get("/readyz").await.0, 503);
    assert_eq!(world.program.get("/livez").await.0, 200);
    world.state.release();

    let (answered, ran) = world.line.answer().await;
    assert_eq!(answered, running);
    assert!(ran.is_ok(), "{ran:?}");
    assert_eq!(world.line.next_but_heartbeats().await, None, "it closed the stream");
    assert_eq!(world.program.ended().await.code(), Some(0));
}

#[actix::test]
async fn a_worker_that_does_not_drain_in_time_ends_all_the_same() {
    let mut world = world(&[("EVMESH_SHUTDOWN__DRAIN_TIMEOUT", "100ms")]).await;
    let frame = frame(1, 1);
    world.open(&frame).await;
    world.state.hold();
    world.line.call(run(world.task(&frame, 0))).await;
    soon("its read", world.state.until_reads(1)).await;

    world.program.terminate();

    assert_eq!(world.program.ended().await.code(), Some(0));
    world.state.release();
}

#[actix::test]
async fn an_answer_that_is_larger_than_a_message_may_be_is_a_refusal() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &CHASE);
    let shard = shard::serve(&state).await;
    let coordinator = Coordinator::start().await;
    let _program = Program::start(coordinator.address, &[]).await;
    let mut line = coordinator.dialled().await;
    line.hello().await;
    let welcome = super::coordinator::welcome(&[shard]);
    let small = proto::attach::Welcome { message_bytes_max: 100, ..welcome };
    line.say(CoordinatorMessage::Welcome(small)).await;
    let frame = frame(1, 1);
    line.say(CoordinatorMessage::JobFrame(Arc::clone(&frame))).await;

    line.call(run(call(&frame, 0, Person::number(1), contract(1)))).await;

    let refused = line.answer().await.1.unwrap_err();
    assert_eq!(refused.code, Code::ResourceExhausted, "{refused}");
}
