//! A watch that goes on: through a stream that is cut, history that was compacted, an etcd that was
//! away.

use etcd_client::{EventType, WatchOptions, WatchResponse};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{EtcdMembers, member_of, name_of};
use crate::members::view::View;
use crate::members::{MemberEvent, MembersError, Role};

/// The watcher is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// Lists and watches the members of a role until nobody takes the events any more. After each gap it
/// lists again: what happened meanwhile is what is different.
pub(super) async fn run(members: EtcdMembers, role: Role, events: mpsc::Sender<MemberEvent>) {
    let mut view = View::default();
    loop {
        let turn = tokio::select! {
            turn = follow(&members, role, &mut view, &events) => turn,
            () = events.closed() => return,
        };
        match turn {
            Err(Gone) => return,
            Ok(Ok(())) => debug!(%role, "a watch was cut"),
            Ok(Err(error)) => warn!(%role, %error, "a watch failed"),
        }
        tokio::select! {
            () = members.clock.sleep(members.config.retry_pause) => {}
            () = events.closed() => return,
        }
    }
}

/// Lists, then follows one stream to its end.
async fn follow(
    members: &EtcdMembers,
    role: Role,
    view: &mut View,
    events: &mpsc::Sender<MemberEvent>,
) -> Result<Result<(), MembersError>, Gone> {
    let (list, revision) = match members.list_at(role).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    for event in view.replace(list) {
        events.send(event).await.map_err(|_| Gone)?;
    }
    follow_from(members, role, view, events, revision + 1).await
}

/// Follows one stream, of what happens from `revision` on, to its end.
pub(super) async fn follow_from(
    members: &EtcdMembers,
    role: Role,
    view: &mut View,
    events: &mpsc::Sender<MemberEvent>,
    revision: i64,
) -> Result<Result<(), MembersError>, Gone> {
    let options = WatchOptions::new().with_prefix().with_start_revision(revision);
    let folder = members.folder(role);
    let mut client = members.client.clone();
    let asked = client.watch(folder.clone(), Some(options));
    let mut stream = match members.bounded("watch members in etcd", asked).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        match stream.message().await {
            // Cancelled: compacted beyond the start, or etcd has no leader.
            Ok(Some(answer)) if answer.canceled() => return Ok(Ok(())),
            Ok(Some(answer)) => pass_on(&folder, &answer, view, events).await?,
            Ok(None) => return Ok(Ok(())),
            Err(error) => {
                debug!(%role, %error, "a watch was cut");
                return Ok(Ok(()));
            }
        }
    }
}

async fn pass_on(
    folder: &str,
    answer: &WatchResponse,
    view: &mut View,
    events: &mpsc::Sender<MemberEvent>,
) -> Result<(), Gone> {
    for event in answer.events() {
        let Some(pair) = event.kv() else { continue };
        let change = match event.event_type() {
            EventType::Put => member_of(folder, pair).and_then(|member| view.put(member)),
            EventType::Delete => name_of(folder, pair).and_then(|name| view.remove(&name)),
        };
        if let Some(change) = change {
            events.send(change).await.map_err(|_| Gone)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etcd_client::Client;
    use tokio::time::timeout;

    use super::*;
    use crate::clock::SystemClock;
    use crate::members::MembersConfig;
    use crate::testing::TestEtcd;

    #[tokio::test]
    async fn a_stream_whose_beginning_was_compacted_ends_so_that_there_is_a_new_list() {
        let etcd = TestEtcd::start();
        let mut operator = Client::connect([etcd.url()], None).await.unwrap();
        for value in ["1", "2", "3"] {
            operator.put("key", value, None).await.unwrap();
        }
        operator.compact(3, None).await.unwrap();
        let config = MembersConfig { etcd: vec![etcd.url()], ..MembersConfig::default() };
        let members = EtcdMembers::connect(&config, &SystemClock::shared()).await.unwrap();
        let (events, _taken) = mpsc::channel(1);
        let mut view = View::default();

        let followed = follow_from(&members, Role::Worker, &mut view, &events, 1);

        timeout(Duration::from_secs(10), followed).await.expect("it ends").unwrap().unwrap();
    }
}
