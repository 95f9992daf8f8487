//! What others want to know of the coordinator, and its end.

use super::Front;
use actix::{Handler, Message, MessageResponse};
use engine::ids::{JobId, SnapshotId};
use proto::{
    coordinator::WorkerStatus,
    status::{Code, Status},
};
use tokio::sync::watch;

/// Asks what the coordinator knows of itself.
#[derive(Debug, Message)]
#[rtype(result = "Picture")]
pub(crate) struct Survey;

/// What the coordinator knows of itself.
#[derive(Debug, MessageResponse)]
pub(crate) struct Picture {
    pub(crate) workers: Vec<WorkerStatus>,
    /// Blocks that run or wait.
    pub(crate) n_jobs: u64,
}

impl Handler<Survey> for Front {
    type Result = Picture;

    fn handle(&mut self, _: Survey, _: &mut Self::Context) -> Picture {
        self.register.forget_lost(self.tools.clock.now());
        Picture {
            workers: self.register.list(|worker| self.roster.n_under_way(worker)),
            n_jobs: (self.running.len() + self.queue.len()) as u64,
        }
    }
}

/// Forgets a verified job, so that its Snapshot may be dropped.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), Status>")]
pub(crate) struct ReleaseVerified(pub(crate) JobId);

impl Handler<ReleaseVerified> for Front {
    type Result = Result<(), Status>;

    fn handle(&mut self, message: ReleaseVerified, _: &mut Self::Context) -> Self::Result {
        let ReleaseVerified(job) = message;
        if self.by_name.contains_key(&SnapshotId::Job(job)) {
            let message = format!("job {job} is not over");
            return Err(Status::new(Code::FailedPrecondition, message));
        }
        // What an earlier coordinator verified is not known here, and the shards say what it is.
        if self.verified.remove(&job) || job.term != self.term {
            return Ok(());
        }
        Err(Status::new(Code::NotFound, format!("there is no snapshot of a verified job {job}")))
    }
}

/// Takes no more blocks; answers with what tells how many still run or wait.
#[derive(Debug, Message)]
#[rtype(result = "Open")]
pub(crate) struct Drain;

/// Jobs that run or wait.
#[derive(Debug, MessageResponse)]
pub(crate) struct Open(pub(crate) watch::Receiver<usize>);

impl Handler<Drain> for Front {
    type Result = Open;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Open {
        self.is_draining = true;
        Open(self.n_jobs_open.subscribe())
    }
}
