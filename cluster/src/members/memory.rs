//! Members in memory: those of a test, or the addresses that the settings hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use super::membership::Lease;
use super::view::View;
use super::{Member, MemberWatch, Members, MembersConfig, MembersError, Membership, Role};

/// Events that wait to be taken.
const EVENT_QUEUE_LEN_MAX: usize = 256;

/// What a whole cluster knows, and a store would hold.
#[derive(Debug, Default)]
struct Store {
    members: BTreeMap<(Role, String), Entry>,
    cluster_id: Option<String>,
    shard_map: Option<Vec<String>>,
    n_leases: u64,
}

#[derive(Debug)]
struct Entry {
    member: Member,
    lease: u64,
    /// Dropped with the entry, it tells the membership.
    _held: watch::Sender<bool>,
}

/// The members of a cluster whose processes share this memory: clones see the same.
#[derive(Clone, Debug)]
pub struct MemoryMembers {
    store: Arc<watch::Sender<Store>>,
}

impl MemoryMembers {
    /// Makes a cluster without members.
    #[must_use]
    pub fn new() -> Self {
        Self { store: Arc::new(watch::Sender::new(Store::default())) }
    }

    /// Makes a cluster of the addresses that the settings hold: shards are named by their indices,
    /// the coordinator by its address.
    #[must_use]
    pub fn of_addresses(config: &MembersConfig) -> Self {
        let members = Self::new();
        let put = |role, name: String, address: &String| {
            let member = Member { name, address: address.clone(), ..Member::default() };
            members.insert(role, &member);
        };
        for (index, address) in config.state.iter().enumerate() {
            put(Role::State, index.to_string(), address);
        }
        if let Some(address) = &config.coordinator {
            put(Role::Coordinator, address.clone(), address);
        }
        if !config.state.is_empty() {
            let names = (0..config.state.len()).map(|index| index.to_string()).collect();
            members.store.send_modify(|store| store.shard_map = Some(names));
        }
        members
    }

    /// Ends the lease of a member, as a store does that had no sign of life from it.
    pub fn end_lease(&self, role: Role, name: &str) {
        self.store.send_modify(|store| drop(store.members.remove(&(role, name.to_owned()))));
    }

    /// Puts a member in and returns its lease, and what tells that it was lost.
    fn insert(&self, role: Role, member: &Member) -> (u64, watch::Receiver<bool>) {
        let held = watch::Sender::new(false);
        let lost = held.subscribe();
        let mut lease = 0;
        self.store.send_modify(|store| {
            store.n_leases += 1;
            lease = store.n_leases;
            let entry = Entry { member: member.clone(), lease, _held: held };
            store.members.insert((role, member.name.clone()), entry);
        });
        (lease, lost)
    }
}

impl Default for MemoryMembers {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    fn of(&self, role: Role) -> Vec<Member> {
        let of_role = self.members.iter().filter(|((of, _), _)| *of == role);
        of_role.map(|(_, entry)| entry.member.clone()).collect()
    }
}

#[async_trait]
impl Members for MemoryMembers {
    async fn cluster_id(&self) -> Result<String, MembersError> {
        let mut id = String::new();
        self.store.send_modify(|store| {
            id.clone_from(store.cluster_id.get_or_insert_with(new_cluster_id));
        });
        Ok(id)
    }

    async fn join(&self, role: Role, member: &Member) -> Result<Membership, MembersError> {
        let (lease, lost) = self.insert(role, member);
        let lease = MemoryLease { members: self.clone(), key: (role, member.name.clone()), lease };
        Ok(Membership::new(Box::new(lease), lost, None))
    }

    async fn list(&self, role: Role) -> Result<Vec<Member>, MembersError> {
        Ok(self.store.borrow().of(role))
    }

    async fn watch(&self, role: Role) -> Result<MemberWatch, MembersError> {
        let mut changes = self.store.subscribe();
        let (sender, events) = mpsc::channel(EVENT_QUEUE_LEN_MAX);
        tokio::spawn(async move {
            let mut view = View::default();
            loop {
                let list = changes.borrow_and_update().of(role);
                for event in view.replace(list) {
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
            }
        });
        Ok(MemberWatch::new(events))
    }

    async fn shard_map(&self) -> Result<Option<Vec<String>>, MembersError> {
        Ok(self.store.borrow().shard_map.clone())
    }

    async fn create_shard_map(&self, names: &[String]) -> Result<Vec<String>, MembersError> {
        let mut map = Vec::new();
        self.store.send_modify(|store| {
            map.clone_from(store.shard_map.get_or_insert_with(|| names.to_vec()));
        });
        Ok(map)
    }
}

/// The lease of one member.
#[derive(Debug)]
struct MemoryLease {
    members: MemoryMembers,
    key: (Role, String),
    lease: u64,
}

#[async_trait]
impl Lease for MemoryLease {
    async fn revoke(&self) -> Result<(), MembersError> {
        self.members.store.send_modify(|store| {
            // One of the same name may have joined since.
            if store.members.get(&self.key).is_some_and(|entry| entry.lease == self.lease) {
                store.members.remove(&self.key);
            }
        });
        Ok(())
    }
}

/// Draws the id of a new cluster.
pub(super) fn new_cluster_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
