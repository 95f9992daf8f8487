//! Act 1: workloads split over four workers.

use super::act::{Shape, Stage, Totals, WORKERS};
use crate::{failure::Failure, report::ratio, run::print, session::Summary, table, text};

/// Name in the table, and the workload.
const WORKLOADS: [(&str, &str); 6] = [
    ("transfers", "workload:transfers?txs=4000&blocks=2&accounts=20000"),
    ("erc20", "workload:erc20?txs=3000&blocks=2&accounts=20000"),
    ("erc20, zipf", "workload:erc20?txs=3000&blocks=2&accounts=20000&dist=zipf"),
    ("swaps", "workload:swaps?txs=1000&blocks=2&accounts=20000"),
    ("chain", "workload:chain?txs=800&blocks=2&accounts=20000"),
    ("compute", "workload:compute?txs=40&blocks=2&accounts=20000"),
];

/// Plays the act: a row for each workload, and why a cluster on one machine may be slower.
pub(super) fn play(stage: &Stage<'_>, all: &mut Summary) -> Result<(), Failure> {
    print(&format!("Act 1: blocks split over {WORKERS} workers, state in memory"))?;
    let mut table = table::of(&[
        "workload",
        "transactions",
        "gas",
        "slices",
        "conflicts",
        "cluster ms",
        "serial ms",
        "against serial",
    ]);
    let mut is_any_slower = false;
    for (name, workload) in WORKLOADS {
        let totals = stage.play(&stage.open(workload)?, Shape::default(), all)?;
        is_any_slower |= totals.serial_us < totals.wall_us;
        table.add_row(row(name, &totals));
    }
    print(&table.to_string())?;
    if is_any_slower { print(&why_slower()) } else { print("") }
}

fn row(name: &str, totals: &Totals) -> [String; 8] {
    [
        name.to_owned(),
        text::thousands(totals.transactions),
        text::mgas(totals.gas),
        totals.slices.to_string(),
        text::thousands(totals.conflicts),
        text::millis(totals.wall_us),
        text::millis(totals.serial_us),
        text::times(ratio(totals.serial_us, totals.wall_us)),
    ]
}

fn why_slower() -> String {
    let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = text::count(n_cores as u64, "core");
    format!(
        "Below 1.00x: all {WORKERS} workers share this machine's {cores} with the coordinator and the \
         state; blocks this\nsmall are soon done serially, while here each read and write is carried \
         from worker to coordinator and\nchecked, and what conflicts is executed again.\n"
    )
}
