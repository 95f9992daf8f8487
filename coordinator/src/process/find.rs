//! Finds the state shards: who they are, where they are, and in which order.

use super::Settings;
use alloy_primitives::keccak256;
use cluster::{
    clock::Clock,
    members::{Member, Members, MembersError, Role},
    process::Failure,
    readiness::Readiness,
};
use engine::ids::ClusterId;
use std::collections::BTreeMap;
use tracing::warn;

/// The shards in the order of their indices, and the cluster that they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) cluster: ClusterId,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<String>,
}

/// Waits until all shards are there; `readiness` says meanwhile what is missing. Their order is
/// written once, by whoever first sees enough of them.
pub(super) async fn find(
    members: &dyn Members,
    settings: &Settings,
    (clock, readiness): (&dyn Clock, &Readiness),
) -> Result<Found, Failure> {
    loop {
        match look(members, settings).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(missing)) => readiness.not_ready(missing),
            Err(error @ (MembersError::Setting { .. } | MembersError::Value { .. })) => {
                return Err(error.into());
            }
            Err(error) => {
                warn!(%error, "members cannot be asked");
                readiness.not_ready(error.to_string());
            }
        }
        clock.sleep(settings.members.retry_pause).await;
    }
}

/// Looks once; what is missing is a sentence.
async fn look(
    members: &dyn Members,
    settings: &Settings,
) -> Result<Result<Found, String>, MembersError> {
    let there = members.list(Role::State).await?;
    let by_name: BTreeMap<_, _> = there.iter().map(|it| (it.name.as_str(), it)).collect();
    let names = match members.shard_map().await? {
        Some(names) => names,
        None => {
            let n_shards = usize::try_from(settings.members.state_shards).unwrap_or(usize::MAX);
            if by_name.len() < n_shards {
                return Ok(Err(format!("{} of {n_shards} state shards are there", by_name.len())));
            }
            let names: Vec<_> = by_name.keys().take(n_shards).map(ToString::to_string).collect();
            members.create_shard_map(&names).await?
        }
    };
    check_count(&names, settings)?;
    let missing: Vec<_> =
        names.iter().filter(|name| !by_name.contains_key(name.as_str())).cloned().collect();
    if !missing.is_empty() {
        return Ok(Err(format!("state shards are missing: {}", missing.join(", "))));
    }
    let address = |name: &String| by_name.get(name.as_str()).map(|it: &&Member| it.address.clone());
    let addresses = names.iter().filter_map(address).collect();
    let cluster = cluster_id(members, settings).await?;
    Ok(Ok(Found { cluster, names, addresses }))
}

/// Static addresses say themselves how many there are; etcd's map has to be as long as was said.
fn check_count(names: &[String], settings: &Settings) -> Result<(), MembersError> {
    let expected = settings.members.state_shards;
    if settings.members.etcd.is_empty() || u32::try_from(names.len()) == Ok(expected) {
        return Ok(());
    }
    let reason = format!("the cluster has {} state shards, not {expected}", names.len());
    Err(MembersError::Setting { key: "members.state_shards", reason })
}

/// Returns the cluster's number. Without etcd nobody keeps one: it is made of the cluster's name, so
/// that a coordinator which starts again finds shards that are its own.
async fn cluster_id(members: &dyn Members, settings: &Settings) -> Result<ClusterId, MembersError> {
    if settings.members.etcd.is_empty() {
        let hash = keccak256(&settings.members.cluster);
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        return Ok(ClusterId::new(u64::from_be_bytes(first)));
    }
    let text = members.cluster_id().await?;
    let number = text.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let reason = || format!("`{text}` is no cluster id");
    let invalid = || MembersError::Value { key: "id".to_owned(), reason: reason() };
    number.map(ClusterId::new).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::{clock::ManualClock, members::memory::MemoryMembers, readiness::Ready};

    fn settings(state_shards: u32) -> Settings {
        let mut settings = Settings::default();
        settings.members.etcd = vec!["http://unused:1".to_owned()];
        settings.members.state_shards = state_shards;
        settings
    }

    fn shard(name: &str) -> Member {
        Member { name: name.to_owned(), address: format!("{name}:7412"), ..Member::default() }
    }

    #[tokio::test]
    async fn shards_are_waited_for_and_keep_the_order_in_which_they_were_first_seen() {
        let (members, clock) = (MemoryMembers::new(), ManualClock::new());
        let readiness = Readiness::new("starting");
        let settings = settings(2);
        let _b = members.join(Role::State, &shard("b")).await.unwrap();
        let mut finding = Box::pin(find(&members, &settings, (&clock, &readiness)));
        tokio::select! {
            biased;
            found = &mut finding => panic!("one is missing: {found:?}"),
            () = clock.until_sleepers(1) => {}
        }
        assert_eq!(readiness.get(), Ready::No("1 of 2 state shards are there".to_owned()));
        let _c = members.join(Role::State, &shard("c")).await.unwrap();
        clock.advance_to_next();
        let found = finding.await.unwrap();
        assert_eq!(found.addresses, ["b:7412", "c:7412"]);

        let _a = members.join(Role::State, &shard("a")).await.unwrap();
        let again = find(&members, &settings, (&clock, &readiness)).await.unwrap();
        assert_eq!(again, found, "whoever comes later has no place");
        members.end_lease(Role::State, "c");
        let missing = look(&members, &settings).await.unwrap();
        assert_eq!(missing, Err("state shards are missing: c".to_owned()));
    }

    #[tokio::test]
    async fn a_cluster_of_another_size_is_a_wrong_setting() {
        let (members, clock) = (MemoryMembers::new(), ManualClock::new());
        members.create_shard_map(&["a".to_owned()]).await.unwrap();
        let readiness = Readiness::new("starting");
        let failure = find(&members, &settings(2), (&clock, &readiness)).await.unwrap_err();
        assert_eq!(failure.exit, 2);
        assert!(failure.what.contains("the cluster has 1 state shards, not 2"), "{failure}");
    }

    #[tokio::test]
    async fn static_addresses_are_the_shards_and_the_clusters_name_its_number() {
        let mut settings = Settings::default();
        settings.members.state = vec!["x:1".to_owned(), "a:2".to_owned()];
        let members = MemoryMembers::of_addresses(&settings.members);
        let one = look(&members, &settings).await.unwrap().unwrap();
        assert_eq!(one.addresses, ["x:1", "a:2"]);
        let members = MemoryMembers::of_addresses(&settings.members);
        assert_eq!(look(&members, &settings).await.unwrap().unwrap(), one, "started again");
        settings.members.cluster = "other".to_owned();
        let other = look(&members, &settings).await.unwrap().unwrap();
        assert_ne!(other.cluster, one.cluster);
    }
}
