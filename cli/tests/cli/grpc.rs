//! Clusters of processes: started by the command, or running before it.

use crate::{
    contract::{BLOCK, RUN, STATUS, SUMMARY},
    program::{Ended, evmesh, run, run_json},
};
use cluster::clock::SystemClock;
use engine::shard::ShardCount;
use evmesh::processes::{Discovery, Processes, ProcessesSpec, Programs, Settings};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    num::{NonZeroU16, NonZeroUsize},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

pub(crate) const INPUT: &str = "workload:erc20?txs=40&blocks=2&accounts=100";

/// Blocks for minutes: whoever runs them is interrupted before.
const LONG_INPUT: &str = "workload:transfers?txs=50&blocks=400&accounts=100";

/// Longest wait for processes to end.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn processes() -> Processes {
    let spec = ProcessesSpec {
        programs: Programs::beside_this_one().unwrap_or_else(|failure| panic!("{failure}")),
        workers: NonZeroU16::new(2).unwrap(),
        threads: NonZeroUsize::MIN,
        state_shards: ShardCount::new(2).unwrap(),
        snapshots_kept: NonZeroUsize::MIN,
        discovery: Discovery::Static,
        settings: Settings::default(),
        logs: None,
    };
    Processes::start(&spec, &SystemClock::shared()).unwrap_or_else(|failure| panic!("{failure}"))
}

fn expect_contract(ended: &Ended) {
    for (kind, of) in [("run", RUN), ("block", BLOCK), ("summary", SUMMARY)] {
        for line in ended.of_kind(kind) {
            assert_eq!(of.violations(&line), [""; 0], "{line}");
        }
    }
}

#[test]
fn a_run_over_grpc_is_equal_and_says_what_each_role_and_the_wire_cost() {
    let shape = ["--transport", "grpc", "--workers", "2", "--state-shards", "4"];
    let ended = run_json(&[&[INPUT], &shape[..]].concat());

    expect_contract(ended.expect_code(0));
    let line = &ended.of_kind("run")[0];
    assert_eq!(line["transport"], "grpc");
    assert_eq!((line["workers"].as_u64(), line["state_shards"].as_u64()), (Some(2), Some(4)));
    for block in ended.of_kind("block") {
        let messages = &block["messages"];
        assert_eq!(block["plan"]["workers_used"], 2, "{block}");
        assert!(messages["bytes"].as_u64().unwrap() > 10_000, "{messages}");
        assert!(messages["total"].as_u64() <= messages["bound"].as_u64(), "{messages}");
    }
    let summary = ended.summary();
    assert_eq!(summary["equal"], 2);
    for role in ["coordinator", "workers", "state", "serial"] {
        assert!(summary["cpu_us"][role].as_u64().unwrap() > 0, "{role}: {summary}");
    }
}

#[test]
fn several_state_shards_in_one_process_give_the_same_blocks() {
    for shards in ["1", "2", "16"] {
        let ended = run_json(&[INPUT, "--state-shards", shards]);

        expect_contract(ended.expect_code(0));
        assert_eq!(ended.of_kind("run")[0]["state_shards"].to_string(), shards);
        assert_eq!(ended.summary()["equal"], 2);
        assert_eq!(ended.summary()["fields"]["state_root"]["equal"], 2);
    }
}

#[test]
fn a_cluster_that_runs_takes_blocks_and_shows_them_in_its_status() {
    let processes = processes();
    let url = processes.coordinator_url();

    let before = run(&["status", "--json", "--coordinator", &url]);
    let ended = run_json(&[INPUT, "--coordinator", &url]);
    let after = run(&["status", "--json", "--coordinator", &url]);
    let shown = run(&["status", "--coordinator", &url]);

    expect_contract(ended.expect_code(0));
    let line = &ended.of_kind("run")[0];
    assert_eq!((&line["transport"], line["workers"].as_u64()), (&"remote".into(), Some(2)));
    assert_eq!(line["state_shards"], 2);
    assert_eq!(ended.summary()["equal"], 2);
    assert!(ended.summary()["cpu_us"]["workers"].is_null());

    let line = |ended: &Ended| ended.expect_code(0).lines().pop().unwrap();
    let (before, after) = (line(&before), line(&after));
    assert_eq!(STATUS.violations(&before), [""; 0], "{before}");
    assert_eq!(STATUS.violations(&after), [""; 0], "{after}");
    assert!(before["head"].is_null(), "{before}");
    assert_eq!(after["head"]["number"], 2);
    assert_eq!(after["head"]["hash"], ended.of_kind("block")[1]["hash"]);
    assert_eq!(after["workers"].as_array().unwrap().len(), 2);
    assert!(
        after["workers"].as_array().unwrap().iter().all(|it| it["state"] == "ready"),
        "{after}"
    );
    assert!(shown.expect_code(0).stdout.contains("2 of 2 workers ready"), "{}", shown.stdout);
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn where_nobody_answers_status_and_run_end_in_4_with_three_lines() {
    // Whoever binds this port first knows that nobody else listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);

    for args in [&["status", "--json"][..], &["run", "--json", INPUT]] {
        let ended = run(&[args, &["--coordinator", &url]].concat());

        let [what, at, _] = ended.expect_code(4).error();
        assert!(what.starts_with("no coordinator answers"), "{what}");
        assert_eq!(at, url);
        assert_eq!(ended.lines().len(), 1, "{}", ended.stdout);
    }
    run(&["status", "--coordinator", "no address"]).expect_code(2);
}

#[test]
fn faults_and_delays_are_refused_where_the_cluster_is_not_in_this_process() {
    for elsewhere in [["--transport", "grpc"], ["--coordinator", "http://127.0.0.1:1"]] {
        for (name, wish) in
            [("--fault", ["--fault", "worker-lost"]), ("--state-delay", ["--state-delay", "1ms"])]
        {
            let ended = run_json(&[&[INPUT], &elsewhere[..], &wish[..]].concat());

            let [what, ..] = ended.expect_code(2).error();
            assert!(what.contains(name) && what.contains("in this process"), "{what}");
        }
    }
}

/// Starts a long run over gRPC and waits until it executes blocks; with the ids of its processes, and
/// the folder below which it leaves its logs if it cannot remove them.
fn long_run() -> (Child, Vec<u32>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = evmesh()
        .args(["run", "--json", LONG_INPUT, "--transport", "grpc", "--workers", "2"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let is_block = |line: &String| line.contains("\"kind\":\"block\"");
    assert!(lines.any(|line| is_block(&line.unwrap())), "no block was executed");
    let ids = children_of(child.id());
    assert_eq!(ids.len(), 4, "a state shard, a coordinator and two workers");
    (child, ids, folder)
}

fn children_of(parent: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").unwrap();
    let ids = ids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| stat(*id).is_some_and(|(_, of)| of == parent)).collect()
}

/// State and parent of a process.
fn stat(id: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// Waits until processes ended; whoever has to collect them may not have done it yet.
fn expect_gone(ids: &[u32]) {
    let clock = SystemClock::shared();
    let deadline = clock.now() + LIMIT;
    let runs = |id: &u32| stat(*id).is_some_and(|(state, _)| state != "Z" && state != "X");
    while ids.iter().any(runs) {
        assert!(clock.now() < deadline, "{ids:?} still run");
        thread::yield_now();
    }
}

fn signal(name: &str, id: u32) {
    let kill = format!("kill -{name} {id}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[test]
fn processes_end_with_an_interrupted_run() {
    let (mut child, ids, _folder) = long_run();

    signal("INT", child.id());
    // Read to its end, so that it is the signal that ends it.
    io::copy(child.stdout.as_mut().unwrap(), &mut io::sink()).unwrap();

    assert_eq!(child.wait().unwrap().code(), Some(130));
    expect_gone(&ids);
}

#[test]
fn processes_end_with_a_run_that_is_killed() {
    let (mut child, ids, _folder) = long_run();

    signal("KILL", child.id());

    assert_eq!(child.wait().unwrap().code(), None);
    expect_gone(&ids);
}

#[test]
fn processes_end_with_a_run_whose_output_nobody_reads_any_more() {
    let (mut child, ids, _folder) = long_run();

    drop(child.stdout.take());

    assert_eq!(child.wait().unwrap().code(), Some(141));
    expect_gone(&ids);
}
