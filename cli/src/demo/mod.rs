//! `evmesh demo`: three acts that show that the cluster is equal to serial revm, and what it costs
//! and gains.

mod act;
mod ending;
mod far_state;
mod lost_worker;
mod split;

use crate::{config::Config, exit::Exit, failure::Failure, run::print, session::Summary};
use cluster::{clock::SharedClock, shutdown::ShutdownToken};

/// Runs the demo.
///
/// # Errors
/// If a part of it cannot run. A block that is not equal shows in the exit code.
pub fn demo(
    config: &Config,
    clock: &SharedClock,
    shutdown: &ShutdownToken,
) -> Result<Exit, Failure> {
    let stage = act::Stage { config, clock, shutdown };
    let mut all = Summary::default();
    print(
        "evmesh executes Ethereum blocks on several workers; every block is compared with serial\n\
         revm: receipts, state account by account and slot by slot, state root.\n",
    )?;
    split::play(&stage, &mut all)?;
    let speedup = far_state::play(&stage, &mut all)?;
    let added = lost_worker::play(&stage, &mut all)?;
    print(&ending::line(&all, speedup, added))?;
    Ok(all.exit())
}
