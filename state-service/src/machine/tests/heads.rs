//! Two children of one block, and which of them is the head.

use super::*;

/// A shard with blocks 1 and 2 on its genesis, of which 1 came first, and 3 on 2.
fn forked() -> Driven {
    let mut driven = chain(1, Limits::default());
    driven.commit(job(1), hash(1), 1).unwrap();
    driven.seal(&request(job(2), block(0), 1, credit(7))).unwrap();
    driven.commit(job(2), hash(2), 1).unwrap();
    driven.seal(&request(job(3), block(2), 2, credit(8))).unwrap();
    driven.commit(job(3), hash(3), 2).unwrap();
    driven.feed.clear();
    driven
}

#[test]
fn a_sibling_is_committed_and_the_head_stays_until_it_is_moved() {
    let mut driven = forked();
    assert_eq!(driven.machine.head(), head(1));
    let states: Vec<_> = [1, 2, 3].map(|n| driven.find(&block(n)).unwrap()).into();
    assert_ne!(states[0].root_node(), states[1].root_node());

    for (there, number) in [(3, 2), (1, 1), (2, 1)] {
        let moved = driven.step(|machine| machine.set_head(hash(there)));
        let expected = Head { block_hash: hash(there), block_number: number };
        assert_eq!(moved, Ok(expected));
        assert_eq!(driven.machine.head(), Some(expected));
        // Whoever has a cache of another branch begins again, at this block under both its names.
        let start = FeedMessage::Start {
            boot: BootId::new(7),
            head: Some((Some(job(there.into())), hash(there))),
        };
        let told: Vec<_> = std::mem::take(&mut driven.feed);
        assert_eq!(told, [start]);
    }
    for (number, state) in [1, 2, 3].into_iter().zip(states) {
        assert!(Arc::ptr_eq(&state, &driven.find(&block(number)).unwrap()));
    }
}

#[test]
fn a_block_on_the_new_head_moves_it_and_one_on_the_old_does_not() {
    let mut driven = forked();
    driven.step(|machine| machine.set_head(hash(2))).unwrap();

    driven.seal(&request(job(4), block(1), 2, credit(9))).unwrap();
    driven.commit(job(4), hash(4), 2).unwrap();
    assert_eq!(driven.machine.head(), Some(Head { block_hash: hash(2), block_number: 1 }));

    driven.seal(&request(job(5), block(2), 2, credit(10))).unwrap();
    driven.commit(job(5), hash(5), 2).unwrap();
    assert_eq!(driven.machine.head(), Some(Head { block_hash: hash(5), block_number: 2 }));
}

#[test]
fn the_head_that_is_the_head_already_is_told_to_nobody() {
    let mut driven = forked();
    assert!(driven.step(|machine| machine.set_head(hash(1))).is_ok());
    assert!(driven.feed.is_empty());
}

#[test]
fn what_is_not_committed_or_long_gone_is_no_head() {
    let limits = Limits { committed_snapshots_max: 2.try_into().unwrap(), ..Limits::default() };
    let mut driven = chain(3, limits);
    let unknown = |number: u8| Err(StateError::UnknownSnapshot { snapshot: block(number) });
    assert_eq!(driven.step(|machine| machine.set_head(hash(1))), unknown(1));
    for number in 1..=3 {
        driven.commit(job(number.into()), hash(number), number.into()).unwrap();
    }
    assert_eq!(driven.step(|machine| machine.set_head(hash(1))), unknown(1));
    assert_eq!(driven.machine.head(), Some(Head { block_hash: hash(3), block_number: 3 }));
    // The genesis stays the head's ancestor, and goes with time as others do.
    assert_eq!(driven.step(|machine| machine.set_head(hash(0))), unknown(0));
}

#[test]
fn the_genesis_can_be_the_head_again() {
    let mut driven = forked();
    driven.step(|machine| machine.set_head(hash(0))).unwrap();
    let start = FeedMessage::Start { boot: BootId::new(7), head: Some((None, hash(0))) };
    assert_eq!(driven.feed, [start]);
}
