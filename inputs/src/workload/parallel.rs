//! The same function over many items on all cores, results in the items' order.

use std::{num::NonZeroUsize, thread};

/// Below this many items a thread costs more than it saves.
const ITEMS_PER_THREAD_MIN: usize = 64;

/// Applies `work` to every item. The answer does not depend on the number of threads.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let per_thread = items.len().div_ceil(cores).max(ITEMS_PER_THREAD_MIN);
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = items
            .chunks(per_thread)
            .map(|chunk| scope.spawn(move || chunk.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let parts = running.into_iter().map(|part| part.join().expect("work does not panic"));
        parts.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..1_000).collect();
        let doubled: Vec<u32> = items.iter().map(|item| item * 2).collect();
        assert_eq!(super::map(&items, |item| item * 2), doubled);
        assert!(super::map(&[] as &[u32], |item| item * 2).is_empty());
    }
}
