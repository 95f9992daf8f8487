//! The two servers of a process, which open and close together.

use std::io;

use super::Listening;
use super::failure::Failure;
use crate::grpc::{BoundServer, GrpcConfig};
use crate::http::BoundHttp;
use crate::shutdown::{ShutdownCause, ShutdownConfig, ShutdownToken};

/// Servers that listen.
#[derive(Debug)]
pub struct Doors {
    /// For other processes.
    pub grpc: BoundServer,
    /// For probes, and for people.
    pub http: BoundHttp,
}

impl Doors {
    /// Prints the line that says where this process, a `role`, listens.
    ///
    /// # Errors
    /// If standard output is closed.
    pub fn announce(&self, role: &str) -> Result<(), Failure> {
        let line = Listening { role, grpc: self.grpc.address(), http: self.http.address() };
        line.print().map_err(|error: io::Error| {
            Failure::start(error, "standard output", "leave standard output open")
        })
    }

    /// Returns the addresses, gRPC's and HTTP's, by which others reach this process.
    pub fn advertised(&self, config: &GrpcConfig) -> (String, String) {
        let grpc = config.advertised(self.grpc.address());
        let host = grpc.rsplit_once(':').map_or(&*grpc, |(host, _)| host);
        let http = format!("{host}:{}", self.http.address().port());
        (grpc, http)
    }

    /// Serves until `shutdown` is cancelled, then until `drained` is or the time for that is over,
    /// as [`BoundServer::serve`] says. Probes are answered to the end.
    ///
    /// # Errors
    /// If a server ends before it was asked to.
    pub async fn serve(
        self,
        shutdown: &ShutdownToken,
        limits: &ShutdownConfig,
        drained: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let closed = ShutdownToken::new();
        let grpc = async {
            let ended = self.grpc.serve(shutdown, limits, drained).await;
            closed.cancel(ShutdownCause::Requested);
            ended
        };
        let http = async {
            let ended = self.http.serve(&closed).await;
            // One that ended early takes the process with it.
            shutdown.cancel(ShutdownCause::Requested);
            ended
        };
        let (grpc, http) = tokio::join!(grpc, http);
        grpc?;
        http?;
        Ok(())
    }
}
