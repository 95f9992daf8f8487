//! Branches on a cluster in one process.

use super::{Branches, hash, with_wrong_state_root};
use crate::processes::Shape;
use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::{header::FieldStatus, shard::ShardCount};
use evmesh::{
    config::{ClientConfig, Config, RunConfig},
    report::BlockStatus,
    run::sandbox_spec,
    session::{BlockReport, InputEnd, Session},
    transport::ClusterSpec,
};
use inputs::Input;
use std::num::NonZeroUsize;

/// Runs an input beside the oracle, on a cluster of its own.
pub(super) fn run(input: &Input) -> (Vec<BlockReport>, InputEnd) {
    let mut config = Config::default();
    config.sandbox.state_shards = ShardCount::new(2).unwrap();
    run_on(sandbox_spec(&config, None).into(), input)
}

fn run_on(spec: ClusterSpec, input: &Input) -> (Vec<BlockReport>, InputEnd) {
    let run = RunConfig { rebuild: true, ..RunConfig::default() };
    let mut session = Session::new(spec, run, SystemClock::shared(), ShutdownToken::new());
    let mut reports = Vec::new();
    let end = session.run_input(input, &mut |report| {
        reports.push(report.clone());
        Ok(())
    });
    let end = end.unwrap_or_else(|failure| panic!("{failure}"));
    session.finish().unwrap();
    (reports, end)
}

#[test]
fn every_block_is_executed_on_its_own_branch_and_the_last_one_is_the_head() {
    let branches = Branches::new(4);
    let (first, (a2, b2), (a3, b3), (a4, b4)) =
        (branches.at(1).0, branches.at(2), branches.at(3), branches.at(4));
    let head = hash(&b3);
    assert_ne!(hash(&a2), hash(&b2));
    let mut input = branches.with(vec![first, a2, b2, a3, a4, b4.clone(), b3, b4]);
    input.expected.head = Some(head);
    // A block that comes before its parent is not executed; once its parent is there it is.
    let wanted_last = hash(&input.blocks[7]);

    let (reports, end) = run(&input);

    let statuses: Vec<_> = reports.iter().map(|report| report.line.status).collect();
    let mut wanted = vec![BlockStatus::Equal; 8];
    wanted[5] = BlockStatus::Failed;
    assert_eq!(statuses, wanted, "{reports:#?}");
    let error = reports[5].line.error.as_ref().unwrap();
    assert_eq!(error.code, "not_run");
    assert!(error.message.contains(&head.to_string()), "{error:?}");
    for report in reports.iter().filter(|report| report.line.status == BlockStatus::Equal) {
        let oracle = report.line.oracle;
        assert!(oracle.compared, "{:?}", report.line);
        assert_eq!((oracle.writes, oracle.state_root), (Some("equal"), Some("equal")));
        assert_eq!(report.line.fields.state_root, Some("equal"));
    }
    // The head is the last valid block, which is another one than the input expects here.
    assert_eq!(end.head, Some(FieldStatus::Different));
    let difference = end.first_difference.unwrap();
    assert_eq!((difference.field.as_str(), difference.against), ("head", "post_state"));
    assert_eq!(difference.cluster, Some(wanted_last.to_string()));
    assert_eq!(difference.expected, Some(head.to_string()));
}

#[test]
fn a_refused_block_changes_nothing_and_its_children_are_not_executed() {
    let branches = Branches::new(3);
    let (first, (a2, b2), (a3, _)) = (branches.at(1).0, branches.at(2), branches.at(3));
    let refused = with_wrong_state_root(&b2);
    let (orphan, mut expected_orphan) = (branches.at(3).1, branches.at(3).1);
    expected_orphan.expects_invalid = Some("BlockException.UNKNOWN_PARENT".to_owned());
    let head = hash(&a3);
    let mut input = branches.with(vec![first, a2, refused, orphan, expected_orphan, a3]);
    input.expected.head = Some(head);

    let (reports, end) = run(&input);

    let statuses: Vec<_> = reports.iter().map(|report| report.line.status).collect();
    let wanted = [
        BlockStatus::Equal,
        BlockStatus::Equal,
        BlockStatus::RefusedAsExpected,
        BlockStatus::Failed,
        BlockStatus::RefusedAsExpected,
        BlockStatus::Equal,
    ];
    assert_eq!(statuses, wanted, "{reports:#?}");
    let exceptions = reports[2].line.expected_exception.as_deref();
    assert_eq!(exceptions, Some("BlockException.INVALID_STATE_ROOT"));
    let reason = &reports[4].line.error.as_ref().unwrap().message;
    assert_eq!(reason, &format!("its parent {} was not taken", hash(&b2)));
    assert_eq!(end.head, Some(FieldStatus::Equal));
    assert_eq!((end.post_state, end.first_difference), (None, None));
}

#[test]
fn a_branch_that_begins_deep_below_finds_its_parent_where_the_input_is_looked_at_first() {
    const N_BLOCKS: usize = 6;
    let branches = Branches::new(u32::try_from(N_BLOCKS).unwrap());
    let second = branches.second[1..].iter().cloned();
    let input = branches.with(branches.first.blocks.iter().cloned().chain(second).collect());
    assert_eq!(input.n_states_to_keep(), N_BLOCKS + 1);
    let mut config = Config::default();
    config.state.limits.committed_snapshots_max = NonZeroUsize::new(3).unwrap();
    let shape = Shape { workers: 1, state_shards: 2, slice_gas: None, seed: 0 };
    let settings = "[state.limits]\ncommitted_snapshots_max = 3\n";
    let mut processes = shape.spec(settings);
    processes.snapshots_kept = NonZeroUsize::new(3).unwrap();
    let specs = [
        ClusterSpec::from(sandbox_spec(&config, None)),
        ClusterSpec::Grpc(processes, ClientConfig::default()),
    ];
    for spec in specs {
        let n_failed = |spec: ClusterSpec| {
            let (reports, _) = run_on(spec, &input);
            reports.iter().filter(|report| report.line.status != BlockStatus::Equal).count()
        };
        assert_eq!(n_failed(spec.clone().keeping(input.n_states_to_keep())), 0, "{spec:?}");
        // The branch's first block finds no parent where nobody looked, and so on.
        assert_eq!(n_failed(spec), N_BLOCKS - 1);
    }
}

#[test]
fn a_block_that_should_be_refused_and_is_right_is_a_difference() {
    let branches = Branches::new(2);
    let mut input = branches.with(vec![branches.at(1).0, branches.at(2).0]);
    input.blocks[1].expects_invalid = Some("anything".to_owned());

    let (reports, _) = run(&input);

    assert_eq!(reports[1].line.status, BlockStatus::Different);
    assert_eq!(reports[1].line.first_difference.as_ref().unwrap().field, "validity");
}
