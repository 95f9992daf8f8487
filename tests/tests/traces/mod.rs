//! One block is one trace over all processes: real processes, and a receiver that speaks OTLP.

mod collector;

use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use collector::{Collector, Span};
use engine::shard::ShardCount;
use evmesh::{
    config::{ClientConfig, Config, RunConfig},
    processes::{Processes, Settings},
    run::processes_spec,
    session::Session,
    transport::Remote,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU16, NonZeroU64},
};

const N_WORKERS: u16 = 2;
const N_SHARDS: usize = 2;

fn start(collector: &Collector) -> Processes {
    let mut config = Config::default();
    config.sandbox.workers = NonZeroU16::new(N_WORKERS).unwrap();
    config.sandbox.state_shards = ShardCount::new(N_SHARDS).unwrap();
    let settings = "[telemetry]\nexport_interval = \"50ms\"\n";
    let log = Some("info".to_owned());
    config.handed_on = Settings::default().with_text(settings).otlp(Some(collector.url())).log(log);
    let spec = processes_spec(&config).unwrap_or_else(|failure| panic!("{failure}"));
    Processes::start(&spec, &SystemClock::shared()).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs one block and returns the id of its trace, as the report names it.
fn run_block(processes: &Processes) -> String {
    let remote = Remote::find(&processes.coordinator_url(), &ClientConfig::default());
    let remote = remote.unwrap_or_else(|failure| panic!("{failure}"));
    let run = RunConfig { slice_gas: NonZeroU64::new(300_000), ..RunConfig::default() };
    let mut session = Session::new(remote, run, SystemClock::shared(), ShutdownToken::new());
    let workload = "workload:erc20?txs=60&blocks=1&accounts=300&seed=5";
    let input = inputs::open(workload, &mut |_, _| {}).unwrap().remove(0);
    let mut traces = Vec::new();
    let ran = session.run_input(&input, &mut |report| {
        traces.push(report.line.trace_id.clone());
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
    session.finish().unwrap();
    traces.remove(0).expect("traces are exported, so the block has one")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One trace, by span.
struct Trace(BTreeMap<Vec<u8>, Span>);

impl Trace {
    fn of(id: &str, spans: &[Span]) -> Self {
        let own = spans.iter().filter(|span| hex(&span.trace) == id);
        Self(own.map(|span| (span.id.clone(), span.clone())).collect())
    }

    fn named(&self, service: &str, name: &str) -> Vec<&Span> {
        let is_it = |span: &&Span| span.service == service && span.name == name;
        self.0.values().filter(is_it).collect()
    }

    /// Tells whether all spans have arrived: processes send theirs when it suits them.
    fn is_whole(&self) -> bool {
        let count = |service: &str, name: &str| self.named(service, name).len();
        let has = |(service, name, _): &(&str, &str, &str)| count(service, name) > 0;
        let n_orphans = self.0.values().filter(|span| !self.0.contains_key(&span.parent)).count();
        EXPECTED.iter().all(has)
            && n_orphans == count("evmesh-coordinator", "job")
            && count("evmesh-worker", "slice") == count("evmesh-coordinator", "dispatch")
            && count("evmesh-state", "root") == N_SHARDS
    }

    /// Returns `service/name` of a span's ancestors, the nearest first.
    fn ancestors(&self, span: &Span) -> Vec<String> {
        let mut ancestors = Vec::new();
        let mut parent = self.0.get(&span.parent);
        while let Some(span) = parent {
            ancestors.push(format!("{}/{}", span.service, span.name));
            parent = self.0.get(&span.parent);
        }
        ancestors
    }
}

/// Every span that one block leaves, with its process, and whose child it is.
const EXPECTED: [(&str, &str, &str); 14] = [
    ("evmesh-coordinator", "prepare", "evmesh-coordinator/job"),
    ("evmesh-coordinator", "plan", "evmesh-coordinator/job"),
    ("evmesh-coordinator", "dispatch", "evmesh-coordinator/job"),
    ("evmesh-coordinator", "finalise", "evmesh-coordinator/job"),
    ("evmesh-coordinator", "seal", "evmesh-coordinator/job"),
    ("evmesh-coordinator", "commit", "evmesh-coordinator/job"),
    ("evmesh-worker", "prepare", "evmesh-coordinator/prepare"),
    ("evmesh-worker", "slice", "evmesh-coordinator/dispatch"),
    ("evmesh-worker", "prefetch", "evmesh-worker/slice"),
    ("evmesh-worker", "execute", "evmesh-worker/slice"),
    ("evmesh-worker", "stage", "evmesh-worker/slice"),
    ("evmesh-state", "seal", "evmesh-coordinator/seal"),
    ("evmesh-state", "fold", "evmesh-state/seal"),
    ("evmesh-state", "root", "evmesh-state/seal"),
];

#[test]
fn the_spans_of_a_block_are_one_trace_over_all_processes_with_the_right_parents() {
    let collector = Collector::start();
    let processes = start(&collector);
    let id = run_block(&processes);
    let is_whole = |spans: &[Span]| Trace::of(&id, spans).is_whole();
    let trace = Trace::of(&id, &collector.wait_for(is_whole));
    processes.stop().unwrap_or_else(|failure| panic!("{failure}"));

    let [job] = trace.named("evmesh-coordinator", "job")[..] else { panic!("one job is one span") };
    for (service, name, parent) in EXPECTED {
        for span in trace.named(service, name) {
            let ancestors = trace.ancestors(span);
            assert_eq!(ancestors.first().map(String::as_str), Some(parent), "{span:?}");
            assert!(
                ancestors.contains(&"evmesh-coordinator/job".to_owned()),
                "{span:?}: {ancestors:?}"
            );
        }
    }
    let workers: BTreeSet<_> =
        trace.named("evmesh-worker", "slice").iter().map(|span| &span.fields["worker"]).collect();
    assert_eq!(workers.len(), usize::from(N_WORKERS), "both workers had slices");
    assert_eq!(trace.named("evmesh-state", "seal").len(), N_SHARDS, "each shard sealed once");
    assert!(job.fields.contains_key("gas"), "{job:?}");
}

#[test]
fn a_span_of_another_trace_or_without_its_parent_would_be_noticed() {
    let span = |id: u8, parent: u8, trace: u8| Span {
        service: "evmesh-worker".to_owned(),
        trace: vec![trace],
        id: vec![id],
        parent: vec![parent],
        name: "slice".to_owned(),
        fields: BTreeMap::new(),
    };
    let spans = [span(1, 0, 7), span(2, 1, 7), span(3, 9, 7), span(4, 1, 8)];
    let trace = Trace::of("07", &spans);

    assert_eq!(trace.named("evmesh-worker", "slice").len(), 3);
    assert_eq!(trace.ancestors(&spans[1]), ["evmesh-worker/slice"]);
    assert!(trace.ancestors(&spans[2]).is_empty());
}
