//! Executes one index of a block with revm, and notes what it observed.
//!
//! revm loads accounts whole; what a transaction *could observe* of one is noted by hooks on the
//! instructions that look ([`hooks`](self)) and by a database that records. The fee of the
//! beneficiary is kept back as a Credit. Start reading at [`Executor::run`].

mod block_steps;
mod collect;
mod executor;
mod guess;
mod handler;
mod hooks;
mod limits;
mod observed;
mod recorder;
mod view;

pub use block_steps::block_step_contracts;
pub use executor::{Executor, RunEnd};
pub use guess::Guesses;
pub use limits::{CancelFlag, RunLimits};
pub use view::{StateView, ViewMiss};
