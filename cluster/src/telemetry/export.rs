//! Spans on their way to the collector: a bounded queue, a thread that empties it, and a count of what
//! was lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};
use tokio::runtime::Handle;
use tracing::warn;

use super::{TelemetryConfig, TelemetryError};

/// Sends spans of this process to one collector.
#[derive(Debug)]
pub(super) struct Exporter {
    endpoint: String,
    provider: SdkTracerProvider,
    lost: Arc<Lost>,
    shutdown_timeout: Duration,
}

impl Exporter {
    pub(super) fn start(
        service: &str,
        endpoint: &str,
        config: &TelemetryConfig,
    ) -> Result<Self, TelemetryError> {
        // The channel to the collector lives in tasks of the present runtime.
        Handle::try_current().map_err(|_| TelemetryError::NoRuntime)?;
        let otlp = OtlpExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(config.export_timeout)
            .build()
            .map_err(|error| TelemetryError::Endpoint {
                endpoint: endpoint.to_owned(),
                reason: error.to_string(),
            })?;
        let lost = Arc::new(Lost::default());
        let counting =
            CountingExporter { inner: otlp, endpoint: endpoint.to_owned(), lost: lost.clone() };
        let queue_len_max = config.span_queue_len_max.get() as usize;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(queue_len_max)
            .with_max_export_batch_size(queue_len_max.div_ceil(4))
            .with_scheduled_delay(config.export_interval)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(counting).with_batch_config(batches).build(),
            )
            .with_resource(Resource::builder().with_service_name(service.to_owned()).build())
            .build();
        Ok(Self {
            endpoint: endpoint.to_owned(),
            provider,
            lost,
            shutdown_timeout: config.shutdown_timeout,
        })
    }

    pub(super) const fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// Sends what is left. The waiting is done on a blocking thread: the export itself needs the
    /// runtime's threads.
    pub(super) async fn shutdown(self) -> Result<(), TelemetryError> {
        let timeout = self.shutdown_timeout;
        let provider = self.provider;
        let ended =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(timeout)).await;
        let (n_spans_lost, last_reason) = self.lost.read();
        let reason = match ended {
            Ok(Ok(())) if n_spans_lost == 0 => return Ok(()),
            Ok(Ok(())) => last_reason,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(TelemetryError::SpansLost { endpoint: self.endpoint, n_spans_lost, reason })
    }
}

/// Spans that an export failed to deliver.
#[derive(Debug, Default)]
struct Lost(Mutex<(u64, String)>);

impl Lost {
    /// Adds to the count and says whether these are the first.
    fn add(&self, n_spans: usize, reason: &OTelSdkError) -> bool {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = lost.0 == 0;
        lost.0 = lost.0.saturating_add(n_spans as u64);
        lost.1 = reason.to_string();
        first
    }

    fn read(&self) -> (u64, String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts what the inner exporter fails to deliver; the library itself only drops it.
#[derive(Debug)]
struct CountingExporter {
    inner: OtlpExporter,
    endpoint: String,
    lost: Arc<Lost>,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let n_spans = batch.len();
        let exported = self.inner.export(batch).await;
        if let Err(error) = &exported
            && self.lost.add(n_spans, error)
        {
            warn!(endpoint = self.endpoint, %error, "spans are being lost");
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
