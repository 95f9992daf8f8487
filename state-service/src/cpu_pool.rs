//! CPU threads: seals, loads and large reads run here and never on an async thread.

use crate::error::StateError;
use crossbeam_channel::{Receiver, Sender};
use rustix::time::{ClockId, clock_gettime};
use std::{
    fmt, io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::{Semaphore, oneshot};
use tracing::{Span, error};

type Work = Box<dyn FnOnce() + Send>;

/// Named threads with one bounded queue, first come, first served. They end with the pool.
pub(crate) struct CpuPool {
    queue: Sender<Work>,
    /// One permit a place on the queue, held until the work is done.
    places: Arc<Semaphore>,
    cpu_ns: AtomicU64,
}

impl CpuPool {
    /// Starts the threads.
    pub(crate) fn start(
        name: &str,
        n_threads: NonZeroUsize,
        queue_len_max: NonZeroUsize,
    ) -> io::Result<Self> {
        let (queue, works) = crossbeam_channel::bounded::<Work>(queue_len_max.get());
        for number in 0..n_threads.get() {
            let works = works.clone();
            // Dropping the queue on an error ends the threads that did start.
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || work_off(&works))?;
        }
        let places = Arc::new(Semaphore::new(queue_len_max.get()));
        Ok(Self { queue, places, cpu_ns: AtomicU64::new(0) })
    }

    /// Runs work on a thread and returns what it returns. Waits for a place on the queue first;
    /// once it has one, the work runs even if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StateError> {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_| StateError::Stopped)?;
        let (done, answer) = oneshot::channel();
        let (span, pool) = (Span::current(), Arc::downgrade(self));
        self.hand_over(Box::new(move || {
            let (value, cpu) = measured(|| span.in_scope(work));
            if let Some(pool) = pool.upgrade() {
                pool.add_cpu(cpu);
            }
            drop(place);
            // Nobody may wait any more; then the answer is not wanted.
            let _ = done.send(value);
        }))?;
        answer.await.map_err(|_| StateError::Broken)
    }

    /// Runs light work on the calling thread and counts its CPU time.
    pub(crate) fn run_here<T>(&self, work: impl FnOnce() -> T) -> T {
        let (value, cpu) = measured(work);
        self.add_cpu(cpu);
        value
    }

    /// Frees what may take long to free on a thread, or here if the queue is full.
    pub(crate) fn free(&self, garbage: Box<dyn fmt::Debug + Send>) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return drop(garbage) };
        let work = move || {
            drop(garbage);
            drop(place);
        };
        // If it is refused, it is dropped with the refusal.
        let _ = self.hand_over(Box::new(work));
    }

    /// Returns the CPU time of all work so far.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed))
    }

    fn hand_over(&self, work: Work) -> Result<(), StateError> {
        // Never full: who hands work over holds one of as many places as the queue has.
        self.queue.try_send(work).map_err(|_| StateError::Stopped)
    }

    fn add_cpu(&self, cpu: Duration) {
        let cpu_ns = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        self.cpu_ns.fetch_add(cpu_ns, Ordering::Relaxed);
    }
}

impl fmt::Debug for CpuPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuPool").field("queue_len", &self.queue.len()).finish_non_exhaustive()
    }
}

fn work_off(works: &Receiver<Work>) {
    for work in works {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            error!("work on a cpu thread panicked, its answer is lost");
        }
    }
}

/// Runs work and tells the CPU time that the calling thread spent on it.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = thread_cpu();
    let value = work();
    (value, thread_cpu().saturating_sub(before))
}

fn thread_cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        used.tv_sec.try_into().expect("CPU time is not negative"),
        used.tv_nsec.try_into().expect("a fraction of a second fits 32 bits"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn pool(n_threads: usize, queue_len_max: usize) -> Arc<CpuPool> {
        let pool = CpuPool::start(
            "test-cpu",
            n_threads.try_into().unwrap(),
            queue_len_max.try_into().unwrap(),
        );
        Arc::new(pool.unwrap())
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_its_thread_works_on() {
        let pool = pool(1, 1);

        let broken = pool.run(|| panic!("on purpose")).await;

        assert_eq!(broken, Err::<(), _>(StateError::Broken));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn work_beyond_the_queue_waits_for_a_place_and_then_runs() {
        let pool = pool(1, 2);
        let (release, released) = mpsc::channel::<()>();
        let busy = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(move || released.recv()).await }
        });
        let later: Vec<_> = (0..5)
            .map(|number| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(move || number).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(pool.places.available_permits(), 0);
        assert!(later.iter().all(|waiting| !waiting.is_finished()));

        drop(release);

        busy.await.unwrap().unwrap().unwrap_err();
        for (number, waiting) in later.into_iter().enumerate() {
            assert_eq!(waiting.await.unwrap(), Ok(number));
        }
    }

    #[tokio::test]
    async fn cpu_time_is_that_of_the_work() {
        let pool = pool(1, 1);
        let count = || (0..20_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        pool.run(count).await.unwrap();
        let first = pool.cpu();
        pool.run_here(count);

        assert!(first > Duration::from_millis(1), "{first:?}");
        assert!(pool.cpu() > first + Duration::from_millis(1), "{:?}", pool.cpu());
    }

    #[test]
    fn what_nobody_needs_is_freed_with_or_without_a_place() {
        #[derive(Debug)]
        struct Garbage(mpsc::Sender<&'static str>);
        impl Drop for Garbage {
            fn drop(&mut self) {
                let here = thread::current().name() != Some("test-cpu-0");
                self.0.send(if here { "here" } else { "on a thread" }).unwrap();
            }
        }
        let (freed, all_freed) = mpsc::channel();
        let pool = pool(1, 1);
        pool.free(Box::new(Garbage(freed.clone())));
        assert_eq!(all_freed.recv(), Ok("on a thread"));

        let place = Arc::clone(&pool.places);
        while place.available_permits() == 0 {
            thread::yield_now();
        }
        let _taken = place.try_acquire_owned().unwrap();
        pool.free(Box::new(Garbage(freed)));
        assert_eq!(all_freed.recv(), Ok("here"));
    }
}
