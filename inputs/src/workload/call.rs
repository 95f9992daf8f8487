//! Transactions before and after they are signed, and what they pay.

use super::{parallel, population::Population, rng::Rng};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEnvelope, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use secp256k1::{Message, SECP256K1, SecretKey};

/// The chain of the workloads; no public chain has this number.
pub const CHAIN_ID: u64 = 7_410_741_074;

/// Base fee of the genesis header. Blocks are at most half full, so that it only falls.
pub const INITIAL_BASE_FEE: u64 = 1_000_000_000;

const TIP_STEP: u128 = 10_000_000;
const TIP_STEPS_MAX: u32 = 100;
const FEE_PER_GAS_MAX: u128 = 2 * INITIAL_BASE_FEE as u128;

/// The most that any transaction may have to pay for one gas.
pub(super) const GAS_PRICE_MAX: u64 = 3 * INITIAL_BASE_FEE;

const LEGACY_PERCENT: u8 = 12;
const EIP2930_PERCENT: u8 = 8;

/// What a transaction does, before somebody sends it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) to: Address,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    /// What it names beforehand if it is of EIP-2930.
    pub(super) access_list: AccessList,
}

/// An access list of contracts and their slots.
pub(super) fn access_list<const N: usize>(items: [(Address, Vec<U256>); N]) -> AccessList {
    let items = items.map(|(address, slots)| AccessListItem {
        address,
        storage_keys: slots.into_iter().map(Into::into).collect(),
    });
    AccessList(items.to_vec())
}

#[derive(Debug, Clone, Copy)]
enum Envelope {
    Legacy,
    Eip2930,
    Eip1559,
}

/// A call with its sender, its place among the sender's transactions, and its price.
#[derive(Debug)]
pub(super) struct Unsigned {
    sender: u32,
    nonce: u64,
    envelope: Envelope,
    tip: u128,
    call: Call,
}

impl Unsigned {
    pub(super) fn new(call: Call, sender: u32, nonce: u64, rng: &mut Rng) -> Self {
        let envelope = if rng.percent(LEGACY_PERCENT) {
            Envelope::Legacy
        } else if rng.percent(EIP2930_PERCENT) {
            Envelope::Eip2930
        } else {
            Envelope::Eip1559
        };
        let tip = u128::from(1 + rng.below(TIP_STEPS_MAX)) * TIP_STEP;
        Self { sender, nonce, envelope, tip, call }
    }

    pub(super) const fn gas_limit(&self) -> u64 {
        self.call.gas_limit
    }

    fn sign(&self, key: &SecretKey) -> TxEnvelope {
        match self.envelope {
            Envelope::Legacy => signed(self.legacy(), key),
            Envelope::Eip2930 => signed(self.eip2930(), key),
            Envelope::Eip1559 => signed(self.eip1559(), key),
        }
    }

    fn legacy(&self) -> TxLegacy {
        TxLegacy {
            chain_id: Some(CHAIN_ID),
            nonce: self.nonce,
            gas_price: u128::from(INITIAL_BASE_FEE) + self.tip,
            gas_limit: self.call.gas_limit,
            to: TxKind::Call(self.call.to),
            value: self.call.value,
            input: self.call.input.clone(),
        }
    }

    fn eip2930(&self) -> TxEip2930 {
        TxEip2930 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_price: u128::from(INITIAL_BASE_FEE) + self.tip,
            gas_limit: self.call.gas_limit,
            to: TxKind::Call(self.call.to),
            value: self.call.value,
            access_list: self.call.access_list.clone(),
            input: self.call.input.clone(),
        }
    }

    fn eip1559(&self) -> TxEip1559 {
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit: self.call.gas_limit,
            max_fee_per_gas: FEE_PER_GAS_MAX + self.tip,
            max_priority_fee_per_gas: self.tip,
            to: TxKind::Call(self.call.to),
            value: self.call.value,
            access_list: AccessList::default(),
            input: self.call.input.clone(),
        }
    }
}

/// Signs in the order given. Signatures are deterministic (RFC 6979), so threads do not show.
pub(super) fn sign_all(drafts: &[Unsigned], population: &Population) -> Vec<TxEnvelope> {
    parallel::map(drafts, |draft| draft.sign(population.sender_key(draft.sender)))
}

/// Signs one transaction.
pub(super) fn signed<T>(transaction: T, key: &SecretKey) -> TxEnvelope
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = sign(transaction.signature_hash(), key);
    transaction.into_signed(signature).into()
}

/// Signs a hash.
pub(super) fn sign(hash: B256, key: &SecretKey) -> Signature {
    let message = Message::from_digest(hash.0);
    let (recovery, bytes) = SECP256K1.sign_ecdsa_recoverable(&message, key).serialize_compact();
    let y_is_odd = i32::from(recovery) & 1 == 1;
    Signature::from_bytes_and_parity(&bytes, y_is_odd)
}
