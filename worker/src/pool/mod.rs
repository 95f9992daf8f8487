//! CPU threads behind a trait: work is handed over with its place in the order of all work, and
//! what it returns is awaited.
//!
//! EVM work and signatures run here and never on an async thread; nothing that waits runs here.

mod inline;
mod threads;

pub use inline::InlinePool;
pub use threads::{PoolThreads, ThreadPool};

use crate::cpu_time::CpuTime;
use engine::ids::{AccessIndex, JobId};
use std::{
    any::Any,
    fmt,
    future::Future,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use tokio::sync::oneshot;

/// The place of a piece of work among all work (rule 12): jobs as they were accepted, then indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkOrder {
    /// The job; jobs are numbered as they are accepted.
    pub job: JobId,
    /// The lowest index of the block that the work is for.
    pub index: AccessIndex,
}

/// A piece of work without its type.
pub type Work = Box<dyn FnOnce() + Send>;

/// Why work gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As much work waits as may wait.
    #[error("{queue_len_max} pieces of work wait for a CPU thread, which is the limit")]
    Full {
        /// The limit.
        queue_len_max: usize,
    },
    /// The pool stops.
    #[error("the CPU threads stop")]
    Stopped,
    /// The work panicked; its thread goes on.
    #[error("work on a CPU thread panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
}

/// Runs work on CPU threads, the oldest first.
pub trait Pool: Send + Sync + fmt::Debug {
    /// Hands over work. It runs once, or is dropped if the pool stops first.
    ///
    /// # Errors
    /// `Full` if too much waits, `Stopped` if nothing will ever run.
    fn submit(&self, order: WorkOrder, work: Work) -> Result<(), PoolError>;

    /// Returns how many pieces of work can run at once.
    fn n_threads(&self) -> NonZeroUsize;

    /// Returns how many pieces of work wait now.
    fn queue_len(&self) -> usize;
}

/// What a piece of work returned, and what it cost.
#[derive(Debug)]
pub struct Ran<T> {
    /// What it returned.
    pub value: T,
    /// CPU time of its thread, or zero where nobody measures.
    pub cpu: Duration,
}

/// Runs `work` on the pool. The work is handed over by this call, not by the first poll.
///
/// Dropping the future does not take the work back: it runs, and what it returns is dropped.
pub fn run<T: Send + 'static>(
    pool: &dyn Pool,
    order: WorkOrder,
    cpu_time: CpuTime,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<Ran<T>, PoolError>> + Send + 'static {
    let (done, answer) = oneshot::channel();
    let submitted = pool.submit(
        order,
        Box::new(move || {
            // Nobody may wait any more; then the answer is not wanted.
            let _ = done.send(measure(cpu_time, work));
        }),
    );
    async move {
        submitted?;
        answer.await.unwrap_or(Err(PoolError::Stopped))
    }
}

fn measure<T>(cpu_time: CpuTime, work: impl FnOnce() -> T) -> Result<Ran<T>, PoolError> {
    let before = cpu_time.of_this_thread();
    // What the work changed is dropped with it: a panic leaves nothing half done behind.
    let value = catch_unwind(AssertUnwindSafe(work))
        .map_err(|payload| PoolError::Panicked { message: message_of(payload.as_ref()) })?;
    Ok(Ran { value, cpu: cpu_time.of_this_thread().saturating_sub(before) })
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
