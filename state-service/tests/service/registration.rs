//! A shard among the members, in a real etcd.

use crate::program::{BOUND, Program};
use cluster::{
    clock::SystemClock,
    members::{self, MemberEvent, MembersConfig, Role},
    testing::TestEtcd,
};

#[tokio::test]
async fn a_shard_is_a_member_while_it_runs_and_leaves_when_it_ends() {
    let etcd = tokio::task::spawn_blocking(TestEtcd::start).await.unwrap();
    let (etcd_url, cluster) = (etcd.url(), "registration");
    let config = MembersConfig {
        etcd: vec![etcd_url.clone()],
        cluster: cluster.to_owned(),
        ..MembersConfig::default()
    };
    let members = members::open(&config, &SystemClock::shared()).await.unwrap();
    let mut watch = members.watch(Role::State).await.unwrap();

    let args = ["--etcd", &etcd_url, "--cluster", cluster, "--name", "shard-a"];
    let program = Program::start(&args);

    let event = tokio::time::timeout(BOUND, watch.next()).await.expect("nobody joined").unwrap();
    let MemberEvent::Joined(member) = event else { panic!("{event:?}") };
    assert_eq!(member.name, "shard-a");
    assert_eq!(member.address, program.grpc.to_string());
    assert_eq!(member.http_address, program.http.to_string());
    assert_eq!(member.version, env!("CARGO_PKG_VERSION"));
    assert!(member.boot.parse::<u64>().is_ok(), "{}", member.boot);

    program.terminate();
    let event = tokio::time::timeout(BOUND, watch.next()).await.expect("nobody left").unwrap();
    assert_eq!(event, MemberEvent::Left(member));
    let ended = tokio::task::spawn_blocking(move || program.ended()).await.unwrap();
    assert!(ended.success(), "{ended}");
}
