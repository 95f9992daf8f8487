//! A member, and what happens to members.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes blocks in.
    Coordinator,
    /// Executes Slices.
    Worker,
    /// Owns a range of the state.
    State,
}

impl Role {
    /// Returns the folder of the role's keys.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinators",
            Self::Worker => "workers",
            Self::State => "state",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Coordinator => "coordinator",
            Self::Worker => "worker",
            Self::State => "state",
        })
    }
}

/// A process as others find it. Later versions may add keys; this one passes over those it does not
/// know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Name among the members of its role: stable over restarts, or the id of a worker.
    pub name: String,
    /// Where it answers gRPC, as `HOST:PORT`.
    pub address: String,
    /// Where it answers HTTP, as `HOST:PORT`; empty if nobody knows.
    pub http_address: String,
    /// Version of the program.
    pub version: String,
    /// Tells one start of the process from the next.
    pub boot: String,
}

/// What happened to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// It is there.
    Joined(Member),
    /// It is still there, with other data: started again, or moved.
    Changed(Member),
    /// It left, or its lease ended.
    Left(Member),
}

/// A watch on the members of a role; dropped, it ends.
#[derive(Debug)]
pub struct MemberWatch {
    events: mpsc::Receiver<MemberEvent>,
}

impl MemberWatch {
    pub(super) const fn new(events: mpsc::Receiver<MemberEvent>) -> Self {
        Self { events }
    }

    /// Waits for the next event; `None` when there will be none, because the runtime ends.
    pub async fn next(&mut self) -> Option<MemberEvent> {
        self.events.recv().await
    }
}
