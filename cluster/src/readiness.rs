//! Whether a process takes work now: one flag behind `/readyz` and gRPC's health service.

use std::sync::Arc;

use tokio::sync::watch;

/// What a readiness flag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The process takes work.
    Yes,
    /// It does not yet, or not now; with the reason.
    No(String),
    /// It ends, and never takes work again.
    Stopping,
}

/// A flag that its clones share. A process begins as not ready.
#[derive(Clone, Debug)]
pub struct Readiness {
    present: Arc<watch::Sender<Ready>>,
}

impl Readiness {
    /// Makes a flag that says no, with the reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { present: Arc::new(watch::Sender::new(Ready::No(reason.into()))) }
    }

    /// Says yes, unless the process is stopping.
    pub fn ready(&self) {
        self.change(Ready::Yes);
    }

    /// Says no, unless the process is stopping.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.change(Ready::No(reason.into()));
    }

    /// Says no for good.
    pub fn stopping(&self) {
        self.change(Ready::Stopping);
    }

    /// Returns what the flag says.
    #[must_use]
    pub fn get(&self) -> Ready {
        self.present.borrow().clone()
    }

    /// Watches the flag; what it says now counts as seen.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Ready> {
        self.present.subscribe()
    }

    fn change(&self, next: Ready) {
        self.present.send_if_modified(|present| {
            let changes = *present != Ready::Stopping && *present != next;
            if changes {
                *present = next;
            }
            changes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_stops_is_never_ready_again() {
        let readiness = Readiness::new("no shard yet");
        assert_eq!(readiness.get(), Ready::No("no shard yet".to_owned()));

        let shared = readiness.clone();
        shared.ready();
        assert_eq!(readiness.get(), Ready::Yes);

        shared.stopping();
        shared.ready();
        shared.not_ready("late");
        assert_eq!(readiness.get(), Ready::Stopping);
    }
}
