//! The members around the coordinator: its own place among them, workers that go, what status says.

use super::Settings;
use crate::{grpc::Serving, status::Surroundings};
use cluster::{
    clock::SharedClock,
    members::{self, Member, MemberEvent, Role, SharedMembers},
    shutdown::ShutdownToken,
};
use proto::coordinator::{CoordinatorStatus, EtcdState};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;
use tracing::{info, warn};

/// Everything that is needed to be a member and to watch the others.
#[derive(Clone, Debug)]
pub(super) struct Vicinity {
    pub(super) members: SharedMembers,
    pub(super) clock: SharedClock,
    pub(super) surroundings: watch::Sender<Surroundings>,
}

impl Vicinity {
    /// Stays among the members until `ended`, and says whether etcd is there.
    pub(super) async fn stay(&self, settings: &Settings, me: &Member, ended: &ShutdownToken) {
        let has_etcd = !settings.members.etcd.is_empty();
        let tell = |is_there: bool| {
            let etcd = match (has_etcd, is_there) {
                (false, _) => EtcdState::None,
                (true, true) => EtcdState::Up,
                (true, false) => EtcdState::Away,
            };
            self.surroundings.send_modify(|it| it.etcd = etcd);
        };
        tell(false);
        let (clock, pause) = (self.clock.as_ref(), settings.members.retry_pause);
        members::stay(&*self.members, (Role::Coordinator, me), (clock, pause), ended, tell).await;
    }

    /// Watches the other coordinators, for status alone.
    pub(super) async fn watch_coordinators(&self, settings: &Settings) {
        let mut present = BTreeMap::new();
        self.watch(Role::Coordinator, settings, |event| {
            match event {
                MemberEvent::Joined(it) | MemberEvent::Changed(it) => {
                    present.insert(it.name.clone(), it.address.clone());
                }
                MemberEvent::Left(it) => drop(present.remove(&it.name)),
            }
            let all = present.iter().map(|(id, address)| CoordinatorStatus {
                id: id.clone(),
                address: address.clone(),
            });
            let all = all.collect();
            self.surroundings.send_modify(|it| it.coordinators = all);
        })
        .await;
    }

    /// Takes workers out whose lease is gone, even if their streams still seem open.
    pub(super) async fn watch_workers(&self, settings: &Settings, serving: &Arc<Serving>) {
        self.watch(Role::Worker, settings, |event| match event {
            MemberEvent::Joined(it) => info!(name = it.name, address = it.address, "member joined"),
            MemberEvent::Changed(it) => info!(name = it.name, "member started again"),
            MemberEvent::Left(it) => {
                let had_stream = serving.lose(&it.name, "its lease is gone");
                info!(name = it.name, had_stream, "member left");
            }
        })
        .await;
    }

    /// Takes events for ever; a watch that cannot be had is asked for again.
    async fn watch(&self, role: Role, settings: &Settings, mut on_event: impl FnMut(&MemberEvent)) {
        loop {
            match self.members.watch(role).await {
                Ok(mut events) => {
                    while let Some(event) = events.next().await {
                        on_event(&event);
                    }
                }
                Err(error) => warn!(%role, %error, "members cannot be watched"),
            }
            self.clock.sleep(settings.members.retry_pause).await;
        }
    }
}
