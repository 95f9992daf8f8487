//! Spans of a seal: below the caller's, in process and over gRPC, with its parts below it.

use crate::{
    calls::client_of,
    program::BOUND,
    values::{GENESIS, credit, genesis, seal},
};
use cluster::{
    grpc::{GrpcConfig, GrpcCounts, GrpcServer},
    readiness::Readiness,
    shutdown::{ShutdownCause, ShutdownConfig, ShutdownToken},
};
use engine::ids::BootId;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId, TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use proto::state::{SealRequest, StateService};
use state_service::{StateHandle, StateShard, config::StateConfig, grpc};
use std::sync::{Arc, LazyLock};
use tokio::sync::watch;
use tracing::{Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// All spans of this process that ended. Made once: the work is done on threads of the shard, so
/// that the subscriber is that of all threads.
static ENDED: LazyLock<Exporter> = LazyLock::new(|| {
    let exporter = Exporter(Arc::new(watch::Sender::new(Vec::new())));
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).unwrap();
    exporter
});

#[derive(Clone, Debug)]
struct Exporter(Arc<watch::Sender<Vec<SpanData>>>);

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.send_modify(|spans| spans.extend(batch));
        Ok(())
    }
}

impl Exporter {
    /// Waits for the end of a trace's only span of this name; returns its id and its parent's.
    async fn ended(&self, trace: TraceId, name: &str) -> (SpanId, SpanId) {
        let mut spans = self.0.subscribe();
        let of = |spans: &Vec<SpanData>| {
            let of = spans.iter().filter(|span| span.span_context.trace_id() == trace);
            let of = of.filter(|span| span.name == name);
            of.map(|span| (span.span_context.span_id(), span.parent_span_id)).collect::<Vec<_>>()
        };
        let ended = spans.wait_for(|spans| !of(spans).is_empty());
        let ended = tokio::time::timeout(BOUND, ended).await;
        let ended = ended.unwrap_or_else(|_| panic!("no span {name} ended in the trace")).unwrap();
        let [span] = of(&ended)[..] else { panic!("{name} several times") };
        span
    }
}

/// Seals within a span and checks that its parts are below it.
async fn assert_seal_is_below_its_caller(state: &dyn StateService) {
    let ended = &*ENDED;
    state.load_genesis(genesis()).await.unwrap();
    let caller = info_span!("caller");
    let context = caller.context().span().span_context().clone();
    let request = SealRequest { values: credit(1), ..seal(1, GENESIS, &credit(1)) };

    state.seal(request).instrument(caller).await.unwrap();

    let (seal, parent) = ended.ended(context.trace_id(), "seal").await;
    assert_eq!(parent, context.span_id());
    for part in ["fold", "root"] {
        let (_, parent) = ended.ended(context.trace_id(), part).await;
        assert_eq!(parent, seal, "{part}");
    }
}

fn shard() -> StateHandle {
    StateShard::new(BootId::new(1), StateConfig::default()).start().unwrap()
}

#[actix::test]
async fn a_seal_is_below_its_caller_and_has_fold_and_root_below_it() {
    assert_seal_is_below_its_caller(&shard()).await;
}

#[actix::test]
async fn a_seal_over_grpc_is_below_its_caller_and_has_fold_and_root_below_it() {
    let (config, readiness) = (GrpcConfig::default(), Readiness::new("test"));
    let limits = StateConfig::default().limits;
    let server = GrpcServer::new(&config, &GrpcCounts::default(), &readiness);
    let closing = server.closing();
    let service = grpc::server(Arc::new(shard()), &config, &closing, limits.load_bytes_max);
    let server = server.service(service).bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (server.address(), ShutdownToken::new());
    let told = shutdown.clone();
    let serving = tokio::spawn(async move {
        server.serve(&told, &ShutdownConfig::default(), std::future::ready(())).await
    });

    assert_seal_is_below_its_caller(&client_of(address)).await;

    shutdown.cancel(ShutdownCause::Requested);
    serving.await.unwrap().unwrap();
}
