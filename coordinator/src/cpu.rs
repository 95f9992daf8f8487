//! CPU threads: decoding, recovery of senders and roots run here and never on an async thread.

use crossbeam_channel::{Receiver, Sender};
use std::{
    fmt, io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};
use tokio::sync::{Semaphore, oneshot};
use tracing::Span;

/// Something to compute.
pub type Work = Box<dyn FnOnce() + Send>;

/// Runs work somewhere. A simulation runs it where it stands.
pub trait CpuPool: Send + Sync + fmt::Debug {
    /// Takes work. It must not be called more often, without the work being done, than
    /// [`Self::queue_len_max`] says.
    fn submit(&self, work: Work);

    /// Returns how much work may wait or run.
    fn queue_len_max(&self) -> NonZeroUsize;

    /// Returns how much runs at once.
    fn n_threads(&self) -> NonZeroUsize;
}

/// Work that gave no answer: it panicked, or the pool is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("work on a CPU thread ended without an answer")]
pub struct NoAnswer;

/// A pool with its queue's places counted.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    pool: Arc<dyn CpuPool>,
    places: Arc<Semaphore>,
}

impl Cpu {
    pub(crate) fn new(pool: Arc<dyn CpuPool>) -> Self {
        let places = Arc::new(Semaphore::new(pool.queue_len_max().get()));
        Self { pool, places }
    }

    pub(crate) fn n_threads(&self) -> NonZeroUsize {
        self.pool.n_threads()
    }

    /// Waits for a place on the queue, then runs work in the present span and returns its value.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| NoAnswer)?;
        let (done, answer) = oneshot::channel();
        let span = Span::current();
        self.pool.submit(Box::new(move || {
            let value = span.in_scope(work);
            drop(place);
            // Nobody may wait any more; then the answer is not wanted.
            let _ = done.send(value);
        }));
        answer.await.map_err(|_| NoAnswer)
    }
}

/// Named threads with one bounded queue, first come, first served. They end with the pool.
#[derive(Debug)]
pub struct ThreadPool {
    queue: Sender<Work>,
    queue_len_max: NonZeroUsize,
    n_threads: NonZeroUsize,
}

impl ThreadPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system gives none.
    pub fn start(n_threads: NonZeroUsize, queue_len_max: NonZeroUsize) -> io::Result<Self> {
        let (queue, works) = crossbeam_channel::bounded::<Work>(queue_len_max.get());
        for number in 0..n_threads.get() {
            let works = works.clone();
            // Dropping the queue on an error ends the threads that did start.
            thread::Builder::new()
                .name(format!("coordinator-cpu-{number}"))
                .spawn(move || work_off(&works))?;
        }
        Ok(Self { queue, queue_len_max, n_threads })
    }
}

impl CpuPool for ThreadPool {
    fn submit(&self, work: Work) {
        // Never full: who submits holds one of as many places as the queue has. If the threads are
        // gone the work is dropped, and with it the sender of its answer.
        let _ = self.queue.try_send(work);
    }

    fn queue_len_max(&self) -> NonZeroUsize {
        self.queue_len_max
    }

    fn n_threads(&self) -> NonZeroUsize {
        self.n_threads
    }
}

fn work_off(works: &Receiver<Work>) {
    for work in works {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!("work on a cpu thread panicked, its answer is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu() -> Cpu {
        let two = NonZeroUsize::new(2).unwrap();
        Cpu::new(Arc::new(ThreadPool::start(two, two).unwrap()))
    }

    #[tokio::test]
    async fn more_work_than_the_queue_holds_waits_and_is_done() {
        let cpu = cpu();
        let works = (0..100_u64).map(|number| cpu.run(move || number * 2));

        let doubled = futures::future::try_join_all(works).await.unwrap();

        assert_eq!(doubled.iter().sum::<u64>(), 9_900);
    }

    #[tokio::test]
    async fn work_that_panics_costs_its_answer_and_nothing_else() {
        let cpu = cpu();
        for _ in 0..10 {
            assert_eq!(cpu.run(|| panic!("on purpose")).await, Err::<(), _>(NoAnswer));
        }
        assert_eq!(cpu.run(|| 7).await, Ok(7));
    }
}
