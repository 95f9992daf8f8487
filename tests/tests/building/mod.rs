//! Blocks that are built on a cluster, in one process or of processes: what they are built of, what is left out, and
//! what serial execution makes of the same.

mod rebuilt;
mod salted;

use crate::processes;
use alloy_consensus::{BlockBody, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Bytes;
use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::{
    block::{Block, Ommers},
    build::attributes_of,
    ids::SnapshotId,
    model::Numbers,
    shard::ShardCount,
};
use evmesh::{
    config::{ClientConfig, Config},
    run::sandbox_spec,
    transport::{ClusterSpec, Running},
};
use inputs::{Input, InputBlock, ParentState};
use proto::{
    coordinator::{BlockOutcome, BuildBlockRequest, ExecuteBlockRequest, JobEnd, Mode, PlanWish},
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

/// How many workers and state shards there are.
type Shape = (u16, usize);

/// A cluster that holds an input's first state.
struct Cluster<'a> {
    running: Running,
    input: &'a Input,
}

impl<'a> Cluster<'a> {
    /// Starts one in this process.
    fn start(input: &'a Input, (workers, shards): Shape) -> Self {
        let mut config = Config::default();
        config.sandbox.workers = NonZeroU16::new(workers).unwrap();
        config.worker.threads = NonZeroUsize::new(2).unwrap();
        config.sandbox.state_shards = ShardCount::new(shards).unwrap();
        Self::start_as(input, &sandbox_spec(&config, None).into())
    }

    /// Starts one of processes.
    fn start_processes(input: &'a Input, (workers, state_shards): Shape) -> Self {
        let shape = processes::Shape { workers, state_shards, slice_gas: None, seed: 0 };
        Self::start_as(input, &ClusterSpec::Grpc(shape.spec(""), ClientConfig::default()))
    }

    fn start_as(input: &'a Input, spec: &ClusterSpec) -> Self {
        let mut running = Running::start(spec, &SystemClock::shared()).unwrap();
        assert!(matches!(input.parent, ParentState::Genesis { .. }), "{} has none", input.name);
        running.load(&input.parent).unwrap();
        Self { running, input }
    }

    fn stop(self) {
        self.running.stop().unwrap();
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
        self.running.build(request)
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
        self.running.execute(request, &ShutdownToken::new()).unwrap().unwrap()
    }

    /// Drops the state after a block that was built or verified.
    fn release(&self, outcome: &BlockOutcome) {
        self.running.drop_job(outcome.job).unwrap();
    }

    /// Commits the input's own block, so that the next one can be built.
    fn go_on(&self, block: &InputBlock, cut: Cut) {
        let outcome = self.execute(block, block.block_rlp.clone(), Mode::VerifyAndCommit, cut);
        assert_eq!(outcome.end, JobEnd::Committed);
    }
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
