//! What can be wrong with an address or a server.

use std::io;

/// A connection or a server that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GrpcError {
    /// The text is not an address of a peer.
    #[error("`{url}` is not an address: {reason}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// HTTP/2 has no such window.
    #[error("{key} is {bytes}, and HTTP/2 allows 65535 to 2147483647")]
    Window {
        /// The setting.
        key: &'static str,
        /// Its value.
        bytes: u32,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The descriptors for reflection are none.
    #[error("the descriptors of the services cannot be read: {reason}")]
    Descriptors {
        /// What the parser said.
        reason: String,
    },
    /// The server stopped without being asked.
    #[error("the gRPC server ended: {reason}")]
    Ended {
        /// What the library said.
        reason: String,
    },
}
