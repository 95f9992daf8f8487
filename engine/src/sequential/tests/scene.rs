//! A small chain with one block, built by a test.

use crate::{
    account::Account,
    block::{AncestorHashes, Block},
    chain::ChainSpec,
    senders,
    sequential::{
        Execution, InvalidBlock, Prepared, Record, SequentialOutcome, SerialState, StateError,
        Stop, execute, finish,
    },
};
use alloy_consensus::{Header, SignableTransaction, TxEnvelope, TxLegacy};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use std::sync::Arc;

pub(super) const CHAIN_ID: u64 = 1_337;
pub(super) const BENEFICIARY: Address = Address::repeat_byte(0xbe);
pub(super) const ETHER: u64 = 1_000_000_000_000_000_000;
pub(super) const GAS_PRICE: u128 = 10;

/// Somebody who can sign.
pub(super) fn key(n: u8) -> B256 {
    B256::repeat_byte(n)
}

/// The address of [`key`].
pub(super) fn sender(n: u8) -> Address {
    let probe = legacy(n, 0, TxKind::Create);
    senders::recover(&probe, revm::primitives::hardfork::SpecId::CANCUN).unwrap()
}

/// Any address that is not one of the others here.
pub(super) fn addr(n: u8) -> Address {
    Address::repeat_byte(n)
}

fn sign(n: u8, hash: B256) -> Signature {
    alloy_consensus::crypto::secp256k1::sign_message(key(n), hash).unwrap()
}

pub(super) fn signed<T: SignableTransaction<Signature>>(n: u8, tx: T) -> TxEnvelope
where
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = sign(n, tx.signature_hash());
    tx.into_signed(signature).into()
}

pub(super) fn legacy(n: u8, nonce: u64, to: TxKind) -> TxEnvelope {
    signed(n, unsigned(nonce, to))
}

/// 100,000 gas, no value.
pub(super) fn unsigned(nonce: u64, to: TxKind) -> TxLegacy {
    TxLegacy {
        chain_id: None,
        nonce,
        gas_price: GAS_PRICE,
        gas_limit: 100_000,
        to,
        value: U256::ZERO,
        input: Bytes::new(),
    }
}

/// A transfer of wei to an address.
pub(super) fn transfer(n: u8, nonce: u64, to: Address, value: u64) -> TxEnvelope {
    let tx = unsigned(nonce, TxKind::Call(to));
    signed(n, TxLegacy { gas_limit: 21_000, value: U256::from(value), ..tx })
}

pub(super) struct Scene {
    pub(super) chain: ChainSpec,
    pub(super) state: SerialState,
    pub(super) block: Block,
}

impl Scene {
    /// A block without transactions on an empty state, all forks up to `last` active.
    pub(super) fn new(last: EthereumHardfork) -> Self {
        let chain = ChainSpec::up_to(CHAIN_ID, last);
        Self::on(chain, 10)
    }

    pub(super) fn on(chain: ChainSpec, number: u64) -> Self {
        let timestamp = 1_000;
        let shanghai = chain.is_shanghai_active_at_timestamp(timestamp);
        let cancun = chain.is_cancun_active_at_timestamp(timestamp);
        let header = Header {
            parent_hash: B256::repeat_byte(0x77),
            beneficiary: BENEFICIARY,
            number,
            gas_limit: 30_000_000,
            timestamp,
            base_fee_per_gas: chain.is_london_active_at_block(number).then_some(7),
            excess_blob_gas: cancun.then_some(0),
            blob_gas_used: cancun.then_some(0),
            parent_beacon_block_root: cancun.then_some(B256::repeat_byte(0xbb)),
            ..Header::default()
        };
        let block = Block {
            hash: B256::ZERO,
            header,
            transactions: Vec::new(),
            ommers: Vec::new(),
            withdrawals: shanghai.then(Vec::new),
        };
        Self { chain, state: SerialState::default(), block }
    }

    pub(super) fn with_balance(mut self, address: Address, wei: u64) -> Self {
        let account = Account { balance: U256::from(wei), ..Account::default() };
        self.state.insert_account(address, account, []);
        self
    }

    /// Gives one ether to somebody who can sign.
    pub(super) fn with_sender(self, n: u8) -> Self {
        self.with_balance(sender(n), ETHER)
    }

    pub(super) fn with_code(self, address: Address, code: &[u8]) -> Self {
        self.with_contract(address, code, &[])
    }

    pub(super) fn with_contract(
        mut self,
        address: Address,
        code: &[u8],
        storage: &[(u64, u64)],
    ) -> Self {
        let account = Account { nonce: 1, code_hash: keccak256(code), ..Account::default() };
        let storage = storage.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value)));
        self.state.insert_account(address, account, storage);
        self.state.insert_code(keccak256(code), Bytes::copy_from_slice(code));
        self
    }

    pub(super) fn with_transactions(
        mut self,
        transactions: impl IntoIterator<Item = TxEnvelope>,
    ) -> Self {
        self.block.transactions.extend(transactions.into_iter().map(Arc::new));
        self
    }

    pub(super) fn with_gas_limit(mut self, gas_limit: u64) -> Self {
        self.block.header.gas_limit = gas_limit;
        self
    }

    pub(super) fn prepared(&self) -> Prepared {
        let header = &self.block.header;
        let spec = self.chain.spec_at(header.number, header.timestamp);
        let senders = self.block.transactions.iter().map(|tx| senders::recover(tx, spec)).collect();
        Prepared { block: self.block.clone(), spec, senders }
    }

    fn try_execute(&self, record: Record) -> Result<Execution, Stop<StateError>> {
        let ancestors = AncestorHashes([(9, B256::repeat_byte(0x99))].into());
        execute(&self.chain, &self.prepared(), &ancestors, &self.state, record)
    }

    pub(super) fn execute(&self, record: Record) -> Execution {
        self.try_execute(record).unwrap()
    }

    /// Executes the block, with the writes recorded by index.
    pub(super) fn try_run(&self) -> Result<SequentialOutcome, Stop<StateError>> {
        let execution = self.try_execute(Record::Writes)?;
        Ok(finish(&self.chain, &self.prepared(), execution, None)?)
    }

    pub(super) fn run(&self) -> SequentialOutcome {
        self.try_run().unwrap()
    }

    /// Executes a block that has to be invalid.
    pub(super) fn refused(&self) -> InvalidBlock {
        match self.try_run() {
            Err(Stop::Invalid(invalid)) => invalid,
            other => panic!("the block was not refused: {other:?}"),
        }
    }

    /// Returns the state after the block.
    pub(super) fn after(&self) -> SerialState {
        let mut state = self.state.clone();
        state.apply(&self.run().post);
        state
    }

    pub(super) fn balance_after(&self, address: Address) -> Option<U256> {
        self.after().account(&address).map(|account| account.balance)
    }
}
