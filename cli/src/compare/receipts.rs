//! Receipts, one by one.

use super::{Found, Mismatch, differ};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::Log;
use engine::ids::AccessIndex;

/// Returns the first receipt that is not the same, with the first part of it that is not.
pub(super) fn first_mismatch(
    cluster: &[ReceiptEnvelope],
    oracle: &[ReceiptEnvelope],
) -> Option<Mismatch> {
    let mut gas = (0, 0);
    for (offset, (ours, theirs)) in cluster.iter().zip(oracle).enumerate() {
        let found = in_receipt(ours, theirs, gas);
        if let Some((field, cluster, expected)) = found {
            let index = AccessIndex::of_transaction(offset);
            let field = format!("receipt.{field}");
            return Some(Mismatch { index, field, cluster, expected });
        }
        gas = (ours.cumulative_gas_used(), theirs.cumulative_gas_used());
    }
    let (n_ours, n_theirs) = (cluster.len(), oracle.len());
    (n_ours != n_theirs).then(|| Mismatch {
        index: AccessIndex::of_transaction(n_ours.min(n_theirs)),
        field: "receipts".to_owned(),
        cluster: Some(n_ours.to_string()),
        expected: Some(n_theirs.to_string()),
    })
}

/// `gas` is the gas of the transactions before, on both sides.
fn in_receipt(
    cluster: &ReceiptEnvelope,
    oracle: &ReceiptEnvelope,
    gas: (u64, u64),
) -> Option<Found> {
    let used = |receipt: &ReceiptEnvelope, before| receipt.cumulative_gas_used() - before;
    differ("type", &(cluster.tx_type() as u8), &(oracle.tx_type() as u8))
        .or_else(|| differ("status", &cluster.status(), &oracle.status()))
        .or_else(|| differ("gas_used", &used(cluster, gas.0), &used(oracle, gas.1)))
        .or_else(|| in_logs(cluster.logs(), oracle.logs()))
        .or_else(|| differ("logs_bloom", cluster.logs_bloom(), oracle.logs_bloom()))
}

fn in_logs(cluster: &[Log], oracle: &[Log]) -> Option<Found> {
    let in_one = cluster.iter().zip(oracle).enumerate().find_map(|(position, (ours, theirs))| {
        let found = in_log(ours, theirs);
        found.map(|(field, ours, theirs)| (format!("logs[{position}].{field}"), ours, theirs))
    });
    in_one.or_else(|| differ("logs", &cluster.len(), &oracle.len()))
}

fn in_log(cluster: &Log, oracle: &Log) -> Option<Found> {
    let topics =
        |log: &Log| log.topics().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    differ("address", &cluster.address, &oracle.address)
        .or_else(|| differ("topics", &topics(cluster), &topics(oracle)))
        .or_else(|| differ("data", &cluster.data.data, &oracle.data.data))
}
