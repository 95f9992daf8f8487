//! Who belongs to the cluster: processes that joined, the order of the state shards, the cluster's id.
//!
//! [`Members`] has two adapters: [`etcd`], and [`memory`] for tests and for addresses that are given
//! by hand. It speaks of members and of nothing else: no blocks, no state, nothing per Slice, and no
//! general store of keys and values.
//!
//! **How soon a change is seen.** A join, and a leave by [`Membership::leave`], are seen at once, by a
//! watch. A process that is killed or cut off leaves when its lease ends: `members.lease_ttl` after
//! its last sign of life, plus the half second between etcd's looks at its leases. etcd grants no
//! lease below one and a half of its election timeout, which makes 2 s the least with its defaults,
//! and the default here. Who needs to know sooner has a stream to the process, whose end is seen in
//! a round trip.
//!
//! **Place of elections.** A leader campaigns under the lease of its [`Membership`], so that losing
//! the one is losing the other: the call that campaigns and the Term that it wins will be methods
//! of [`Members`] beside [`Members::join`]. They are not there yet.

mod config;
mod error;
pub mod etcd;
mod member;
mod membership;
pub mod memory;
mod view;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use config::MembersConfig;
pub use error::MembersError;
pub use member::{Member, MemberEvent, MemberWatch, Role};
pub use membership::{Membership, stay};

use crate::clock::SharedClock;

/// The members of one cluster, as one process sees them.
#[async_trait]
pub trait Members: fmt::Debug + Send + Sync {
    /// Returns the id of the cluster, which the first to ask makes: 32 hex digits.
    async fn cluster_id(&self) -> Result<String, MembersError>;

    /// Puts this process among the members, under a lease that is kept alive until the
    /// [`Membership`] is left or lost. One of the same name is replaced: it is the same process,
    /// started again. A process joins once, and again only after it lost its membership.
    async fn join(&self, role: Role, member: &Member) -> Result<Membership, MembersError>;

    /// Returns the members of a role as they are now, by name.
    async fn list(&self, role: Role) -> Result<Vec<Member>, MembersError>;

    /// Watches a role: first everybody who is there joins, then what changes. A watch goes on
    /// through failures of the store until it is dropped; while the store is away nobody changes.
    async fn watch(&self, role: Role) -> Result<MemberWatch, MembersError>;

    /// Returns the names of the state shards in the order of their indices, if they were set.
    async fn shard_map(&self) -> Result<Option<Vec<String>>, MembersError>;

    /// Sets the order of the state shards unless it is set, and returns the one that holds.
    async fn create_shard_map(&self, names: &[String]) -> Result<Vec<String>, MembersError>;
}

/// Members as a process holds them.
pub type SharedMembers = Arc<dyn Members>;

/// Finds the members as the settings say: in etcd, or without one the addresses that they hold.
/// An etcd that is away is no error yet. Needs a tokio runtime.
///
/// # Errors
/// If an address or a setting cannot be used.
pub async fn open(
    config: &MembersConfig,
    clock: &SharedClock,
) -> Result<SharedMembers, MembersError> {
    config.check()?;
    if config.etcd.is_empty() {
        return Ok(Arc::new(memory::MemoryMembers::of_addresses(config)));
    }
    Ok(Arc::new(etcd::EtcdMembers::connect(config, clock).await?))
}

#[cfg(test)]
mod tests;
