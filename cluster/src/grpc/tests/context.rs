//! One trace over two processes: by the metadata of a call, and by a field of a message.

use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

/// Lets this thread's spans belong to traces.
fn traced() -> tracing::subscriber::DefaultGuard {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

fn context_of(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}

/// What the far side gets: `traceparent` as W3C spells it.
fn spelled(context: &SpanContext) -> String {
    format!("00-{}-{}-01", context.trace_id(), context.span_id())
}

#[test]
fn a_field_of_a_message_carries_the_context_of_the_present_span() {
    let _traced = traced();
    let job = info_span!("job");
    let field = job.in_scope(trace_context);
    assert_eq!(field, spelled(&context_of(&job)));

    let slice = info_span!("slice");
    set_parent(&slice, &field);

    assert_eq!(context_of(&slice).trace_id(), context_of(&job).trace_id());
    assert_ne!(context_of(&slice).span_id(), context_of(&job).span_id());
}

#[test]
fn what_is_no_context_begins_a_trace_of_its_own() {
    let _traced = traced();
    let job = context_of(&info_span!("job"));
    for text in
        ["", "00-0-0-01", "anything", "00-00000000000000000000000000000000-0000000000000000-01"]
    {
        let slice = info_span!("slice");
        set_parent(&slice, text);
        assert!(context_of(&slice).is_valid(), "{text}");
        assert_ne!(context_of(&slice).trace_id(), job.trace_id(), "{text}");
    }
}

#[test]
fn without_a_trace_the_field_is_empty() {
    assert_eq!(info_span!("job").in_scope(trace_context), "");
}

/// Answers no call and keeps the context that the last one brought.
#[derive(Clone, Default)]
struct Keeping(std::sync::Arc<std::sync::Mutex<String>>);

#[tonic::async_trait]
impl tonic_health::pb::health_server::Health for Keeping {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<tonic_health::pb::HealthCheckResponse>, tonic::Status> {
        *self.0.lock().unwrap() = parent_of(&request);
        Err(tonic::Status::aborted("kept"))
    }

    type WatchStream =
        futures::stream::Empty<Result<tonic_health::pb::HealthCheckResponse, tonic::Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, tonic::Status> {
        Err(tonic::Status::aborted("not asked for"))
    }
}

#[tokio::test]
async fn a_call_carries_the_context_of_the_span_in_which_it_is_made() {
    let _traced = traced();
    let kept = Keeping::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = tonic_health::pb::health_server::HealthServer::new(kept.clone());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().add_service(service);
    let server = tokio::spawn(server.serve_with_incoming(incoming));

    let mut client = HealthClient::new(link(&address));
    let job = info_span!("job");
    let refused = client.check(question()).instrument(job.clone()).await.unwrap_err();

    assert_eq!(refused.message(), "kept");
    assert_eq!(*kept.0.lock().unwrap(), spelled(&context_of(&job)));
    server.abort();
}
