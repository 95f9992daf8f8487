//! What crosses the wire of a process.

use super::counted::Direction;

crate::metrics! {
    /// Bytes and messages of all links and servers that share these numbers.
    pub struct GrpcCounts {
        /// Bytes of gRPC bodies received.
        bytes_in: Counter = "grpc_bytes_total"["direction" = "in"];
        /// Bytes of gRPC bodies sent.
        bytes_out: Counter = "grpc_bytes_total"["direction" = "out"];
        /// gRPC messages received.
        messages_in: Counter = "grpc_messages_total"["direction" = "in"];
        /// gRPC messages sent.
        messages_out: Counter = "grpc_messages_total"["direction" = "out"];
        /// gRPC connections taken.
        connections_taken: Counter = "grpc_connections_total"["outcome" = "taken"];
        /// gRPC connections closed at once because there were too many.
        connections_refused: Counter = "grpc_connections_total"["outcome" = "refused"];
    }
}

impl GrpcCounts {
    /// Counts a part of a body, and the messages that begin in it.
    pub(super) fn passed(&self, direction: Direction, n_bytes: u64, n_messages: u64) {
        let (bytes, messages) = match direction {
            Direction::In => (&self.bytes_in, &self.messages_in),
            Direction::Out => (&self.bytes_out, &self.messages_out),
        };
        bytes.add(n_bytes);
        if n_messages > 0 {
            messages.add(n_messages);
        }
    }
}
