//! A body that counts what passes through it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use super::GrpcCounts;

/// Bytes before each message: whether it is compressed, and its length.
const HEADER_BYTES: usize = 5;

/// Which way a body goes, seen from this process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    In,
    Out,
}

/// A gRPC body whose bytes and messages are counted as they pass.
#[derive(Debug)]
pub struct CountedBody {
    inner: tonic::body::Body,
    direction: Direction,
    counts: GrpcCounts,
    framing: Framing,
}

impl CountedBody {
    pub(super) fn new(inner: tonic::body::Body, direction: Direction, counts: &GrpcCounts) -> Self {
        Self { inner, direction, counts: counts.clone(), framing: Framing::default() }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let n_messages = self.framing.pass(data);
            self.counts.passed(self.direction, data.len() as u64, n_messages);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Where in the sequence of messages a body is. Parts of a body end anywhere.
#[derive(Debug, Default)]
struct Framing {
    /// The part of a header that has come.
    header: [u8; HEADER_BYTES],
    header_len: usize,
    /// Bytes of the present message that are to come.
    rest_bytes: usize,
}

impl Framing {
    /// Goes on by one part and returns how many headers were completed in it.
    fn pass(&mut self, mut part: &[u8]) -> u64 {
        let mut n_messages = 0;
        loop {
            let of_message = self.rest_bytes.min(part.len());
            part = &part[of_message..];
            self.rest_bytes -= of_message;
            if part.is_empty() {
                return n_messages;
            }
            let of_header = (HEADER_BYTES - self.header_len).min(part.len());
            let (taken, rest) = part.split_at(of_header);
            self.header[self.header_len..][..of_header].copy_from_slice(taken);
            self.header_len += of_header;
            part = rest;
            if self.header_len == HEADER_BYTES {
                let [_, length @ ..] = self.header;
                self.rest_bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.header_len = 0;
                n_messages += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_the_body_is_cut() {
        let mut body = Vec::new();
        for length in [0_u32, 1, 4, 300, 0, 7] {
            body.push(0);
            body.extend_from_slice(&length.to_be_bytes());
            body.extend(vec![0xff; length as usize]);
        }
        for part_bytes in 1..=body.len() {
            let mut framing = Framing::default();
            let n_messages: u64 = body.chunks(part_bytes).map(|part| framing.pass(part)).sum();
            assert_eq!(n_messages, 6, "parts of {part_bytes} bytes");
        }
    }
}
