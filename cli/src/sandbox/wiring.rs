//! The processes' parts, put together on an actix system of their own.

use super::SandboxSpec;
use crate::{VERSION, failure::Failure, serial::DelayPaid};
use cluster::clock::SharedClock;
use coordinator::{Coordinator, CoordinatorHandle, WorkerFacts};
use engine::{
    account::{SnapshotAnswer, SnapshotKey},
    ids::{BootId, ShardIndex, SnapshotId, WorkerId},
};
use proto::{
    shards::StateShards,
    state::{ReadRequest, StateService},
    status::{Code, Status},
};
use state_service::{StateHandle, StateShard};
use std::{
    collections::BTreeMap,
    fmt::Display,
    num::NonZeroU32,
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot};
use worker::{Worker, WorkerHandle};

/// Everything that a cluster is made from.
#[derive(Debug)]
pub(super) struct Wiring {
    pub(super) spec: SandboxSpec,
    pub(super) clock: SharedClock,
}

/// A running cluster, as others hold it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) runtime: Handle,
    pub(super) coordinator: CoordinatorHandle,
    workers: Vec<WorkerHandle>,
    shards: Vec<Shard>,
}

/// A state shard, as different callers hold it: each handle counts for itself.
#[derive(Debug)]
struct Shard {
    own: StateHandle,
    of_workers: StateHandle,
    of_coordinator: StateHandle,
}

impl Parts {
    /// Returns the CPU time of all state shards.
    pub(super) fn state_cpu(&self) -> Duration {
        self.shards.iter().map(|shard| shard.own.cpu()).sum()
    }

    /// Returns what delayed answers really cost.
    pub(super) fn delay_paid(&self) -> DelayPaid {
        let mut paid = DelayPaid::default();
        let callers = self.shards.iter().flat_map(|it| [&it.of_workers, &it.of_coordinator]);
        for caller in callers {
            let counts = caller.counts();
            paid += DelayPaid { n_answers: counts.reads_delayed, total: counts.delay_paid };
        }
        paid
    }

    /// Reads keys from the shards that own them, in the keys' order.
    pub(super) async fn read(
        &self,
        snapshot: SnapshotId,
        keys: &[SnapshotKey],
    ) -> Result<Vec<SnapshotAnswer>, Status> {
        let shards = all(&self.shards, |shard| &shard.own)
            .map_err(|failure| Status::new(Code::Internal, failure.to_string()))?;
        let mut answers = BTreeMap::new();
        for (index, service) in shards.iter() {
            let owned = keys.iter().filter(|key| shards.shard_of(key.address()) == index);
            let owned: Vec<_> = owned.copied().collect();
            let request = ReadRequest { snapshot, keys: owned.clone() };
            answers.extend(owned.into_iter().zip(service.read(request).await?.values));
        }
        Ok(keys.iter().filter_map(|key| answers.get(key).cloned()).collect())
    }

    /// Stops workers, then the state shards. The coordinator has no work left and ends with its
    /// system.
    pub(super) async fn stop(&self) {
        for worker in &self.workers {
            worker.stop().await;
        }
        for shard in &self.shards {
            shard.own.stop().await;
        }
    }
}

impl Wiring {
    /// Starts the cluster on the calling thread and keeps it running until it is told to stop, or
    /// until nobody is left who could tell.
    pub(super) fn run(
        self,
        started: &SyncSender<Parts>,
        stopped: oneshot::Receiver<()>,
    ) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("sandbox-rt")
            .enable_all()
            .build()
            .map_err(|error| cannot_start(&error))?;
        let system = actix::System::with_tokio_rt(|| runtime);
        let handle = system.runtime().tokio_runtime().handle().clone();
        let parts = system.block_on(async { self.start(handle).await })?;
        if started.send(parts).is_err() {
            return Ok(());
        }
        system.block_on(async {
            // A sender that is gone stops the cluster too.
            let _ = stopped.await;
            actix::System::current().stop();
        });
        system.run().map_err(|error| cannot_start(&error))
    }

    /// Actors start on this thread: on a thread of the runtime they could not.
    async fn start(&self, runtime: Handle) -> Result<Parts, Failure> {
        let shards: Vec<_> = self
            .spec
            .state_shards
            .indices()
            .map(|it| self.start_shard(it))
            .collect::<Result<_, _>>()?;
        let of_workers = all(&shards, |shard| &shard.of_workers)?;
        let of_coordinator = all(&shards, |shard| &shard.of_coordinator)?;

        let mut config = self.spec.coordinator.clone();
        config.slices_per_worker = self.slices_per_worker();
        let coordinator = Coordinator::new(config, of_coordinator)
            .clock(self.clock.clone())
            .start()
            .map_err(|error| cannot_start(&error))?;
        let mut workers = Vec::new();
        for position in 0..self.spec.workers.get() {
            let worker = self.start_worker(position, of_workers.clone())?;
            let facts = WorkerFacts {
                id: worker.id(),
                cores: self.slices_per_worker().get(),
                address: String::new(),
                version: VERSION.to_owned(),
            };
            if !coordinator.add_worker(facts, Arc::new(worker.clone())).await {
                return Err(cannot_start(&format!("worker {} was refused", worker.id())));
            }
            workers.push(worker);
        }
        Ok(Parts { runtime, coordinator, workers, shards })
    }

    fn start_shard(&self, index: ShardIndex) -> Result<Shard, Failure> {
        // A shard of a cluster in memory starts once.
        let boot = BootId::new(u64::from(index.get()) + 1);
        let shard = StateShard::new(boot, self.spec.state.clone()).clock(self.clock.clone());
        let own = shard.start().map_err(|error| cannot_start(&error))?;
        let (of_workers, of_coordinator) = (own.with_own_counts(), own.with_own_counts());
        Ok(Shard { own, of_workers, of_coordinator })
    }

    fn start_worker(&self, position: u16, shards: StateShards) -> Result<WorkerHandle, Failure> {
        let id = WorkerId::new(u64::from(position) + 1);
        let worker = Worker::new(id, self.spec.worker.clone(), shards).clock(self.clock.clone());
        let worker = match &self.spec.fault {
            Some(fault) => worker.fault(fault.of_worker(u64::from(position))),
            None => worker,
        };
        worker.start().map_err(|error| cannot_start(&error))
    }

    /// A worker is given as many slices at once as it has threads.
    fn slices_per_worker(&self) -> NonZeroU32 {
        NonZeroU32::try_from(self.spec.worker.threads).unwrap_or(NonZeroU32::MAX)
    }
}

/// Returns the shards as one kind of caller holds them.
fn all(shards: &[Shard], of: fn(&Shard) -> &StateHandle) -> Result<StateShards, Failure> {
    let service = |shard| Arc::new(of(shard).clone()) as Arc<dyn StateService>;
    StateShards::new(shards.iter().map(service).collect()).map_err(|error| cannot_start(&error))
}

pub(super) fn cannot_start(reason: &dyn Display) -> Failure {
    let what = format!("the cluster cannot start: {reason}");
    Failure::cluster(what, "the cluster in this process", "try fewer workers or threads")
}
