//! The coordinator as a whole: its actors around model workers and a model state service.

pub(crate) mod model_cluster;
mod shards;
mod workers;

use crate::{Coordinator, CoordinatorHandle, WorkerFacts, config::CoordinatorConfig};
use alloy_consensus::{Header, TxEnvelope};
use alloy_primitives::B256;
use alloy_rlp::Decodable;
use cluster::clock::{ManualClock, SharedClock, SystemClock};
use engine::{
    ids::{BootId, SnapshotId, WorkerId},
    lineage::{Ancestor, Lineage},
};
use model_cluster::{Chain, Manner, ModelShard, ModelWorker, SHAPE};
use proto::{
    coordinator::{BlockOutcome, CoordinatorService, JobEnd, Mode},
    shards::StateShards,
    state::StateService,
    status::Code,
    worker::WorkerService,
};
use std::{sync::Arc, time::Duration};

/// Shards of a cluster, unless a test says otherwise.
const N_SHARDS: usize = 4;

pub(crate) struct Cluster {
    pub(crate) chain: Arc<Chain>,
    pub(crate) shards: Vec<Arc<ModelShard>>,
    workers: Vec<Arc<ModelWorker>>,
    pub(crate) coordinator: CoordinatorHandle,
}

impl Cluster {
    pub(crate) async fn start(chain: Chain, manners: &[Manner], n_commits: usize) -> Self {
        Self::start_with(
            CoordinatorConfig::default(),
            SystemClock::shared(),
            (chain, n_commits),
            manners,
        )
        .await
    }

    pub(crate) async fn start_with(
        config: CoordinatorConfig,
        clock: SharedClock,
        (chain, n_commits): (Chain, usize),
        manners: &[Manner],
    ) -> Self {
        let chain = Arc::new(chain);
        let shards = ModelShard::cluster(&chain, N_SHARDS, n_commits);
        let services = shards.iter().map(|it| Arc::clone(it) as Arc<dyn StateService>).collect();
        let services = StateShards::new(services).unwrap();
        let coordinator = Coordinator::new(config, services).clock(clock).start().unwrap();
        let mut workers = Vec::new();
        for (id, manner) in (1..).zip(manners) {
            let worker = ModelWorker::new(id, &chain, *manner, shards[0].staged());
            assert!(coordinator.add_worker(facts(worker.id), as_service(&worker)).await);
            workers.push(worker);
        }
        Self { chain, shards, workers, coordinator }
    }

    /// Blocks that shard 0 committed, in order.
    fn committed(&self) -> Vec<B256> {
        self.committed_at(0)
    }

    fn committed_at(&self, shard: u16) -> Vec<B256> {
        let journal = self.shards[0].journal.lock().unwrap();
        let of_shard = journal.committed.iter().filter(|(it, _)| it.get() == shard);
        of_shard.map(|(_, hash)| *hash).collect()
    }

    fn may_commit(&self, n_commits: usize) {
        self.shards.iter().for_each(|shard| shard.may_commit.add_permits(n_commits));
    }

    pub(crate) async fn execute(&self, place: usize) -> BlockOutcome {
        self.coordinator.execute_block(self.chain.request(place)).await.unwrap()
    }
}

fn facts(id: WorkerId) -> WorkerFacts {
    WorkerFacts { id, cores: 1, address: format!("worker-{id}:7411"), version: "1".to_owned() }
}

fn as_service(worker: &Arc<ModelWorker>) -> Arc<dyn WorkerService> {
    Arc::clone(worker) as Arc<dyn WorkerService>
}

/// Longest that a test takes, on a machine that is busy with others.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    actix::System::new().block_on(async {
        let ended = tokio::time::timeout(TEST_TIMEOUT, test).await;
        ended.expect("what the test waits for does not come")
    })
}

#[test]
fn a_block_is_cut_executed_sealed_and_committed() {
    run(async {
        let cluster = Cluster::start(Chain::new(1, 1, SHAPE), &[Manner::Honest; 3], 1).await;

        let outcome = cluster.execute(0).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert_eq!(outcome.block_hash, cluster.chain.encoded[0].0);
        assert_eq!(cluster.committed(), [outcome.block_hash]);
        assert_eq!((outcome.plan.slices, outcome.plan.workers_used), (3, 3));
        let serial = cluster.chain.blocks[&1].serial().unwrap();
        assert!(outcome.writes.iter().map(|(_, it)| it).eq(serial.iter().map(|it| &it.writes)));
        assert_eq!(cluster.coordinator.metrics().blocks_committed.get(), 1);
    });
}

#[test]
fn children_begin_on_provisional_parents_and_commit_after_them() {
    run(async {
        let cluster = Cluster::start(Chain::new(2, 4, SHAPE), &[Manner::Honest; 2], 0).await;
        let all = futures::future::join_all((0..4).map(|place| cluster.execute(place)));
        let mut seen = cluster.workers[0].seen.subscribe();
        let watching = async {
            seen.wait_for(|seen| seen.contains(&4)).await.unwrap();
            assert!(cluster.committed().is_empty(), "nothing is committed");
            cluster.may_commit(4);
        };

        let (outcomes, ()) = futures::future::join(all, watching).await;

        assert!(outcomes.iter().all(|outcome| outcome.end == JobEnd::Committed));
        let hashes: Vec<_> = cluster.chain.encoded.iter().map(|(hash, _)| *hash).collect();
        assert_eq!(cluster.committed(), hashes, "parents first");
    });
}

#[test]
fn a_child_falls_with_its_parent() {
    run(async {
        let mut chain = Chain::new(3, 2, SHAPE);
        // The parent's header says something else than execution.
        let mut parent = decoded(&chain.encoded[0].1);
        parent.header.gas_used -= 1;
        let mut child = decoded(&chain.encoded[1].1);
        child.header.parent_hash = parent.header.hash_slow();
        for (place, block) in [parent, child].iter().enumerate() {
            chain.encoded[place] = (block.header.hash_slow(), alloy_rlp::encode(block).into());
        }
        let cluster = Cluster::start(chain, &[Manner::Honest; 2], 2).await;

        let (parent, child) = futures::future::join(cluster.execute(0), cluster.execute(1)).await;

        assert_eq!(parent.end, JobEnd::Different);
        assert!(parent.results.is_some());
        let JobEnd::Failed { reason } = child.end else { panic!("{:?}", child.end) };
        assert_eq!(reason, "the parent differs from its header");
        assert!(cluster.committed().is_empty());
    });
}

#[test]
fn a_worker_that_is_gone_is_replaced_and_taken_out() {
    run(async {
        let manners = [Manner::Honest, Manner::Gone, Manner::Honest];
        let cluster = Cluster::start(Chain::new(4, 1, SHAPE), &manners, 1).await;

        let outcome = cluster.execute(0).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert!(outcome.counts.attempts_lost > 0);
        assert_eq!(cluster.coordinator.metrics().workers_lost.get(), 1);
        assert!(!cluster.coordinator.remove_worker(WorkerId::new(2)).await, "it is gone");
    });
}

#[test]
fn a_silent_worker_is_lost_after_its_deadline() {
    run(async {
        let clock = ManualClock::new();
        let mut config =
            CoordinatorConfig { local_recovery_len_max: 100, ..CoordinatorConfig::default() };
        // By default the job's own deadline comes first.
        config.deadlines.dispatch = config.deadlines.job / 4;
        let deadlines = config.deadlines.clone();
        let shared: SharedClock = Arc::new(clock.clone());
        let manners = [Manner::Honest, Manner::Silent];
        let chain = (Chain::new(5, 1, SHAPE), 1);
        let cluster = Cluster::start_with(config, shared, chain, &manners).await;
        let mut seen = cluster.workers[1].seen.subscribe();
        let passing = async {
            seen.wait_for(|seen| seen.contains(&1)).await.unwrap();
            clock.advance(deadlines.dispatch);
            // The silent worker does not say either that it knows the job to be over.
            clock.until_sleepers(2).await;
            clock.advance(deadlines.end_job);
        };

        let (outcome, ()) = futures::future::join(cluster.execute(0), passing).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert!(outcome.times.execute >= deadlines.dispatch);
        assert_eq!(cluster.coordinator.metrics().workers_lost.get(), 1);
    });
}

#[test]
fn a_lying_worker_is_refuted_quarantined_and_not_used_again() {
    run(async {
        let manners = [Manner::Honest, Manner::Lies, Manner::Honest];
        let cluster = Cluster::start(Chain::new(6, 2, SHAPE), &manners, 2).await;

        let first = cluster.execute(0).await;
        let second = cluster.execute(1).await;

        assert_eq!(first.end, JobEnd::Committed);
        assert_eq!(first.counts.quarantined, [WorkerId::new(2)]);
        assert!(second.counts.quarantined.is_empty());
        assert_eq!(second.end, JobEnd::Committed);
        assert!(!cluster.workers[1].seen.borrow().contains(&2), "the liar saw the second block");
    });
}

#[test]
fn bytes_that_are_no_block_are_refused_with_the_fields_name() {
    run(async {
        let cluster = Cluster::start(Chain::new(7, 1, SHAPE), &[Manner::Honest], 1).await;
        let whole = cluster.chain.encoded[0].1.clone();
        for bytes in [whole.slice(..whole.len() - 1), whole.slice(..3), Vec::new().into()] {
            let mut request = cluster.chain.request(0);
            request.block_rlp = bytes;
            let refused = cluster.coordinator.execute_block(request).await.unwrap_err();
            assert_eq!(refused.code, Code::InvalidArgument);
            assert!(refused.message.starts_with("block_rlp: "), "{}", refused.message);
        }
        assert_eq!(cluster.coordinator.metrics().refused_no_block.get(), 3);
    });
}

#[test]
fn a_body_that_breaks_a_rule_is_invalid_without_being_executed() {
    run(async {
        let cluster = Cluster::start(Chain::new(8, 1, SHAPE), &[Manner::Honest], 1).await;
        let mut request = cluster.chain.request(0);
        // A fork that knows no withdrawals.
        request.chain =
            engine::chain::ChainSpec::up_to(1, alloy_hardforks::EthereumHardfork::London);

        let outcome = cluster.coordinator.execute_block(request).await.unwrap();

        assert!(matches!(outcome.end, JobEnd::Invalid { transaction: None, .. }), "{outcome:?}");
        assert!(cluster.workers[0].seen.borrow().is_empty());
    });
}

fn decoded(mut rlp: &[u8]) -> alloy_consensus::Block<TxEnvelope> {
    Decodable::decode(&mut rlp).unwrap()
}

/// The genesis block of the model chains, as a header.
fn model_genesis() -> Header {
    Header { gas_limit: 30_000_000, base_fee_per_gas: Some(8), ..Header::default() }
}

#[test]
fn a_lineage_that_is_not_the_blocks_is_refused_with_its_place() {
    run(async {
        let cluster = Cluster::start(Chain::new(9, 1, SHAPE), &[Manner::Honest], 1).await;
        let mut request = cluster.chain.request(0);
        request.lineage = Lineage(vec![Arc::new(Ancestor::new(model_genesis(), None))]);

        let refused = cluster.coordinator.execute_block(request).await.unwrap_err();

        assert_eq!(refused.code, Code::InvalidArgument);
        assert!(refused.message.starts_with("lineage[0]: "), "{}", refused.message);
    });
}

#[test]
fn a_block_is_not_executed_on_another_parent_than_its_own() {
    run(async {
        let cluster = Cluster::start(Chain::new(11, 2, SHAPE), &[Manner::Honest], 2).await;
        let mut request = cluster.chain.request(1);
        request.parent = cluster.chain.request(0).parent;

        let refused = cluster.coordinator.execute_block(request).await.unwrap_err();

        assert_eq!(refused.code, Code::InvalidArgument);
        assert!(refused.message.starts_with("parent: "), "{}", refused.message);
    });
}

#[test]
fn a_header_that_does_not_follow_its_parent_is_invalid_without_being_executed() {
    run(async {
        let cluster = Cluster::start(Chain::new(10, 1, SHAPE), &[Manner::Honest], 1).await;
        let parent = Ancestor::new(model_genesis(), None);
        let mut request = cluster.chain.request(0);
        let mut block = decoded(&request.block_rlp);
        block.header.parent_hash = parent.hash;
        block.header.timestamp = 1;
        block.header.gas_limit = 30_000_000;
        request.block_rlp = alloy_rlp::encode(&block).into();
        request.lineage = Lineage(vec![Arc::new(parent)]);
        request.parent = SnapshotId::Block(block.header.parent_hash);

        let outcome = cluster.coordinator.execute_block(request).await.unwrap();

        let JobEnd::Invalid { transaction: None, reason } = &outcome.end else {
            panic!("{outcome:?}")
        };
        assert!(reason.starts_with("base fee is 0"), "{reason}");
        assert!(cluster.workers[0].seen.borrow().is_empty());
    });
}

#[test]
fn a_full_queue_refuses_and_what_was_accepted_is_done() {
    run(async {
        let mut config = CoordinatorConfig::default();
        config.limits.jobs_running_max = std::num::NonZeroUsize::MIN;
        config.limits.job_queue_len_max = 1;
        let chain = (Chain::new(9, 3, SHAPE), 0);
        let cluster =
            Cluster::start_with(config, SystemClock::shared(), chain, &[Manner::Honest]).await;
        let mut accepted = Box::pin(futures::future::join(cluster.execute(0), cluster.execute(1)));
        let third = cluster.coordinator.execute_block(cluster.chain.request(2));
        tokio::select! {
            biased;
            _ = &mut accepted => panic!("nothing may be committed yet"),
            refused = third => assert_eq!(refused.unwrap_err().code, Code::ResourceExhausted),
        }
        cluster.may_commit(2);

        let (first, second) = accepted.await;

        assert_eq!((first.end, second.end), (JobEnd::Committed, JobEnd::Committed));
    });
}

#[test]
fn without_workers_a_job_waits_until_its_deadline_and_fails_by_name() {
    run(async {
        let clock = ManualClock::new();
        let config = CoordinatorConfig::default();
        let job = config.deadlines.job;
        let shared: SharedClock = Arc::new(clock.clone());
        let chain = (Chain::new(10, 1, SHAPE), 1);
        let cluster = Cluster::start_with(config, shared, chain, &[]).await;
        let passing = async {
            clock.until_sleepers(1).await;
            while cluster.coordinator.metrics().blocks_failed.get() == 0 {
                clock.advance(job / 2);
                tokio::task::yield_now().await;
            }
        };

        let (outcome, ()) = futures::future::join(cluster.execute(0), passing).await;

        let JobEnd::Failed { reason } = outcome.end else { panic!("{:?}", outcome.end) };
        assert!(reason.contains("deadline"), "{reason}");
    });
}

#[test]
fn a_worker_that_joins_late_takes_a_waiting_job() {
    run(async {
        let cluster = Cluster::start(Chain::new(11, 1, SHAPE), &[], 1).await;
        let staged = cluster.shards[0].staged();
        let late = ModelWorker::new(7, &cluster.chain, Manner::Honest, staged);
        let joining = async {
            assert!(cluster.coordinator.add_worker(facts(late.id), as_service(&late)).await);
        };

        let (outcome, ()) = futures::future::join(cluster.execute(0), joining).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert_eq!(outcome.plan.workers_used, 1);
    });
}

#[test]
fn a_restarted_shard_makes_the_job_start_again_and_end_equal() {
    run(async {
        let chain = Chain::new(12, 1, SHAPE);
        let cluster = Cluster::start(chain, &[Manner::Honest, Manner::Lies], 1).await;
        // The lie is refuted by a second run and sealed again, after the shard has restarted.
        *cluster.shards[2].boots.lock().unwrap() = vec![BootId::new(2), BootId::new(1)];

        let outcome = cluster.execute(0).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert_eq!(cluster.coordinator.metrics().jobs_restarted.get(), 1);
    });
}

#[test]
fn a_verified_block_stays_in_memory_under_its_jobs_name() {
    run(async {
        let cluster = Cluster::start(Chain::new(13, 2, SHAPE), &[Manner::Honest; 2], 0).await;
        let mut first = cluster.chain.request(0);
        first.mode = Mode::Verify;
        let first = cluster.coordinator.execute_block(first).await.unwrap();
        assert_eq!(first.end, JobEnd::Verified);

        let mut second = cluster.chain.request(1);
        (second.mode, second.parent) = (Mode::Verify, SnapshotId::Job(first.job));
        let second = cluster.coordinator.execute_block(second).await.unwrap();

        assert_eq!(second.end, JobEnd::Verified);
        assert!(cluster.committed().is_empty());
        let snapshots = cluster.shards[0].snapshots.lock().unwrap();
        assert!(snapshots.contains_key(&SnapshotId::Job(second.job)));
    });
}

#[test]
fn every_worker_that_knew_of_a_job_is_told_that_it_is_over() {
    run(async {
        let cluster = Cluster::start(Chain::new(14, 1, SHAPE), &[Manner::Honest; 3], 1).await;
        let outcome = cluster.execute(0).await;
        while cluster.workers.iter().any(|worker| worker.ended.lock().unwrap().is_empty()) {
            tokio::task::yield_now().await;
        }
        for worker in &cluster.workers {
            assert!(worker.ended.lock().unwrap().contains(&outcome.job));
        }
    });
}

#[test]
fn phases_of_a_job_are_timed() {
    run(async {
        let cluster = Cluster::start(Chain::new(15, 1, SHAPE), &[Manner::Honest; 2], 1).await;
        let times = cluster.execute(0).await.times;
        let parts = [times.plan, times.execute, times.finalise, times.seal, times.commit];
        assert!(parts.iter().all(|part| *part > Duration::ZERO), "{times:?}");
        assert!(parts.iter().all(|part| *part <= times.wall), "{times:?}");
    });
}
