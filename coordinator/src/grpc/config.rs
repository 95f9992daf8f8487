//! Settings of the workers' streams.

use serde::Deserialize;
use std::{num::NonZeroU32, time::Duration};

/// How workers are listened to; the table `attach`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttachConfig {
    /// Time between a worker's signs of life.
    #[serde(with = "humantime_serde")]
    pub heartbeat_interval: Duration,
    /// Intervals without any message after which a worker is lost.
    pub heartbeats_missed_max: NonZeroU32,
    /// Longest wait for a worker's first message.
    #[serde(with = "humantime_serde")]
    pub hello_timeout: Duration,
    /// Calls to one worker that wait for its answer.
    pub calls_running_max: NonZeroU32,
    /// Messages to one worker that wait for its stream.
    pub send_queue_len_max: NonZeroU32,
    /// Bytes of a state that is loaded.
    pub load_bytes_max: u64,
}

impl Default for AttachConfig {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            heartbeat_interval: Duration::from_millis(400),
            heartbeats_missed_max: number(4),
            hello_timeout: Duration::from_secs(2),
            calls_running_max: number(64),
            send_queue_len_max: number(16),
            load_bytes_max: 4 << 30,
        }
    }
}

impl AttachConfig {
    /// Returns how long a worker may be silent.
    pub(super) const fn silence_max(&self) -> Duration {
        self.heartbeat_interval.saturating_mul(self.heartbeats_missed_max.get())
    }
}
