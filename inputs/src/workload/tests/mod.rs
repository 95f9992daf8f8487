//! What the generators promise, held against revm.

mod contents;
mod replay;
mod semantics;

use super::{GeneratedWorkload, WorkloadSpec, generate};
use alloy_consensus::{TxEnvelope, transaction::SignerRecoverable};
use alloy_primitives::Address;

/// One of each kind, small, with accounts that send more than once and several blocks.
const SMALL: [&str; 9] = [
    "workload:transfers?txs=60&blocks=3&accounts=64&hot=25",
    "workload:erc20?txs=60&blocks=3&accounts=64",
    "workload:erc20?txs=60&blocks=3&accounts=64&zipf=1.1&hot=10",
    "workload:swaps?txs=60&blocks=3&accounts=64&pools=5&hot=20",
    "workload:swaps?txs=60&blocks=2&accounts=16&pools=1",
    "workload:chain?txs=60&blocks=3&accounts=64",
    "workload:hybrid?txs=60&blocks=3&accounts=64&pools=5",
    "workload:compute?txs=6&accounts=16&gas=400000",
    "workload:mint?txs=60&blocks=3&accounts=64&hot=25",
];

fn generated(text: &str) -> GeneratedWorkload {
    generate(&text.parse::<WorkloadSpec>().unwrap())
}

fn sender(transaction: &TxEnvelope) -> Address {
    transaction.recover_signer().unwrap()
}
