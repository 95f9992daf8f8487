//! How the program begins and ends.

use crate::{
    program::{Program, output},
    shard::{PlayedShard, there},
};
use engine::{ids::ShardIndex, shard::ShardCount};
use std::{
    net::TcpListener,
    process::Output,
    sync::{Arc, atomic::Ordering},
};

/// Checks that a program ended with a code and three lines.
fn assert_refused(output: &Output, code: i32, what: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    let lines: Vec<_> = text.lines().rev().take(3).collect();
    for (line, begin) in lines.iter().rev().zip(["error: ", "at: ", "try: "]) {
        assert!(line.starts_with(begin) && line.len() > begin.len(), "{text}");
    }
    assert!(text.contains(what), "{text} does not speak of {what}");
}

#[test]
fn wrong_settings_end_with_2_and_three_lines() {
    let state = ["--state", "127.0.0.1:1"];
    let cases: [(&[&str], &str); 6] = [
        (&[], "--state"),
        (&["--threads", "0"], "threads"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--config", "/nowhere/coordinator.toml"], "/nowhere/coordinator.toml"),
        (&["--cluster", "a/b"], "members.cluster"),
        (&["--log", "a=b=c"], "telemetry"),
    ];
    for (args, what) in cases {
        let args = if args.is_empty() { Vec::new() } else { [&state, args].concat() };
        assert_refused(&output(&args), 2, what);
    }
    let three = ["--state", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"];
    assert_refused(&output(&three), 2, "members.state");
}

#[test]
fn an_address_that_is_taken_ends_with_4() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--http"] {
        let other = if flag == "--listen" { "--http" } else { "--listen" };
        let args = ["--state", "127.0.0.1:1", flag, &address, other, "127.0.0.1:0"];
        assert_refused(&output(&args), 4, &address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_its_shards_are_configured_and_says_until_then_what_is_missing() {
    let (first, one) = there().await;
    let second = Arc::new(PlayedShard::default());
    let two = second.serve().await;
    let program = Program::start(&["--state", &format!("{one},{two}")]);
    program.until_ready_says(503, "shard 1: it is not there yet");
    assert_eq!(program.page("/livez").0, 200);

    second.is_there.store(true, Ordering::SeqCst);

    program.until_ready_says(200, "ok");
    let told = first.configured.lock().unwrap().first().cloned().unwrap();
    let same = second.configured.lock().unwrap().first().cloned().unwrap();
    assert_eq!((told.count, same.count), (ShardCount::new(2).unwrap(), told.count));
    assert_eq!((told.index, same.index), (ShardIndex::new(0), ShardIndex::new(1)));
    assert_eq!((told.cluster, told.term), (same.cluster, same.term));
    assert!(told.term.get() > 1_700_000_000, "seconds since 1970: {}", told.term);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_belongs_to_another_cluster_ends_the_process_with_4() {
    let (shard, address) = there().await;
    shard.is_taken.store(true, Ordering::SeqCst);
    let args = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--state", &address];
    let args: Vec<_> = args.iter().map(ToString::to_string).collect();
    let ended = tokio::task::spawn_blocking(move || {
        output(&args.iter().map(String::as_str).collect::<Vec<_>>())
    });
    assert_refused(&ended.await.unwrap(), 4, "it has another place");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_0_on_a_signal_and_when_its_standard_input_is_closed() {
    let (_shard, address) = there().await;
    let program = Program::start(&["--state", &address]);
    program.until_ready_says(200, "ok");
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));

    let mut program = Program::start(&["--state", &address, "--until-stdin-closes"]);
    program.until_ready_says(200, "ok");
    program.close_stdin();
    assert_eq!(program.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_still_looks_for_its_shards_ends_on_a_signal_too() {
    let shard = Arc::new(PlayedShard::default());
    let program = Program::start(&["--state", &shard.serve().await]);
    program.until_ready_says(503, "it is not there yet");
    program.terminate();
    assert_eq!(program.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_numbers_are_shown_to_prometheus() {
    let (_shard, address) = there().await;
    let program = Program::start(&["--state", &address]);
    program.until_ready_says(200, "ok");
    let (status, text) = program.page("/metrics");
    assert_eq!(status, 200);
    for series in [
        "evmesh_blocks_total{outcome=\"committed\"} 0",
        "evmesh_messages_refused_total{reason=\"late\"} 0",
        "evmesh_jobs_queued 0",
        "evmesh_jobs_running 0",
        "evmesh_block_seal_seconds_count 0",
        "evmesh_block_roots_seconds_count 0",
        "evmesh_block_commit_seconds_count 0",
        "evmesh_process_cpu_seconds_total",
        "evmesh_grpc_bytes_total{direction=\"in\"}",
        "evmesh_grpc_messages_total{direction=\"out\"}",
    ] {
        assert!(text.contains(series), "{series} is missing:\n{text}");
    }
}
