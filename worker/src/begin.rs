//! The first thing that happens to a slice on a CPU thread: its run is made.

use crate::machine::Begun;
use engine::{
    access::{ReadSet, WriteSet},
    execute::{CancelFlag, RunLimits},
    ids::AccessIndex,
    outcome::{TxOutcome, Verdict},
    senders,
    slice::SliceRun,
    task::{SliceKind, SliceTask},
};
use std::{collections::BTreeMap, sync::Arc};
use tracing::warn;

/// What the reason of a transaction without a sender begins with.
const NO_SENDER: &str = "the signature has no sender";

/// Makes the run of a task and names the keys that the block says it will read. `None` if it is
/// cancelled by then.
pub(crate) fn begin(
    mut task: SliceTask,
    overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
    limits: RunLimits,
    cancel: CancelFlag,
) -> Option<Begun> {
    let no_sender = match task.kind {
        SliceKind::Confirmation => recover_again(&mut task, &cancel),
        SliceKind::Round | SliceKind::Whole | SliceKind::Tail => None,
    };
    if cancel.is_cancelled() {
        return None;
    }
    let slice = Box::new(SliceRun::new(task, overlay, limits, cancel));
    let predicted = slice.predicted_keys();
    Some(Begun { slice, predicted, no_sender })
}

/// Puts the senders that the signatures give in place of those that the task names. The first
/// transaction without one ends the block: it and what is above it leave the task.
fn recover_again(task: &mut SliceTask, cancel: &CancelFlag) -> Option<TxOutcome> {
    let header = &task.frame.attributes.header;
    let spec = task.frame.chain.spec_at(header.number, header.timestamp);
    for position in 0..task.items.len() {
        if cancel.is_cancelled() {
            return None;
        }
        let item = &mut task.items[position];
        let Some(signed) = &mut item.transaction else { continue };
        match senders::recover(&signed.transaction, spec) {
            Some(recovered) => {
                let given = std::mem::replace(&mut signed.sender, recovered);
                if given != recovered {
                    warn!(index = %item.index, %given, %recovered, "a task named a wrong sender");
                }
            }
            None => {
                let (index, incarnation) = (item.index, item.incarnation);
                task.items.truncate(position);
                let verdict = Verdict::Invalid { reason: NO_SENDER.to_owned() };
                return Some(TxOutcome { index, incarnation, reads: ReadSet::default(), verdict });
            }
        }
    }
    None
}
