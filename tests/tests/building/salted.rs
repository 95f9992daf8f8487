//! Candidates among which some are invalid, against serial execution that takes them one by one.

use super::{Cluster, Cut, Shape, candidates_of, open, with_transactions};
use crate::sandbox::random::workload;
use alloy_consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, Signature, TxKind, U256};
use engine::{
    block::Block,
    build::{Candidates, decode},
    header::BlockResults,
    model::Numbers,
    sequential::{SerialState, Stop},
};
use inputs::{Input, InputBlock};
use proto::coordinator::{JobEnd, Mode};
use std::sync::Arc;

const N_SEEDS: u64 = 8;
/// More gas than any block here has.
const TOO_MUCH_GAS: u64 = 1 << 60;

/// A transaction of somebody who owns nothing.
fn poor(numbers: &mut Numbers, nonce: u64, gas_limit: u64) -> TxEnvelope {
    let key = B256::from(U256::from(1 + numbers.below(u64::MAX - 1)));
    let tx = TxLegacy {
        chain_id: Some(1),
        nonce,
        gas_price: 1 << 40,
        gas_limit,
        to: TxKind::Create,
        value: U256::from(1),
        ..TxLegacy::default()
    };
    let signature =
        alloy_consensus::crypto::secp256k1::sign_message(key, tx.signature_hash()).unwrap();
    tx.into_signed(signature).into()
}

fn unsigned() -> TxEnvelope {
    TxLegacy::default().into_signed(Signature::new(U256::ZERO, U256::from(1), false)).into()
}

/// Puts invalid candidates of every kind at random places, and some that are valid out of order.
fn salt(mut candidates: Vec<Bytes>, numbers: &mut Numbers) -> Vec<Bytes> {
    let place = |numbers: &mut Numbers, len: usize| {
        usize::try_from(numbers.below(len as u64 + 1)).unwrap().min(len.saturating_sub(1))
    };
    for _ in 0..3 + numbers.below(6) {
        let (one, other) = (place(numbers, candidates.len()), place(numbers, candidates.len()));
        let bytes = |tx: TxEnvelope| Bytes::from(tx.encoded_2718());
        let grain = match numbers.below(7) {
            0 => Bytes::from_static(b"garbage"),
            1 => bytes(unsigned()),
            2 => bytes(poor(numbers, 0, 100_000)),
            3 => bytes(poor(numbers, 0, TOO_MUCH_GAS)),
            4 => bytes(poor(numbers, 7, 21_000)),
            5 => candidates[other].clone(),
            _ => {
                candidates.swap(one, other);
                continue;
            }
        };
        candidates.insert(one, grain);
    }
    candidates
}

/// What serial execution keeps of candidates, and what it makes of the block that is left.
struct Serial {
    kept: Vec<Arc<TxEnvelope>>,
    dropped: Vec<(usize, B256)>,
    results: BlockResults,
}

fn serial(input: &Input, block: &InputBlock, state: &SerialState, candidates: &[Bytes]) -> Serial {
    let parts = Block::decode(&block.block_rlp).unwrap();
    let run = |transactions: &[Arc<TxEnvelope>]| {
        let rlp = with_transactions(&parts, transactions.to_vec());
        state.run(&input.chain, &rlp, &block.lineage, &block.ancestors)
    };
    let Candidates { transactions, offsets, dropped } = decode(candidates);
    let mut dropped: Vec<_> = dropped.into_iter().map(|it| (it.candidate, it.hash)).collect();
    let mut kept = Vec::new();
    for (transaction, offset) in transactions.into_iter().zip(offsets) {
        kept.push(transaction);
        match run(&kept) {
            Ok(_) => {}
            Err(Stop::Invalid(invalid)) if invalid.transaction == Some(kept.len() - 1) => {
                let transaction = kept.pop().unwrap();
                dropped.push((offset, *transaction.tx_hash()));
            }
            Err(stop) => panic!("{stop}"),
        }
    }
    dropped.sort_unstable();
    let results = run(&kept).unwrap().results;
    Serial { kept, dropped, results }
}

/// Builds blocks of salted candidates on a cluster in this process; returns how many were dropped.
fn check(spec: &str, shape: Shape, numbers: &mut Numbers) -> usize {
    let input = open(spec);
    check_on(Cluster::start(&input, shape), &format!("{spec}, {shape:?}"), numbers)
}

fn check_on(cluster: Cluster<'_>, place: &str, numbers: &mut Numbers) -> usize {
    let input = cluster.input;
    let mut state = input.parent.values().unwrap().to_serial_state();
    let mut n_dropped = 0;
    for block in &input.blocks {
        let parts = Block::decode(&block.block_rlp).unwrap();
        let candidates = salt(candidates_of(&parts), numbers);
        let cut = Cut::random(numbers);
        let place = format!("{place}, {cut:?}, block {}", block.number);
        let serial = serial(input, block, &state, &candidates);

        let outcome = cluster.build(block, candidates, cut).unwrap();

        assert_eq!(outcome.end, JobEnd::Built, "{place}");
        let built = outcome.built.as_ref().unwrap();
        let dropped: Vec<_> = built.dropped.iter().map(|it| (it.candidate, it.hash)).collect();
        assert_eq!(dropped, serial.dropped, "{place}: {:?}", built.dropped);
        assert_eq!(built.transactions, serial.kept, "{place}");
        let results = outcome.results.as_ref().unwrap();
        let known = BlockResults { state_root: results.state_root, ..serial.results };
        assert_eq!(results, &known, "{place}");
        assert_eq!(outcome.writes.len(), serial.kept.len() + 2, "{place}");
        n_dropped += dropped.len();

        let again = cluster.execute(block, built.block_rlp.clone(), Mode::Verify, cut);
        assert_eq!(again.end, JobEnd::Verified, "{place}");
        assert_eq!(
            (again.receipts == outcome.receipts, again.writes == outcome.writes),
            (true, true),
            "{place}"
        );
        cluster.release(&again);
        cluster.release(&outcome);
        cluster.go_on(block, cut);
        let after = state.run(&input.chain, &block.block_rlp, &block.lineage, &block.ancestors);
        state.apply(&after.unwrap().post);
    }
    cluster.stop();
    n_dropped
}

#[test]
fn invalid_candidates_are_left_out_where_serial_execution_leaves_them_out() {
    let shapes = [(1, 1), (3, 4), (5, 1), (2, 16)];
    let mut n_dropped = 0;
    for seed in 0..N_SEEDS {
        let mut numbers = Numbers::new(seed ^ 0xb011d);
        let spec = workload(&mut numbers);
        eprintln!("seed {seed}: {spec}");
        let shape = shapes[usize::try_from(seed).unwrap() % shapes.len()];
        n_dropped += check(&spec, shape, &mut numbers);
    }
    assert!(n_dropped > 20, "{n_dropped} candidates were dropped: this shows little");
}

#[test]
fn invalid_candidates_are_left_out_over_grpc_as_in_one_process() {
    let mut numbers = Numbers::new(0xb011d);
    let spec = workload(&mut numbers);
    let input = open(&spec);
    let cluster = Cluster::start_processes(&input, (2, 2));
    let n_dropped = check_on(cluster, &format!("{spec}, gRPC"), &mut numbers);
    assert!(n_dropped > 2, "{n_dropped} candidates were dropped: this shows little");
}

#[test]
fn a_chain_of_nonces_without_its_beginning_is_left_out_at_once() {
    let input = open("workload:chain?txs=12&blocks=1&accounts=16");
    let block = &input.blocks[0];
    let parts = Block::decode(&block.block_rlp).unwrap();
    for (shape, seed) in [(1, 1), (3, 4)].into_iter().zip(0..) {
        let cluster = Cluster::start(&input, shape);
        let mut candidates = candidates_of(&parts);
        let first = candidates.remove(0);
        candidates.push(first);
        let state = input.parent.values().unwrap().to_serial_state();
        let serial = serial(&input, block, &state, &candidates);
        let cut = Cut { seed, slice_gas: Some(1), ..Cut::random(&mut Numbers::new(seed)) };

        let outcome = cluster.build(block, candidates, cut).unwrap();

        let built = outcome.built.unwrap();
        assert_eq!(built.transactions, serial.kept);
        let dropped: Vec<_> = built.dropped.iter().map(|it| (it.candidate, it.hash)).collect();
        assert_eq!(dropped, serial.dropped);
        assert!(!dropped.is_empty());
        cluster.stop();
    }
}
