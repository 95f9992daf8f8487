//! A shard's place: given once, and what belongs elsewhere is refused by its address.

use super::{Driven, block, credit, hash, job, request};
use crate::{
    config::Limits, error::StateError, machine::Stages, place::Place, tests::plain::Plain,
};
use alloy_primitives::{Address, U256};
use engine::{
    access::{AccountWrite, WriteSet},
    account::{Account, SnapshotKey},
    ids::{AccessIndex, BootId, ClusterId, Incarnation, ShardIndex, SnapshotId, Term},
    shard::ShardCount,
};
use proto::{
    state::{AccountState, ConfigureRequest, FeedMessage, StageRequest, StateValues},
    status::Code,
};
use std::sync::Arc;

fn place(index: u16, count: usize) -> Place {
    Place { index: ShardIndex::new(index), count: ShardCount::new(count).unwrap() }
}

fn configure(driven: &mut Driven, place: Place, term: u64) -> Result<BootId, StateError> {
    let Place { index, count } = place;
    let request =
        ConfigureRequest { cluster: ClusterId::new(5), index, count, term: Term::new(term) };
    driven.step(|machine| machine.configure(request))
}

/// An account that the place owns, and one that it does not.
fn own_and_foreign(place: Place) -> [Address; 2] {
    let owned = |address: &Address| place.count.shard_of(address) == place.index;
    let mut addresses = (0..=255).map(Address::with_last_byte);
    let mut others = (0..=255).map(Address::with_last_byte);
    [addresses.find(|address| owned(address)), others.find(|address| !owned(address))]
        .map(Option::unwrap)
}

#[test]
fn a_place_is_given_once_and_another_is_refused_by_name() {
    let mut driven = Driven::new(Limits::default());
    let present = place(1, 4);
    assert_eq!(configure(&mut driven, present, 3), Ok(BootId::new(7)));
    assert_eq!(configure(&mut driven, present, 3), Ok(BootId::new(7)));
    assert_eq!(driven.place, present);

    for given in [place(2, 4), place(1, 8), Place::ALONE] {
        let other = StateError::OtherPlace { present, given };
        assert_eq!(other.code(), Code::FailedPrecondition);
        assert_eq!(configure(&mut driven, given, 3), Err(other));
    }
    let stale = StateError::StaleTerm { present: Term::new(3), given: Term::new(2) };
    assert_eq!(configure(&mut driven, present, 2), Err(stale));
    assert!(configure(&mut driven, present, 4).is_ok());
    let stale = StateError::StaleTerm { present: Term::new(4), given: Term::new(3) };
    assert_eq!(configure(&mut driven, present, 3), Err(stale));

    let Place { index, count } = present;
    let cluster = ClusterId::new(6);
    let request = ConfigureRequest { cluster, index, count, term: Term::new(4) };
    let refused = driven.step(|machine| machine.configure(request)).unwrap_err();
    assert_eq!(refused, StateError::OtherCluster { present: ClusterId::new(5), given: cluster });
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.to_string().contains("cluster 5, not 6"), "{refused}");
}

#[test]
fn a_shard_that_holds_a_whole_state_takes_no_part_of_a_cluster() {
    let mut driven = Driven::new(Limits::default());
    driven.genesis(&Plain::default(), hash(0)).unwrap();

    let given = place(0, 2);
    let other = StateError::OtherPlace { present: Place::ALONE, given };
    assert_eq!(configure(&mut driven, given, 1), Err(other));
    assert!(configure(&mut driven, Place::ALONE, 1).is_ok());
}

#[test]
fn a_later_term_drops_what_is_undecided_of_earlier_ones_and_nothing_else() {
    let mut driven = Driven::new(Limits::default());
    configure(&mut driven, Place::ALONE, 1).unwrap();
    driven.genesis(&Plain::default(), hash(0)).unwrap();
    driven.seal(&request(job(1), block(0), 1, credit(1))).unwrap();
    driven.commit(job(1), hash(1), 1).unwrap();
    driven.seal(&request(job(2), block(1), 2, credit(2))).unwrap();
    let task = driven.begin_task(&request(job(3), SnapshotId::Job(job(2)), 3, credit(3)));
    let writes = vec![(AccessIndex::new(1), Incarnation::new(1), credit(4)[0].1.clone())];
    driven.stage(StageRequest { job: job(4), writes }).unwrap();
    let mut awaiting = request(job(5), block(1), 2, credit(5));
    awaiting.values.clear();
    driven.begin(&awaiting, Stages::MayCome).unwrap();
    driven.feed.clear();

    configure(&mut driven, Place::ALONE, 1).unwrap();
    assert!(driven.find(&SnapshotId::Job(job(2))).is_ok(), "the same Term again drops nothing");
    configure(&mut driven, Place::ALONE, 2).unwrap();

    for gone in 2..=5 {
        let aborted = StateError::JobAborted { job: job(gone) };
        assert_eq!(driven.find(&SnapshotId::Job(job(gone))).err(), Some(aborted));
    }
    assert!(driven.finish(task).is_err());
    assert!(driven.find(&SnapshotId::Job(job(1))).is_ok(), "what is committed stays");
    assert_eq!(driven.feed, [FeedMessage::Dropped { job: job(2) }]);
}

#[test]
fn writes_values_and_keys_of_other_shards_are_refused_by_their_address() {
    let mut driven = Driven::new(Limits::default());
    let here = place(1, 2);
    configure(&mut driven, here, 1).unwrap();
    driven.genesis(&Plain::default(), hash(0)).unwrap();
    let [own, foreign] = own_and_foreign(here);
    let refused = StateError::ForeignAddress { address: foreign, place: here };
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.to_string().contains(&format!("{foreign}")), "{refused}");
    let set = |address| {
        let accounts = vec![(address, AccountWrite::credit(U256::ONE))];
        Arc::new(WriteSet { accounts, codes: Vec::new() })
    };
    let stage = |address| {
        let writes = vec![(AccessIndex::new(1), Incarnation::new(1), set(address))];
        StageRequest { job: job(1), writes }
    };
    let values = |address| StateValues {
        accounts: vec![AccountState { address, account: Account::default(), storage: vec![] }],
        codes: Vec::new(),
    };

    assert_eq!(driven.stage(stage(own)), Ok(()));
    assert_eq!(driven.stage(stage(foreign)), Err(refused.clone()));
    let seal = |address| request(job(1), block(0), 1, vec![(AccessIndex::new(1), set(address))]);
    assert_eq!(driven.seal(&seal(foreign)), Err(refused.clone()));
    assert!(driven.seal(&seal(own)).is_ok());
    assert_eq!(here.check_keys(&[SnapshotKey::Account(own)]), Ok(()));
    let keys = [SnapshotKey::Account(own), SnapshotKey::Slot(foreign, U256::ZERO)];
    assert_eq!(here.check_keys(&keys), Err(refused.clone()));
    assert_eq!(here.check_values(&values(own)), Ok(()));
    assert_eq!(here.check_values(&values(foreign)), Err(refused));
    assert_eq!(Place::ALONE.check_keys(&keys), Ok(()));
    let credit = credit(1);
    assert_eq!(Place::ALONE.check_writes(&credit[0].1), Ok(()));
}
