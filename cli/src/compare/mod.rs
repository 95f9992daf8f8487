//! Compares what the cluster produced with what serial execution produced: receipts one by one,
//! the state after the block account by account and slot by slot, the state root.
//!
//! Pure. The first difference is that of the lowest transaction.

mod receipts;
mod state;
#[cfg(test)]
mod tests;

pub use state::Parent;

use crate::report::{Difference, OracleObject};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::B256;
use engine::{access::WriteSet, fold::StateDiff, header::FieldStatus, ids::AccessIndex};
use std::sync::Arc;

/// Writes of a block by index, sorted by index.
pub type Writes = [(AccessIndex, Arc<WriteSet>)];

/// What the cluster produced.
#[derive(Clone, Copy, Debug)]
pub struct FromCluster<'a> {
    /// Receipts in order.
    pub receipts: &'a [ReceiptEnvelope],
    /// Writes in order.
    pub writes: &'a Writes,
    /// State root, where it can be known.
    pub state_root: Option<B256>,
}

/// What serial execution produced.
#[derive(Clone, Copy, Debug)]
pub struct FromOracle<'a> {
    /// Receipts in order.
    pub receipts: &'a [ReceiptEnvelope],
    /// Final values of everything that was written.
    pub post: &'a StateDiff,
    /// State root, where it can be known.
    pub state_root: Option<B256>,
}

/// How the cluster's outcome compares with the oracle's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OracleComparison {
    /// The statuses.
    pub statuses: OracleObject,
    /// The first difference.
    pub first_difference: Option<Difference>,
}

/// Compares two executions of one block. `recorded` gives the oracle's writes by index; it is
/// asked only if the states differ, to lay the difference to a transaction.
pub fn with_oracle(
    parent: Parent<'_>,
    cluster: FromCluster<'_>,
    oracle: FromOracle<'_>,
    recorded: impl FnOnce() -> Option<Vec<(AccessIndex, Arc<WriteSet>)>>,
) -> OracleComparison {
    let receipts = receipts::first_mismatch(cluster.receipts, oracle.receipts);
    let writes = (!parent.leads_to(cluster.writes, oracle.post)).then(|| {
        let by_index = recorded().and_then(|theirs| parent.first_mismatch(cluster.writes, &theirs));
        by_index.unwrap_or_else(|| at_the_end(parent, cluster, oracle))
    });
    let root = match (cluster.state_root, oracle.state_root) {
        (Some(cluster), Some(oracle)) if cluster == oracle => FieldStatus::Equal,
        (Some(_), Some(_)) => FieldStatus::Different,
        _ => FieldStatus::NotCheckable,
    };
    let statuses = OracleObject {
        compared: true,
        receipts: Some(status_of(receipts.as_ref())),
        writes: Some(status_of(writes.as_ref())),
        state_root: Some(root.name()),
    };
    // Of one transaction its receipt says more than what it left behind.
    let lowest = [receipts, writes].into_iter().flatten().min_by_key(|found| found.index);
    let first_difference = lowest.map(|found| found.into_difference(oracle.receipts.len()));
    let first_difference = first_difference.or_else(|| {
        (root == FieldStatus::Different).then(|| Difference {
            transaction: None,
            field: "state_root".to_owned(),
            cluster: cluster.state_root.map(|root| root.to_string()),
            expected: oracle.state_root.map(|root| root.to_string()),
            against: "oracle",
        })
    });
    OracleComparison { statuses, first_difference }
}

/// Where no index can be named: the last states, as they differ.
fn at_the_end(parent: Parent<'_>, cluster: FromCluster<'_>, oracle: FromOracle<'_>) -> Mismatch {
    let found = parent.in_last_state(cluster.writes, oracle.post);
    let (field, cluster, expected) = found.unwrap_or_else(|| ("state".to_owned(), None, None));
    let index = AccessIndex::post_block(oracle.receipts.len());
    Mismatch { index, field, cluster, expected }
}

const fn status_of(mismatch: Option<&Mismatch>) -> &'static str {
    let status = if mismatch.is_some() { FieldStatus::Different } else { FieldStatus::Equal };
    status.name()
}

/// A field with the values of both sides.
type Found = (String, Option<String>, Option<String>);

fn differ<T: PartialEq + ToString>(field: &str, cluster: &T, oracle: &T) -> Option<Found> {
    let found = || (field.to_owned(), Some(cluster.to_string()), Some(oracle.to_string()));
    (cluster != oracle).then(found)
}

/// A difference from serial execution, before it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mismatch {
    index: AccessIndex,
    field: String,
    cluster: Option<String>,
    expected: Option<String>,
}

impl Mismatch {
    fn into_difference(self, n_transactions: usize) -> Difference {
        let offset = self.index.transaction_offset().filter(|offset| *offset < n_transactions);
        let field = match offset {
            Some(_) => self.field,
            None if self.index == AccessIndex::PRE_BLOCK => format!("before block: {}", self.field),
            None => format!("after block: {}", self.field),
        };
        let transaction = offset.map(|offset| offset as u64);
        let Self { cluster, expected, .. } = self;
        Difference { transaction, field, cluster, expected, against: "oracle" }
    }
}
