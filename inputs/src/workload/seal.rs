//! From drafts to blocks: serial execution fills in what a header says of the results.

use super::{DraftBlock, Fork, GeneratedWorkload, Genesis, GenesisAccount};
use crate::{
    branches::Branches,
    error::InputError,
    input::{AccountValues, Expected, Input, InputBlock, ParentState, StateValues},
};
use alloy_consensus::{
    Block as ConsensusBlock, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope,
    constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS},
};
use alloy_eips::{eip4895::Withdrawals, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use engine::{
    account::Account,
    block::{AncestorHashes, Block, Code, Ommers},
    build::BuildAttributes,
    chain::ChainSpec,
    header, senders,
    sequential::{self, Prepared, Record, SequentialOutcome, SerialState},
    trie::StateTrie,
};
use std::{collections::BTreeMap, sync::Arc};

/// The least there may be, under proof of work.
const GENESIS_DIFFICULTY: U256 = U256::from_limbs([131_072, 0, 0, 0]);

/// Executes a workload's blocks one after the other and writes their headers. `progress` hears of
/// every block that is done, and of how many there are.
///
/// # Errors
/// If a block is invalid: its generator is wrong.
pub fn seal(
    name: &str,
    workload: GeneratedWorkload,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Input, InputError> {
    let chain = ChainSpec::up_to(workload.genesis.chain_id, workload.genesis.fork.hardfork());
    let values = state_values(&workload.genesis);
    let trie = values.to_trie();
    let state_root = trie.root().map_err(|missing| {
        let (at, reason) = (name.to_owned(), missing.to_string());
        InputError::Sealing { at, number: 0, reason }
    })?;
    let parent = genesis_header(&workload.genesis, state_root);
    let block_hash = hash_of(&parent);
    let mut sealer = Sealer {
        fork: workload.genesis.fork,
        chain: chain.clone(),
        state: values.to_serial_state(),
        trie,
        branches: Branches::new(block_hash, parent.clone()),
        parent,
    };

    let n_blocks = workload.blocks.len() as u64;
    let mut blocks = Vec::with_capacity(workload.blocks.len());
    for draft in workload.blocks {
        let number = sealer.parent.number + 1;
        let block = sealer.seal(draft).map_err(|reason| {
            let at = name.to_owned();
            InputError::Sealing { at, number, reason }
        })?;
        blocks.push(block);
        progress(number, n_blocks);
    }
    let parent = ParentState::Genesis { block_hash, block_number: 0, state: Arc::new(values) };
    Ok(Input { name: name.to_owned(), chain, blocks, parent, expected: Expected::default() })
}

/// The chain's tip while blocks are put on it.
struct Sealer {
    fork: Fork,
    chain: ChainSpec,
    state: SerialState,
    trie: StateTrie,
    parent: Header,
    branches: Branches,
}

impl Sealer {
    fn seal(&mut self, draft: DraftBlock) -> Result<InputBlock, String> {
        let header = self.open_header(&draft)?;
        let parent_hash = header.parent_hash;
        let prepared = self.prepare(header, draft);
        let (ancestors, lineage) = self.branches.below(parent_hash);
        let outcome = self.execute(&prepared, &ancestors)?;
        self.state.apply(&outcome.post);
        self.trie.apply(&outcome.post).map_err(|missing| missing.to_string())?;
        let state_root = self.state_root()?;
        let header = header::close(prepared.block.header.clone(), &outcome.results, state_root)
            .ok_or("the receipts root is not known")?;
        let block_rlp = encode(&header, &prepared.block);

        let number = header.number;
        self.branches.insert(hash_of(&header), header.clone(), Vec::new());
        self.parent = header;
        Ok(InputBlock {
            block_rlp,
            number,
            parent_hash,
            ancestors,
            lineage,
            ommers: Ommers::Known,
            expects_invalid: None,
            chain: None,
        })
    }

    fn state_root(&self) -> Result<B256, String> {
        self.trie.root().map_err(|missing| missing.to_string())
    }

    /// Returns the header without what execution decides.
    fn open_header(&self, draft: &DraftBlock) -> Result<Header, String> {
        let attributes = BuildAttributes {
            timestamp: draft.timestamp,
            beneficiary: draft.beneficiary,
            gas_limit: draft.gas_limit,
            mix_hash: draft.prevrandao,
            withdrawals: (self.fork >= Fork::Shanghai).then(|| draft.withdrawals.clone()),
            parent_beacon_block_root: (self.fork >= Fork::Cancun)
                .then_some(draft.parent_beacon_block_root),
            ..BuildAttributes::default()
        };
        header::open(&self.chain, &self.parent, &attributes).map_err(|broken| broken.to_string())
    }

    fn prepare(&self, header: Header, draft: DraftBlock) -> Prepared {
        let spec = self.chain.spec_at(header.number, header.timestamp);
        let transactions: Vec<Arc<TxEnvelope>> =
            draft.transactions.into_iter().map(Arc::new).collect();
        let senders = super::parallel::map(&transactions, |tx| senders::recover(tx, spec));
        let block = Block {
            hash: hash_of(&header),
            header,
            transactions,
            ommers: Vec::new(),
            withdrawals: (self.fork >= Fork::Shanghai).then_some(draft.withdrawals),
        };
        Prepared { block, spec, senders }
    }

    fn execute(
        &self,
        prepared: &Prepared,
        ancestors: &AncestorHashes,
    ) -> Result<SequentialOutcome, String> {
        let has_roots = header::has_state_roots(&self.chain, prepared.block.header.number);
        let record = if has_roots { Record::Steps } else { Record::Nothing };
        let execution = self
            .state
            .execute(&self.chain, prepared, ancestors, record)
            .map_err(|stop| stop.to_string())?;
        let roots = execution.roots(self.trie.clone()).map_err(|missing| missing.to_string())?;
        sequential::finish(&self.chain, prepared, execution, roots.as_deref())
            .map_err(|invalid| invalid.to_string())
    }
}

fn encode(header: &Header, block: &Block) -> Bytes {
    let body = BlockBody {
        transactions: block.transactions.iter().map(|tx| tx.as_ref().clone()).collect(),
        ommers: Vec::new(),
        withdrawals: block.withdrawals.clone().map(Withdrawals::new),
    };
    alloy_rlp::encode(ConsensusBlock { header: header.clone(), body }).into()
}

fn hash_of(header: &Header) -> B256 {
    keccak256(alloy_rlp::encode(header))
}

fn genesis_header(genesis: &Genesis, state_root: B256) -> Header {
    let fork = genesis.fork;
    Header {
        state_root,
        gas_limit: genesis.gas_limit,
        timestamp: genesis.timestamp,
        difficulty: if fork < Fork::Paris { GENESIS_DIFFICULTY } else { U256::ZERO },
        base_fee_per_gas: (fork >= Fork::London).then_some(genesis.base_fee),
        ..fork_fields(fork)
    }
}

/// A header with every field that its fork has, as it is where there is nothing.
fn fork_fields(fork: Fork) -> Header {
    let is_cancun = fork >= Fork::Cancun;
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        withdrawals_root: (fork >= Fork::Shanghai).then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: is_cancun.then_some(0),
        excess_blob_gas: is_cancun.then_some(0),
        parent_beacon_block_root: is_cancun.then_some(B256::ZERO),
        requests_hash: (fork >= Fork::Prague).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

fn state_values(genesis: &Genesis) -> StateValues {
    let mut codes = BTreeMap::new();
    let mut values = |given: &GenesisAccount| {
        let mut account =
            Account { balance: given.balance, nonce: given.nonce, ..Account::default() };
        if !given.code.is_empty() {
            account.code_hash = keccak256(&given.code);
            codes.insert(account.code_hash, given.code.clone());
        }
        AccountValues { address: given.address, account, storage: given.storage.clone() }
    };
    let accounts = genesis.accounts.iter().map(&mut values).collect();
    let codes = codes.into_iter().map(|(hash, bytes)| Code { hash, bytes }).collect();
    StateValues { accounts, codes }
}
