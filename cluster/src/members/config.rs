//! The settings of members.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use super::MembersError;

/// Numbers of state shards that divide the state evenly by the first digit of a hash.
const STATE_SHARDS: [u32; 5] = [1, 2, 4, 8, 16];

/// Who belongs to the cluster and how that is known; the table `members`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MembersConfig {
    /// Addresses of etcd; without one the addresses below count.
    pub etcd: Vec<String>,
    /// Name of the cluster: clusters with different names share an etcd.
    pub cluster: String,
    /// Addresses of the state shards, in the order of their indices; without etcd.
    pub state: Vec<String>,
    /// How many state shards a coordinator waits for; with etcd.
    pub state_shards: u32,
    /// Address of the coordinator; without etcd.
    pub coordinator: Option<String>,
    /// Name of this process among the members of its role; without it that of the host.
    pub name: Option<String>,
    /// How long a process that gives no sign of life remains a member; whole seconds.
    #[serde(with = "humantime_serde")]
    pub lease_ttl: Duration,
    /// Longest wait for an answer of etcd.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Pause between the signs of life on a connection to etcd that watches and hears nothing. etcd
    /// ends connections that give more than one in 5 s, unless it is told otherwise.
    #[serde(with = "humantime_serde")]
    pub keepalive_interval: Duration,
    /// Pause before a watch, a lease or a join that failed is tried again.
    #[serde(with = "humantime_serde")]
    pub retry_pause: Duration,
    /// Events of a watch that may wait to be taken; then the watch waits.
    pub event_queue_len_max: NonZeroU32,
}

impl Default for MembersConfig {
    fn default() -> Self {
        Self {
            etcd: Vec::new(),
            cluster: "evmesh".to_owned(),
            state: Vec::new(),
            state_shards: 1,
            coordinator: None,
            name: None,
            lease_ttl: Duration::from_secs(2),
            request_timeout: Duration::from_secs(2),
            keepalive_interval: Duration::from_secs(10),
            retry_pause: Duration::from_millis(100),
            event_queue_len_max: NonZeroU32::new(256).expect("256 is not zero"),
        }
    }
}

impl MembersConfig {
    /// Refuses what cannot be.
    pub(super) fn check(&self) -> Result<(), MembersError> {
        let refused =
            |key, reason: &str| Err(MembersError::Setting { key, reason: reason.to_owned() });
        if self.cluster.is_empty() || self.cluster.contains('/') {
            return refused("members.cluster", "a name is not empty and has no slash");
        }
        if !STATE_SHARDS.contains(&self.state_shards) {
            return refused("members.state_shards", "the state is divided by 1, 2, 4, 8 or 16");
        }
        let n_state = u32::try_from(self.state.len()).unwrap_or(u32::MAX);
        if n_state != 0 && !STATE_SHARDS.contains(&n_state) {
            return refused("members.state", "the state is divided by 1, 2, 4, 8 or 16");
        }
        if self.lease_ttl < Duration::from_secs(1) || self.lease_ttl.subsec_nanos() != 0 {
            return refused("members.lease_ttl", "a lease lasts for whole seconds");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::page;

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        page::assert_lists::<MembersConfig>("members");
    }
}
