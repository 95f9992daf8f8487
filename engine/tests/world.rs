//! A small state, blocks on it, and a driver that answers what slices ask.

use alloy_consensus::{Header, Signed, TxEip1559, TxEnvelope};
use alloy_hardforks::EthereumHardfork;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use engine::{
    access::{Read, WriteSet},
    account::{Account, SnapshotAnswer, SnapshotKey},
    block::{AncestorHashes, BlockAttributes, Code},
    chain::ChainSpec,
    execute::{CancelFlag, RunLimits},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, SnapshotId},
    outcome::{Executed, SliceOutcome, TxOutcome},
    slice::{SliceRun, Step},
    task::{JobFrame, SignedBy, SliceKind, SliceTask, TaskItem},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) const CHAIN_ID: u64 = 1337;
pub(crate) const GAS_PRICE: u128 = 10;
pub(crate) const BENEFICIARY: Address = Address::repeat_byte(0xbe);
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Address number `n` of the tests.
pub(crate) fn addr(n: u8) -> Address {
    Address::with_last_byte(n).create(1000)
}

/// A state that answers keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) slots: BTreeMap<(Address, U256), U256>,
    pub(crate) codes: BTreeMap<B256, Bytes>,
}

impl World {
    pub(crate) fn with_balance(mut self, address: Address, balance: U256) -> Self {
        self.accounts.entry(address).or_default().balance = balance;
        self
    }

    pub(crate) fn with_code(mut self, address: Address, code: &[u8]) -> Self {
        let hash = keccak256(code);
        let account = self.accounts.entry(address).or_default();
        account.code_hash = hash;
        account.nonce = 1;
        self.codes.insert(hash, Bytes::copy_from_slice(code));
        self
    }

    pub(crate) fn with_slot(mut self, address: Address, slot: u64, value: u64) -> Self {
        self.slots.insert((address, U256::from(slot)), U256::from(value));
        self
    }

    pub(crate) fn answer(&self, key: &SnapshotKey) -> SnapshotAnswer {
        match key {
            SnapshotKey::Account(address) => {
                SnapshotAnswer::Account { account: self.accounts.get(address).copied(), code: None }
            }
            SnapshotKey::AccountWithCode(address) => {
                let account = self.accounts.get(address).copied();
                let code = account.and_then(|account| {
                    let bytes = self.codes.get(&account.code_hash)?.clone();
                    Some(Code { hash: account.code_hash, bytes })
                });
                SnapshotAnswer::Account { account, code }
            }
            SnapshotKey::Slot(address, slot) => SnapshotAnswer::Slot(
                self.slots.get(&(*address, *slot)).copied().unwrap_or_default(),
            ),
            SnapshotKey::Code(_, hash) => match self.codes.get(hash) {
                Some(code) => SnapshotAnswer::Code(code.clone()),
                None => SnapshotAnswer::Unavailable,
            },
        }
    }
}

/// A block's frame on the test chain with every fork up to `last`.
pub(crate) fn frame(last: EthereumHardfork, n_transactions: usize) -> Arc<JobFrame> {
    let cancun = last >= EthereumHardfork::Cancun;
    Arc::new(JobFrame {
        job: JobId::default(),
        chain: ChainSpec::up_to(CHAIN_ID, last),
        attributes: BlockAttributes {
            header: Header {
                number: 1,
                timestamp: 12,
                beneficiary: BENEFICIARY,
                gas_limit: 1 << 53,
                base_fee_per_gas: (last >= EthereumHardfork::London).then_some(1),
                excess_blob_gas: cancun.then_some(0),
                parent_beacon_block_root: cancun.then_some(B256::ZERO),
                ..Header::default()
            },
            ommers: Vec::new(),
            withdrawals: None,
            n_transactions,
        },
        ancestors: AncestorHashes(BTreeMap::from([(0, B256::repeat_byte(0xa0))])),
        snapshot: SnapshotId::Loaded(0),
    })
}

/// A transaction of the tests; signatures are not looked at, the sender is told.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) from: Address,
    pub(crate) to: TxKind,
    pub(crate) nonce: u64,
    pub(crate) value: U256,
    pub(crate) gas_limit: u64,
    pub(crate) input: Bytes,
}

impl Call {
    pub(crate) const fn new(from: Address, to: Address) -> Self {
        Self {
            from,
            to: TxKind::Call(to),
            nonce: 0,
            value: U256::ZERO,
            gas_limit: 200_000,
            input: Bytes::new(),
        }
    }

    pub(crate) fn value(self, value: u64) -> Self {
        Self { value: U256::from(value), ..self }
    }

    pub(crate) fn nonce(self, nonce: u64) -> Self {
        Self { nonce, ..self }
    }

    pub(crate) fn gas(self, gas_limit: u64) -> Self {
        Self { gas_limit, ..self }
    }

    /// A legacy transaction before London, else EIP-1559 with a tip of `GAS_PRICE - 1`.
    pub(crate) fn sign(&self, last: EthereumHardfork) -> SignedBy {
        let signature = Signature::test_signature();
        let transaction = if last < EthereumHardfork::London {
            let tx = alloy_consensus::TxLegacy {
                chain_id: None,
                nonce: self.nonce,
                gas_price: GAS_PRICE,
                gas_limit: self.gas_limit,
                to: self.to,
                value: self.value,
                input: self.input.clone(),
            };
            TxEnvelope::Legacy(Signed::new_unhashed(tx, signature))
        } else {
            let tx = TxEip1559 {
                chain_id: CHAIN_ID,
                nonce: self.nonce,
                gas_limit: self.gas_limit,
                max_fee_per_gas: GAS_PRICE,
                max_priority_fee_per_gas: GAS_PRICE,
                to: self.to,
                value: self.value,
                access_list: alloy_eips::eip2930::AccessList::default(),
                input: self.input.clone(),
            };
            TxEnvelope::Eip1559(Signed::new_unhashed(tx, signature))
        };
        SignedBy { transaction: Arc::new(transaction), sender: self.from }
    }
}

/// A task that runs `transactions` as the whole block, without index 0 and `n + 1`.
pub(crate) fn task(
    last: EthereumHardfork,
    kind: SliceKind,
    first: u32,
    transactions: &[Call],
) -> SliceTask {
    let items = transactions.iter().enumerate().map(|(offset, call)| {
        let offset = u32::try_from(offset).unwrap();
        TaskItem {
            index: AccessIndex::new(first + offset),
            incarnation: Incarnation::new(offset),
            transaction: Some(call.sign(last)),
            standing: None,
        }
    });
    SliceTask {
        frame: frame(last, transactions.len()),
        slice: SliceId::new(0),
        attempt: Attempt::new(0),
        kind,
        items: items.collect(),
        final_below: AccessIndex::new(1),
        gas_left: None,
        overlay: Vec::new(),
    }
}

/// What driving a slice to its end showed.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) outcome: SliceOutcome,
    pub(crate) asked: Vec<SnapshotKey>,
    pub(crate) n_steps: usize,
}

/// Answers a slice from a world until it is done. No key may be asked twice.
pub(crate) fn drive(
    world: &World,
    task: SliceTask,
    overlay: &BTreeMap<AccessIndex, Arc<WriteSet>>,
    limits: RunLimits,
) -> Driven {
    let mut run = SliceRun::new(task, overlay, limits, CancelFlag::default());
    let mut asked = BTreeSet::new();
    let mut keys = run.predicted_keys();
    for n_steps in 0..100 {
        for key in keys {
            assert!(asked.insert(key), "asked twice: {key:?}");
            run.provide(key, world.answer(&key));
        }
        match run.advance() {
            Step::Missing(missing) => keys = missing,
            Step::Done(outcome) => {
                let asked = asked.into_iter().collect();
                return Driven { outcome: *outcome, asked, n_steps };
            }
            Step::Cancelled => panic!("nobody cancelled"),
        }
    }
    panic!("the slice never ends");
}

/// Runs one transaction alone in a block.
pub(crate) fn run_one(world: &World, last: EthereumHardfork, call: &Call) -> TxOutcome {
    let task = task(last, SliceKind::Whole, 1, std::slice::from_ref(call));
    let driven = drive(world, task, &BTreeMap::new(), RunLimits::default());
    driven.outcome.transactions.into_iter().next().unwrap()
}

pub(crate) fn executed(outcome: &TxOutcome) -> &Executed {
    outcome.executed().unwrap_or_else(|| panic!("not executed: {:?}", outcome.verdict))
}

pub(crate) fn reads(outcome: &TxOutcome) -> Vec<engine::access::AccessKey> {
    outcome.reads.0.iter().map(|Read { key, .. }| *key).collect()
}
