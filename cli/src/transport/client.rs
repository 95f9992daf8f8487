//! A coordinator over gRPC, and the runtime that its calls run on.

use crate::{config::ClientConfig, failure::Failure};
use cluster::grpc::{GrpcConfig, GrpcCounts, connect};
use proto::{
    client::{CoordinatorClient, Deadlines, MessageLimits},
    coordinator::{ClusterStatus, CoordinatorService, GetProofRequest, GetProofResponse},
    status::{Code, Status},
};
use std::{fmt::Display, sync::Arc};
use tokio::runtime::{Handle, Runtime};

/// Bytes of a piece of a state that is loaded.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// A coordinator that can be called.
#[derive(Debug)]
pub struct Connection {
    url: String,
    runtime: Runtime,
    coordinator: Arc<dyn CoordinatorService>,
    counts: GrpcCounts,
}

impl Connection {
    /// Makes a connection; the first call shows whether anybody is there.
    ///
    /// # Errors
    /// If the address is none, or the system gives no threads.
    pub fn open(url: &str, config: &ClientConfig) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("client-rt")
            .enable_all()
            .build()
            .map_err(|error| {
                let try_next = "raise the limits of threads and open files";
                Failure::cluster(error, "starting threads", try_next)
            })?;
        let counts = GrpcCounts::default();
        let grpc = GrpcConfig::default();
        let link = {
            let _entered = runtime.enter();
            connect(url, &grpc, &counts).map_err(|error| no_address(&error, url))?
        };
        let limits = MessageLimits {
            message_bytes_max: grpc.message_bytes_max(),
            piece_bytes_max: PIECE_BYTES_MAX,
        };
        let client = CoordinatorClient::new(link, deadlines(config), limits);
        Ok(Self { url: url.to_owned(), runtime, coordinator: Arc::new(client), counts })
    }

    /// Asks what the cluster looks like now.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn status(&self) -> Result<ClusterStatus, Failure> {
        self.runtime.block_on(self.coordinator.status()).map_err(|status| self.nobody(&status))
    }

    /// Asks what the state says of an account.
    ///
    /// # Errors
    /// If nobody answers, or there is no such state.
    pub fn proof(&self, request: GetProofRequest) -> Result<GetProofResponse, Failure> {
        let proof = self.runtime.block_on(self.coordinator.get_proof(request));
        proof.map_err(|status| self.nobody(&status))
    }

    /// Returns the address.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn parts(&self) -> (Handle, Arc<dyn CoordinatorService>) {
        (self.runtime.handle().clone(), Arc::clone(&self.coordinator))
    }

    /// Returns the bytes that were received and sent here.
    pub(super) fn bytes(&self) -> u64 {
        self.counts.bytes_in.get() + self.counts.bytes_out.get()
    }

    fn nobody(&self, status: &Status) -> Failure {
        let what = match status.code {
            Code::Unavailable | Code::DeadlineExceeded => {
                format!("no coordinator answers: {status}")
            }
            _ => format!("the coordinator refuses: {status}"),
        };
        let try_next = "check the address, and that evmesh-coordinator runs there (/readyz)";
        Failure::cluster(what, &self.url, try_next)
    }
}

/// Calls of state shards are not made from here.
const fn deadlines(config: &ClientConfig) -> Deadlines {
    let call = config.call_timeout;
    Deadlines {
        control: call,
        read: call,
        stage: call,
        seal: call,
        commit: call,
        load: config.load_timeout,
        block: config.block_timeout,
    }
}

fn no_address(reason: &dyn Display, url: &str) -> Failure {
    Failure::usage(reason, format!("--coordinator {url}"), "give it as in http://10.0.0.5:7410")
}
