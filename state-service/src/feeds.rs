//! Those who listen to a shard's feed: each has a bounded queue, and who lets it fill is cut off.

use crate::{error::StateError, metrics::ShardMetrics};
use futures::{Stream, StreamExt, stream};
use proto::{
    state::{Feed, FeedMessage},
    status::Status,
};
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc;

/// All listeners. When it is dropped their feeds end.
#[derive(Debug)]
pub(crate) struct Feeds {
    listeners: Vec<Listener>,
    feeds_max: usize,
    feed_len_max: usize,
    metrics: ShardMetrics,
}

#[derive(Debug)]
struct Listener {
    queue: mpsc::Sender<FeedMessage>,
    /// Set when the listener is cut off.
    end: Arc<OnceLock<StateError>>,
}

/// The listener's end of a queue.
#[derive(Debug)]
pub(crate) struct Subscription {
    queue: mpsc::Receiver<FeedMessage>,
    end: Arc<OnceLock<StateError>>,
}

impl Feeds {
    pub(crate) const fn new(feeds_max: usize, feed_len_max: usize, metrics: ShardMetrics) -> Self {
        Self { listeners: Vec::new(), feeds_max, feed_len_max, metrics }
    }

    /// Adds a listener, whose first message is given.
    pub(crate) fn add(&mut self, start: FeedMessage) -> Result<Subscription, StateError> {
        self.listeners.retain(|listener| !listener.queue.is_closed());
        if self.listeners.len() >= self.feeds_max {
            return Err(StateError::TooManyFeeds { feeds_max: self.feeds_max });
        }
        // One place more, for the first message.
        let (queue, received) = mpsc::channel(self.feed_len_max + 1);
        queue.try_send(start).expect("the queue is new and has a place");
        let end = Arc::new(OnceLock::new());
        self.listeners.push(Listener { queue, end: Arc::clone(&end) });
        self.metrics.feeds.set(self.listeners.len());
        Ok(Subscription { queue: received, end })
    }

    /// Tells every listener; one whose queue is full hears what is in it and then that it was too
    /// slow.
    pub(crate) fn tell(&mut self, message: &FeedMessage) {
        let (feed_len_max, cut) = (self.feed_len_max, &self.metrics.feeds_cut);
        self.listeners.retain(|listener| match listener.queue.try_send(message.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                // Set once, for the listener goes with it.
                let _ = listener.end.set(StateError::FeedTooSlow { feed_len_max });
                cut.increment();
                false
            }
        });
        self.metrics.feeds.set(self.listeners.len());
    }
}

impl Subscription {
    /// Makes a stream of it; `heard` is called for every message that is taken.
    pub(crate) fn into_feed(self, heard: impl Fn(&FeedMessage) + Send + 'static) -> Feed {
        self.into_messages().inspect(move |message| message.iter().for_each(&heard)).boxed()
    }

    fn into_messages(self) -> impl Stream<Item = Result<FeedMessage, Status>> + Send {
        stream::unfold(Some(self), |open| async {
            let mut open = open?;
            match open.queue.recv().await {
                Some(message) => Some((Ok(message), Some(open))),
                None => {
                    let end = open.end.get().cloned().unwrap_or(StateError::Stopped);
                    Some((Err(end.into()), None))
                }
            }
        })
    }
}
