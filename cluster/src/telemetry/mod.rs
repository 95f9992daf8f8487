//! Logs and spans of a process: to standard error always, to an OTLP collector when one is configured.
//!
//! The vocabulary of spans and fields is fixed in `docs/glossary.md`. A collector that cannot be
//! reached costs spans, which are counted and reported, and never a block.

mod config;
mod export;

use std::io::{self, IsTerminal};

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

pub use config::{LogFormat, TelemetryConfig};
use export::Exporter;

/// The libraries that carry spans to the collector. Their own spans are never exported, or each
/// export would be the reason for the next one.
const EXPORT_TARGETS: [&str; 5] = ["h2", "hyper", "opentelemetry", "tonic", "tower"];

/// Telemetry that cannot be started, or spans that did not leave.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter's text is not a list of directives.
    #[error("telemetry.filter `{filter}` is not a filter: {reason}")]
    Filter {
        /// The text.
        filter: String,
        /// What the parser said.
        reason: String,
    },
    /// The endpoint's text is not one, or its scheme is not supported.
    #[error("telemetry.otlp_endpoint `{endpoint}` cannot be used: {reason}")]
    Endpoint {
        /// The text.
        endpoint: String,
        /// What the exporter said.
        reason: String,
    },
    /// Spans are exported by tasks, which need a runtime.
    #[error("an OTLP endpoint needs a tokio runtime to export from")]
    NoRuntime,
    /// Somebody started telemetry in this process before.
    #[error("telemetry runs already in this process")]
    AlreadyRunning,
    /// Spans were lost, during the run or at its end.
    #[error("{n_spans_lost} spans did not reach the collector at {endpoint}: {reason}")]
    SpansLost {
        /// Where they should have gone.
        endpoint: String,
        /// Spans that are known to be lost.
        n_spans_lost: u64,
        /// What the last failed export said.
        reason: String,
    },
}

/// Keeps telemetry running. To be shut down at the end of the process, or the last spans stay behind.
#[derive(Debug)]
#[must_use = "the last spans leave in `shutdown`"]
pub struct TelemetryGuard {
    exporter: Option<Exporter>,
}

impl TelemetryGuard {
    /// Sends what is left, within the configured time.
    ///
    /// # Errors
    /// If spans were lost, now or earlier. The run itself is not affected.
    pub async fn shutdown(self) -> Result<(), TelemetryError> {
        match self.exporter {
            Some(exporter) => exporter.shutdown().await,
            None => Ok(()),
        }
    }
}

/// Starts telemetry for the whole process, named `service` in traces.
///
/// # Errors
/// If a setting cannot be used, if telemetry runs already, or if an endpoint is configured and there
/// is no tokio runtime. An endpoint that does not answer is no error.
pub fn init(service: &str, config: &TelemetryConfig) -> Result<TelemetryGuard, TelemetryError> {
    let (subscriber, guard) = build(service, config, io::stderr)?;
    subscriber.try_init().map_err(|_| TelemetryError::AlreadyRunning)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(guard)
}

/// Makes what [`init`] installs, with log lines going to `logs`.
fn build<W>(
    service: &str,
    config: &TelemetryConfig,
    logs: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, TelemetryGuard), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| TelemetryError::Filter {
        filter: config.filter.clone(),
        reason: error.to_string(),
    })?;
    let exporter = match &config.otlp_endpoint {
        Some(endpoint) => Some(Exporter::start(service, endpoint, config)?),
        None => None,
    };
    let spans = exporter.as_ref().map(|exporter| span_layer(exporter.provider().tracer("evmesh")));
    let logs = log_layer(config.format, logs);
    let subscriber = tracing_subscriber::registry().with(filter).with(logs).with(spans);
    Ok((subscriber, TelemetryGuard { exporter }))
}

fn log_layer<S, W>(format: LogFormat, logs: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(logs);
    match format {
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn span_layer<S>(tracer: SdkTracer) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter_fn(is_exported))
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    !EXPORT_TARGETS.iter().any(|target| library.starts_with(target))
}

#[cfg(test)]
mod tests;
