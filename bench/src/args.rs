//! What the benchmark is told.

use clap::Parser;
use evmesh::args::TransportArg;
use std::{num::NonZeroU16, path::PathBuf};

/// Measures the standard workloads and, if `EVMESH_DATA` is set, 34 real mainnet blocks, with 1, 2
/// and 4 workers, in one process and with a process each over gRPC; cluster and serial revm in turns.
/// Exits 0 if every block was equal.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench", version)]
pub(crate) struct Args {
    /// Smaller workloads and fewer runs: to see that it works, not to quote
    #[arg(long)]
    pub(crate) quick: bool,
    /// Runs that are counted, of each case and number of workers [default: 5; 2 with --quick]
    #[arg(long, value_name = "N")]
    runs: Option<NonZeroU16>,
    /// Measures only these cases, as in W1,W4,mainnet [default: all]
    #[arg(long, value_name = "CASES", value_delimiter = ',')]
    only: Vec<String>,
    /// Measures only this way of talking [default: in-process and grpc]
    #[arg(long, value_enum, value_name = "TRANSPORT")]
    transport: Option<TransportArg>,
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.json")]
    pub(crate) out: PathBuf,
    /// Exits 1 if a goal is missed (there are none yet)
    #[arg(long)]
    strict: bool,
}

impl Args {
    pub(crate) fn n_runs(&self) -> u32 {
        let default = if self.quick { 2 } else { 5 };
        self.runs.map_or(default, |runs| u32::from(runs.get()))
    }

    pub(crate) fn workers(&self) -> [NonZeroU16; 3] {
        [1, 2, 4].map(|workers| NonZeroU16::new(workers).expect("none of them is zero"))
    }

    pub(crate) fn transports(&self) -> Vec<TransportArg> {
        let all = [TransportArg::InProcess, TransportArg::Grpc];
        self.transport.map_or_else(|| all.to_vec(), |only| vec![only])
    }

    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == case)
    }
}
