//! A process's place among the members: held under a lease, left at the end, lost with the lease.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::{Member, Members, MembersError, Role};
use crate::clock::Clock;
use crate::shutdown::ShutdownToken;

/// What a store does for a membership.
#[async_trait]
pub(super) trait Lease: Send + Sync + std::fmt::Debug {
    /// Gives the lease back: what was written under it goes at once.
    async fn revoke(&self) -> Result<(), MembersError>;
}

/// A place among the members. Dropped without [`Membership::leave`], it ends with its lease.
#[derive(Debug)]
pub struct Membership {
    lease: Box<dyn Lease>,
    lost: watch::Receiver<bool>,
    keeper: Option<JoinHandle<()>>,
}

impl Membership {
    pub(super) fn new(
        lease: Box<dyn Lease>,
        lost: watch::Receiver<bool>,
        keeper: Option<JoinHandle<()>>,
    ) -> Self {
        Self { lease, lost, keeper }
    }

    /// Says whether the lease is known to be lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        // A keeper that is gone keeps nothing.
        *self.lost.borrow() || self.lost.has_changed().is_err()
    }

    /// Waits until the lease is lost: the store said so, or it could not be asked for as long as
    /// the lease holds without a sign of life. From then on others may act as if this process were
    /// gone. Does not return as long as the lease holds.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error: the keeper is gone.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Leaves: others see it at once.
    ///
    /// # Errors
    /// If the store could not be told; the membership then ends with its lease.
    pub async fn leave(self) -> Result<(), MembersError> {
        self.stop_keeper();
        self.lease.revoke().await
    }

    fn stop_keeper(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.stop_keeper();
    }
}

/// Keeps `member` among the members until `ended` is cancelled, then leaves: joins, and joins again
/// whenever the membership is lost. Between tries it waits for `pause`. `on_change` learns
/// `true` after each join, and `false` after each loss.
pub async fn stay(
    members: &dyn Members,
    (role, member): (Role, &Member),
    (clock, pause): (&dyn Clock, Duration),
    ended: &ShutdownToken,
    mut on_change: impl FnMut(bool) + Send,
) {
    while !ended.is_cancelled() {
        let joined = tokio::select! {
            joined = members.join(role, member) => joined,
            _ = ended.cancelled() => return,
        };
        match joined {
            Err(error) => {
                warn!(%role, name = member.name, %error, "not among the members yet");
                tokio::select! {
                    () = clock.sleep(pause) => {}
                    _ = ended.cancelled() => {}
                }
            }
            Ok(membership) => {
                info!(%role, name = member.name, "joined");
                on_change(true);
                tokio::select! {
                    () = membership.lost() => {
                        warn!(%role, name = member.name, "lease lost");
                        on_change(false);
                    }
                    _ = ended.cancelled() => {
                        if let Err(error) = membership.leave().await {
                            warn!(%error, "left without saying so");
                        }
                        return;
                    }
                }
            }
        }
    }
}
