//! Fault switches: each does what it says, says so, and does nothing else.

use crate::{
    state::MemoryState,
    world::{PEEK, Person, call, contract, frame, job, start, task, worker},
};
use alloy_primitives::{Address, U256};
use engine::{
    ids::AccessIndex,
    outcome::{SliceOutcome, TxOutcome},
};
use futures::join;
use proto::{
    status::Code,
    worker::{PrepareRequest, WorkerService},
};
use std::sync::Arc;
use worker::fault::{Fault, Lie, LyingWorker, WorkerLost, WrongOutcome};

fn three_transfers(state: &MemoryState) -> engine::task::SliceTask {
    let people = [1, 2, 3].map(Person::number);
    people.iter().for_each(|person| state.put_balance(person.address, 100));
    let transfers = people.map(|person| (person, person.sends(Address::repeat_byte(9), 1, 0)));
    task(&frame(1, 3), 0, 1, &transfers)
}

async fn honest_and_faulty(fault: Arc<dyn Fault>) -> (SliceOutcome, SliceOutcome) {
    let state = Arc::new(MemoryState::default());
    let task = three_transfers(&state);
    let honest = start(&state).execute_slice(task.clone()).await.unwrap();
    let faulty = worker(&state).fault(fault).start().unwrap();
    (honest, faulty.execute_slice(task).await.unwrap())
}

fn differing(honest: &SliceOutcome, faulty: &SliceOutcome) -> Vec<u32> {
    let pairs = honest.transactions.iter().zip(&faulty.transactions);
    pairs.filter(|(honest, faulty)| honest != faulty).map(|(it, _)| it.index.position()).collect()
}

fn gas_used(outcome: &TxOutcome) -> u64 {
    outcome.executed().unwrap().receipt.as_ref().unwrap().gas.used
}

#[actix::test]
async fn a_liar_alters_one_outcome_of_a_slice_in_the_way_it_was_told() {
    for lie in [Lie::ReceiptGas, Lie::WrittenBalance, Lie::ReadValue] {
        let fault = Arc::new(LyingWorker::new(lie));
        assert!(!fault.has_fired());

        let (honest, faulty) = honest_and_faulty(Arc::clone(&fault) as _).await;

        assert!(fault.has_fired(), "{lie:?}");
        assert_eq!(differing(&honest, &faulty), [1], "{lie:?}");
        let (truth, lied) = (&honest.transactions[0], &faulty.transactions[0]);
        let writes = |outcome: &TxOutcome| Arc::clone(&outcome.executed().unwrap().writes);
        let differs = (
            truth.reads != lied.reads,
            writes(truth) != writes(lied),
            gas_used(truth) != gas_used(lied),
        );
        let expected = match lie {
            Lie::ReadValue => (true, false, false),
            Lie::WrittenBalance => (false, true, false),
            Lie::ReceiptGas => (false, false, true),
        };
        assert_eq!(differs, expected, "{lie:?}");
    }
}

#[actix::test]
async fn a_wrong_outcome_is_wrong_in_the_same_way_wherever_it_runs() {
    for (asked, expected) in [(2, 2), (99, 3)] {
        let fault = Arc::new(WrongOutcome::new(AccessIndex::new(asked)));
        let (honest, first) = honest_and_faulty(Arc::clone(&fault) as _).await;
        let (_, second) = honest_and_faulty(Arc::clone(&fault) as _).await;

        assert!(fault.has_fired());
        assert_eq!(differing(&honest, &first), [expected]);
        assert_eq!(first.transactions, second.transactions);
        let wrong = (expected - 1) as usize;
        assert_eq!(gas_used(&first.transactions[wrong]), 21_001);
    }
}

#[actix::test]
async fn a_fault_that_finds_nothing_to_alter_has_not_fired() {
    let state = Arc::new(MemoryState::default());
    let alice = Person::number(1);
    let fault = Arc::new(LyingWorker::new(Lie::ReceiptGas));
    let worker = worker(&state).fault(Arc::clone(&fault) as _).start().unwrap();

    let invalid = task(&frame(1, 1), 0, 1, &[(alice, alice.sends(Address::ZERO, 1, 7))]);
    worker.execute_slice(invalid).await.unwrap();

    assert!(!fault.has_fired());
}

#[actix::test]
async fn a_lost_worker_drops_what_it_runs_and_answers_nothing_any_more() {
    let state = Arc::new(MemoryState::default());
    state.put_code(contract(1), &PEEK);
    state.put_slot(contract(1), 7, U256::ONE.to());
    let alice = Person::number(1);
    let fault = Arc::new(WorkerLost::new(2));
    let worker = worker(&state).fault(Arc::clone(&fault) as _).start().unwrap();
    let slice = |sequence, number| {
        worker.execute_slice(call(&frame(sequence, 2), number, alice, contract(1)))
    };
    state.hold();
    let second = async {
        state.until_reads(1).await;
        assert!(!fault.has_fired());
        slice(2, 1).await
    };

    let (first, second) = join!(slice(1, 0), second);
    state.release();

    assert!(fault.has_fired());
    for lost in [first, second, slice(3, 0).await] {
        let lost = lost.unwrap_err();
        assert_eq!((lost.code, lost.message.as_str()), (Code::Unavailable, "the worker is gone"));
    }
    let prepare = PrepareRequest { frame: frame(1, 2), transactions: Vec::new() };
    assert_eq!(worker.prepare(prepare).await.unwrap_err().code, Code::Unavailable);
    assert_eq!(worker.end_job(job(1)).await.unwrap_err().code, Code::Unavailable);
    assert!(state.staged().is_empty());
}
