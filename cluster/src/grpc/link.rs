//! The client's side of a connection.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use super::config::as_usize;
use super::counted::{CountedBody, Direction};
use super::{GrpcConfig, GrpcCounts, GrpcError, context};

/// A connection to a peer, which generated clients take as their transport. Clones share it.
///
/// Bytes and messages are counted, and each call carries the trace context of the span in which it
/// was made.
#[derive(Clone, Debug)]
pub struct Link {
    channel: Channel,
    counts: GrpcCounts,
}

/// Makes a link to `url`, which is `http://HOST:PORT` or `HOST:PORT`. The connection is made by the
/// first call, and made again after it was lost; until then calls fail as `UNAVAILABLE`. Needs a
/// tokio runtime.
///
/// # Errors
/// If the text is not an address, or a setting cannot be used. A peer that is away is no error.
pub fn connect(url: &str, config: &GrpcConfig, counts: &GrpcCounts) -> Result<Link, GrpcError> {
    config.check()?;
    let channel = endpoint(url)?
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes)
        .buffer_size(as_usize(config.call_queue_len_max))
        .connect_lazy();
    Ok(Link { channel, counts: counts.clone() })
}

fn endpoint(url: &str) -> Result<Endpoint, GrpcError> {
    let refused = |reason: String| GrpcError::Url { url: url.to_owned(), reason };
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri: Uri = full.parse().map_err(|error| refused(format!("{error}")))?;
    if uri.scheme_str() != Some("http") {
        return Err(refused("the scheme has to be http".to_owned()));
    }
    if uri.port_u16().is_none() {
        return Err(refused("the port is missing".to_owned()));
    }
    Ok(Endpoint::from(uri))
}

impl Service<Request<Body>> for Link {
    type Response = Response<CountedBody>;
    type Error = tonic::transport::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        context::inject(request.headers_mut());
        let counts = self.counts.clone();
        let counted = |body| Body::new(CountedBody::new(body, Direction::Out, &counts));
        let answer = self.channel.call(request.map(counted));
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| CountedBody::new(body, Direction::In, &counts)))
        })
    }
}
