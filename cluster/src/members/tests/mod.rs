//! What every adapter does, in one suite that runs against each.

mod memory;

use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Longest wait for what has to happen, on a busy machine.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// How soon a join or a leave has to be seen.
pub(super) const SOON: Duration = Duration::from_secs(1);

pub(super) fn member(name: &str, boot: &str) -> Member {
    Member {
        name: name.to_owned(),
        address: format!("{name}:7412"),
        http_address: format!("{name}:7422"),
        version: "0.1.0".to_owned(),
        boot: boot.to_owned(),
    }
}

pub(super) async fn next(watch: &mut MemberWatch) -> MemberEvent {
    timeout(LONG, watch.next()).await.expect("an event").expect("the watch goes on")
}

async fn next_soon(watch: &mut MemberWatch) -> MemberEvent {
    timeout(SOON, watch.next()).await.expect("an event in a second").expect("the watch goes on")
}

/// Runs everything against two processes of one cluster.
pub(super) async fn suite(one: &dyn Members, other: &dyn Members) {
    the_first_to_ask_makes_the_id(one, other).await;
    the_first_shard_map_stays(one, other).await;
    joins_changes_and_leaves_are_seen(one, other).await;
    roles_are_apart(one, other).await;
    a_name_that_joined_again_outlives_its_first_lease(one, other).await;
}

async fn the_first_to_ask_makes_the_id(one: &dyn Members, other: &dyn Members) {
    let id = one.cluster_id().await.unwrap();
    assert_eq!(id.len(), 32, "{id}");
    assert_eq!(other.cluster_id().await.unwrap(), id);
    assert_eq!(one.cluster_id().await.unwrap(), id);
}

async fn the_first_shard_map_stays(one: &dyn Members, other: &dyn Members) {
    assert_eq!(one.shard_map().await.unwrap(), None);
    let map = ["b".to_owned(), "a".to_owned()];
    assert_eq!(one.create_shard_map(&map).await.unwrap(), map);
    assert_eq!(other.create_shard_map(&["c".to_owned()]).await.unwrap(), map);
    assert_eq!(other.shard_map().await.unwrap().as_deref(), Some(&map[..]));
}

async fn joins_changes_and_leaves_are_seen(one: &dyn Members, other: &dyn Members) {
    let early = one.join(Role::State, &member("a", "1")).await.unwrap();
    let mut watch = other.watch(Role::State).await.unwrap();
    assert_eq!(next(&mut watch).await, MemberEvent::Joined(member("a", "1")), "it was there");

    let late = one.join(Role::State, &member("b", "1")).await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Joined(member("b", "1")));
    assert_eq!(
        other.list(Role::State).await.unwrap(),
        [member("a", "1"), member("b", "1")],
        "by name"
    );
    assert!(!early.is_lost() && !late.is_lost());

    early.leave().await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Left(member("a", "1")));
    late.leave().await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Left(member("b", "1")));
    assert_eq!(other.list(Role::State).await.unwrap(), []);
}

async fn roles_are_apart(one: &dyn Members, other: &dyn Members) {
    let mut workers = other.watch(Role::Worker).await.unwrap();
    let shard = one.join(Role::State, &member("a", "1")).await.unwrap();
    let worker = one.join(Role::Worker, &member("w", "1")).await.unwrap();

    assert_eq!(next_soon(&mut workers).await, MemberEvent::Joined(member("w", "1")));
    assert_eq!(other.list(Role::Coordinator).await.unwrap(), []);
    shard.leave().await.unwrap();
    worker.leave().await.unwrap();
    assert_eq!(next_soon(&mut workers).await, MemberEvent::Left(member("w", "1")));
}

async fn a_name_that_joined_again_outlives_its_first_lease(one: &dyn Members, other: &dyn Members) {
    let mut watch = one.watch(Role::State).await.unwrap();
    let before = one.join(Role::State, &member("a", "1")).await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Joined(member("a", "1")));
    let again = other.join(Role::State, &member("a", "2")).await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Changed(member("a", "2")));

    before.leave().await.unwrap();

    assert_eq!(one.list(Role::State).await.unwrap(), [member("a", "2")]);
    again.leave().await.unwrap();
    assert_eq!(next_soon(&mut watch).await, MemberEvent::Left(member("a", "2")));
}
