//! Members in a real etcd, which is killed, stopped and compacted.

use etcd_client::Client;
use tokio::time::timeout;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::members::tests::{LONG, SOON, member, next, suite};
use crate::members::{MemberEvent, open, stay};
use crate::shutdown::{ShutdownCause, ShutdownToken};
use crate::testing::TestEtcd;

fn config(etcd: &TestEtcd) -> MembersConfig {
    MembersConfig { etcd: vec![etcd.url()], ..MembersConfig::default() }
}

async fn open_at(etcd: &TestEtcd) -> EtcdMembers {
    EtcdMembers::connect(&config(etcd), &SystemClock::shared()).await.unwrap()
}

#[tokio::test]
async fn members_in_etcd_do_what_members_do() {
    let etcd = TestEtcd::start();
    suite(&open_at(&etcd).await, &open_at(&etcd).await).await;
}

#[tokio::test]
async fn clusters_of_different_names_share_an_etcd() {
    let etcd = TestEtcd::start();
    let one = open_at(&etcd).await;
    let named = MembersConfig { cluster: "evmesh-2".to_owned(), ..config(&etcd) };
    let other = open(&named, &SystemClock::shared()).await.unwrap();

    let membership = one.join(Role::Worker, &member("w", "1")).await.unwrap();

    assert_eq!(other.list(Role::Worker).await.unwrap(), []);
    assert_ne!(one.cluster_id().await.unwrap(), other.cluster_id().await.unwrap());
    membership.leave().await.unwrap();
}

#[tokio::test]
async fn a_watch_and_a_lease_go_on_when_etcd_is_killed_and_started_again() {
    let mut etcd = TestEtcd::start();
    let (one, other) = (open_at(&etcd).await, open_at(&etcd).await);
    let before = one.join(Role::Worker, &member("w1", "1")).await.unwrap();
    let mut watch = other.watch(Role::Worker).await.unwrap();
    assert_eq!(next(&mut watch).await, MemberEvent::Joined(member("w1", "1")));

    etcd.kill();
    let refused = other.list(Role::Worker).await.unwrap_err();
    assert!(refused.to_string().starts_with("cannot list members in etcd: "), "{refused}");
    etcd.restart();

    let ended = ShutdownToken::new();
    let (newcomer, clock) = (member("w2", "1"), SystemClock::new());
    let staying = stay(
        &other,
        (Role::Worker, &newcomer),
        (&clock, Duration::from_millis(50)),
        &ended,
        |_| {},
    );
    let watching = async {
        assert_eq!(next(&mut watch).await, MemberEvent::Joined(member("w2", "1")));
        ended.cancel(ShutdownCause::Requested);
        assert_eq!(next(&mut watch).await, MemberEvent::Left(member("w2", "1")));
    };
    tokio::join!(staying, watching);
    assert!(!before.is_lost(), "etcd was back before the lease ended");
    before.leave().await.unwrap();
    assert_eq!(next(&mut watch).await, MemberEvent::Left(member("w1", "1")));
}

#[tokio::test]
async fn a_lease_is_lost_when_etcd_gives_no_answer_for_as_long_as_it_lasts() {
    let etcd = TestEtcd::start();
    let members = open_at(&etcd).await;
    let membership = members.join(Role::Worker, &member("w", "1")).await.unwrap();

    etcd.pause();
    let clock = SystemClock::new();
    timeout(LONG, membership.lost()).await.expect("the process learns it");

    let ttl = MembersConfig::default().lease_ttl;
    // The last sign of life was acknowledged up to a quarter of the lease before.
    assert!(clock.now() < ttl + SOON, "after {:?}", clock.now());
    assert!(membership.is_lost());
    etcd.resume();
}

#[tokio::test]
async fn a_lease_that_etcd_ended_is_lost_at_the_next_sign_of_life() {
    let etcd = TestEtcd::start();
    let members = open_at(&etcd).await;
    let mut watch = members.watch(Role::Worker).await.unwrap();
    let membership = members.join(Role::Worker, &member("w", "1")).await.unwrap();
    assert_eq!(next(&mut watch).await, MemberEvent::Joined(member("w", "1")));

    let mut operator = Client::connect([etcd.url()], None).await.unwrap();
    let leases = operator.leases().await.unwrap();
    operator.lease_revoke(leases.leases()[0].id()).await.unwrap();

    assert_eq!(next(&mut watch).await, MemberEvent::Left(member("w", "1")));
    timeout(SOON, membership.lost()).await.expect("at the next sign of life");
}

#[tokio::test]
async fn a_process_that_is_gone_leaves_when_its_lease_ends() {
    let etcd = TestEtcd::start();
    let (one, other) = (open_at(&etcd).await, open_at(&etcd).await);
    let mut watch = other.watch(Role::Worker).await.unwrap();
    let membership = one.join(Role::Worker, &member("w", "1")).await.unwrap();
    assert_eq!(next(&mut watch).await, MemberEvent::Joined(member("w", "1")));

    // What a killed process does: no more signs of life, and no farewell.
    drop(membership);
    let clock = SystemClock::new();

    assert_eq!(next(&mut watch).await, MemberEvent::Left(member("w", "1")));
    let took = clock.now();
    let ttl = MembersConfig::default().lease_ttl;
    assert!(took < ttl + SOON, "after {took:?}");
}

#[tokio::test]
async fn what_a_watch_missed_and_no_history_holds_is_told_from_a_new_list() {
    let mut etcd = TestEtcd::start();
    let members = open_at(&etcd).await;
    let stays = members.join(Role::Worker, &member("w1", "1")).await.unwrap();
    let leaves = members.join(Role::Worker, &member("w2", "1")).await.unwrap();
    let mut watch = members.watch(Role::Worker).await.unwrap();
    for name in ["w1", "w2"] {
        assert_eq!(next(&mut watch).await, MemberEvent::Joined(member(name, "1")));
    }

    // The watcher misses a leave and a join, and no history tells it of them.
    etcd.kill();
    etcd.restart();
    let answers = async { while members.list(Role::State).await.is_err() {} };
    timeout(LONG, answers).await.expect("etcd is back");
    leaves.leave().await.unwrap();
    let mut operator = Client::connect([etcd.url()], None).await.unwrap();
    let key = "/evmesh/evmesh/workers/w3";
    let value = serde_json::to_string(&member("w3", "1")).unwrap();
    let put = operator.put(key, value, None).await.unwrap();
    operator.compact(put.header().unwrap().revision(), None).await.unwrap();

    let mut events = vec![next(&mut watch).await, next(&mut watch).await];
    events.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(
        events,
        [MemberEvent::Joined(member("w3", "1")), MemberEvent::Left(member("w2", "1"))]
    );
    stays.leave().await.unwrap();
}

#[tokio::test]
async fn a_value_that_evmesh_did_not_write_keeps_nobody_from_being_found() {
    let etcd = TestEtcd::start();
    let members = open_at(&etcd).await;
    let mut operator = Client::connect([etcd.url()], None).await.unwrap();
    operator.put("/evmesh/evmesh/workers/odd", "{", None).await.unwrap();
    let membership = members.join(Role::Worker, &member("w", "1")).await.unwrap();

    assert_eq!(members.list(Role::Worker).await.unwrap(), [member("w", "1")]);
    membership.leave().await.unwrap();
}
