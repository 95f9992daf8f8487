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

/// Returns the head as the cluster and each of its shards see it.
fn heads(cluster: &Running) -> Vec<B256> {
    let status = cluster.status().unwrap();
    let shards = status.state_shards.iter().map(|shard| shard.head);
    let all = std::iter::once(status.head).chain(shards);
    all.map(|head| head.unwrap().block_hash).collect()
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
    assert_eq!(heads(&cluster), [hash(&a2); 3]);
    // A sibling is committed, and is not the head until somebody says so.
    execute(&cluster, input, &b2);
    assert_eq!(heads(&cluster), [hash(&a2); 3]);
    assert_eq!(cluster.set_head(hash(&b2)).unwrap().block_hash, hash(&b2));
    assert_eq!(heads(&cluster), [hash(&b2); 3]);

    // On the new head the next block is the head at once, on the other branch it is not.
    execute(&cluster, input, &b3);
    assert_eq!(heads(&cluster), [hash(&b3); 3]);
    execute(&cluster, input, &a3);
    assert_eq!(heads(&cluster), [hash(&b3); 3]);

    // And back.
    cluster.set_head(hash(&a3)).unwrap();
    execute(&cluster, input, &a4);
    execute(&cluster, input, &b4);
    assert_eq!(heads(&cluster), [hash(&a4); 3]);
    let unknown = cluster.set_head(B256::repeat_byte(1)).unwrap_err();
    assert!(unknown.what.contains("0x0101"), "{unknown}");
    assert_eq!(heads(&cluster), [hash(&a4); 3]);
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
    assert_eq!(heads(&watching), [head; 3]);
    session.finish().unwrap();
    processes.stop().unwrap();
}
