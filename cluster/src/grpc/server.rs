//! The server's side: services, health, reflection, bounds, and an end that comes in time.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tower::Service;
use tower::layer::layer_fn;
use tracing::{info, warn};

use super::accept::connections;
use super::config::as_usize;
use super::health::Health;
use super::layer::Counted;
use super::{GrpcConfig, GrpcCounts, GrpcError};
use crate::readiness::{Readiness, Ready};
use crate::shutdown::{ShutdownCause, ShutdownConfig, ShutdownToken};

/// Collects what a process serves.
#[derive(Debug)]
pub struct GrpcServer {
    config: GrpcConfig,
    counts: GrpcCounts,
    readiness: Readiness,
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
    closing: ShutdownToken,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct BoundServer {
    config: GrpcConfig,
    counts: GrpcCounts,
    readiness: Readiness,
    routes: Routes,
    health: Health,
    listener: TcpListener,
    address: SocketAddr,
    closing: ShutdownToken,
}

impl GrpcServer {
    /// Makes a server of nothing but health, which says what `readiness` says.
    #[must_use]
    pub fn new(config: &GrpcConfig, counts: &GrpcCounts, readiness: &Readiness) -> Self {
        Self {
            config: config.clone(),
            counts: counts.clone(),
            readiness: readiness.clone(),
            routes: Routes::builder(),
            names: Vec::new(),
            descriptors: Vec::new(),
            closing: ShutdownToken::new(),
        }
    }

    /// Adds a generated server, whose message sizes the caller has bounded.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Lets clients ask for the messages of these services: an encoded `FileDescriptorSet`.
    #[must_use]
    pub fn reflection(mut self, descriptors: &'static [u8]) -> Self {
        self.descriptors.push(descriptors);
        self
    }

    /// Returns the token that ends streams: a handler of a stream ends it when the token is
    /// cancelled, which is after the process has drained.
    #[must_use]
    pub fn closing(&self) -> ShutdownToken {
        self.closing.clone()
    }

    /// Listens on `address`; port 0 takes any that is free.
    ///
    /// # Errors
    /// If the address cannot be had, or a setting or the descriptors cannot be used.
    pub async fn bind(mut self, address: &str) -> Result<BoundServer, GrpcError> {
        self.config.check()?;
        let health = Health::new(self.names);
        health.tell(&self.readiness.get()).await;
        self.routes.add_service(health.service());
        add_reflection(&mut self.routes, self.descriptors)?;

        let unheard = |reason| GrpcError::Listen { address: address.to_owned(), reason };
        let listener = TcpListener::bind(address).await.map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        Ok(BoundServer {
            config: self.config,
            counts: self.counts,
            readiness: self.readiness,
            routes: self.routes.routes(),
            health,
            listener,
            address,
            closing: self.closing,
        })
    }
}

impl BoundServer {
    /// Returns the address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is cancelled. Then, in this order: the process is no longer ready and
    /// its health is `NOT_SERVING`; it goes on until `drained` is, or the time for that is over;
    /// streams are told to end by [`GrpcServer::closing`], new calls are refused; what is still open
    /// after the time for that is cut.
    ///
    /// # Errors
    /// If the server ends before it was asked to.
    pub async fn serve(
        self,
        shutdown: &ShutdownToken,
        limits: &ShutdownConfig,
        drained: impl Future<Output = ()>,
    ) -> Result<(), GrpcError> {
        let Self { config, counts, readiness, routes, health, listener, closing, .. } = self;
        let cut = ShutdownToken::new();
        let connections_max = as_usize(config.connections_max);
        let incoming = connections(listener, connections_max, counts.clone(), cut.clone());
        let told = closing.clone();
        let running = builder(&config)
            .layer(layer_fn(move |inner| Counted { inner, counts: counts.clone() }))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, async move { _ = told.cancelled().await });
        // The server alone is some kilobytes; on the heap it does not make every caller larger.
        let mut running = Box::pin(running);

        tokio::select! {
            ended = &mut running => return Err(ended_early(ended)),
            never = health.follow(&readiness) => match never {},
            cause = shutdown.cancelled() => info!(?cause, "draining"),
        }
        readiness.stopping();
        health.tell(&Ready::Stopping).await;
        tokio::select! {
            ended = &mut running => return Err(ended_early(ended)),
            drained = timeout(limits.drain_timeout, drained) => {
                if drained.is_err() {
                    warn!(drain_timeout = ?limits.drain_timeout, "not drained in time");
                }
            }
        }
        closing.cancel(ShutdownCause::Requested);
        if timeout(limits.close_timeout, &mut running).await.is_err() {
            warn!(close_timeout = ?limits.close_timeout, "connections still open are cut");
            cut.cancel(ShutdownCause::Requested);
            // A connection that is cut ends at its next turn.
            let _ = timeout(limits.close_timeout, running).await;
        }
        Ok(())
    }
}

fn builder(config: &GrpcConfig) -> Server {
    Server::builder()
        .initial_stream_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes)
        .max_concurrent_streams(config.streams_per_connection_max.get())
        .concurrency_limit_per_connection(as_usize(config.calls_per_connection_max))
        .load_shed(true)
        .http2_keepalive_interval(Some(config.keepalive_interval))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
}

fn add_reflection(
    routes: &mut RoutesBuilder,
    descriptors: Vec<&'static [u8]>,
) -> Result<(), GrpcError> {
    if descriptors.is_empty() {
        return Ok(());
    }
    let health = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let builder = descriptors
        .into_iter()
        .chain([health])
        .fold(tonic_reflection::server::Builder::configure(), |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        });
    let service =
        builder.build_v1().map_err(|error| GrpcError::Descriptors { reason: error.to_string() })?;
    routes.add_service(service);
    Ok(())
}

fn ended_early(ended: Result<(), tonic::transport::Error>) -> GrpcError {
    let reason = ended.map_or_else(|error| error.to_string(), |()| "nobody asked it to".to_owned());
    GrpcError::Ended { reason }
}
