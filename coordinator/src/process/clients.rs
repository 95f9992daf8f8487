//! The state shards over gRPC.

use super::Settings;
use cluster::{
    grpc::{self, GrpcCounts},
    process::Failure,
};
use proto::{
    client::{Deadlines, MessageLimits, StateClient},
    shards::StateShards,
    state::StateService,
};
use std::sync::Arc;

/// Bytes of a piece of a state that is loaded.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Makes clients of the shards at these addresses, which need not be there yet.
pub(super) fn shards(
    addresses: &[String],
    settings: &Settings,
    counts: &GrpcCounts,
) -> Result<StateShards, Failure> {
    let message_bytes_max = settings.grpc.message_bytes_max();
    let piece_bytes_max = PIECE_BYTES_MAX.min(message_bytes_max);
    let limits = MessageLimits { message_bytes_max, piece_bytes_max };
    let deadlines = deadlines(settings);
    let client = |address: &String| {
        let link = grpc::connect(address, &settings.grpc, counts)?;
        Ok(Arc::new(StateClient::new(link, deadlines, limits)) as Arc<dyn StateService>)
    };
    let clients = addresses.iter().map(client).collect::<Result<_, Failure>>()?;
    StateShards::new(clients).map_err(|error| {
        Failure::settings(error, "members.state", "give 1, 2, 4, 8 or 16 addresses")
    })
}

fn deadlines(settings: &Settings) -> Deadlines {
    let own = &settings.coordinator.deadlines;
    Deadlines {
        control: own.status.max(settings.grpc.connect_timeout),
        read: own.state,
        stage: own.state,
        seal: own.state,
        commit: own.state,
        load: own.load,
        block: own.job,
    }
}
