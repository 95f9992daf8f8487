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
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::{ConfigError, Loader};

    /// The rows of the page's table, as key without its table's name, and default.
    fn documented() -> Vec<(String, String)> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = fs::read_to_string(page).unwrap();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `telemetry."));
        rows.map(|row| {
            let (key, rest) = row.split_once("` | ").unwrap();
            let default = rest.split(" | ").next().unwrap();
            (key.to_owned(), default.trim_matches('`').to_owned())
        })
        .collect()
    }

    /// The keys of the struct, as the refusal of an unknown one lists them.
    fn known() -> Vec<String> {
        let refusal = Loader::new().flag("unknown", Some(1)).load::<TelemetryConfig>();
        let Err(ConfigError::Value { reason, .. }) = refusal else { panic!("{refusal:?}") };
        let list = reason.split_once("expected one of ").expect("a list of keys").1;
        list.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
    }

    #[test]
    fn the_page_on_configuration_lists_every_key_with_its_default() {
        let documented = documented();
        let keys: Vec<_> = documented.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(keys, known());

        let given = documented.iter().filter(|(_, default)| default != "none");
        let loader = given.fold(Loader::new(), |all, (key, text)| all.flag(key, Some(text)));
        assert_eq!(loader.load::<TelemetryConfig>().unwrap(), TelemetryConfig::default());
    }
}
