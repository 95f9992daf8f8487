//! Blocks that are built on a cluster in one process: what they are built of, what is left out, and
//! what serial execution makes of the same.

mod rebuilt;
mod salted;

use alloy_consensus::{BlockBody, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Bytes;
use cluster::clock::SystemClock;
use engine::{
    block::{Block, Ommers},
    build::attributes_of,
    ids::SnapshotId,
    model::Numbers,
    shard::ShardCount,
};
use evmesh::{config::Config, run::sandbox_spec, sandbox::Sandbox};
use inputs::{Input, InputBlock, ParentState};
use proto::{
    coordinator::{BlockOutcome, BuildBlockRequest, ExecuteBlockRequest, JobEnd, Mode, PlanWish},
    state::{AccountState, LoadGenesisRequest, StateValues},
    status::Status,
};
use std::{
    num::{NonZeroU16, NonZeroUsize},
    sync::Arc,
};

/// How a block is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    plan: PlanWish,
    slice_gas: Option<u64>,
    seed: u64,
}

impl Cut {
    fn random(numbers: &mut Numbers) -> Self {
        let slice_gas = [None, Some(1), Some(50_000 + numbers.below(500_000))];
        Self {
            plan: if numbers.percent(25) { PlanWish::Whole } else { PlanWish::Split },
            slice_gas: slice_gas[usize::try_from(numbers.below(3)).unwrap()],
            seed: numbers.below(1000),
        }
    }
}

/// A cluster that holds an input's first state.
struct Cluster<'a> {
    sandbox: Sandbox,
    input: &'a Input,
}

impl<'a> Cluster<'a> {
    fn start(input: &'a Input, (workers, shards): (u16, usize)) -> Self {
        let mut config = Config::default();
        config.sandbox.workers = NonZeroU16::new(workers).unwrap();
        config.worker.threads = NonZeroUsize::new(2).unwrap();
        config.sandbox.state_shards = ShardCount::new(shards).unwrap();
        let spec = sandbox_spec(&config, None);
        let sandbox = Sandbox::start(&spec, &SystemClock::shared()).unwrap();
        let cluster = Self { sandbox, input };
        let ParentState::Genesis { block_hash, block_number, state } = &input.parent else {
            panic!("{} has no genesis", input.name);
        };
        let (block_hash, block_number) = (*block_hash, *block_number);
        let request = LoadGenesisRequest { block_hash, block_number, state: values(state) };
        let coordinator = cluster.sandbox.coordinator();
        cluster.sandbox.runtime().block_on(coordinator.load_genesis(request)).unwrap();
        cluster
    }

    fn build(
        &self,
        block: &InputBlock,
        candidates: Vec<Bytes>,
        cut: Cut,
    ) -> Result<BlockOutcome, Status> {
        let decoded = Block::decode(&block.block_rlp).unwrap();
        let request = BuildBlockRequest {
            chain: self.input.chain.clone(),
            parent: SnapshotId::Block(block.parent_hash),
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            attributes: attributes_of(&decoded),
            candidates,
            plan: cut.plan,
            slice_gas: cut.slice_gas,
            seed: cut.seed,
        };
        let coordinator = self.sandbox.coordinator();
        self.sandbox.runtime().block_on(coordinator.build_block(request))
    }

    /// Executes a block on the parent of `block`.
    fn execute(&self, block: &InputBlock, block_rlp: Bytes, mode: Mode, cut: Cut) -> BlockOutcome {
        let request = ExecuteBlockRequest {
            block_rlp,
            chain: self.input.chain.clone(),
            parent: SnapshotId::Block(block.parent_hash),
            ancestors: block.ancestors.clone(),
            lineage: block.lineage.clone(),
            ommers: Ommers::Known,
            mode,
            plan: cut.plan,
            slice_gas: cut.slice_gas,
            seed: cut.seed,
        };
        let coordinator = self.sandbox.coordinator();
        self.sandbox.runtime().block_on(coordinator.execute_block(request)).unwrap()
    }

    /// Drops the state after a block that was built or verified.
    fn release(&self, outcome: &BlockOutcome) {
        let coordinator = self.sandbox.coordinator();
        let snapshot = SnapshotId::Job(outcome.job);
        self.sandbox.runtime().block_on(coordinator.drop_snapshot(snapshot)).unwrap();
    }

    /// Commits the input's own block, so that the next one can be built.
    fn go_on(&self, block: &InputBlock, cut: Cut) {
        let outcome = self.execute(block, block.block_rlp.clone(), Mode::VerifyAndCommit, cut);
        assert_eq!(outcome.end, JobEnd::Committed);
    }
}

fn values(state: &inputs::StateValues) -> StateValues {
    let accounts = state.accounts.iter().map(|account| AccountState {
        address: account.address,
        account: account.account,
        storage: account.storage.clone(),
    });
    StateValues { accounts: accounts.collect(), codes: state.codes.clone() }
}

fn open(spec: &str) -> Input {
    inputs::open(spec, &mut |_, _| {}).unwrap().remove(0)
}

/// Returns the RLP of a block with other transactions.
fn with_transactions(block: &Block, transactions: Vec<Arc<TxEnvelope>>) -> Bytes {
    let body = BlockBody {
        transactions,
        ommers: block.ommers.clone(),
        withdrawals: block.withdrawals.clone().map(Into::into),
    };
    alloy_rlp::encode(alloy_consensus::Block { header: block.header.clone(), body }).into()
}

fn candidates_of(block: &Block) -> Vec<Bytes> {
    block.transactions.iter().map(|tx| tx.encoded_2718().into()).collect()
}
