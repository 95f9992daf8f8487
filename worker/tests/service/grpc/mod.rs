//! The real program `evmesh-worker`, against a coordinator and state shards that the test serves.

mod coordinator;
mod program;
mod runs;
mod shard;
mod starts;

use std::{future::Future, time::Duration};

/// The longest that anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Waits for something that has to come.
async fn soon<T>(what: &str, comes: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, comes).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {LONG:?}"),
    }
}
