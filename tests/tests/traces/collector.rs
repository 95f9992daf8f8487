//! A receiver of OTLP over gRPC, by the protocol's own generated service: it keeps every span.

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    resource::v1::Resource,
    trace::v1::Span as WireSpan,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};
use tonic::transport::{Server, server::TcpIncoming};

/// A span as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Name of the process in traces.
    pub(super) service: String,
    pub(super) trace: Vec<u8>,
    pub(super) id: Vec<u8>,
    /// Empty for the root of a trace.
    pub(super) parent: Vec<u8>,
    pub(super) name: String,
    pub(super) fields: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Receiver {
    spans: Arc<Mutex<Vec<Span>>>,
    n_spans: watch::Sender<usize>,
}

/// A collector that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    n_spans: watch::Receiver<usize>,
    runtime: Runtime,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let mut spans = self.spans.lock().unwrap();
        for group in request.into_inner().resource_spans {
            let service = service_of(group.resource.as_ref());
            let wire = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(wire.map(|span| span_of(&service, span)));
        }
        self.n_spans.send_replace(spans.len());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn service_of(resource: Option<&Resource>) -> String {
    let attributes = resource.iter().flat_map(|resource| &resource.attributes);
    let mut names = attributes.filter(|attribute| attribute.key == "service.name");
    let value = names.next().and_then(|name| name.value.as_ref()?.value.as_ref());
    value.map(text_of).unwrap_or_default()
}

fn span_of(service: &str, span: WireSpan) -> Span {
    let fields = span.attributes.iter().filter_map(|attribute| {
        let value = attribute.value.as_ref()?.value.as_ref()?;
        Some((attribute.key.clone(), text_of(value)))
    });
    Span {
        service: service.to_owned(),
        fields: fields.collect(),
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        name: span.name,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

impl Collector {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sender, n_spans) = watch::channel(0);
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let receiver = Receiver { spans: Arc::clone(&spans), n_spans: sender };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder().add_service(TraceServiceServer::new(receiver));
        runtime.spawn(server.serve_with_incoming(incoming));
        Self { address, spans, n_spans, runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the spans that are there satisfy a condition, and returns them.
    pub(super) fn wait_for(&self, is_enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        const LONGEST: Duration = Duration::from_secs(20);
        let mut n_spans = self.n_spans.clone();
        let arrived = n_spans.wait_for(|_| is_enough(&self.spans.lock().unwrap()));
        let waited =
            self.runtime.block_on(async { tokio::time::timeout(LONGEST, arrived).await.is_ok() });
        let spans = self.spans.lock().unwrap().clone();
        assert!(waited, "spans are missing after {LONGEST:?}: {spans:#?}");
        spans
    }
}
