//! The first line of a run: what runs, and how.

use serde::Serialize;

/// What `evmesh run` was asked to do.
#[derive(Clone, Debug, Serialize)]
pub struct RunLine {
    /// Name and number of this format.
    pub schema: &'static str,
    /// Version of evmesh.
    pub version: &'static str,
    /// Commit that the program was built from, if it was built in a repository.
    pub commit: Option<&'static str>,
    /// How the processes talk: `in-process`, `grpc` or `remote`.
    pub transport: &'static str,
    /// Number of workers.
    pub workers: u32,
    /// CPU threads of each worker.
    pub threads: u32,
    /// Number of state shards.
    pub state_shards: u32,
    /// How blocks are cut: `split`, `whole` or `auto`.
    pub plan: &'static str,
    /// Gas of a slice at most, if the caller wants a bound.
    pub slice_gas: Option<u64>,
    /// Seed of every choice that does not change the outcome.
    pub seed: u64,
    /// Delay of each answer of the state service.
    pub state_delay_us: u64,
    /// The inputs, as given.
    pub inputs: Vec<String>,
}
