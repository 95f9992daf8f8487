//! Trace context as text: the W3C `traceparent` of a span, in calls and in messages of streams.

use http::HeaderMap;
use opentelemetry::context::FutureExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::Request;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The key of the context in the metadata of a call.
const TRACEPARENT: &str = "traceparent";

/// Returns the context of the present span as a field of a message; empty if there is no trace.
#[must_use]
pub fn trace_context() -> String {
    let mut text = OneField::default();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut text);
    text.0
}

/// Returns the context that came with a call, for [`set_parent`]; empty if none came.
#[must_use]
pub fn parent_of<T>(request: &Request<T>) -> String {
    let text = request.metadata().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

/// Makes the span of `context` the parent of `span`. To be called before `span` is entered or used
/// as a parent itself; a span that has begun keeps its parent. A text that is no context changes
/// nothing.
pub fn set_parent(span: &Span, context: &str) {
    let context = TraceContextPropagator::new().extract(&OneField(context.to_owned()));
    if context.span().span_context().is_valid() {
        // Without a collector there are no traces, and the span belongs to none.
        let _ = span.set_parent(context);
    }
}

/// Runs a call within the trace of `context`: spans that begin in it, without a span around them, are
/// children of that span. A text that is no context changes nothing.
pub async fn in_trace<F: Future>(context: &str, call: F) -> F::Output {
    let context = TraceContextPropagator::new().extract(&OneField(context.to_owned()));
    call.with_context(context).await
}

/// Adds the context of the present span to the metadata of a call.
pub(super) fn inject(headers: &mut HeaderMap) {
    if let Ok(value) = trace_context().parse()
        && !headers.contains_key(TRACEPARENT)
        && !http::HeaderValue::is_empty(&value)
    {
        headers.insert(TRACEPARENT, value);
    }
}

/// A carrier of the one field that is used.
#[derive(Default)]
struct OneField(String);

impl Injector for OneField {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = value;
        }
    }
}

impl Extractor for OneField {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
