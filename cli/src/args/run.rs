//! Flags of `evmesh run`.

use super::{FaultArg, PlanArg, TransportArg, values};
use clap::Args;
use engine::shard::ShardCount;
use std::{
    num::{NonZeroU16, NonZeroU64},
    path::PathBuf,
    time::Duration,
};

const INPUTS: &str = "\
Inputs, recognised by their content:
  a folder, an archive (tar, tar.gz, tar.zst) or a file, packed (.gz, .zst) or not, with
    blocks and the values they read (block.json, pre_state.json, bytecodes.json),
    blocks with their witness (JSON with block_rlp),
    Ethereum's official blockchain tests, or
    a chain (RLP, as geth export writes it) with geth's genesis.json in its folder
  workload:NAME?txs=…&blocks=…&accounts=…&seed=…, made from a seed; the default of txs by NAME:
    transfers 10000, erc20 5000, swaps 1000, chain 1000, hybrid 5000, compute 200,
    mint 2000, edges 200
    txs=N       transactions a block
    blocks=N    blocks [default: 1]
    accounts=N  accounts before the first block [default: 100000]
    seed=N      where all chance begins [default: 0]
    hot=N       percent of the transactions that go to a few hot accounts, or to the first pool
                [default: 0; hybrid 30; not for chain, compute and edges]
    dist=uniform|zipf, zipf=X   erc20: how recipients are chosen [default: uniform; 1.1]
    pools=N     swaps, hybrid: number of pools [default: 64]
    gas=N       compute: gas of a transaction, about [default: 2000000]
    fork=NAME   edges: the rules of the chain, from frontier to osaka [default: osaka]
    case=NAME   edges: this case alone; an unknown name is answered with all of them. Some hold what
                no real chain can, and other clients need not take: balances near 2^256
                (overflow-…), and empty accounts after the merge (credits-to-empty)

Each block's parent state is loaded first. Then the clock starts when the raw bytes are handed to
the cluster and ends with its outcome. Serial revm does the same job from the same bytes on one
thread with its own memory, before or after the cluster in turns.

Examples:
  evmesh run 'workload:transfers?txs=2000&accounts=10000'
  evmesh run 'workload:erc20?dist=zipf' --workers 2 --state-delay 200us
  evmesh run blocks/ --slice-gas 1 --json
  evmesh run blocks/ --transport grpc --workers 2 --state-shards 4
  evmesh run blocks/ --coordinator http://10.0.0.5:7410";

/// Executes the blocks of inputs on a cluster, beside serial revm.
///
/// The cluster is in this process, unless --transport or --coordinator says otherwise.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = INPUTS)]
pub struct RunArgs {
    /// Files, folders or archives of blocks, or generated workloads; run in this order
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<String>,
    /// Genesis of the one chain that is run [default: genesis.json in the chain's folder]
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Number of workers [default: 4]
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroU16>,
    /// Slices that each worker runs at once, one CPU thread each [default: 1]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroU16>,
    /// Number of state shards: 1, 2, 4, 8 or 16 [default: 1]
    #[arg(long, value_name = "N", value_parser = values::shard_count)]
    pub state_shards: Option<ShardCount>,
    /// How the parts of the cluster talk; with grpc each is a process [default: in-process]
    #[arg(long, value_enum, value_name = "TRANSPORT")]
    pub transport: Option<TransportArg>,
    /// Uses the cluster whose coordinator is there, as in `http://10.0.0.5:7410` [default: none]
    #[arg(
        long,
        value_name = "URL",
        conflicts_with_all = ["workers", "threads", "state_shards", "transport"]
    )]
    pub coordinator: Option<String>,
    /// How blocks are cut into slices [default: split]
    #[arg(long, value_enum, value_name = "PLAN")]
    pub plan: Option<PlanArg>,
    /// Gas of a slice at most; 1 makes every transaction a slice [default: none, cut by workers]
    #[arg(long, value_name = "GAS")]
    pub slice_gas: Option<NonZeroU64>,
    /// Seed of every choice that does not change the outcome [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Leaves serial revm out: headers are still compared
    #[arg(long)]
    pub no_oracle: bool,
    /// Builds each block that is equal again from its parent, attributes and transactions: the same
    /// block has to come out
    #[arg(long)]
    pub rebuild: bool,
    /// Breaks something on purpose, so that checks can be seen to fail [default: none]
    ///
    /// Only in process.
    #[arg(long, value_enum, value_name = "FAULT")]
    pub fault: Option<FaultArg>,
    /// Moves the state away: delay of each answer, as in 200us or 1ms [default: 0s]
    ///
    /// The cluster pays it once per answer of the state service. Serial revm pays it once per
    /// distinct account and slot of a block; code comes with its account. The delay that was
    /// really paid is printed. Only in process.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub state_delay: Option<Duration>,
    /// Prints JSON Lines (evmesh.run/1) instead of a table
    #[arg(long)]
    pub json: bool,
}
