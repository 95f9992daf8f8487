//! The pool of real threads: one heap of waiting work, and threads that take the oldest from it.

use super::{Pool, PoolError, Work, WorkOrder};
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fmt, io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};
use tracing::error;

/// How a [`ThreadPool`] is made.
#[derive(Clone, Debug)]
pub struct PoolThreads {
    /// First part of the threads' names; the second is their number.
    pub name: String,
    /// How many threads there are.
    pub n_threads: NonZeroUsize,
    /// How much work may wait, besides what runs.
    pub queue_len_max: NonZeroUsize,
}

/// Named threads that share one queue. They end when the pool is dropped and their work is done;
/// what still waits is dropped then.
pub struct ThreadPool {
    shared: Arc<Shared>,
    n_threads: NonZeroUsize,
    queue_len_max: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Signalled for each piece of work, and for all when the pool stops.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: BinaryHeap<Waiting>,
    /// Keeps work of one order in the order in which it came.
    n_submitted: u64,
    stopped: bool,
}

struct Waiting {
    order: WorkOrder,
    number: u64,
    work: Work,
}

impl ThreadPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(threads: &PoolThreads) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let pool = Self {
            shared: Arc::clone(&shared),
            n_threads: threads.n_threads,
            queue_len_max: threads.queue_len_max.get(),
        };
        for number in 0..threads.n_threads.get() {
            let shared = Arc::clone(&shared);
            // Dropping the pool on an error ends the threads that did start.
            thread::Builder::new()
                .name(format!("{}-{number}", threads.name))
                .spawn(move || shared.work())?;
        }
        Ok(pool)
    }
}

impl Pool for ThreadPool {
    fn submit(&self, order: WorkOrder, work: Work) -> Result<(), PoolError> {
        let mut queue = self.shared.queue();
        if queue.waiting.len() >= self.queue_len_max {
            return Err(PoolError::Full { queue_len_max: self.queue_len_max });
        }
        let number = queue.n_submitted;
        queue.n_submitted += 1;
        queue.waiting.push(Waiting { order, number, work });
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn n_threads(&self) -> NonZeroUsize {
        self.n_threads
    }

    fn queue_len(&self) -> usize {
        self.shared.queue().waiting.len()
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.stopped = true;
        let dropped = std::mem::take(&mut queue.waiting);
        drop(queue);
        self.shared.changed.notify_all();
        // Outside the lock: dropping work wakes those who wait for its answer.
        drop(dropped);
    }
}

impl Shared {
    fn work(&self) {
        while let Some(work) = self.take() {
            // `run` catches panics of work; this keeps the thread alive whoever handed work over.
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                error!("work on a cpu thread panicked, its answer is lost");
            }
        }
    }

    /// Waits for work and takes the oldest; `None` when the pool stops.
    fn take(&self) -> Option<Work> {
        let mut queue = self.queue();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(oldest) = queue.waiting.pop() {
                return Some(oldest.work);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics half way through a change of the queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("n_threads", &self.n_threads)
            .field("queue_len_max", &self.queue_len_max)
            .finish_non_exhaustive()
    }
}

/// The heap gives its greatest first: the oldest work is the greatest.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.order, other.number).cmp(&(self.order, self.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use super::{super::run, *};
    use crate::cpu_time::CpuTime;
    use engine::ids::{AccessIndex, JobId, Term};
    use std::sync::mpsc;

    fn pool(n_threads: usize, queue_len_max: usize) -> ThreadPool {
        let threads = PoolThreads {
            name: "test-cpu".to_owned(),
            n_threads: n_threads.try_into().unwrap(),
            queue_len_max: queue_len_max.try_into().unwrap(),
        };
        ThreadPool::start(&threads).unwrap()
    }

    fn order(sequence: u64, index: u32) -> WorkOrder {
        WorkOrder { job: JobId { term: Term::new(1), sequence }, index: AccessIndex::new(index) }
    }

    /// Keeps one thread of the pool busy until the sender is dropped, and waits until it is.
    fn occupy(pool: &ThreadPool) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        pool.submit(
            order(0, 0),
            Box::new(move || {
                started.send(()).unwrap();
                let _ = released.recv();
            }),
        )
        .unwrap();
        has_started.recv().unwrap();
        release
    }

    #[test]
    fn a_free_thread_takes_the_oldest_job_first_and_then_the_lowest_index() {
        let pool = pool(1, 8);
        let busy = occupy(&pool);
        let (done, ran) = mpsc::channel();
        for (sequence, index) in [(2, 1), (1, 9), (2, 0), (1, 3), (1, 9)] {
            let done = done.clone();
            let work = Box::new(move || done.send((sequence, index)).unwrap());
            pool.submit(order(sequence, index), work).unwrap();
        }
        assert_eq!(pool.queue_len(), 5);

        drop(busy);

        let ran: Vec<_> = (0..5).map(|_| ran.recv().unwrap()).collect();
        assert_eq!(ran, [(1, 3), (1, 9), (1, 9), (2, 0), (2, 1)]);
    }

    #[test]
    fn work_of_one_order_runs_as_it_came() {
        let pool = pool(1, 64);
        let busy = occupy(&pool);
        let (done, ran) = mpsc::channel();
        for number in 0..50 {
            let done = done.clone();
            pool.submit(order(1, 1), Box::new(move || done.send(number).unwrap())).unwrap();
        }

        drop(busy);

        let ran: Vec<_> = (0..50).map(|_| ran.recv().unwrap()).collect();
        assert_eq!(ran, Vec::from_iter(0..50));
    }

    #[test]
    fn every_thread_works_at_once() {
        let pool = pool(3, 3);
        let (arrived, arrivals) = mpsc::channel();
        let releases: Vec<_> = (0..3)
            .map(|number| {
                let (release, released) = mpsc::channel::<()>();
                let arrived = arrived.clone();
                let work = Box::new(move || {
                    arrived.send(thread::current().name().unwrap().to_owned()).unwrap();
                    let _ = released.recv();
                });
                pool.submit(order(1, number), work).unwrap();
                release
            })
            .collect();

        let mut names: Vec<_> = (0..3).map(|_| arrivals.recv().unwrap()).collect();
        names.sort();

        assert_eq!(names, ["test-cpu-0", "test-cpu-1", "test-cpu-2"]);
        drop(releases);
    }

    #[test]
    fn the_queue_refuses_what_goes_beyond_its_bound_and_takes_work_again_later() {
        let pool = pool(1, 2);
        let busy = occupy(&pool);
        let (done, ran) = mpsc::channel();
        let submit = |number| {
            let done = done.clone();
            pool.submit(order(1, number), Box::new(move || done.send(number).unwrap()))
        };
        assert_eq!(submit(1), Ok(()));
        assert_eq!(submit(2), Ok(()));
        assert_eq!(submit(3), Err(PoolError::Full { queue_len_max: 2 }));

        drop(busy);
        assert_eq!([ran.recv().unwrap(), ran.recv().unwrap()], [1, 2]);

        assert_eq!(submit(4), Ok(()));
        assert_eq!(ran.recv(), Ok(4));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_its_thread_works_on() {
        let pool = pool(1, 4);
        for message in ["first", "second"] {
            let panicked = run(&pool, order(1, 1), CpuTime::NotMeasured, move || -> u8 {
                panic!("the {message} panic")
            });
            let expected = PoolError::Panicked { message: format!("the {message} panic") };
            assert_eq!(panicked.await.unwrap_err(), expected);
        }
        // Not through `run`: nothing but the thread's own guard catches this one.
        pool.submit(order(1, 1), Box::new(|| panic!("raw"))).unwrap();

        let ran = run(&pool, order(1, 2), CpuTime::NotMeasured, || 7).await.unwrap();
        assert_eq!(ran.value, 7);
    }

    #[tokio::test]
    async fn work_that_waits_when_the_pool_stops_is_answered_as_stopped() {
        let pool = pool(1, 4);
        let busy = occupy(&pool);
        let waiting = run(&pool, order(1, 1), CpuTime::NotMeasured, || 7);

        drop(pool);
        drop(busy);

        assert_eq!(waiting.await.unwrap_err(), PoolError::Stopped);
    }

    #[test]
    fn threads_end_with_their_pool() {
        let pool = pool(3, 4);
        let shared = Arc::downgrade(&pool.shared);

        drop(pool);

        // Each thread holds one; this turns for ever if one of them goes on.
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn cpu_time_is_that_of_the_work_and_not_of_its_waiting() {
        let pool = pool(1, 4);
        let count = || (0..20_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        let waiting = run(&pool, order(1, 1), CpuTime::Thread, move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        let counting = run(&pool, order(1, 2), CpuTime::Thread, count);
        has_started.recv().unwrap();
        // As long as this thread counts, the one of the pool waits.
        std::hint::black_box(count());
        drop(release);

        let (waiting, counting) = (waiting.await.unwrap(), counting.await.unwrap());
        assert!(counting.cpu > 4 * waiting.cpu, "{:?} and {:?}", counting.cpu, waiting.cpu);
        assert!(counting.cpu.as_micros() > 1_000, "{:?}", counting.cpu);
    }
}
