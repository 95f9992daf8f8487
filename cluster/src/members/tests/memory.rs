//! Members in memory.

use super::*;
use crate::clock::SystemClock;
use crate::members::memory::MemoryMembers;

#[tokio::test]
async fn members_in_memory_do_what_members_do() {
    let members = MemoryMembers::new();
    suite(&members, &members.clone()).await;
}

#[tokio::test]
async fn a_lease_that_ends_in_memory_is_reported() {
    let members = MemoryMembers::new();
    let membership = members.join(Role::Worker, &member("w", "1")).await.unwrap();
    assert!(!membership.is_lost());

    members.end_lease(Role::Worker, "w");

    timeout(LONG, membership.lost()).await.expect("the process learns it");
    assert!(membership.is_lost());
    assert_eq!(members.list(Role::Worker).await.unwrap(), []);
}

#[tokio::test]
async fn addresses_in_the_settings_are_members_in_their_order() {
    let state: Vec<_> = ["b:7412", "a:7412"].map(str::to_owned).into();
    let coordinator = Some("c:7410".to_owned());
    let config = MembersConfig { state, coordinator, ..MembersConfig::default() };

    let members = open(&config, &SystemClock::shared()).await.unwrap();

    let map = members.shard_map().await.unwrap().expect("the settings give the order");
    let shards = members.list(Role::State).await.unwrap();
    let address = |name: &String| &shards.iter().find(|shard| shard.name == *name).unwrap().address;
    assert_eq!(map.iter().map(address).collect::<Vec<_>>(), ["b:7412", "a:7412"]);
    assert_eq!(members.list(Role::Coordinator).await.unwrap()[0].address, "c:7410");
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_by_name() {
    let three: Vec<_> = ["a:1", "b:1", "c:1"].map(str::to_owned).into();
    let default = MembersConfig::default;
    let cases = [
        ("members.cluster", MembersConfig { cluster: "a/b".to_owned(), ..default() }),
        ("members.state_shards", MembersConfig { state_shards: 3, ..default() }),
        ("members.state", MembersConfig { state: three, ..default() }),
        (
            "members.lease_ttl",
            MembersConfig { lease_ttl: Duration::from_millis(2_500), ..default() },
        ),
        ("members.etcd", MembersConfig { etcd: vec!["not an address".to_owned()], ..default() }),
    ];
    for (key, config) in cases {
        let refused = open(&config, &SystemClock::shared()).await.unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{key}: ")), "{refused}");
    }
}
