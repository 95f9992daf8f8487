//! What a cluster costs beside time: CPU time by role, bytes on the wire.

use crate::{processes::RoleNumbers, report::micros};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// What was spent up to one moment; only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The cluster is in this process: roles share its CPU time.
    InProcess {
        /// Of the whole process.
        process: Duration,
        /// Of the state shards' reads and seals.
        state: Duration,
    },
    /// Each role has processes of its own.
    Processes {
        /// What they counted.
        roles: RoleNumbers,
        /// Bytes that this process exchanged with the coordinator.
        client: u64,
    },
    /// Others run it.
    Unseen,
}

/// CPU time by role in microseconds; nothing where nobody sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuByRole {
    /// The coordinator's; in one process with that of the actors and the runtime.
    pub coordinator: Option<u64>,
    /// All workers'; in one process that of slices and sender recovery.
    pub workers: Option<u64>,
    /// All state shards'; in one process that of reads and seals.
    pub state: Option<u64>,
}

impl Spent {
    pub(super) fn in_process(state: Duration) -> Self {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let process = Duration::new(
            used.tv_sec.try_into().expect("CPU time is not negative"),
            used.tv_nsec.try_into().expect("a fraction of a second fits 32 bits"),
        );
        Self::InProcess { process, state }
    }

    /// Returns the CPU time since an earlier moment; `workers_us` is what the workers said of
    /// themselves.
    #[must_use]
    pub fn cpu_since(&self, earlier: &Self, workers_us: u64) -> CpuByRole {
        let between = |now: Duration, before: Duration| micros(now.saturating_sub(before));
        match (self, earlier) {
            (Self::InProcess { process, state }, Self::InProcess { process: then, state: of }) => {
                let state_us = between(*state, *of);
                let rest_us = between(*process, *then).saturating_sub(workers_us + state_us);
                CpuByRole {
                    coordinator: Some(rest_us),
                    workers: Some(workers_us),
                    state: Some(state_us),
                }
            }
            (Self::Processes { roles, .. }, Self::Processes { roles: then, .. }) => CpuByRole {
                coordinator: Some(between(roles.coordinator.cpu, then.coordinator.cpu)),
                workers: Some(between(roles.workers.cpu, then.workers.cpu)),
                state: Some(between(roles.state.cpu, then.state.cpu)),
            },
            _ => CpuByRole::default(),
        }
    }

    /// Returns the bytes between the processes since an earlier moment, where there is a wire that
    /// somebody sees.
    #[must_use]
    pub const fn bytes_since(&self, earlier: &Self) -> Option<u64> {
        match (self, earlier) {
            (
                Self::Processes { roles, client },
                Self::Processes { roles: then, client: client_then },
            ) => {
                let before = then.bytes_between(*client_then);
                Some(roles.bytes_between(*client).saturating_sub(before))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::Numbers;

    #[test]
    fn roles_in_one_process_share_its_time() {
        let at = |process, state| Spent::InProcess {
            process: Duration::from_micros(process),
            state: Duration::from_micros(state),
        };

        let cpu = at(1_000, 100).cpu_since(&at(400, 30), 200);

        let wanted = CpuByRole { coordinator: Some(330), workers: Some(200), state: Some(70) };
        assert_eq!(cpu, wanted);
        assert_eq!(at(2, 1).bytes_since(&at(1, 1)), None);
    }

    #[test]
    fn processes_have_their_own_time_and_bytes() {
        let of = |micros, bytes| Numbers { cpu: Duration::from_micros(micros), bytes };
        let at = |n: u64| Spent::Processes {
            roles: RoleNumbers {
                coordinator: of(10 * n, 150 * n),
                workers: of(20 * n, 40 * n),
                state: of(30 * n, 10 * n),
            },
            client: 100 * n,
        };

        let cpu = at(3).cpu_since(&at(1), 7);

        let wanted = CpuByRole { coordinator: Some(20), workers: Some(40), state: Some(60) };
        assert_eq!(cpu, wanted);
        assert_eq!(at(3).bytes_since(&at(1)), Some(100));
        assert_eq!(Spent::Unseen.cpu_since(&Spent::Unseen, 7), CpuByRole::default());
        assert_eq!(Spent::Unseen.bytes_since(&Spent::Unseen), None);
    }
}
