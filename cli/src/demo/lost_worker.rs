//! Act 3: a worker is killed inside a block.

use super::act::{Shape, Stage};
use crate::{args::FaultArg, failure::Failure, run::print, session::Summary, table, text};

const WORKLOAD: &str = "workload:erc20?txs=3000&accounts=20000";

/// Pairs of runs, with the kill and without, in turns first. An odd number: the middle one counts.
const PAIRS: usize = 5;

/// Plays the act, and returns the microseconds that the loss added.
pub(super) fn play(stage: &Stage<'_>, all: &mut Summary) -> Result<i64, Failure> {
    print(
        "Act 3: a worker is killed when it has its slice; the same block without that beside it",
    )?;
    let mut table = table::of(&["run", "all workers ms", "one killed ms", "attempts lost"]);
    let input = stage.open(WORKLOAD)?;
    let killing = Shape { fault: Some(FaultArg::WorkerLost), ..Shape::default() };
    let mut added = Vec::with_capacity(PAIRS);
    for run in 1..=PAIRS {
        let hit_first = run % 2 == 0;
        let first = stage.play(&input, if hit_first { killing } else { Shape::default() }, all)?;
        let second = stage.play(&input, if hit_first { Shape::default() } else { killing }, all)?;
        let (whole, hit) = if hit_first { (second, first) } else { (first, second) };
        added.push(signed(hit.wall_us) - signed(whole.wall_us));
        table.add_row([
            run.to_string(),
            text::millis(whole.wall_us),
            text::millis(hit.wall_us),
            hit.attempts_lost.to_string(),
        ]);
    }
    print(&table.to_string())?;
    print("")?;
    added.sort_unstable();
    Ok(added[PAIRS / 2])
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}
