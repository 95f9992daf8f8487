//! Workers at the other end of a stream: what the coordinator makes of what they say, or do not say.

use super::{
    AttachConfig, Serving,
    attach::{Outbound, attach},
    attached::AttachedWorker,
    line::line,
};
use crate::{
    config::CoordinatorConfig,
    tests::{
        Cluster,
        model_cluster::{Chain, Manner, ModelWorker, SHAPE},
        run,
    },
};
use cluster::{clock::SystemClock, shutdown::ShutdownToken};
use engine::{
    ids::{JobId, WorkerId},
    task::JobFrame,
};
use futures::{StreamExt, stream};
use proto::{
    attach::{Answer, CallId, CoordinatorMessage, Hello, Request, WorkerMessage},
    coordinator::{CoordinatorService, JobEnd, WorkerState},
    status::Code,
    version::{PROTOCOL, Version},
    wire::v1,
    worker::{PrepareRequest, WorkerService},
};
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};
use tokio::sync::mpsc;

type Sender = mpsc::Sender<Result<v1::WorkerMessage, tonic::Status>>;

/// A worker's end of a stream.
struct Far {
    to: Sender,
    from: Outbound,
    frames: BTreeMap<JobId, Arc<JobFrame>>,
}

fn hello(id: u64, protocol: Version) -> WorkerMessage {
    let (address, name) = (format!("worker-{id}:7411"), format!("w{id}"));
    let (worker, version) = (WorkerId::new(id), "1.2.3".to_owned());
    WorkerMessage::Hello(Hello { worker, address, cores: 2, version, protocol, name })
}

fn quick() -> AttachConfig {
    // Long enough for a test that is busy, unless it wants to be noticed.
    AttachConfig { heartbeat_interval: Duration::from_secs(60), ..AttachConfig::default() }
}

fn serving(cluster: &Cluster, config: AttachConfig) -> Arc<Serving> {
    let shards = vec!["a:1".to_owned()];
    let sizes = (config, 1 << 20);
    Arc::new(Serving::new(cluster.coordinator.clone(), sizes, shards, ShutdownToken::new()))
}

impl Far {
    async fn attach(serving: &Arc<Serving>, first: WorkerMessage) -> Self {
        let (to, received) = mpsc::channel(64);
        let inbound = stream::unfold(received, |mut received| async {
            received.recv().await.map(|message| (message, received))
        });
        to.send(Ok(first.into())).await.unwrap();
        let from = attach(Arc::clone(serving), inbound.boxed()).await;
        Self { to, from, frames: BTreeMap::new() }
    }

    async fn say(&self, message: WorkerMessage) {
        self.to.send(Ok(message.into())).await.unwrap();
    }

    /// Hears the next message but frames, which it keeps; nothing after the end.
    async fn hear(&mut self) -> Option<CoordinatorMessage> {
        loop {
            let message = self.from.next().await?.unwrap();
            let known = |job: &JobId| self.frames.get(job).cloned();
            match CoordinatorMessage::from_wire(message, known).unwrap() {
                CoordinatorMessage::JobFrame(frame) => {
                    assert!(self.frames.insert(frame.job, frame).is_none(), "sent twice");
                }
                other => return Some(other),
            }
        }
    }

    async fn welcomed(serving: &Arc<Serving>, id: u64) -> Self {
        let mut far = Self::attach(serving, hello(id, PROTOCOL)).await;
        let first = far.hear().await;
        assert!(matches!(first, Some(CoordinatorMessage::Welcome(_))), "{first:?}");
        far
    }

    /// Does what it is asked, as the worker would in process, until the stream ends.
    async fn work(mut self, worker: Arc<ModelWorker>) {
        while let Some(message) = self.hear().await {
            let CoordinatorMessage::Call(call) = message else { continue };
            let answer = match call.request {
                Request::Prepare(request) => worker.prepare(request).await.map(Answer::Prepared),
                Request::ExecuteSlice(task) => {
                    let outcome = worker.execute_slice(*task).await;
                    outcome.map(|outcome| Answer::Slice(Box::new(outcome)))
                }
                Request::EndJob(job) => {
                    self.frames.remove(&job);
                    worker.end_job(job).await.map(|()| Answer::Done)
                }
            };
            self.say(WorkerMessage::Answer { call: call.id, answer }).await;
        }
    }

    /// Hears the next slice, and answers everything before it.
    async fn next_slice(&mut self) -> CallId {
        loop {
            let Some(CoordinatorMessage::Call(call)) = self.hear().await else {
                panic!("the stream ended, or something else came")
            };
            match call.request {
                Request::ExecuteSlice(_) => return call.id,
                _ => {
                    self.say(WorkerMessage::Answer { call: call.id, answer: Ok(Answer::Done) })
                        .await
                }
            }
        }
    }
}

async fn cluster(seed: u64, n_commits: usize) -> Cluster {
    let config = CoordinatorConfig { local_recovery_len_max: 100, ..CoordinatorConfig::default() };
    let chain = (Chain::new(seed, 2, SHAPE), n_commits);
    Cluster::start_with(config, SystemClock::shared(), chain, &[]).await
}

fn model(cluster: &Cluster, id: u64) -> Arc<ModelWorker> {
    ModelWorker::new(id, &cluster.chain, Manner::Honest, cluster.shards[0].staged())
}

async fn state_of(cluster: &Cluster, id: u64) -> Option<WorkerState> {
    let status = cluster.coordinator.status().await.unwrap();
    status.workers.iter().find(|it| it.id.get() == id).map(|it| it.state)
}

#[test]
fn blocks_are_executed_by_workers_at_the_other_end_of_a_stream() {
    run(async {
        let cluster = Cluster::start(Chain::new(61, 2, SHAPE), &[], 2).await;
        let serving = serving(&cluster, quick());
        for id in [1, 2] {
            let far = Far::welcomed(&serving, id).await;
            actix::spawn(far.work(model(&cluster, id)));
        }

        let (first, second) = futures::future::join(cluster.execute(0), cluster.execute(1)).await;

        assert_eq!((first.end, second.end), (JobEnd::Committed, JobEnd::Committed));
        assert_eq!(first.plan.workers_used, 2);
        let workers = cluster.coordinator.status().await.unwrap().workers;
        assert_eq!((workers[0].cores, &*workers[0].version), (2, "1.2.3"));
    });
}

#[test]
fn a_worker_of_another_major_version_is_refused_with_both_named() {
    run(async {
        let cluster = cluster(62, 0).await;
        let serving = serving(&cluster, quick());
        let other = Version { major: PROTOCOL.major + 1, minor: 0 };
        let mut far = Far::attach(&serving, hello(1, other)).await;
        let Some(CoordinatorMessage::Refused(status)) = far.hear().await else {
            panic!("it was taken in")
        };
        assert_eq!(status.code, Code::FailedPrecondition);
        let (theirs, ours) = (other.to_string(), PROTOCOL.to_string());
        assert!(status.message.contains(&theirs) && status.message.contains(&ours), "{status}");
        assert!(far.hear().await.is_none(), "the stream ends");
        assert_eq!(state_of(&cluster, 1).await, None);
        assert_eq!(cluster.coordinator.metrics().refused_protocol.get(), 1);
    });
}

#[test]
fn a_stream_that_does_not_begin_with_hello_is_refused() {
    run(async {
        let cluster = cluster(63, 0).await;
        let serving = serving(&cluster, quick());
        let mut far = Far::attach(&serving, WorkerMessage::Draining).await;
        let first = far.hear().await;
        assert!(matches!(first, Some(CoordinatorMessage::Refused(_))), "{first:?}");
    });
}

#[test]
fn a_silent_worker_is_lost_and_its_slices_go_elsewhere() {
    run(async {
        let cluster = cluster(64, 1).await;
        let config = AttachConfig {
            heartbeat_interval: Duration::from_millis(20),
            heartbeats_missed_max: NonZeroU32::new(2).unwrap(),
            ..AttachConfig::default()
        };
        let mut silent = Far::welcomed(&serving(&cluster, config), 1).await;
        // Its stream stays open: that alone says nothing.
        let ended = async move { while silent.hear().await.is_some() {} };
        let helping = async {
            ended.await;
            assert_eq!(state_of(&cluster, 1).await, Some(WorkerState::Lost));
            let far = Far::welcomed(&serving(&cluster, quick()), 2).await;
            actix::spawn(far.work(model(&cluster, 2)));
        };

        let (outcome, ()) = futures::future::join(cluster.execute(0), helping).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert_eq!(cluster.coordinator.metrics().workers_lost.get(), 1);
    });
}

#[test]
fn a_worker_that_gives_signs_of_life_is_kept() {
    run(async {
        let cluster = cluster(65, 0).await;
        let config = AttachConfig {
            heartbeat_interval: Duration::from_millis(200),
            heartbeats_missed_max: NonZeroU32::new(2).unwrap(),
            ..AttachConfig::default()
        };
        let far = Far::welcomed(&serving(&cluster, config), 1).await;
        // Longer than it may be silent, in real time: that is what is tested.
        for _ in 0..20 {
            SystemClock::shared().sleep(Duration::from_millis(40)).await;
            far.say(WorkerMessage::Heartbeat { calls_running: 0 }).await;
        }
        assert_eq!(state_of(&cluster, 1).await, Some(WorkerState::Ready));
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_taken_back_and_its_answer_is_late() {
    run(async {
        let cluster = cluster(66, 0).await;
        let serving = serving(&cluster, quick());
        let mut far = Far::welcomed(&serving, 1).await;
        let job = cluster.coordinator.clone();
        let request = cluster.chain.request(0);
        let waiting = tokio::spawn(async move { job.execute_block(request).await });
        let slice = far.next_slice().await;
        // The worker comes back as another; the job gives up what it had of the first.
        let mut back = Far::welcomed(&serving, 1).await;
        while let Some(message) = far.hear().await {
            let is_taken_back =
                matches!(message, CoordinatorMessage::Cancel(call) if call == slice);
            assert!(is_taken_back, "before the first stream ends: {message:?}");
        }
        let again = back.next_slice().await;
        let late =
            WorkerMessage::Answer { call: CallId(again.0 + 1_000), answer: Ok(Answer::Done) };
        back.say(late).await;
        while cluster.coordinator.metrics().refused_late.get() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(slice.0, 1, "numbers begin anew with the stream");
        waiting.abort();
    });
}

#[test]
fn a_call_that_is_dropped_is_taken_back() {
    run(async {
        let cluster = cluster(69, 0).await;
        let (line, outbound) = line(&quick());
        let calls = (line, Arc::default());
        let cpu = cluster.coordinator.cpu();
        let worker = AttachedWorker::new(WorkerId::new(1), calls, NonZeroU32::MIN, cpu);
        let frame = Arc::new(cluster.chain.blocks[&1].frame(JobId::default()));
        let request = PrepareRequest { frame, transactions: Vec::new() };
        let mut outbound = Box::pin(outbound);
        let mut call = Box::pin(worker.prepare(request));
        for expected in ["the frame", "the call"] {
            tokio::select! {
                biased;
                answer = &mut call => panic!("{expected} was not sent: {answer:?}"),
                message = outbound.next() => assert!(message.is_some(), "{expected}"),
            }
        }

        drop(call);

        let message = outbound.next().await.unwrap().unwrap();
        let message = CoordinatorMessage::from_wire(message, |_| None).unwrap();
        assert!(matches!(message, CoordinatorMessage::Cancel(CallId(1))), "{message:?}");
    });
}

#[test]
fn a_worker_that_drains_gets_nothing_new_and_goes_without_being_lost() {
    run(async {
        let cluster = cluster(67, 1).await;
        let serving = serving(&cluster, quick());
        let far = Far::welcomed(&serving, 1).await;
        far.say(WorkerMessage::Draining).await;
        while state_of(&cluster, 1).await != Some(WorkerState::Draining) {
            tokio::task::yield_now().await;
        }
        drop(far);
        while state_of(&cluster, 1).await.is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(cluster.coordinator.metrics().workers_lost.get(), 0);
    });
}

#[test]
fn a_worker_whose_lease_is_gone_is_lost_though_its_stream_is_open() {
    run(async {
        let cluster = cluster(68, 0).await;
        let serving = serving(&cluster, quick());
        let mut far = Far::welcomed(&serving, 1).await;
        assert!(!serving.lose("w2", "its lease is gone"));
        assert!(serving.lose("w1", "its lease is gone"));
        assert!(far.hear().await.is_none());
        while state_of(&cluster, 1).await != Some(WorkerState::Lost) {
            tokio::task::yield_now().await;
        }
    });
}
