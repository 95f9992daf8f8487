//! A real worker behind a bad network, which may die.

use super::chance::{Chance, Fault};
use async_trait::async_trait;
use engine::{ids::JobId, outcome::SliceOutcome, task::SliceTask};
use proto::{
    status::{Code, Status},
    worker::{PrepareRequest, PrepareResponse, WorkerService},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc;
use worker::WorkerHandle;

/// Passes calls on, badly.
#[derive(Debug)]
pub(super) struct BadWorker {
    pub(super) handle: WorkerHandle,
    pub(super) chance: Arc<Chance>,
    /// Whether it may be lost to a job or die; one worker of a cluster may not.
    pub(super) is_mortal: bool,
    /// Tells that it died.
    pub(super) deaths: mpsc::Sender<()>,
    pub(super) is_dead: AtomicBool,
}

impl BadWorker {
    fn gone<T>() -> Result<T, Status> {
        Err(Status::new(Code::Unavailable, "the worker is gone"))
    }

    /// Dies now and then in the middle of a call.
    async fn dies(&self) -> bool {
        if self.is_dead.load(Ordering::Relaxed) {
            return true;
        }
        if !self.is_mortal || !self.chance.strikes(Fault::WorkerDied, 2) {
            return false;
        }
        self.is_dead.store(true, Ordering::Relaxed);
        self.handle.stop().await;
        // If nobody wants to hear of it any more, nobody joins in its place.
        let _ = self.deaths.try_send(());
        true
    }
}

#[async_trait]
impl WorkerService for BadWorker {
    async fn prepare(&self, request: PrepareRequest) -> Result<PrepareResponse, Status> {
        self.chance.delay().await;
        if self.chance.strikes(Fault::Repeated, 3) {
            let _ = self.handle.prepare(request.clone()).await;
        }
        if self.dies().await {
            return Self::gone();
        }
        self.handle.prepare(request).await
    }

    async fn execute_slice(&self, task: SliceTask) -> Result<SliceOutcome, Status> {
        self.chance.delay().await;
        if self.dies().await {
            return Self::gone();
        }
        let again = self.chance.strikes(Fault::Stale, 5).then(|| task.clone());
        let answer = self.handle.execute_slice(task).await;
        if let Some(task) = again {
            let (handle, chance) = (self.handle.clone(), Arc::clone(&self.chance));
            tokio::spawn(async move {
                chance.delay().await;
                // Nobody hears the answer.
                let _ = handle.execute_slice(task).await;
            });
        }
        self.chance.delay().await;
        if self.is_mortal && self.chance.strikes(Fault::AnswerLost, 2) {
            return Err(Status::new(Code::Unavailable, "the answer was lost"));
        }
        answer
    }

    async fn end_job(&self, job: JobId) -> Result<(), Status> {
        if self.is_dead.load(Ordering::Relaxed) {
            return Self::gone();
        }
        self.chance.delay().await;
        self.handle.end_job(job).await
    }
}
