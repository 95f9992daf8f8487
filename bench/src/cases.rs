//! What is measured.

use crate::args::Args;
use cluster::clock::SharedClock;
use evmesh::{failure::Failure, open::open_all};
use inputs::{Input, testdata};

/// Blocks that are measured together; each on a state of its own.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name in the report's ids.
    pub(crate) id: &'static str,
    /// What kind of blocks these are.
    pub(crate) workload: &'static str,
    /// Their sizes.
    pub(crate) params: String,
    /// One block each.
    pub(crate) inputs: Vec<Input>,
}

struct Workload {
    id: &'static str,
    name: &'static str,
    /// Sizes of the standard, and of the quick run.
    params: (&'static str, &'static str),
}

/// Standard workloads, at their standard sizes.
const WORKLOADS: [Workload; 8] = [
    Workload {
        id: "W1",
        name: "transfers",
        params: ("txs=10000&accounts=100000", "txs=500&accounts=5000"),
    },
    Workload {
        id: "W2",
        name: "erc20",
        params: ("txs=5000&accounts=100000", "txs=300&accounts=5000"),
    },
    Workload {
        id: "W2-zipf",
        name: "erc20",
        params: ("txs=5000&accounts=100000&dist=zipf", "txs=300&accounts=5000&dist=zipf"),
    },
    Workload {
        id: "W3",
        name: "swaps",
        params: ("txs=1000&accounts=100000", "txs=100&accounts=5000"),
    },
    Workload {
        id: "W3-one-pool",
        name: "swaps",
        params: ("txs=1000&accounts=100000&pools=1", "txs=100&accounts=5000&pools=1"),
    },
    Workload {
        id: "W4",
        name: "chain",
        params: ("txs=1000&accounts=100000", "txs=100&accounts=5000"),
    },
    Workload {
        id: "W6",
        name: "compute",
        params: ("txs=200&accounts=100000", "txs=8&accounts=5000"),
    },
    Workload {
        id: "W7",
        name: "mint",
        params: ("txs=2000&accounts=100000", "txs=100&accounts=5000"),
    },
];

const MAINNET: &str = "mainnet";

/// Makes and reads everything that is to be measured, before anything is.
///
/// # Errors
/// If real data is set and cannot be read.
pub(crate) fn all(args: &Args, clock: &SharedClock) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| args.wants(workload.id)) {
        let params = if args.quick { workload.params.1 } else { workload.params.0 };
        let name = format!("workload:{}?{params}", workload.name);
        cases.push(Case {
            id: workload.id,
            workload: workload.name,
            params: params.to_owned(),
            inputs: open_all(&[name], clock)?,
        });
    }
    if args.wants(MAINNET)
        && let Some(folder) = testdata::folder("the real mainnet blocks")
    {
        let path = folder.join("mainnet_prestate").display().to_string();
        let inputs = open_all(&[path], clock)?;
        let params = format!("{} blocks", inputs.len());
        cases.push(Case { id: MAINNET, workload: MAINNET, params, inputs });
    }
    if cases.is_empty() {
        let known = WORKLOADS.map(|workload| workload.id).join(",");
        return Err(Failure::usage(
            "no case has these names",
            "--only",
            format!("{known},{MAINNET}"),
        ));
    }
    Ok(cases)
}
