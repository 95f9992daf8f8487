//! The settings of gRPC, and its bounds.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use super::GrpcError;
use crate::process::host_name;

/// Windows that HTTP/2 can express.
const WINDOW_BYTES: std::ops::RangeInclusive<u32> = 65_535..=0x7fff_ffff;

/// Where a process listens for gRPC, and the bounds of its connections; the table `grpc`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpcConfig {
    /// Address to listen on; without it that of the role.
    pub listen: Option<String>,
    /// Address by which others reach this process; without it the one listened on, with the name of
    /// the host if that is every address.
    pub advertise: Option<String>,
    /// Longest wait for a connection.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Pause between the signs of life on a connection, either way.
    #[serde(with = "humantime_serde")]
    pub keepalive_interval: Duration,
    /// Longest wait for the answer to one; then the connection is dead.
    #[serde(with = "humantime_serde")]
    pub keepalive_timeout: Duration,
    /// Bytes that may be under way on one stream before its reader has taken some.
    pub stream_window_bytes: u32,
    /// The same for all streams of a connection together.
    pub connection_window_bytes: u32,
    /// Size of a message, either way.
    pub message_bytes_max: NonZeroU32,
    /// Connections that a server holds; further ones are closed at once.
    pub connections_max: NonZeroU32,
    /// Streams that a server allows on a connection; a client waits before it opens more.
    pub streams_per_connection_max: NonZeroU32,
    /// Calls of a connection that may wait for the head of their answer; further ones are refused as
    /// `RESOURCE_EXHAUSTED`.
    pub calls_per_connection_max: NonZeroU32,
    /// Calls of this process that may wait for one connection; further ones wait before.
    pub call_queue_len_max: NonZeroU32,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).expect("defaults are not zero");
        Self {
            listen: None,
            advertise: None,
            connect_timeout: Duration::from_secs(2),
            keepalive_interval: Duration::from_secs(5),
            keepalive_timeout: Duration::from_secs(5),
            stream_window_bytes: 4 << 20,
            connection_window_bytes: 16 << 20,
            message_bytes_max: number(64 << 20),
            connections_max: number(1_024),
            streams_per_connection_max: number(1_024),
            calls_per_connection_max: number(512),
            call_queue_len_max: number(1_024),
        }
    }
}

impl GrpcConfig {
    /// Returns the address to listen on: the configured one, or `port` of every address.
    #[must_use]
    pub fn listen_or(&self, port: u16) -> String {
        self.listen.clone().unwrap_or_else(|| format!("0.0.0.0:{port}"))
    }

    /// Returns the address by which others reach a process that listens on `bound`.
    #[must_use]
    pub fn advertised(&self, bound: SocketAddr) -> String {
        match &self.advertise {
            Some(address) => address.clone(),
            None if bound.ip().is_unspecified() => format!("{}:{}", host_name(), bound.port()),
            None => bound.to_string(),
        }
    }

    /// Returns the bound on a message's size, as generated clients and servers take it.
    ///
    /// # Panics
    /// On a machine whose addresses are smaller than 32 bits.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        as_usize(self.message_bytes_max)
    }

    /// Refuses what the protocol cannot express.
    pub(super) fn check(&self) -> Result<(), GrpcError> {
        let windows = [
            ("grpc.stream_window_bytes", self.stream_window_bytes),
            ("grpc.connection_window_bytes", self.connection_window_bytes),
        ];
        match windows.into_iter().find(|(_, bytes)| !WINDOW_BYTES.contains(bytes)) {
            None => Ok(()),
            Some((key, bytes)) => Err(GrpcError::Window { key, bytes }),
        }
    }
}

pub(super) fn as_usize(number: NonZeroU32) -> usize {
    usize::try_from(number.get()).expect("addresses have 32 bits or more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::page;

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        page::assert_lists::<GrpcConfig>("grpc");
    }
}
