//! Room in a block that is built: what of its gas is left for a slice's transactions (rule 10).
//!
//! The worker makes the checks that the coordinator makes again when a transaction is next to be
//! final, so that it does not run what will be dropped, and builds nothing on it. It can do so as
//! far as every index below is final or in the slice.

use super::{Place, SliceRun, view::SliceView};
use crate::{
    access::ReadSet,
    header::GasLeft,
    ids::AccessIndex,
    outcome::{TxOutcome, Verdict},
    task::TaskItem,
};
use alloy_consensus::TxEnvelope;

/// What is left of the block's gas at a position below which nothing changes any more.
#[derive(Debug)]
pub(super) struct Room {
    at: usize,
    left: GasLeft,
}

impl Room {
    pub(super) const fn new(left: GasLeft) -> Self {
        Self { at: 0, left }
    }

    fn holds(&self, transaction: &TxEnvelope) -> bool {
        self.left.admit(transaction).is_ok()
    }
}

impl Place {
    fn gas_used(&self, item: &TaskItem) -> Option<u64> {
        match self {
            Self::Open => None,
            Self::Kept => item.standing.as_ref().map(|standing| standing.gas_used),
            Self::Ran(outcome) => {
                outcome.executed()?.receipt.as_ref().map(|receipt| receipt.gas.used)
            }
        }
    }
}

impl SliceRun {
    /// Takes the next index to look at. Where nothing waits for keys, room is measured up to it
    /// first; that may open lower ones.
    pub(super) fn next_open(
        &mut self,
        view: &mut SliceView,
        nothing_waits: bool,
    ) -> Option<AccessIndex> {
        if nothing_waits {
            self.measure_room(view);
            if self.open.is_empty() {
                self.open_unfit(view);
            }
        }
        self.open.pop_first()
    }

    /// Goes on to the lowest open position. What ran there as a guess, and does not fit, leaves.
    fn measure_room(&mut self, view: &mut SliceView) {
        let Some(mut room) = self.room.take() else { return };
        while let Some(item) = self.task.items.get(room.at) {
            let is_open = self.open.first().is_some_and(|open| *open <= item.index);
            if is_open || !self.is_certain[room.at] {
                break;
            }
            if let Some(signed) = &item.transaction {
                if room.holds(&signed.transaction) {
                    if let Some(gas_used) = self.places[room.at].gas_used(item) {
                        room.left.spend(&signed.transaction, gas_used);
                    }
                } else {
                    self.leave(view, room.at);
                }
            }
            room.at += 1;
        }
        self.room = Some(room);
    }

    /// Tells whether there may be room for the transaction at a position; if there is certainly
    /// none it does not run. What was left earlier is never less than what is left now.
    pub(super) fn has_room(&mut self, view: &mut SliceView, position: usize) -> bool {
        let Some(room) = self.room.as_ref().filter(|_| self.is_certain[position]) else {
            return true;
        };
        let signed = self.task.items[position].transaction.as_ref();
        let fits = signed.is_none_or(|signed| room.holds(&signed.transaction));
        if !fits {
            self.leave(view, position);
        }
        fits
    }

    fn leave(&mut self, view: &mut SliceView, position: usize) {
        let TaskItem { index, incarnation, .. } = self.task.items[position];
        let (reads, verdict) = (ReadSet::default(), Verdict::NoRoom);
        self.settle(view, position, Place::Ran(TxOutcome { index, incarnation, reads, verdict }));
    }
}
