//! What a worker may say that is not so.

use alloy_primitives::U256;
use engine::{
    access::BalanceWrite,
    account::{SnapshotKey, SnapshotValue},
    outcome::{SliceOutcome, TxOutcome, Verdict},
};
use std::sync::Arc;

/// What a worker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// One unit of gas more in a receipt.
    Receipt,
    /// One wei more in a balance that was written.
    Write,
    /// Another value in a read.
    Read,
    /// Another value in a report of the Snapshot.
    Snapshot,
    /// Another sender than the signature gives.
    Sender,
    /// A transaction is invalid that is not.
    Invalid,
    /// A key of the Snapshot cannot be answered, and it can.
    Unavailable,
    /// An index of the slice is left out.
    Silence,
}

pub(super) const LIES: [Lie; 8] = [
    Lie::Receipt,
    Lie::Write,
    Lie::Read,
    Lie::Snapshot,
    Lie::Sender,
    Lie::Invalid,
    Lie::Unavailable,
    Lie::Silence,
];

pub(super) fn lie_about(lie: Lie, outcome: &mut TxOutcome) -> bool {
    match (lie, &mut outcome.verdict) {
        (Lie::Receipt, _) => more_gas(outcome),
        (Lie::Write, Verdict::Executed(executed)) => {
            let writes = Arc::make_mut(&mut executed.writes);
            let mut balances = writes.accounts.iter_mut().filter_map(|it| it.1.balance.as_mut());
            let Some(BalanceWrite::Set(wei) | BalanceWrite::Credit(wei)) = balances.next() else {
                return false;
            };
            *wei += U256::from(1);
            true
        }
        (Lie::Read, _) => {
            let Some(read) = outcome.reads.0.first_mut() else { return false };
            read.value.0 += U256::from(1);
            true
        }
        (Lie::Invalid, Verdict::Executed(executed)) if executed.receipt.is_some() => {
            outcome.verdict = Verdict::Invalid { reason: "a lie".to_owned() };
            true
        }
        (Lie::Unavailable, Verdict::Executed(_)) => {
            let Some(read) = outcome.reads.0.first() else { return false };
            let key = SnapshotKey::Account(*read.key.address());
            outcome.verdict = Verdict::Unavailable { key };
            true
        }
        _ => false,
    }
}

pub(super) fn more_gas(outcome: &mut TxOutcome) -> bool {
    let Verdict::Executed(executed) = &mut outcome.verdict else { return false };
    let Some(receipt) = &mut executed.receipt else { return false };
    receipt.gas.used += 1;
    true
}

pub(super) fn lie_about_snapshot(outcome: &mut SliceOutcome) -> bool {
    let Some(value) = outcome.snapshot.first_mut() else { return false };
    match value {
        SnapshotValue::Account(_, account) => {
            account.get_or_insert_default().balance += U256::from(1);
        }
        SnapshotValue::Slot(_, _, value) => *value += U256::from(1),
    }
    true
}
