//! The cache against models of the Snapshots: what it answers is so, whatever the feed does.

mod model;
mod rules;

use super::*;
use crate::cache::base::ENTRY_BYTES;
use model::{Act, World, act};
use proptest::prelude::*;

/// Few places, so that everything that is bounded is at its bound all the time.
pub(super) const NARROW: Bounds =
    Bounds { bytes_max: 10 * ENTRY_BYTES, diffs_max: 3, diff_bytes_max: 1 << 20 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn it_never_answers_what_the_snapshot_would_not_whatever_the_feed_does(
        acts in prop::collection::vec(act(), 1..250),
    ) {
        let mut world = World::new(NARROW);
        for act in acts {
            world.act(act);
        }
    }
}

/// The property would hold of a cache that knows nothing: with most acts undisturbed, this one
/// knows a lot, and each disturbance happens.
#[test]
fn what_is_played_reaches_hits_at_every_depth_and_every_reason_to_forget() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(act(), 250);
    let mut world_counts = model::Counts::default();
    for _ in 0..300 {
        let acts: Vec<Act> = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(NARROW);
        acts.into_iter().for_each(|act| world.act(act));
        world_counts.add(&world.counts);
    }
    assert!(world_counts.n_hits.iter().all(|n_hits| *n_hits > 50), "{world_counts:?}");
    assert!(world_counts.n_emptied.iter().all(|n_emptied| *n_emptied > 10), "{world_counts:?}");
    assert!(world_counts.n_taken_later > 10, "{world_counts:?}");
}
