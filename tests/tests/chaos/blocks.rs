//! Random blocks on random forks, with everybody paying and calling everybody.

use super::code::{SLOTS, Writer, child_init_code, children_of};
use alloy_consensus::{Header, Signed, TxEnvelope, TxLegacy};
use alloy_hardforks::EthereumHardfork;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use engine::{
    account::{Account, SnapshotAnswer, SnapshotKey, TouchRule},
    block::{AncestorHashes, Block, Code},
    chain::ChainSpec,
    ids::{JobId, SnapshotId},
    model::Numbers,
    sequential::{self, Prepared, Record, SerialState},
    task::{JobFrame, SignedBy},
};
use inputs::Input;
use std::{collections::BTreeMap, sync::Arc};

const FORKS: [EthereumHardfork; 10] = [
    EthereumHardfork::Frontier,
    EthereumHardfork::Homestead,
    EthereumHardfork::Tangerine,
    EthereumHardfork::SpuriousDragon,
    EthereumHardfork::Byzantium,
    EthereumHardfork::Istanbul,
    EthereumHardfork::Berlin,
    EthereumHardfork::London,
    EthereumHardfork::Shanghai,
    EthereumHardfork::Cancun,
];
const N_SENDERS: u64 = 5;
const N_CONTRACTS: u64 = 5;
const CHAIN_ID: u64 = 1337;

/// A block with its judge's view of the state below it.
pub(super) struct ChaosBlock {
    pub(super) prepared: Prepared,
    pub(super) frame: Arc<JobFrame>,
    pub(super) state: SerialState,
    codes: BTreeMap<B256, Bytes>,
}

fn address(kind: u8, n: u64) -> Address {
    let mut bytes = [kind; 20];
    bytes[19] = u8::try_from(n).unwrap();
    Address::from(bytes)
}

impl ChaosBlock {
    pub(super) fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let fork = FORKS[usize::try_from(numbers.below(FORKS.len() as u64)).unwrap()];
        let chain = ChainSpec::up_to(CHAIN_ID, fork);
        let senders: Vec<_> = (0..N_SENDERS).map(|n| address(0xe0, n)).collect();
        let contracts: Vec<_> = (0..N_CONTRACTS).map(|n| address(0xc0, n)).collect();
        // Absent, empty, a precompile, the beneficiary, children.
        let mut everybody = [senders.clone(), contracts.clone()].concat();
        everybody.extend([address(0xaa, 0), address(0xee, 0), Address::with_last_byte(4)]);
        everybody.extend(contracts.iter().take(2).flat_map(|it| children_of(*it)));
        let beneficiary = if numbers.percent(40) {
            everybody[usize::try_from(numbers.below(everybody.len() as u64)).unwrap()]
        } else {
            address(0xbe, 0)
        };
        everybody.push(beneficiary);
        let (state, codes) = state(&mut numbers, fork, (&senders, &contracts), &everybody);
        let block = block(&mut numbers, fork, (&senders, &everybody), beneficiary);
        let (transactions, senders): (Vec<_>, Vec<_>) = block.1.into_iter().unzip();
        let block = Block { transactions, ..block.0 };
        let spec = chain.spec_at(block.header.number, block.header.timestamp);
        let frame = JobFrame {
            job: JobId::default(),
            attributes: block.attributes(),
            chain,
            ancestors: AncestorHashes(BTreeMap::from([(0, B256::repeat_byte(0xa0))])),
            snapshot: SnapshotId::Loaded(0),
        };
        let prepared = Prepared { block, spec, senders: senders.into_iter().map(Some).collect() };
        Self { prepared, frame: Arc::new(frame), state, codes }
    }

    /// Takes the blocks of a generated input, one after the other, each on the state that those
    /// before it left.
    pub(super) fn of_input(input: &Input) -> Vec<Self> {
        let values = input.parent.values().unwrap();
        let mut state = values.to_serial_state();
        let mut codes: BTreeMap<_, _> =
            values.codes.iter().map(|code| (code.hash, code.bytes.clone())).collect();
        let mut blocks = Vec::new();
        for block in &input.blocks {
            let prepared = sequential::prepare(&input.chain, &block.block_rlp, &block.lineage);
            let prepared = prepared.unwrap();
            let execution =
                state.execute(&input.chain, &prepared, &block.ancestors, Record::Nothing).unwrap();
            let outcome = sequential::finish(&input.chain, &prepared, execution, None).unwrap();
            let frame = JobFrame {
                job: JobId::default(),
                attributes: prepared.block.attributes(),
                chain: input.chain.clone(),
                ancestors: block.ancestors.clone(),
                snapshot: SnapshotId::Loaded(0),
            };
            let (before, frame) = (state.clone(), Arc::new(frame));
            blocks.push(Self { prepared, frame, state: before, codes: codes.clone() });
            state.apply(&outcome.post);
            codes.extend(outcome.post.codes);
        }
        blocks
    }

    pub(super) const fn touch_rule(&self) -> TouchRule {
        TouchRule::of(self.prepared.spec)
    }

    pub(super) fn signed(&self, offset: usize) -> SignedBy {
        SignedBy {
            transaction: Arc::clone(&self.prepared.block.transactions[offset]),
            sender: self.prepared.senders[offset].unwrap(),
        }
    }

    pub(super) fn answer(&self, key: &SnapshotKey) -> SnapshotAnswer {
        match key {
            SnapshotKey::Account(address) | SnapshotKey::AccountWithCode(address) => {
                let account = self.state.account(address);
                let hash = account.map(|account| account.code_hash).unwrap_or_default();
                let code = self.codes.get(&hash).cloned().map(|bytes| Code { hash, bytes });
                SnapshotAnswer::Account { account, code }
            }
            SnapshotKey::Slot(address, slot) => {
                SnapshotAnswer::Slot(self.state.slot(address, slot))
            }
            SnapshotKey::Code(_, hash) => match self.codes.get(hash) {
                Some(bytes) => SnapshotAnswer::Code(bytes.clone()),
                None => SnapshotAnswer::Unavailable,
            },
        }
    }
}

fn state(
    numbers: &mut Numbers,
    fork: EthereumHardfork,
    (senders, contracts): (&[Address], &[Address]),
    everybody: &[Address],
) -> (SerialState, BTreeMap<B256, Bytes>) {
    let mut state = SerialState::default();
    let mut codes = BTreeMap::new();
    for sender in senders {
        let balance = U256::from(10_000_000_000_u64 + numbers.below(9));
        state.insert_account(*sender, Account { balance, ..Account::default() }, []);
    }
    for contract in contracts {
        let code = Bytes::from(Writer::new(numbers, everybody).contract());
        let hash = keccak256(&code);
        state.insert_code(hash, code.clone());
        codes.insert(hash, code);
        let balance = U256::from(numbers.below(6));
        let account = Account { balance, nonce: 1, code_hash: hash };
        let slots: Vec<_> =
            (0..SLOTS).map(|slot| (U256::from(slot), U256::from(numbers.below(3)))).collect();
        state.insert_account(*contract, account, slots);
    }
    if fork < EthereumHardfork::SpuriousDragon {
        state.insert_account(address(0xee, 0), Account::default(), []);
    }
    (state, codes)
}

type Body = Vec<(Arc<TxEnvelope>, Address)>;

fn block(
    numbers: &mut Numbers,
    fork: EthereumHardfork,
    (senders, everybody): (&[Address], &[Address]),
    beneficiary: Address,
) -> (Block, Body) {
    let london = fork >= EthereumHardfork::London;
    let cancun = fork >= EthereumHardfork::Cancun;
    let mut nonces = BTreeMap::<Address, u64>::new();
    let n_transactions = 2 + numbers.below(22);
    let body = (0..n_transactions).map(|_| {
        let sender = senders[usize::try_from(numbers.below(senders.len() as u64)).unwrap()];
        let nonce = nonces.entry(sender).or_default();
        // Now and then a gap: the block is invalid from there on.
        let gap = u64::from(numbers.percent(1));
        let tx = transaction(numbers, everybody, *nonce + gap, london);
        *nonce += 1;
        (Arc::new(tx), sender)
    });
    let body: Body = body.collect();
    let header = Header {
        number: 1,
        timestamp: 12,
        beneficiary,
        gas_limit: 30_000_000,
        base_fee_per_gas: london.then_some(1),
        excess_blob_gas: cancun.then_some(0),
        blob_gas_used: cancun.then_some(0),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        ..Header::default()
    };
    let withdrawals = (fork >= EthereumHardfork::Shanghai).then(Vec::new);
    let block = Block {
        hash: B256::ZERO,
        header,
        transactions: Vec::new(),
        ommers: Vec::new(),
        withdrawals,
    };
    (block, body)
}

fn transaction(
    numbers: &mut Numbers,
    everybody: &[Address],
    nonce: u64,
    london: bool,
) -> TxEnvelope {
    let to = everybody[usize::try_from(numbers.below(everybody.len() as u64)).unwrap()];
    let creates = numbers.percent(8);
    let input = if creates { child_init_code().into() } else { Bytes::new() };
    let tx = TxLegacy {
        chain_id: None,
        nonce,
        // Zero pays no fee and still touches the beneficiary.
        gas_price: u128::from(london) + u128::from(numbers.below(3)),
        gas_limit: 60_000 + numbers.below(400_000),
        to: if creates { TxKind::Create } else { TxKind::Call(to) },
        value: U256::from(numbers.below(4)),
        input,
    };
    TxEnvelope::Legacy(Signed::new_unhashed(tx, Signature::test_signature()))
}
