//! The lease of a process: granted, kept alive through cut streams, lost at its deadline.

use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{Client, LeaseKeepAliveStream, LeaseKeeper};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;

use super::{EtcdMembers, bounded};
use crate::clock::SharedClock;
use crate::members::membership::Lease;
use crate::members::{MembersError, Membership};

/// Signs of life within one lease: one may be late, and one lost.
const SIGNS_PER_LEASE: u32 = 4;

/// A lease that was granted at `granted_at`, by the clock of this process.
pub(super) struct Granted {
    lease: EtcdLease,
    granted_at: Duration,
    ttl: Duration,
    retry_pause: Duration,
    clock: SharedClock,
}

/// Asks for a lease.
pub(super) async fn grant(members: &EtcdMembers) -> Result<Granted, MembersError> {
    let mut client = members.client.clone();
    let seconds = i64::try_from(members.config.lease_ttl.as_secs()).unwrap_or(i64::MAX);
    // Counted from before the question: etcd began to count later.
    let granted_at = members.clock.now();
    let answer = members.bounded("get a lease of etcd", client.lease_grant(seconds, None)).await?;
    let seconds = u64::try_from(answer.ttl()).unwrap_or(0);
    let request_timeout = members.config.request_timeout;
    Ok(Granted {
        lease: EtcdLease { client, id: answer.id(), request_timeout },
        granted_at,
        // etcd may grant more than it was asked for.
        ttl: Duration::from_secs(seconds),
        retry_pause: members.config.retry_pause,
        clock: members.clock.clone(),
    })
}

impl Granted {
    pub(super) const fn id(&self) -> i64 {
        self.lease.id
    }

    /// Keeps the lease alive from here on.
    pub(super) fn keep(self) -> Membership {
        let (lost, told) = watch::channel(false);
        let lease = Box::new(self.lease.clone());
        let keeper = tokio::spawn(async move {
            let deadline = self.granted_at + self.ttl;
            let mut keeper = Keeper { granted: self, deadline };
            keeper.run().await;
            lost.send_replace(true);
        });
        Membership::new(lease, told, Some(keeper))
    }
}

/// etcd says that there is no such lease.
struct Lost;

/// Gives signs of life until the lease is lost.
struct Keeper {
    granted: Granted,
    /// When the lease ends unless a sign of life is acknowledged: the time at which the last
    /// acknowledged one was sent, and the length of the lease. etcd's own count began later.
    deadline: Duration,
}

impl Keeper {
    /// Returns when the lease is lost. Each turn is a try; those end with the lease. An etcd that was
    /// just started may not have read of the lease yet, so that its word counts when it says it twice.
    async fn run(&mut self) {
        let mut told_before = false;
        while let Some(rest) = self.rest() {
            let told = self.one_stream(rest).await.is_err();
            if told && told_before {
                return;
            }
            told_before = told;
            debug!(lease = self.granted.id(), told, "a stream of signs of life ended");
            self.granted.clock.sleep(self.granted.retry_pause).await;
        }
    }

    fn rest(&self) -> Option<Duration> {
        self.deadline.checked_sub(self.granted.clock.now()).filter(|rest| !rest.is_zero())
    }

    /// Gives signs of life over one stream until it is cut or the lease is lost. `rest` is what is
    /// left of the lease.
    async fn one_stream(&mut self, rest: Duration) -> Result<(), Lost> {
        let mut client = self.granted.lease.client.clone();
        let asked_at = self.granted.clock.now();
        let opened = match timeout(rest, client.lease_keep_alive(self.granted.id())).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(etcd_client::Error::LeaseKeepAliveError(_))) => return Err(Lost),
            Ok(Err(_)) | Err(_) => return Ok(()),
        };
        self.deadline = asked_at + self.granted.ttl;
        self.signs(opened).await
    }

    async fn signs(
        &mut self,
        (mut keeper, mut answers): (LeaseKeeper, LeaseKeepAliveStream),
    ) -> Result<(), Lost> {
        loop {
            self.granted.clock.sleep(self.granted.ttl / SIGNS_PER_LEASE).await;
            let sent_at = self.granted.clock.now();
            if keeper.keep_alive().await.is_err() {
                return Ok(());
            }
            match timeout(self.granted.ttl / SIGNS_PER_LEASE, answers.message()).await {
                Ok(Ok(Some(answer))) if answer.ttl() <= 0 => return Err(Lost),
                Ok(Ok(Some(_))) => self.deadline = sent_at + self.granted.ttl,
                // Cut, or silent for too long: another connection may do.
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(()),
            }
        }
    }
}

/// A lease as it is given back.
#[derive(Clone)]
struct EtcdLease {
    client: Client,
    id: i64,
    request_timeout: Duration,
}

impl std::fmt::Debug for EtcdLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdLease").field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl Lease for EtcdLease {
    async fn revoke(&self) -> Result<(), MembersError> {
        let mut client = self.client.clone();
        let call = client.lease_revoke(self.id);
        bounded(self.request_timeout, "give the lease back to etcd", call).await.map(|_| ())
    }
}
