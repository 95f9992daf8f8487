//! The actor while its only CPU thread is busy.

use super::*;
use crate::{
    place::Place,
    tests::plain::{Plain, ordered},
};
use alloy_primitives::B256;
use engine::{
    account::TouchRule,
    ids::{BootId, Term},
};
use proto::state::{SealPurpose, SealRequest};
use std::{num::NonZeroUsize, sync::mpsc};

/// An actor with a genesis and one CPU thread.
async fn actor() -> (actix::Addr<ShardActor>, Arc<CpuPool>) {
    let limits = Limits::default();
    let machine = Machine::new(BootId::new(1), limits.clone());
    let n_places = NonZeroUsize::new(8).unwrap();
    let pool = Arc::new(CpuPool::start("test-cpu", NonZeroUsize::MIN, n_places).unwrap());
    let outside = Outside {
        directory: Arc::default(),
        pool: Arc::clone(&pool),
        metrics: ShardMetrics::default(),
    };
    let actor = ShardActor::new(machine, &limits, outside).start();
    let state = Plain::default().values();
    let genesis = LoadGenesisRequest { block_hash: B256::ZERO, block_number: 0, state };
    actor.send(LoadGenesis(genesis)).await.unwrap().unwrap();
    (actor, pool)
}

/// Keeps the CPU thread busy until the sender is dropped.
fn occupy(pool: &Arc<CpuPool>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let pool = Arc::clone(pool);
    actix::spawn(async move { pool.run(move || released.recv()).await });
    release
}

fn seal(sequence: u64, parent: SnapshotId) -> Seal {
    let (order, digest) = ordered(&Vec::new(), 1);
    let request = SealRequest {
        job: JobId { term: Term::new(1), sequence },
        parent,
        block_number: sequence,
        touch_rule: TouchRule::Clears,
        purpose: SealPurpose::Commit,
        order,
        digest,
        values: Vec::new(),
        roots_by_index: false,
    };
    let order = SealOrder::of(request, Place::ALONE).unwrap();
    Seal { order, stages: Stages::MayCome, span: Span::none() }
}

fn name(sequence: u64) -> SnapshotId {
    SnapshotId::Job(JobId { term: Term::new(1), sequence })
}

fn genesis() -> SnapshotId {
    SnapshotId::Block(B256::ZERO)
}

#[actix::test]
async fn other_messages_are_answered_while_a_seal_is_computed() {
    let (actor, pool) = actor().await;
    let release = occupy(&pool);
    let sealing = actix::spawn(actor.send(seal(1, genesis())));

    assert!(matches!(actor.send(Find(genesis())).await.unwrap(), Ok(Reply::Now(_))));
    assert!(actor.send(GetHead).await.unwrap().unwrap().is_some());
    let copy = actor.send(seal(1, genesis())).await.unwrap();
    assert!(matches!(copy, Ok(Reply::Later(_))), "{copy:?}");
    assert!(!sealing.is_finished());
    drop(release);

    assert!(matches!(sealing.await.unwrap().unwrap(), Ok(Reply::Now(_))));
}

#[actix::test]
async fn a_seal_goes_on_when_its_caller_is_gone() {
    let (actor, pool) = actor().await;
    let release = occupy(&pool);
    let caller = actix::spawn(actor.send(seal(1, genesis())));
    let Ok(Reply::Later(wait)) = actor.send(Find(name(1))).await.unwrap() else {
        panic!("job 1 is not sealed yet");
    };
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(release);

    wait.woken.await.unwrap();
    assert!(matches!(actor.send(Find(name(1))).await.unwrap(), Ok(Reply::Now(_))));
}

#[actix::test]
async fn a_job_aborted_while_its_seal_is_computed_is_gone() {
    let (actor, pool) = actor().await;
    let release = occupy(&pool);
    let sealing = actix::spawn(actor.send(seal(1, genesis())));
    let job = JobId { term: Term::new(1), sequence: 1 };
    actor.send(Abort(job)).await.unwrap().unwrap();
    drop(release);

    let sealed = sealing.await.unwrap().unwrap();
    assert_eq!(sealed.map(|_| ()), Err(StateError::JobAborted { job }));
    let found = actor.send(Find(name(1))).await.unwrap();
    assert_eq!(found.map(|_| ()), Err(StateError::JobAborted { job }));
}
