//! The small HTTP server of every process: `/metrics`, `/livez`, `/readyz`.
//!
//! It runs on a thread of its own, so that a process that is busy still answers that it lives.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Deserialize;

use crate::metrics::{self, Sources};
use crate::readiness::{Readiness, Ready};
use crate::shutdown::ShutdownToken;

/// Where a process listens for HTTP, and the bounds of its connections; the table `http`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address to listen on; without it that of the role.
    pub listen: Option<String>,
    /// Connections that are held; further ones wait.
    pub connections_max: NonZeroU32,
    /// Longest wait for the head of a request.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Longest wait for requests under way when the process ends.
    #[serde(with = "humantime_serde")]
    pub close_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: None,
            connections_max: NonZeroU32::new(256).expect("256 is not zero"),
            request_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(1),
        }
    }
}

impl HttpConfig {
    /// Returns the address to listen on: the configured one, or `port` of every address.
    #[must_use]
    pub fn listen_or(&self, port: u16) -> String {
        self.listen.clone().unwrap_or_else(|| format!("0.0.0.0:{port}"))
    }
}

/// An HTTP server that cannot be had, or that ended.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The server stopped without being asked.
    #[error("the HTTP server ended: {reason}")]
    Ended {
        /// What the library said.
        reason: String,
    },
}

/// What the pages show.
struct Shown {
    readiness: Readiness,
    sources: Sources,
}

/// A server that listens; it answers from [`BoundHttp::serve`] on.
pub struct BoundHttp {
    server: Server,
    address: SocketAddr,
}

impl std::fmt::Debug for BoundHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundHttp").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Listens on `address`; port 0 takes any that is free. Needs a tokio runtime.
///
/// # Errors
/// If the address cannot be had.
pub fn bind(
    address: &str,
    config: &HttpConfig,
    readiness: &Readiness,
    sources: Sources,
) -> Result<BoundHttp, HttpError> {
    let shown = Data::from(Arc::new(Shown { readiness: readiness.clone(), sources }));
    let connections_max = usize::try_from(config.connections_max.get()).unwrap_or(usize::MAX);
    let unheard = |reason| HttpError::Listen { address: address.to_owned(), reason };
    let server = HttpServer::new(move || App::new().app_data(shown.clone()).configure(pages))
        .workers(1)
        .max_connections(connections_max)
        .client_request_timeout(config.request_timeout)
        .shutdown_timeout(config.close_timeout.as_secs().max(1))
        .disable_signals()
        .bind(address)
        .map_err(unheard)?;
    let bound = server.addrs().first().copied();
    let address = bound.ok_or_else(|| unheard(io::ErrorKind::AddrNotAvailable.into()))?;
    Ok(BoundHttp { server: server.run(), address })
}

impl BoundHttp {
    /// Returns the address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is cancelled. A process that drains still answers that it lives: it
    /// hands in a token of its own, cancelled when it has drained.
    ///
    /// # Errors
    /// If the server ends before it was asked to.
    pub async fn serve(self, shutdown: &ShutdownToken) -> Result<(), HttpError> {
        let handle = self.server.handle();
        let mut running = self.server;
        tokio::select! {
            ended = &mut running => {
                let reason = ended.map_or_else(|error| error.to_string(), |()| "nobody asked it to".to_owned());
                return Err(HttpError::Ended { reason });
            }
            _ = shutdown.cancelled() => {}
        }
        // The library bounds this by the time for requests under way.
        let (ended, ()) = tokio::join!(running, handle.stop(true));
        ended.map_err(|error| HttpError::Ended { reason: error.to_string() })
    }
}

fn pages(config: &mut ServiceConfig) {
    config
        .route("/livez", get().to(live))
        .route("/readyz", get().to(ready))
        .route("/metrics", get().to(numbers));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok\n")
}

async fn ready(shown: Data<Shown>) -> HttpResponse {
    let (mut answer, text) = match shown.readiness.get() {
        Ready::Yes => (HttpResponse::Ok(), "ok".to_owned()),
        Ready::No(reason) => (HttpResponse::ServiceUnavailable(), reason),
        Ready::Stopping => (HttpResponse::ServiceUnavailable(), "shutting down".to_owned()),
    };
    answer.content_type(ContentType::plaintext()).body(format!("{text}\n"))
}

async fn numbers(shown: Data<Shown>) -> HttpResponse {
    HttpResponse::Ok().content_type(metrics::TEXT_TYPE).body(metrics::render(&shown.sources))
}

#[cfg(test)]
mod tests;
