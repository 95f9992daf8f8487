//! Act 2: the state is 200 µs away, as over a network.

use super::act::{Shape, Stage, WORKERS};
use crate::{failure::Failure, report::ratio, run::print, session::Summary, table, text};
use std::time::Duration;

const STATE_DELAY: Duration = Duration::from_micros(200);

/// Name in the table, and the workload.
const WORKLOADS: [(&str, &str); 2] = [
    ("erc20", "workload:erc20?txs=2000&accounts=20000"),
    ("swaps", "workload:swaps?txs=1000&accounts=20000"),
];

/// Plays the act, and returns how many times as fast as serial the cluster was.
pub(super) fn play(stage: &Stage<'_>, all: &mut Summary) -> Result<Option<f64>, Failure> {
    print("Act 2: the same, with the state 200 µs away")?;
    let mut table = table::of(&[
        "workload",
        "cluster ms",
        "serial ms",
        "against serial",
        "serial, batched ms",
        "against batched",
    ]);
    let (mut wall_us, mut serial_us) = (0, 0);
    let far = Shape { state_delay: STATE_DELAY, ..Shape::default() };
    for (name, workload) in WORKLOADS {
        let input = stage.open(workload)?;
        let cluster = stage.play(&input, far, all)?;
        let single = stage.play(&input, Shape { is_single: true, ..far }, all)?;
        wall_us += cluster.wall_us;
        serial_us += cluster.serial_us;
        table.add_row([
            name.to_owned(),
            text::millis(cluster.wall_us),
            text::millis(cluster.serial_us),
            text::times(ratio(cluster.serial_us, cluster.wall_us)),
            text::millis(single.wall_us),
            text::times(ratio(single.wall_us, cluster.wall_us)),
        ]);
    }
    print(&table.to_string())?;
    print(&format!(
        "serial waits for each account and slot it reads, one after the other; serial, batched is \
         the block as one\nslice on one worker with one thread, which asks for many keys in one \
         message; the cluster has {WORKERS} workers.\n"
    ))?;
    Ok(ratio(serial_us, wall_us))
}
