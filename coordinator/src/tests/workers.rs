//! Workers that come, drain, are lost and come back, and what status says of them.

use super::{
    Cluster, as_service, facts,
    model_cluster::{Chain, Manner, ModelWorker, SHAPE},
    run,
};
use crate::config::CoordinatorConfig;
use cluster::clock::SystemClock;
use engine::ids::WorkerId;
use proto::coordinator::{CoordinatorService, JobEnd, ShardState, WorkerState};

fn state_of(status: &proto::coordinator::ClusterStatus, id: u64) -> Option<WorkerState> {
    status.workers.iter().find(|it| it.id.get() == id).map(|it| it.state)
}

#[test]
fn a_worker_that_drains_is_given_no_new_slices() {
    run(async {
        let chain = Chain::new(31, 2, SHAPE);
        let cluster = Cluster::start(chain, &[Manner::Honest; 2], 2).await;
        let first = cluster.execute(0).await;
        assert_eq!(first.plan.workers_used, 2);

        cluster.coordinator.drain_worker(WorkerId::new(2)).await;
        let second = cluster.execute(1).await;

        assert_eq!(second.end, JobEnd::Committed);
        assert!(!cluster.workers[1].seen.borrow().contains(&2), "it got a slice");
        let status = cluster.coordinator.status().await.unwrap();
        assert_eq!(state_of(&status, 2), Some(WorkerState::Draining));
        assert!(cluster.coordinator.remove_worker(WorkerId::new(2)).await);
        let status = cluster.coordinator.status().await.unwrap();
        assert_eq!(state_of(&status, 2), None, "it went as it said");
    });
}

#[test]
fn status_tells_ready_lost_and_quarantined_workers_and_what_the_shards_say() {
    run(async {
        let chain = Chain::new(32, 1, SHAPE);
        let manners = [Manner::Honest, Manner::Gone, Manner::Lies, Manner::Honest];
        let cluster = Cluster::start(chain, &manners, 1).await;
        let outcome = cluster.execute(0).await;
        assert_eq!(outcome.end, JobEnd::Committed);

        let mut status = cluster.coordinator.status().await.unwrap();
        // The block counts until every shard knows what became of it.
        while status.queue > 0 {
            status = cluster.coordinator.status().await.unwrap();
        }

        let states: Vec<_> = (1..=4).map(|id| state_of(&status, id)).collect();
        let (ready, lost, liar) = (WorkerState::Ready, WorkerState::Lost, WorkerState::Quarantined);
        assert_eq!(states, [Some(ready), Some(lost), Some(liar), Some(ready)]);
        assert_eq!(status.workers[0].address, "worker-1:7411");
        assert_eq!(status.state_shards.len(), 4);
        assert!(status.state_shards.iter().all(|it| it.state == ShardState::Ready));
        assert_eq!(status.head.map(|it| it.block_hash), Some(outcome.block_hash));
    });
}

#[test]
fn a_worker_that_comes_back_takes_the_place_of_what_it_was() {
    run(async {
        let chain = Chain::new(33, 1, SHAPE);
        let config =
            CoordinatorConfig { local_recovery_len_max: 100, ..CoordinatorConfig::default() };
        let clock = SystemClock::shared();
        let cluster = Cluster::start_with(config, clock, (chain, 1), &[Manner::Silent]).await;
        let id = cluster.workers[0].id;
        let mut seen = cluster.workers[0].seen.subscribe();
        let back = ModelWorker::new(1, &cluster.chain, Manner::Honest, cluster.shards[0].staged());
        let coming_back = async {
            seen.wait_for(|seen| seen.contains(&1)).await.unwrap();
            let before = as_service(&cluster.workers[0]);
            assert!(!cluster.coordinator.add_worker(facts(id), as_service(&back)).await, "known");
            assert!(cluster.coordinator.replace_worker(facts(id), as_service(&back)).await);
            assert!(!cluster.coordinator.lose_worker(id, &before, "late").await, "it is another");
        };
        let (outcome, ()) = futures::future::join(cluster.execute(0), coming_back).await;

        assert_eq!(outcome.end, JobEnd::Committed);
        assert!(outcome.counts.attempts_lost > 0);
        assert!(back.seen.borrow().contains(&1));
        let status = cluster.coordinator.status().await.unwrap();
        assert_eq!(state_of(&status, 1), Some(WorkerState::Ready));
    });
}

#[test]
fn a_coordinator_that_drains_finishes_its_jobs_and_takes_no_more() {
    run(async {
        let chain = Chain::new(34, 2, SHAPE);
        let cluster = Cluster::start(chain, &[Manner::Honest], 0).await;
        let mut seen = cluster.workers[0].seen.subscribe();
        let drained = cluster.coordinator.clone();
        let ending = async {
            seen.wait_for(|seen| seen.contains(&1)).await.unwrap();
            let mut drain = Box::pin(drained.drain());
            assert!(futures::poll!(&mut drain).is_pending(), "a job runs");
            let refused = cluster.coordinator.execute_block(cluster.chain.request(1)).await;
            assert_eq!(refused.unwrap_err().code, proto::status::Code::Unavailable);
            cluster.may_commit(1);
            drain.await;
        };

        let (outcome, ()) = futures::future::join(cluster.execute(0), ending).await;

        assert_eq!(outcome.end, JobEnd::Committed);
    });
}

#[test]
fn a_block_is_cut_into_as_many_slices_as_its_workers_run_at_once() {
    run(async {
        let cluster = Cluster::start(Chain::new(35, 1, SHAPE), &[], 1).await;
        for id in [1, 2] {
            let staged = cluster.shards[0].staged();
            let worker = ModelWorker::new(id, &cluster.chain, Manner::Honest, staged);
            let facts = crate::WorkerFacts { cores: 3, ..facts(worker.id) };
            assert!(cluster.coordinator.add_worker(facts, as_service(&worker)).await);
        }
        let outcome = cluster.execute(0).await;
        assert_eq!((outcome.end, outcome.plan.slices), (JobEnd::Committed, 6));
    });
}
