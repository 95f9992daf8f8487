//! How many bytes messages hold: keys and values at fixed width, as a wire without tricks would
//! carry them.

use alloy_primitives::Bytes;
use engine::{
    access::{AccountWrite, WriteSet},
    account::{SnapshotAnswer, SnapshotKey},
    fold::{AccountDiff, StateDiff},
};
use proto::state::{
    FeedMessage, ProveResponse, SealRequest, SealResponse, SealedShard, SnapshotContents,
    StageRequest, StateValues,
};

const TAG: usize = 1;
const ADDRESS: usize = 20;
const WORD: usize = 32;
const NUMBER: usize = 8;
const ACCOUNT: usize = WORD + NUMBER + WORD;
/// A Snapshot's name.
pub(crate) const NAME: usize = TAG + WORD;
/// A shard's place in a cluster.
pub(crate) const PLACE: usize = 4 * NUMBER;

/// Returns the bytes of questions.
pub(crate) fn of_keys(keys: &[SnapshotKey]) -> usize {
    keys.iter()
        .map(|key| match key {
            SnapshotKey::Account(_) | SnapshotKey::AccountWithCode(_) => TAG + ADDRESS,
            SnapshotKey::Slot(..) | SnapshotKey::Code(..) => TAG + ADDRESS + WORD,
        })
        .sum()
}

/// Returns the bytes of answers.
pub(crate) fn of_answers(answers: &[SnapshotAnswer]) -> usize {
    answers
        .iter()
        .map(|answer| match answer {
            SnapshotAnswer::Account { account, code } => {
                let code = code.as_ref().map_or(0, |code| code.bytes.len());
                TAG + account.map_or(0, |_| ACCOUNT) + code
            }
            SnapshotAnswer::Slot(_) => TAG + WORD,
            SnapshotAnswer::Code(bytes) => TAG + bytes.len(),
            SnapshotAnswer::Unavailable => TAG,
        })
        .sum()
}

/// Returns the bytes of what one index wrote.
pub(crate) fn of_write_set(set: &WriteSet) -> usize {
    let accounts: usize = set.accounts.iter().map(|(_, write)| of_account_write(write)).sum();
    let codes: usize = set.codes.iter().map(|(_, code)| WORD + code.len()).sum();
    NUMBER + accounts + codes
}

fn of_account_write(write: &AccountWrite) -> usize {
    let balance = write.balance.map_or(0, |_| TAG + WORD);
    let nonce = write.nonce.map_or(0, |_| NUMBER);
    let code_hash = write.code_hash.map_or(0, |_| WORD);
    ADDRESS + TAG + balance + nonce + code_hash + write.slots.len() * 2 * WORD
}

/// Returns the bytes of a question for a seal.
pub(crate) fn of_seal(request: &SealRequest) -> usize {
    let values: usize = request.values.iter().map(|(_, set)| of_write_set(set)).sum();
    2 * NAME + WORD + request.order.len() * NUMBER + values
}

/// Returns the bytes of the answer to a seal.
pub(crate) fn of_sealed(answer: &SealResponse) -> usize {
    match answer {
        SealResponse::Sealed(sealed) => of_sealed_shard(sealed),
        SealResponse::Differs { digests, .. } => NUMBER + digests.len() * (NUMBER + WORD),
    }
}

/// Returns the bytes of a root node, or that there is none.
pub(crate) fn of_sealed_shard(sealed: &SealedShard) -> usize {
    let by_index = sealed.index_root_nodes.iter().map(|(_, node)| NUMBER + node.len());
    NUMBER + sealed.root_node.as_ref().map_or(0, |node| node.len()) + by_index.sum::<usize>()
}

/// Returns the bytes of a proof.
pub(crate) fn of_proof(response: &ProveResponse) -> usize {
    let nodes = |nodes: &[Bytes]| nodes.iter().map(|node| NUMBER + node.len()).sum::<usize>();
    let proof = response.proof.as_ref().map_or(0, |proof| {
        let slots = proof.slots.iter().map(|slot| 2 * WORD + nodes(&slot.nodes));
        ACCOUNT + WORD + nodes(&proof.nodes) + slots.sum::<usize>()
    });
    response.root_node.len() + proof
}

/// Returns the bytes of writes to be staged.
pub(crate) fn of_stage(request: &StageRequest) -> usize {
    let sets = request.writes.iter().map(|(_, _, set)| NUMBER + of_write_set(set));
    NAME + sets.sum::<usize>()
}

/// Returns the bytes of a message of the feed.
pub(crate) fn of_feed_message(message: &FeedMessage) -> usize {
    match message {
        FeedMessage::Start { .. } => NUMBER + 2 * NAME,
        FeedMessage::Sealed { diff, .. } => NUMBER + 2 * NAME + of_diff(diff),
        FeedMessage::Committed { .. } => 2 * NAME,
        FeedMessage::Dropped { .. } => NAME,
    }
}

fn of_diff(diff: &StateDiff) -> usize {
    let of_account = |changes: &AccountDiff| {
        ADDRESS + TAG + changes.account.map_or(0, |_| ACCOUNT) + changes.slots.len() * 2 * WORD
    };
    let accounts: usize = diff.accounts.values().map(of_account).sum();
    let codes: usize = diff.codes.values().map(|code| WORD + code.len()).sum();
    accounts + codes
}

/// Returns the bytes of what a Snapshot is made from.
pub(crate) fn of_contents(contents: &SnapshotContents) -> usize {
    match contents {
        SnapshotContents::Values(values) | SnapshotContents::Whole(values) => of_values(values),
        SnapshotContents::Witness(witness) => {
            witness.nodes.iter().chain(&witness.codes).map(|bytes| NUMBER + bytes.len()).sum()
        }
    }
}

/// Returns the bytes of a state.
pub(crate) fn of_values(values: &StateValues) -> usize {
    let accounts: usize = values
        .accounts
        .iter()
        .map(|account| ADDRESS + ACCOUNT + account.storage.len() * 2 * WORD)
        .sum();
    let codes: usize = values.codes.iter().map(|code| WORD + code.bytes.len()).sum();
    accounts + codes
}
