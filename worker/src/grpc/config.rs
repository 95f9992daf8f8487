//! What a worker is told of the stream to its coordinator; every bound has a name here.

use serde::Deserialize;
use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

/// Settings of the stream to the coordinator; the table `stream`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamConfig {
    /// Threads that wait for messages, read and write them.
    pub threads: NonZeroU32,
    /// Longest wait for the coordinator's welcome.
    #[serde(with = "humantime_serde")]
    pub welcome_timeout: Duration,
    /// Shortest pause before the coordinator is dialled again; it doubles each time.
    #[serde(with = "humantime_serde")]
    pub pause_min: Duration,
    /// Longest such pause.
    #[serde(with = "humantime_serde")]
    pub pause_max: Duration,
    /// Bytes of a message that is converted where it comes in; a larger one is converted beside
    /// the threads that wait for messages.
    pub inline_bytes_max: NonZeroUsize,
    /// Messages of a shard's feed that wait for the worker.
    pub feed_queue_len_max: NonZeroUsize,
}

impl Default for StreamConfig {
    fn default() -> Self {
        let number = |number| NonZeroUsize::new(number).expect("defaults are positive");
        Self {
            threads: NonZeroU32::new(2).expect("2 is positive"),
            welcome_timeout: Duration::from_secs(5),
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(1),
            inline_bytes_max: number(16 << 10),
            feed_queue_len_max: number(64),
        }
    }
}
