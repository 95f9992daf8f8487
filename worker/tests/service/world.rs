//! A small chain: people who sign, contracts that read, jobs and slices over them.

use crate::state::MemoryState;
use alloy_consensus::{Header, SignableTransaction, TxEnvelope, TxLegacy};
use alloy_hardforks::EthereumHardfork;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use engine::{
    block::{AncestorHashes, BlockAttributes},
    chain::ChainSpec,
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, SnapshotId, Term, WorkerId},
    task::{JobFrame, SignedBy, SliceKind, SliceTask, TaskItem},
};
use proto::shards::StateShards;
use revm::primitives::hardfork::SpecId;
use std::sync::Arc;
use worker::{Worker, WorkerHandle, config::WorkerConfig};

/// Reads slot 0, then the slot that its last byte names: of two reads the second depends on the
/// first. What a run guesses for slot 0 has zero there and names no third slot.
pub(crate) const CHASE: Bytes =
    Bytes::from_static(&[0x60, 0x00, 0x54, 0x60, 0xff, 0x16, 0x54, 0x00]);
/// Reads slot 7.
pub(crate) const PEEK: Bytes = Bytes::from_static(&[0x60, 0x07, 0x54, 0x00]);
/// Reads slot 0, then runs in a circle until the gas is used up.
pub(crate) const CIRCLE: Bytes =
    Bytes::from_static(&[0x60, 0x00, 0x54, 0x50, 0x5b, 0x60, 0x04, 0x56]);

/// Somebody with a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    key: B256,
    pub(crate) address: Address,
}

impl Person {
    pub(crate) fn number(number: u64) -> Self {
        let key = keccak256(number.to_be_bytes());
        let signed = Self { key, address: Address::ZERO }.sends(Address::ZERO, 0, 0);
        let address = engine::senders::recover(&signed, SPEC).unwrap();
        Self { key, address }
    }

    pub(crate) fn sends(&self, to: Address, wei: u64, nonce: u64) -> Arc<TxEnvelope> {
        self.signs(TxLegacy {
            nonce,
            gas_limit: 100_000,
            to: TxKind::Call(to),
            value: U256::from(wei),
            ..TxLegacy::default()
        })
    }

    pub(crate) fn signs(&self, tx: TxLegacy) -> Arc<TxEnvelope> {
        let hash = tx.signature_hash();
        let signature = alloy_consensus::crypto::secp256k1::sign_message(self.key, hash).unwrap();
        Arc::new(tx.into_signed(signature).into())
    }
}

const SPEC: SpecId = SpecId::BERLIN;

pub(crate) const fn contract(number: u8) -> Address {
    Address::repeat_byte(0xc0 ^ number)
}

pub(crate) const fn job(sequence: u64) -> JobId {
    JobId { term: Term::new(1), sequence }
}

/// Names the Snapshot that most jobs run on.
pub(crate) const PARENT: SnapshotId = SnapshotId::Block(B256::repeat_byte(7));

pub(crate) fn frame(sequence: u64, n_transactions: usize) -> Arc<JobFrame> {
    frame_on(PARENT, sequence, n_transactions)
}

pub(crate) fn frame_on(
    snapshot: SnapshotId,
    sequence: u64,
    n_transactions: usize,
) -> Arc<JobFrame> {
    Arc::new(JobFrame {
        job: job(sequence),
        chain: ChainSpec::up_to(1, EthereumHardfork::Berlin),
        attributes: BlockAttributes {
            header: Header {
                number: 1,
                gas_limit: 30_000_000,
                beneficiary: Address::repeat_byte(0xbe),
                ..Header::default()
            },
            ommers: Vec::new(),
            withdrawals: None,
            n_transactions,
        },
        ancestors: AncestorHashes::default(),
        snapshot,
    })
}

/// The first attempt of a slice that only calls an address, without value, at an index.
pub(crate) fn call(frame: &Arc<JobFrame>, slice: u32, who: Person, to: Address) -> SliceTask {
    task(frame, slice, slice + 1, &[(who, who.sends(to, 0, 0))])
}

/// The first attempt of a slice with these transactions, from index `first` on.
pub(crate) fn task(
    frame: &Arc<JobFrame>,
    slice: u32,
    first: u32,
    transactions: &[(Person, Arc<TxEnvelope>)],
) -> SliceTask {
    let items =
        transactions.iter().zip(first..).map(|((person, transaction), position)| TaskItem {
            index: AccessIndex::new(position),
            incarnation: Incarnation::new(position),
            transaction: Some(SignedBy {
                transaction: Arc::clone(transaction),
                sender: person.address,
            }),
            standing: None,
        });
    SliceTask {
        frame: Arc::clone(frame),
        slice: SliceId::new(slice),
        attempt: Attempt::new(0),
        kind: SliceKind::Round,
        items: items.collect(),
        final_below: AccessIndex::new(1),
        gas_left: None,
        overlay: Vec::new(),
    }
}

pub(crate) fn worker(state: &Arc<MemoryState>) -> Worker {
    let config = WorkerConfig { threads: 4.try_into().unwrap(), ..WorkerConfig::default() };
    worker_with(state, config)
}

pub(crate) fn worker_with(state: &Arc<MemoryState>, config: WorkerConfig) -> Worker {
    Worker::new(WorkerId::new(3), config, StateShards::one(Arc::clone(state) as _))
}

pub(crate) fn start(state: &Arc<MemoryState>) -> WorkerHandle {
    worker(state).start().unwrap()
}
