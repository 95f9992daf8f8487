//! Members in etcd. Keys are `/evmesh/<cluster>/` and below it `id`, `shard_map`, and a folder a role.
//!
//! Every unary call has a bound of its own; the client has none, because one would end watches and
//! leases too. Reads and writes ask for a leader: a member of etcd that is cut off from the others
//! refuses instead of showing what was.

mod lease;
mod watch;

use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{
    Client, Compare, CompareOp, ConnectOptions, Error, GetOptions, KeyValue, PutOptions, Txn,
    TxnOp, TxnOpResponse,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::warn;

use super::memory::new_cluster_id;
use super::{Member, MemberWatch, Members, MembersConfig, MembersError, Membership, Role};
use crate::clock::SharedClock;

/// The members of one cluster in etcd.
#[derive(Clone)]
pub struct EtcdMembers {
    client: Client,
    config: MembersConfig,
    clock: SharedClock,
}

impl std::fmt::Debug for EtcdMembers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdMembers").field("config", &self.config).finish_non_exhaustive()
    }
}

impl EtcdMembers {
    /// Makes a client of the etcd that the settings name; connections are made when they are needed.
    ///
    /// # Errors
    /// If an address cannot be used.
    pub async fn connect(
        config: &MembersConfig,
        clock: &SharedClock,
    ) -> Result<Self, MembersError> {
        // Not while idle: etcd ends a connection that gives signs of life without a stream on it.
        let options = ConnectOptions::new()
            .with_require_leader(true)
            .with_connect_timeout(config.request_timeout)
            .with_keep_alive(config.keepalive_interval, config.request_timeout);
        let client = Client::connect(&config.etcd, Some(options)).await.map_err(|error| {
            MembersError::Setting { key: "members.etcd", reason: error.to_string() }
        })?;
        Ok(Self { client, config: config.clone(), clock: clock.clone() })
    }

    fn key(&self, name: &str) -> String {
        format!("/evmesh/{}/{name}", self.config.cluster)
    }

    fn folder(&self, role: Role) -> String {
        self.key(&format!("{}/", role.folder()))
    }

    /// Waits for an answer of etcd, and no longer than is configured.
    async fn bounded<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, MembersError> {
        bounded(self.config.request_timeout, doing, call).await
    }

    /// Returns the members of a role, and the revision of etcd that they are of.
    async fn list_at(&self, role: Role) -> Result<(Vec<Member>, i64), MembersError> {
        let mut client = self.client.clone();
        let folder = self.folder(role);
        let options = GetOptions::new().with_prefix();
        let answer =
            self.bounded("list members in etcd", client.get(folder.clone(), Some(options))).await?;
        let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        let members = answer.kvs().iter().filter_map(|pair| member_of(&folder, pair)).collect();
        Ok((members, revision))
    }

    /// Writes a value unless there is one, and returns the one that is there then.
    async fn put_if_absent(
        &self,
        doing: &'static str,
        key: &str,
        value: String,
    ) -> Result<Vec<u8>, MembersError> {
        let mut client = self.client.clone();
        let absent = Compare::create_revision(key, CompareOp::Equal, 0);
        let txn = Txn::new()
            .when([absent])
            .and_then([TxnOp::put(key, value.clone(), None)])
            .or_else([TxnOp::get(key, None)]);
        let answer = self.bounded(doing, client.txn(txn)).await?;
        let present = answer.op_responses().into_iter().find_map(|answer| match answer {
            TxnOpResponse::Get(found) => found.kvs().first().map(|pair| pair.value().to_vec()),
            _ => None,
        });
        Ok(present.unwrap_or_else(|| value.into_bytes()))
    }
}

#[async_trait]
impl Members for EtcdMembers {
    async fn cluster_id(&self) -> Result<String, MembersError> {
        let key = self.key("id");
        let doing = "read the cluster's id in etcd";
        let id = self.put_if_absent(doing, &key, new_cluster_id()).await?;
        String::from_utf8(id)
            .map_err(|error| MembersError::Value { key, reason: error.to_string() })
    }

    async fn join(&self, role: Role, member: &Member) -> Result<Membership, MembersError> {
        let granted = lease::grant(self).await?;
        let key = format!("{}{}", self.folder(role), member.name);
        let value = serde_json::to_string(member).expect("a member is JSON");
        let options = PutOptions::new().with_lease(granted.id());
        let mut client = self.client.clone();
        self.bounded("join in etcd", client.put(key, value, Some(options))).await?;
        Ok(granted.keep())
    }

    async fn list(&self, role: Role) -> Result<Vec<Member>, MembersError> {
        Ok(self.list_at(role).await?.0)
    }

    async fn watch(&self, role: Role) -> Result<MemberWatch, MembersError> {
        let queue_len_max = self.config.event_queue_len_max.get();
        let (sender, events) = mpsc::channel(usize::try_from(queue_len_max).unwrap_or(usize::MAX));
        tokio::spawn(watch::run(self.clone(), role, sender));
        Ok(MemberWatch::new(events))
    }

    async fn shard_map(&self) -> Result<Option<Vec<String>>, MembersError> {
        let key = self.key("shard_map");
        let mut client = self.client.clone();
        let answer =
            self.bounded("read the shard map in etcd", client.get(key.clone(), None)).await?;
        answer.kvs().first().map(|pair| names_of(key, pair.value())).transpose()
    }

    async fn create_shard_map(&self, names: &[String]) -> Result<Vec<String>, MembersError> {
        let key = self.key("shard_map");
        let value = serde_json::to_string(names).expect("names are JSON");
        let map = self.put_if_absent("write the shard map in etcd", &key, value).await?;
        names_of(key, &map)
    }
}

async fn bounded<T>(
    request_timeout: Duration,
    doing: &'static str,
    call: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, MembersError> {
    match timeout(request_timeout, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(MembersError::Store { doing, reason: error.to_string() }),
        Err(_) => Err(MembersError::Silent { doing, waited: request_timeout }),
    }
}

fn names_of(key: String, value: &[u8]) -> Result<Vec<String>, MembersError> {
    serde_json::from_slice(value)
        .map_err(|error| MembersError::Value { key, reason: error.to_string() })
}

/// Reads a member. What evmesh did not write is passed over: it must not keep members from being
/// found.
fn member_of(folder: &str, pair: &KeyValue) -> Option<Member> {
    let name = name_of(folder, pair)?;
    match serde_json::from_slice(pair.value()) {
        Ok(member) => Some(Member { name, ..member }),
        Err(error) => {
            warn!(folder, name, %error, "a member that cannot be read");
            None
        }
    }
}

/// The key alone says how a member is named: when it leaves there is nothing else.
fn name_of(folder: &str, pair: &KeyValue) -> Option<String> {
    pair.key_str().ok()?.strip_prefix(folder).map(str::to_owned)
}

#[cfg(test)]
mod tests;
