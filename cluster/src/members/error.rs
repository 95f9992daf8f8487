//! What can go wrong with members.

use std::time::Duration;

/// Members that cannot be asked for, or not be believed.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// A setting cannot be used.
    #[error("{key}: {reason}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The store refused, or cannot be reached.
    #[error("cannot {doing}: {reason}")]
    Store {
        /// What was tried.
        doing: &'static str,
        /// What the store or the connection to it said.
        reason: String,
    },
    /// The store did not answer in time.
    #[error("cannot {doing}: no answer within {waited:?}")]
    Silent {
        /// What was tried.
        doing: &'static str,
        /// How long.
        waited: Duration,
    },
    /// Somebody wrote what evmesh does not write.
    #[error("the value of {key} cannot be read: {reason}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}
