//! Faults on request, so that checks can be seen to fail. Only an embedded cluster hands them in.

use alloy_primitives::U256;
use engine::{
    access::{AccessValue, BalanceWrite, WriteSet},
    ids::AccessIndex,
    outcome::{SliceOutcome, TxOutcome, Verdict},
    task::JobFrame,
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// What a faulty worker does wrong.
pub trait Fault: Send + Sync + fmt::Debug {
    /// Is told that a slice was received; true if the worker is lost now.
    fn is_lost_at_slice(&self) -> bool {
        false
    }

    /// Alters an outcome before anybody sees it.
    fn alter(&self, _frame: &JobFrame, _outcome: &mut SliceOutcome) {}

    /// Tells whether anything was done wrong so far.
    fn has_fired(&self) -> bool;
}

/// A worker without a fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFault;

impl Fault for NoFault {
    fn has_fired(&self) -> bool {
        false
    }
}

/// What a lying worker says that is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// One unit of gas more was used.
    ReceiptGas,
    /// One wei more was written to a balance.
    WrittenBalance,
    /// A value that was read was another.
    ReadValue,
}

/// `lying-worker`: alters the first outcome of every slice to which its lie applies. Given to one
/// worker.
#[derive(Debug)]
pub struct LyingWorker {
    lie: Lie,
    fired: AtomicBool,
}

impl LyingWorker {
    /// Makes a worker that tells one kind of lie.
    pub const fn new(lie: Lie) -> Self {
        Self { lie, fired: AtomicBool::new(false) }
    }
}

impl Fault for LyingWorker {
    fn alter(&self, _frame: &JobFrame, outcome: &mut SliceOutcome) {
        if outcome.transactions.iter_mut().any(|transaction| self.lie.tell(transaction)) {
            self.fired.store(true, Ordering::Relaxed);
        }
    }

    fn has_fired(&self) -> bool {
        self.fired.load(Ordering::Relaxed)
    }
}

/// `wrong-outcome`: alters one transaction of every block, the same and in the same way on every
/// worker, as a bug would. One value is shared by all workers.
#[derive(Debug)]
pub struct WrongOutcome {
    index: AccessIndex,
    fired: AtomicBool,
}

impl WrongOutcome {
    /// Makes a fault at an index; a block with fewer transactions has it at its last one.
    pub const fn new(index: AccessIndex) -> Self {
        Self { index, fired: AtomicBool::new(false) }
    }
}

impl Fault for WrongOutcome {
    fn alter(&self, frame: &JobFrame, outcome: &mut SliceOutcome) {
        let post_block = AccessIndex::post_block(frame.attributes.n_transactions);
        let last = AccessIndex::new(post_block.position() - 1);
        let wrong = self.index.min(last);
        let mut here = outcome.transactions.iter_mut().filter(|outcome| outcome.index == wrong);
        if here.any(|transaction| Lie::ReceiptGas.tell(transaction)) {
            self.fired.store(true, Ordering::Relaxed);
        }
    }

    fn has_fired(&self) -> bool {
        self.fired.load(Ordering::Relaxed)
    }
}

/// `worker-lost`: the worker drops everything when it receives its n-th slice, and answers nothing
/// any more.
#[derive(Debug)]
pub struct WorkerLost {
    at_slice: u64,
    n_received: AtomicU64,
}

impl WorkerLost {
    /// Makes a worker that is lost when it receives its `at_slice`-th slice, counted from 1.
    pub const fn new(at_slice: u64) -> Self {
        Self { at_slice, n_received: AtomicU64::new(0) }
    }
}

impl Fault for WorkerLost {
    fn is_lost_at_slice(&self) -> bool {
        self.n_received.fetch_add(1, Ordering::Relaxed) + 1 >= self.at_slice
    }

    fn has_fired(&self) -> bool {
        self.n_received.load(Ordering::Relaxed) >= self.at_slice
    }
}

impl Lie {
    /// Tells the lie of an outcome; false if there is nothing to lie about.
    fn tell(self, outcome: &mut TxOutcome) -> bool {
        match (self, &mut outcome.verdict) {
            (Self::ReadValue, _) => {
                let Some(read) = outcome.reads.0.first_mut() else { return false };
                read.value = AccessValue(read.value.0.wrapping_add(U256::ONE));
                true
            }
            (Self::ReceiptGas, Verdict::Executed(executed)) => {
                let Some(receipt) = &mut executed.receipt else { return false };
                receipt.gas.used += 1;
                true
            }
            (Self::WrittenBalance, Verdict::Executed(executed)) => {
                raise_a_balance(Arc::make_mut(&mut executed.writes))
            }
            _ => false,
        }
    }
}

fn raise_a_balance(writes: &mut WriteSet) -> bool {
    let balance = writes.accounts.iter_mut().find_map(|(_, write)| write.balance.as_mut());
    let Some(balance) = balance else { return false };
    let (BalanceWrite::Set(wei) | BalanceWrite::Credit(wei)) = balance;
    *wei = wei.wrapping_add(U256::ONE);
    true
}
