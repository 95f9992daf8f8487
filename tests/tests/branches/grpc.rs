//! Branches, heads and foreign genesis states on a cluster of processes.

use super::{Branches, hash};
use crate::processes::Shape;
use alloy_primitives::B256;
use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::{header::FieldStatus, ids::SnapshotId};
use evmesh::{
    config::ClientConfig,
    report::BlockStatus,
    transport::{ClusterSpec, Remote, Running},
};
use inputs::{Input, InputBlock, ParentState};
use proto::coordinator::{BlockOutcome, ExecuteBlockRequest, JobEnd, Mode, PlanWish};
use std::time::Duration;

const SHAPE: Shape = Shape { workers: 2, state_shards: 2, slice_gas: None, seed: 0 };

/// Hands a block over, on its parent.
fn execute(cluster: &Running, input: &Input, block: &InputBlock) -> BlockOutcome {
    let request = ExecuteBlockRequest {
        block_rlp: block.block_rlp.clone(),
        chain: input.chain.clone(),
        parent: SnapshotId::Block(block.parent_hash),
        ancestors: block.ancestors.clone(),
        lineage: block.lineage.clone(),
        ommers: block.ommers,
        mode: Mode::VerifyAndCommit,
        plan: PlanWish::Split,
        slice_gas: None,
        seed: 0,
    };
    let outcome = cluster.execute(request, &ShutdownToken::new()).unwrap();
    let outcome = outcome.unwrap_or_else(|status| panic!("{status}"));
    assert_eq!(outcome.end, JobEnd::Committed, "{outcome:?}");
    outcome
}

/// Longest wait for the shards that are told after shard 0.
const LIMIT: Duration = Duration::from_secs(10);

/// Expects a head: of the cluster and its shard 0, which decides, at once; of the others soon.
fn expect_head(cluster: &Running, expected: B256) {
    let clock = SystemClock::shared();
    let deadline = clock.now() + LIMIT;
    loop {
        let status = cluster.status().unwrap();
        let shards = status.state_shards.iter().map(|shard| shard.head);
        let heads: Vec<_> = std::iter::once(status.head)
            .chain(shards)
            .map(|head| head.unwrap().block_hash)
            .collect();
        assert_eq!(heads[..2], [expected; 2]);
        if heads == [expected; 3] {
            return;
        }
        assert!(clock.now() < deadline, "a shard was never told: {heads:?}");
        std::thread::yield_now();
    }
}

#[test]
fn either_of_two_siblings_can_be_made_the_head_and_both_go_on() {
    let branches = Branches::new(4);
    let input = &branches.first;
    let spec = ClusterSpec::Grpc(SHAPE.spec(""), ClientConfig::default());
    let mut cluster = Running::start(&spec, &SystemClock::shared()).unwrap();
    cluster.load(&input.parent).unwrap();
    let (first, (a2, b2), (a3, b3), (a4, b4)) =
        (branches.at(1).0, branches.at(2), branches.at(3), branches.at(4));

    execute(&cluster, input, &first);
    execute(&cluster, input, &a2);
    expect_head(&cluster, hash(&a2));
    // A sibling is committed, and is not the head until somebody says so.
    execute(&cluster, input, &b2);
    expect_head(&cluster, hash(&a2));
    assert_eq!(cluster.set_head(hash(&b2)).unwrap().block_hash, hash(&b2));
    expect_head(&cluster, hash(&b2));

    // On the new head the next block is the head at once, on the other branch it is not.
    execute(&cluster, input, &b3);
    expect_head(&cluster, hash(&b3));
    execute(&cluster, input, &a3);
    expect_head(&cluster, hash(&b3));

    // And back.
    cluster.set_head(hash(&a3)).unwrap();
    execute(&cluster, input, &a4);
    execute(&cluster, input, &b4);
    expect_head(&cluster, hash(&a4));
    let unknown = cluster.set_head(B256::repeat_byte(1)).unwrap_err();
    assert!(unknown.what.contains("0x0101"), "{unknown}");
    expect_head(&cluster, hash(&a4));
    cluster.stop().unwrap();
}

#[test]
fn a_running_cluster_takes_another_genesis_as_a_state_of_its_own() {
    let processes = SHAPE.start("");
    let mut session = SHAPE.session_on(&processes);
    let first = Branches::new(2).first;
    let other = crate::processes::open("workload:transfers?txs=20&blocks=3&accounts=100");
    let ParentState::Genesis { block_hash, .. } = &other.parent else { panic!("a genesis") };
    let head = hash(&first.blocks[1]);

    // The first one is committed; the other one runs beside it, and the first one goes on.
    for input in [&first, &other, &first] {
        let end = session.run_input(input, &mut |report| {
            assert_eq!(report.line.status, BlockStatus::Equal, "{:?}", report.line);
            assert_eq!(report.line.fields.state_root, Some("equal"));
            Ok(())
        });
        end.unwrap_or_else(|failure| panic!("{}: {failure}", input.name));
    }
    let mut expecting = other.clone();
    expecting.expected.head = Some(*block_hash);
    let end = session.run_input(&expecting, &mut |_| Ok(())).unwrap();
    assert_eq!(end.head, Some(FieldStatus::Different));

    let remote = Remote::find(&processes.coordinator_url(), &ClientConfig::default()).unwrap();
    let watching = Running::start(&remote.into(), &SystemClock::shared()).unwrap();
    expect_head(&watching, head);
    session.finish().unwrap();
    processes.stop().unwrap();
}
