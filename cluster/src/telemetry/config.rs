//! The settings of logs and spans.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors of logs.
    Json,
}

/// What a process tells about itself, how, and to whom; the table `telemetry` of its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Which spans and events count, as in `info,worker=debug`; both logs and traces obey it.
    pub filter: String,
    /// How log lines are written.
    pub format: LogFormat,
    /// Collector for spans, OTLP over gRPC, as in `http://127.0.0.1:4317`; without it none leave.
    pub otlp_endpoint: Option<String>,
    /// Longest wait for one export.
    #[serde(with = "humantime_serde")]
    pub export_timeout: Duration,
    /// Pause between exports.
    #[serde(with = "humantime_serde")]
    pub export_interval: Duration,
    /// Spans that may wait for export; further ones are dropped.
    pub span_queue_len_max: NonZeroU32,
    /// Longest wait for the last spans at the end of the process.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::default(),
            otlp_endpoint: None,
            export_timeout: Duration::from_secs(2),
            export_interval: Duration::from_millis(500),
            span_queue_len_max: NonZeroU32::new(8_192).expect("8192 is not zero"),
            shutdown_timeout: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::page;

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        page::assert_lists::<TelemetryConfig>("telemetry");
    }
}
