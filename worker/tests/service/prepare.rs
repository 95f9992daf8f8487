//! Senders: recovered in order, on all threads, and not for a job that has ended.

use crate::{
    state::MemoryState,
    world::{Person, frame, job, worker_with},
};
use alloy_consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy_primitives::{Address, Signature, U256};
use engine::ids::AccessIndex;
use futures::{future::join_all, join};
use proto::{
    status::Code,
    worker::{PrepareRequest, WorkerService},
};
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;
use worker::{
    config::WorkerConfig,
    pool::{Pool, PoolError, Work, WorkOrder},
};

/// Two threads that begin nothing before they are released.
#[derive(Debug)]
struct HeldPool {
    held: Mutex<Held>,
    n_submitted: watch::Sender<usize>,
}

enum Held {
    Back(Vec<Work>),
    Released,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Back(_) => "Back",
            Self::Released => "Released",
        })
    }
}

impl HeldPool {
    fn new() -> Self {
        Self { held: Mutex::new(Held::Back(Vec::new())), n_submitted: watch::Sender::new(0) }
    }

    async fn until_submitted(&self, n: usize) {
        self.n_submitted.subscribe().wait_for(|present| *present >= n).await.unwrap();
    }

    fn release(&self) {
        let held = std::mem::replace(&mut *self.held.lock().unwrap(), Held::Released);
        if let Held::Back(works) = held {
            works.into_iter().for_each(|work| work());
        }
    }
}

impl Pool for HeldPool {
    fn submit(&self, _: WorkOrder, work: Work) -> Result<(), PoolError> {
        self.n_submitted.send_modify(|n| *n += 1);
        let mut held = self.held.lock().unwrap();
        match &mut *held {
            Held::Back(works) => works.push(work),
            Held::Released => {
                drop(held);
                work();
            }
        }
        Ok(())
    }

    fn n_threads(&self) -> NonZeroUsize {
        2.try_into().unwrap()
    }

    fn queue_len(&self) -> usize {
        0
    }
}

fn signed(people: &[Person]) -> Vec<(AccessIndex, Arc<TxEnvelope>)> {
    let each = people.iter().enumerate();
    let send = |(offset, person): (usize, &Person)| {
        (AccessIndex::of_transaction(offset), person.sends(Address::ZERO, 1, 0))
    };
    each.map(send).collect()
}

fn request(sequence: u64, people: &[Person]) -> PrepareRequest {
    PrepareRequest { frame: frame(sequence, people.len()), transactions: signed(people) }
}

#[actix::test]
async fn senders_are_recovered_in_order_and_a_signature_that_is_none_has_no_sender() {
    let state = Arc::new(MemoryState::default());
    let mut config = WorkerConfig { threads: 3.try_into().unwrap(), ..WorkerConfig::default() };
    config.limits.prepare_len_max = 4.try_into().unwrap();
    let worker = worker_with(&state, config).start().unwrap();
    let people: Vec<_> = (0..50).map(Person::number).collect();
    let mut request = request(1, &people);
    let not_signed = Signature::new(U256::ZERO, U256::ZERO, false);
    request.transactions[20].1 = Arc::new(TxLegacy::default().into_signed(not_signed).into());

    let prepared = worker.prepare(request).await.unwrap();

    for (offset, (index, sender)) in prepared.senders.iter().enumerate() {
        assert_eq!(*index, AccessIndex::of_transaction(offset));
        let expected = (offset != 20).then_some(people[offset].address);
        assert_eq!(*sender, expected, "transaction {offset}");
    }
    assert_eq!(prepared.senders.len(), 50);
    assert!(prepared.cpu_us > 0);
    assert_eq!(worker.metrics().senders.get(), 50);
    assert_eq!(worker.metrics().prepare_cpu_us.get(), prepared.cpu_us);
}

#[actix::test]
async fn every_thread_has_a_part_and_none_has_two_waiting() {
    let (state, pool) = (Arc::new(MemoryState::default()), Arc::new(HeldPool::new()));
    let mut config = WorkerConfig::default();
    config.limits.prepare_len_max = 3.try_into().unwrap();
    let worker = worker_with(&state, config).pool(Arc::clone(&pool) as _).start().unwrap();
    let people: Vec<_> = (0..10).map(Person::number).collect();
    let release = async {
        pool.until_submitted(2).await;
        assert_eq!(*pool.n_submitted.borrow(), 2, "the other two wait outside of the pool");
        pool.release();
    };

    let (prepared, ()) = join!(worker.prepare(request(1, &people)), release);

    assert_eq!(*pool.n_submitted.borrow(), 4);
    let senders = prepared.unwrap().senders.into_iter().map(|(_, sender)| sender.unwrap());
    assert!(senders.eq(people.iter().map(|person| person.address)));
}

#[actix::test]
async fn the_end_of_a_job_ends_its_prepare() {
    let (state, pool) = (Arc::new(MemoryState::default()), Arc::new(HeldPool::new()));
    let mut config = WorkerConfig::default();
    config.limits.prepare_len_max = 3.try_into().unwrap();
    let worker = worker_with(&state, config).pool(Arc::clone(&pool) as _).start().unwrap();
    let people: Vec<_> = (0..10).map(Person::number).collect();
    let end = async {
        pool.until_submitted(2).await;
        worker.end_job(job(1)).await.unwrap();
        pool.release();
    };

    let (prepared, ()) = join!(worker.prepare(request(1, &people)), end);

    assert_eq!(prepared.unwrap_err().code, Code::Cancelled);
    assert_eq!(*pool.n_submitted.borrow(), 2, "the rest never came to the pool");
}

#[actix::test]
async fn more_prepare_calls_than_may_be_are_refused_and_taken_later() {
    let (state, pool) = (Arc::new(MemoryState::default()), Arc::new(HeldPool::new()));
    let mut config = WorkerConfig::default();
    config.limits.prepare_queue_len_max = 2.try_into().unwrap();
    let worker = worker_with(&state, config).pool(Arc::clone(&pool) as _).start().unwrap();
    let alice = [Person::number(1)];
    let calls = join_all([1, 2].map(|sequence| worker.prepare(request(sequence, &alice))));
    let beyond = async {
        pool.until_submitted(2).await;
        let beyond = worker.prepare(request(3, &alice)).await;
        assert_eq!(beyond.unwrap_err().code, Code::ResourceExhausted);
        pool.release();
    };

    let (prepared, ()) = join!(calls, beyond);

    assert!(prepared.iter().all(Result::is_ok), "{prepared:?}");
    assert!(worker.prepare(request(3, &alice)).await.is_ok());
}
