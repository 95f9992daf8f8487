//! Random values of every type that the wire carries, from a seed.

use alloy_consensus::{
    Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, SignableTransaction, TxEip1559, TxEip2930,
    TxEnvelope, TxLegacy, TxType,
};
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip4895::Withdrawal,
    eip7840::BlobParams,
    eip7892::BlobScheduleBlobParams,
};
use alloy_hardforks::{EthereumHardfork, ForkCondition};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, Signature, TxKind, U256};
use engine::{
    access::{AccessKey, AccessValue, AccountWrite, BalanceWrite, Read, ReadSet, Wipe, WriteSet},
    account::{Account, SnapshotAnswer, SnapshotKey, SnapshotValue},
    block::{AncestorHashes, BlockAttributes, Code},
    chain::ChainSpec,
    fold::{AccountDiff, StateDiff},
    header::{BlockResults, GasLeft},
    ids::{AccessIndex, Attempt, Incarnation, JobId, SliceId, SnapshotId, Term},
    model::Numbers,
    outcome::{Executed, GasVector, ReadStats, SliceOutcome, TxOutcome, TxReceipt, Verdict},
    task::{JobFrame, OverlayEntry, SignedBy, SliceKind, SliceTask, Standing, TaskItem},
};
use proto::state::{AccountState, StateValues};
use std::sync::Arc;

/// Draws values.
pub(crate) struct Draw(Numbers);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Numbers::new(seed))
    }

    pub(crate) fn u64(&mut self) -> u64 {
        let bits = self.0.below(65);
        self.0.next().checked_shr(u32::try_from(bits).unwrap()).unwrap_or(0)
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::try_from(self.u64() >> 32).unwrap()
    }

    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(crate) const fn flag(&mut self) -> bool {
        self.0.percent(50)
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub(crate) fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| draw(self))
    }

    pub(crate) fn list<T>(&mut self, most: u64, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| draw(self)).collect()
    }

    pub(crate) fn word(&mut self) -> U256 {
        let limbs = [self.u64(), self.u64(), self.u64(), self.u64()];
        U256::from_limbs(limbs) >> usize::try_from(self.below(257)).unwrap()
    }

    pub(crate) fn hash(&mut self) -> B256 {
        B256::from(U256::from_limbs([(); 4].map(|()| self.0.next())))
    }

    pub(crate) fn address(&mut self) -> Address {
        Address::from_word(self.hash())
    }

    pub(crate) fn bytes(&mut self, most: u64) -> Bytes {
        self.list(most, |draw| draw.hash()[0]).into()
    }

    pub(crate) fn text(&mut self) -> String {
        let words = ["", "nonce too low", "Überlauf", "a\nb"];
        self.one(&words).to_owned()
    }

    pub(crate) fn job(&mut self) -> JobId {
        JobId { term: Term::new(self.u64()), sequence: self.u64() }
    }

    pub(crate) fn snapshot(&mut self) -> SnapshotId {
        match self.below(3) {
            0 => SnapshotId::Block(self.hash()),
            1 => SnapshotId::Job(self.job()),
            _ => SnapshotId::Loaded(self.u64()),
        }
    }

    pub(crate) fn index(&mut self) -> AccessIndex {
        AccessIndex::new(self.u32())
    }

    pub(crate) fn incarnation(&mut self) -> Incarnation {
        Incarnation::new(self.u32())
    }

    pub(crate) fn reads(&mut self) -> ReadSet {
        ReadSet(self.list(8, |draw| {
            let address = draw.address();
            let key = match draw.below(5) {
                0 => AccessKey::Balance(address),
                1 => AccessKey::Nonce(address),
                2 => AccessKey::CodeHash(address),
                3 => AccessKey::Existence(address),
                _ => AccessKey::Slot(address, draw.word()),
            };
            Read { key, value: AccessValue(draw.word()) }
        }))
    }

    pub(crate) fn slots(&mut self) -> Vec<(U256, U256)> {
        self.list(4, |draw| (draw.word(), draw.word()))
    }

    pub(crate) fn writes(&mut self) -> Arc<WriteSet> {
        let accounts = self.list(6, |draw| {
            let write = AccountWrite {
                wipe: draw.one(&[None, Some(Wipe::Destroyed), Some(Wipe::Storage)]),
                balance: match draw.below(3) {
                    0 => None,
                    1 => Some(BalanceWrite::Set(draw.word())),
                    _ => Some(BalanceWrite::Credit(draw.word())),
                },
                nonce: draw.maybe(Self::u64),
                code_hash: draw.maybe(Self::hash),
                slots: draw.slots(),
            };
            (draw.address(), write)
        });
        let codes = self.list(2, |draw| (draw.hash(), draw.bytes(40)));
        Arc::new(WriteSet { accounts, codes })
    }

    pub(crate) fn account(&mut self) -> Account {
        let code_hash = self.maybe(Self::hash).unwrap_or_else(|| Account::default().code_hash);
        Account { balance: self.word(), nonce: self.u64(), code_hash }
    }

    pub(crate) fn code(&mut self) -> Code {
        Code { hash: self.hash(), bytes: self.bytes(60) }
    }

    pub(crate) fn key(&mut self) -> SnapshotKey {
        let address = self.address();
        match self.below(4) {
            0 => SnapshotKey::Account(address),
            1 => SnapshotKey::AccountWithCode(address),
            2 => SnapshotKey::Slot(address, self.word()),
            _ => SnapshotKey::Code(address, self.hash()),
        }
    }

    pub(crate) fn answer(&mut self) -> SnapshotAnswer {
        match self.below(6) {
            0 => SnapshotAnswer::Account { account: None, code: None },
            1 => SnapshotAnswer::Account { account: Some(self.account()), code: None },
            2 => {
                let (account, bytes) = (self.account(), self.bytes(40));
                let code = Some(Code { hash: account.code_hash, bytes });
                SnapshotAnswer::Account { account: Some(account), code }
            }
            3 => SnapshotAnswer::Slot(self.word()),
            4 => SnapshotAnswer::Code(self.bytes(40)),
            _ => SnapshotAnswer::Unavailable,
        }
    }

    pub(crate) fn snapshot_value(&mut self) -> SnapshotValue {
        let address = self.address();
        match self.below(3) {
            0 => SnapshotValue::Account(address, None),
            1 => SnapshotValue::Account(address, Some(self.account())),
            _ => SnapshotValue::Slot(address, self.word(), self.word()),
        }
    }

    pub(crate) fn diff(&mut self) -> Arc<StateDiff> {
        let accounts = self.list(5, |draw| {
            let account = draw.maybe(Self::account);
            let slots = draw.slots().into_iter().collect();
            (draw.address(), AccountDiff { account, wiped: draw.flag(), slots })
        });
        let codes = self.list(2, |draw| (draw.hash(), draw.bytes(40)));
        Arc::new(StateDiff {
            accounts: accounts.into_iter().collect(),
            codes: codes.into_iter().collect(),
        })
    }

    pub(crate) fn state(&mut self) -> StateValues {
        let accounts = self.list(8, |draw| {
            let storage = draw.list(30, |draw| (draw.word(), draw.word()));
            AccountState { address: draw.address(), account: draw.account(), storage }
        });
        StateValues { accounts, codes: self.list(4, Self::code) }
    }

    pub(crate) fn chain(&mut self) -> ChainSpec {
        match self.below(5) {
            0 => ChainSpec::mainnet(),
            1 => ChainSpec::sepolia(),
            2 => ChainSpec::holesky(),
            3 => ChainSpec::up_to(self.u64(), self.one(EthereumHardfork::VARIANTS)),
            _ => self.custom_chain(),
        }
    }

    fn custom_chain(&mut self) -> ChainSpec {
        let forks = EthereumHardfork::VARIANTS.iter().map(|fork| {
            let at = match self.below(4) {
                0 => ForkCondition::Block(self.u64()),
                1 => ForkCondition::Timestamp(self.u64()),
                2 => ForkCondition::TTD {
                    activation_block_number: self.u64(),
                    fork_block: self.maybe(Self::u64),
                    total_difficulty: self.word(),
                },
                _ => ForkCondition::Never,
            };
            (*fork, at)
        });
        // What is never active need not be named, and is not on the wire.
        let forks: Vec<_> = forks.filter(|(_, at)| *at != ForkCondition::Never).collect();
        let blobs = BlobScheduleBlobParams {
            cancun: self.blob_params(),
            prague: self.blob_params(),
            osaka: self.blob_params(),
            scheduled: self.list(3, |draw| (draw.u64(), draw.blob_params())),
        };
        ChainSpec::custom(self.u64(), forks, blobs, self.maybe(Self::address))
    }

    fn blob_params(&mut self) -> BlobParams {
        BlobParams {
            target_blob_count: self.u64() >> 32,
            max_blob_count: self.u64() >> 32,
            update_fraction: u128::from(self.u64()) * u128::from(self.u64()) + 1,
            min_blob_fee: u128::from(self.u64()),
            max_blobs_per_tx: self.u64(),
            blob_base_cost: self.u64(),
        }
    }

    pub(crate) fn ancestors(&mut self) -> AncestorHashes {
        AncestorHashes(self.list(6, |draw| (draw.u64(), draw.hash())).into_iter().collect())
    }

    pub(crate) fn header(&mut self) -> Header {
        let mut header = Header {
            parent_hash: self.hash(),
            beneficiary: self.address(),
            number: self.u64(),
            timestamp: self.u64(),
            gas_limit: self.u64(),
            difficulty: self.word(),
            extra_data: self.bytes(32),
            ..Header::default()
        };
        // Later fields are there only with all earlier ones.
        header.base_fee_per_gas = self.maybe(Self::u64);
        if header.base_fee_per_gas.is_some() && self.flag() {
            header.withdrawals_root = Some(B256::ZERO);
            if self.flag() {
                header.blob_gas_used = Some(0);
                header.excess_blob_gas = Some(self.u64());
                header.parent_beacon_block_root = Some(self.hash());
                header.requests_hash = self.maybe(|_| B256::ZERO);
            }
        }
        header
    }

    pub(crate) fn withdrawal(&mut self) -> Withdrawal {
        Withdrawal {
            index: self.u64(),
            validator_index: self.u64(),
            address: self.address(),
            amount: self.u64(),
        }
    }

    pub(crate) fn frame(&mut self) -> Arc<JobFrame> {
        let withdrawals = self.maybe(|draw| draw.list(3, Self::withdrawal));
        Arc::new(JobFrame {
            job: self.job(),
            chain: self.chain(),
            attributes: BlockAttributes {
                header: self.header(),
                ommers: self.list(2, Self::header),
                withdrawals,
                n_transactions: usize::try_from(self.below(1 << 20)).unwrap(),
            },
            ancestors: self.ancestors(),
            snapshot: self.snapshot(),
        })
    }

    pub(crate) fn transaction(&mut self) -> Arc<TxEnvelope> {
        let signature = Signature::new(U256::from(self.u64()), U256::from(self.u64()), self.flag());
        let (nonce, to, value) = (self.u64() >> 1, TxKind::Call(self.address()), self.word());
        let input = self.bytes(80);
        let envelope: TxEnvelope = match self.below(3) {
            0 => TxLegacy { chain_id: Some(1), nonce, to, value, input, ..TxLegacy::default() }
                .into_signed(signature)
                .into(),
            1 => TxEip2930 { chain_id: 1, nonce, to, value, input, ..TxEip2930::default() }
                .into_signed(signature)
                .into(),
            _ => TxEip1559 { chain_id: 1, nonce, to, value, input, ..TxEip1559::default() }
                .into_signed(signature)
                .into(),
        };
        // Decoded once, so that what the decoder remembers is the same.
        Arc::new(TxEnvelope::decode_2718_exact(&envelope.encoded_2718()).unwrap())
    }

    pub(crate) fn task(&mut self, frame: Arc<JobFrame>) -> SliceTask {
        let kinds = [SliceKind::Round, SliceKind::Whole, SliceKind::Tail, SliceKind::Confirmation];
        SliceTask {
            frame,
            slice: SliceId::new(self.u32()),
            attempt: Attempt::new(self.u32()),
            kind: self.one(&kinds),
            items: self.list(4, |draw| TaskItem {
                index: draw.index(),
                incarnation: draw.incarnation(),
                transaction: draw.maybe(|draw| SignedBy {
                    transaction: draw.transaction(),
                    sender: draw.address(),
                }),
                standing: draw.maybe(|draw| Standing {
                    incarnation: draw.incarnation(),
                    reads: Arc::new(draw.reads()),
                    writes: draw.maybe(Self::writes),
                    gas_used: draw.u64(),
                }),
            }),
            final_below: self.index(),
            gas_left: self
                .maybe(|draw| GasLeft { gas: draw.u64(), blob_gas: draw.maybe(Self::u64) }),
            overlay: self.list(3, |draw| OverlayEntry {
                index: draw.index(),
                writes: draw.maybe(Self::writes),
            }),
        }
    }

    pub(crate) fn bloom(&mut self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        let n_bits = self.one(&[0, 1, 9, 127, 128, 600, 9000]);
        for _ in 0..n_bits {
            let (byte, bit) = (self.below(256), self.below(8));
            bloom[usize::try_from(byte).unwrap()] |= 1 << bit;
        }
        bloom
    }

    fn log(&mut self) -> Log {
        let topics = self.list(4, Self::hash);
        Log::new_unchecked(self.address(), topics, self.bytes(40))
    }

    fn verdict(&mut self) -> Verdict {
        let types =
            [TxType::Legacy, TxType::Eip2930, TxType::Eip1559, TxType::Eip4844, TxType::Eip7702];
        match self.below(8) {
            7 => Verdict::NoRoom,
            0 => Verdict::Invalid { reason: self.text() },
            1 => Verdict::Parked,
            2 => Verdict::Unavailable { key: self.key() },
            3 => Verdict::Failed { message: self.text() },
            _ => Verdict::Executed(Box::new(Executed {
                writes: self.writes(),
                receipt: self.maybe(|draw| TxReceipt {
                    tx_type: draw.one(&types),
                    success: draw.flag(),
                    gas: GasVector {
                        used: draw.u64(),
                        regular: draw.u64(),
                        state: draw.u64(),
                        blob: draw.u64(),
                    },
                    logs: draw.list(3, Self::log),
                    bloom: draw.bloom(),
                }),
                requests: self.list(2, |draw| draw.bytes(20)),
            })),
        }
    }

    pub(crate) fn read_stats(&mut self) -> ReadStats {
        ReadStats {
            keys: self.u64(),
            batches: self.u64(),
            miss_steps: self.u64(),
            cache_hits: self.u64(),
            cache_misses: self.u64(),
            prefetched: self.u64(),
            prefetched_unused: self.u64(),
            bytes: self.u64(),
        }
    }

    pub(crate) fn slice_outcome(&mut self) -> SliceOutcome {
        SliceOutcome {
            job: self.job(),
            slice: SliceId::new(self.u32()),
            attempt: Attempt::new(self.u32()),
            transactions: self.list(4, |draw| TxOutcome {
                index: draw.index(),
                incarnation: draw.incarnation(),
                reads: draw.reads(),
                verdict: draw.verdict(),
            }),
            snapshot: self.list(6, Self::snapshot_value),
            n_executions: self.u64(),
            reads: self.read_stats(),
            cpu_us: self.u64(),
            n_stages: self.u32(),
        }
    }

    pub(crate) fn receipt(&mut self) -> ReceiptEnvelope {
        let receipt = ReceiptWithBloom {
            receipt: Receipt {
                status: self.flag().into(),
                cumulative_gas_used: self.u64(),
                logs: self.list(3, Self::log),
            },
            logs_bloom: self.bloom(),
        };
        match self.below(3) {
            0 => ReceiptEnvelope::Legacy(receipt),
            1 => ReceiptEnvelope::Eip1559(receipt),
            _ => ReceiptEnvelope::Eip7702(receipt),
        }
    }

    pub(crate) fn block_results(&mut self) -> BlockResults {
        BlockResults {
            gas_used: self.u64(),
            transactions_root: self.hash(),
            receipts_root: self.maybe(Self::hash),
            logs_bloom: self.bloom(),
            ommers_hash: self.hash(),
            withdrawals_root: self.maybe(Self::hash),
            requests_hash: self.maybe(Self::hash),
            blob_gas_used: self.maybe(Self::u64),
            state_root: self.maybe(Self::hash),
        }
    }
}
