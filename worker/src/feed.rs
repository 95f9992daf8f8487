//! Follows a shard's feed: each message goes to the worker's actor; a feed that breaks is
//! subscribed to again after a pause, as long as the actor lives.

use crate::{
    config::Limits,
    slice_actor::{Event, WorkerActor, within},
};
use actix::WeakAddr;
use cluster::{clock::SharedClock, retry::RetryPolicy};
use engine::ids::ShardIndex;
use futures::StreamExt;
use proto::state::StateService;
use std::{num::NonZeroU32, sync::Arc};
use tokio::sync::watch;

/// Who follows which feed for whom.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) shard: ShardIndex,
    pub(crate) state: Arc<dyn StateService>,
    pub(crate) clock: SharedClock,
    pub(crate) limits: Limits,
    /// Weak: a feed does not keep its worker alive.
    pub(crate) worker: WeakAddr<WorkerActor>,
    /// Closed when the actor is gone.
    pub(crate) lives: watch::Receiver<()>,
}

/// Why a subscription is over.
enum End {
    /// The worker is gone.
    Worker,
    /// The feed gives no more.
    Feed { reason: String, had_begun: bool },
}

impl Follower {
    /// Follows the feed until the worker is gone.
    pub(crate) async fn follow(self) {
        let mut lives = self.lives.clone();
        let gone = async { while lives.changed().await.is_ok() {} };
        tokio::select! {
            () = gone => {}
            () = self.subscribe_again_and_again() => {}
        }
    }

    async fn subscribe_again_and_again(&self) {
        let policy = RetryPolicy {
            // A worker waits for its shards as long as it lives.
            tries_max: NonZeroU32::MAX,
            pause_first: self.limits.feed_pause_min,
            pause_max: self.limits.feed_pause_max,
        };
        let mut n_tries = 0_u32;
        loop {
            let End::Feed { reason, had_begun } = self.subscribe().await else { return };
            n_tries = if had_begun { 1 } else { n_tries.saturating_add(1).min(32) };
            if !self.tell(Event::FeedBroke(self.shard, reason)).await {
                return;
            }
            let seed = u64::from(self.shard.get());
            self.clock.sleep(policy.pause_after(n_tries, seed)).await;
        }
    }

    async fn subscribe(&self) -> End {
        let feed_timeout = self.limits.feed_timeout;
        let broke = |reason, had_begun| End::Feed { reason, had_begun };
        let mut feed = match within(feed_timeout, &self.clock, self.state.feed()).await {
            Some(Ok(feed)) => feed,
            Some(Err(status)) => return broke(status.message, false),
            None => return broke(format!("no answer within {feed_timeout:?}"), false),
        };
        let mut had_begun = false;
        loop {
            match feed.next().await {
                Some(Ok(message)) => {
                    had_begun = true;
                    if !self.tell(Event::Heard(self.shard, message)).await {
                        return End::Worker;
                    }
                }
                Some(Err(status)) => return broke(status.message, had_begun),
                None => return broke("it ended".to_owned(), had_begun),
            }
        }
    }

    /// Tells the actor something, and waits until it has taken it in; false if it is gone.
    async fn tell(&self, event: Event) -> bool {
        match self.worker.upgrade() {
            Some(worker) => worker.send(event).await.is_ok(),
            None => false,
        }
    }
}
