//! What gRPC's health service says of a process.

use std::convert::Infallible;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthApi, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use crate::readiness::{Readiness, Ready};

/// The name under which health speaks of the whole process.
const WHOLE_PROCESS: &str = "";

/// Health of the process and of its services, which are one.
#[derive(Debug)]
pub(super) struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    /// Makes the health of a process that offers the services `names`.
    pub(super) fn new(names: Vec<&'static str>) -> Self {
        let names = names.into_iter().chain([WHOLE_PROCESS]).collect();
        Self { reporter: HealthReporter::new(), names }
    }

    /// Returns the service to be asked.
    pub(super) fn service(&self) -> HealthServer<impl HealthApi> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Says what `ready` means, to who asks and to who watches.
    pub(super) async fn tell(&self, ready: &Ready) {
        let status = match ready {
            Ready::Yes => ServingStatus::Serving,
            Ready::No(_) | Ready::Stopping => ServingStatus::NotServing,
        };
        for name in &self.names {
            self.reporter.set_service_status(*name, status).await;
        }
    }

    /// Tells every change for as long as it is polled.
    pub(super) async fn follow(&self, readiness: &Readiness) -> Infallible {
        let mut changes = readiness.watch();
        loop {
            let ready = changes.borrow_and_update().clone();
            self.tell(&ready).await;
            changes.changed().await.expect("the flag outlives who follows it");
        }
    }
}
