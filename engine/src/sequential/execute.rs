//! Second stage: the transactions in order, and what comes before and after them.

use super::{
    InvalidBlock, Prepared, Stop,
    overlay::{Overlay, Written},
    post_block, pre_block,
    system_call::Judge,
    write_log::Writes,
};
use crate::{
    block::{AncestorHashes, BlockAttributes},
    chain::ChainSpec,
    fold::StateDiff,
    header::GasLeft,
    ids::AccessIndex,
    outcome::GasVector,
    trie::{Missing, StateTrie},
};
use alloy_consensus::{Transaction, TxEnvelope, TxType};
use alloy_evm::{EvmEnv, FromRecoveredTx};
use alloy_primitives::{B256, Bytes, Log};
use revm::{
    Context, Database, ExecuteEvm, MainBuilder, MainContext,
    context::{
        TxEnv,
        result::{EVMError, ExecutionResult},
    },
};

/// What one transaction left for its receipt.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) tx_type: TxType,
    pub(super) success: bool,
    pub(super) gas: GasVector,
    pub(super) logs: Vec<Log>,
}

/// A block executed to its end; [`finish()`](super::finish()) turns it into header fields.
#[derive(Clone, Debug)]
pub struct Execution {
    pub(super) attributes: BlockAttributes,
    pub(super) transactions: Vec<Ran>,
    pub(super) requests: Vec<Bytes>,
    pub(super) written: Written,
    pub(super) writes: Option<Writes>,
    /// What index 0 and then each transaction made of the accounts that it wrote.
    pub(super) steps: Vec<StateDiff>,
}

impl Execution {
    /// Returns the state root after each transaction, if that was to be recorded
    /// ([`Record::Steps`]); `state` is the one below the block.
    ///
    /// # Errors
    /// If a node that is needed is not known.
    pub fn roots(&self, mut state: StateTrie) -> Result<Option<Vec<B256>>, Missing> {
        let Some((before, steps)) = self.steps.split_first() else { return Ok(None) };
        state.apply(before)?;
        let roots = steps.iter().map(|step| {
            state.apply(step)?;
            state.root()
        });
        roots.collect::<Result<_, _>>().map(Some)
    }
}

/// What execution notes beside its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// Nothing: this is the run to be timed.
    #[default]
    Nothing,
    /// What each index wrote, to lay a difference to a transaction. It costs time and reads.
    Writes,
    /// What each transaction made of the accounts that it wrote: before Byzantium receipts hold the
    /// state roots after each.
    Steps,
}

/// Executes a block on the state that `db` answers with; it is asked for accounts, slots and code,
/// never for block hashes.
///
/// # Errors
/// If the block is invalid, or the state cannot answer.
pub fn execute<DB: Database>(
    chain: &ChainSpec,
    prepared: &Prepared,
    ancestors: &AncestorHashes,
    db: DB,
    record: Record,
) -> Result<Execution, Stop<DB::Error>> {
    let attributes = prepared.block.attributes();
    let header = &attributes.header;
    let blobs = chain.blob_params_at(header.timestamp);
    let env = EvmEnv::for_eth_block(header, chain, chain.chain_id(), blobs);
    let mut judge: Judge<'_, DB> = Context::mainnet()
        .with_db(Overlay::new(db, ancestors, record))
        .with_cfg(env.cfg_env)
        .with_block(env.block_env)
        .build_mainnet();

    pre_block::apply(chain, header, &mut judge)?;
    let transactions = execute_transactions(chain, prepared, &attributes, &mut judge)?;
    judge.ctx.journaled_state.database.begin(AccessIndex::post_block(attributes.n_transactions));
    let requests = post_block::apply(chain, &attributes, &mut judge)?;
    let (written, writes, steps) = judge.ctx.journaled_state.database.into_written();
    Ok(Execution { attributes, transactions, requests, written, writes, steps })
}

fn execute_transactions<DB: Database>(
    chain: &ChainSpec,
    prepared: &Prepared,
    attributes: &BlockAttributes,
    judge: &mut Judge<'_, DB>,
) -> Result<Vec<Ran>, Stop<DB::Error>> {
    let mut left = GasLeft::new(chain, attributes);
    let mut ran = Vec::with_capacity(prepared.block.transactions.len());
    let with_senders = prepared.block.transactions.iter().zip(&prepared.senders);
    for (offset, (transaction, sender)) in with_senders.enumerate() {
        left.admit(transaction).map_err(|reason| InvalidBlock::transaction(offset, reason))?;
        let sender = sender
            .ok_or_else(|| InvalidBlock::transaction(offset, "the signature is not valid"))?;
        judge.ctx.journaled_state.database.begin(AccessIndex::of_transaction(offset));
        let result = judge
            .transact_one(TxEnv::from_recovered_tx(transaction.as_ref(), sender))
            .map_err(|error| stop(offset, error))?;
        let state = judge.finalize();
        judge.ctx.journaled_state.database.commit(state).map_err(Stop::State)?;
        left.spend(transaction, result.tx_gas_used());
        ran.push(ran_of(transaction, result));
    }
    Ok(ran)
}

fn ran_of(transaction: &TxEnvelope, result: ExecutionResult) -> Ran {
    let gas = result.gas();
    Ran {
        tx_type: transaction.tx_type(),
        success: result.is_success(),
        gas: GasVector {
            used: gas.tx_gas_used(),
            regular: gas.block_regular_gas_used(),
            state: gas.block_state_gas_used(),
            blob: transaction.blob_gas_used().unwrap_or(0),
        },
        logs: result.into_logs(),
    }
}

fn stop<E: std::fmt::Display>(offset: usize, error: EVMError<E>) -> Stop<E> {
    match error {
        EVMError::Transaction(reason) => InvalidBlock::transaction(offset, reason).into(),
        EVMError::Header(reason) => InvalidBlock::body(reason).into(),
        EVMError::Database(error) => Stop::State(error),
        other => Stop::Fault { message: other.to_string() },
    }
}
