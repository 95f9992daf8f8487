//! Connections as a server takes them: no more than it may hold, without delay, and ended on demand.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt, future};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};
use tracing::warn;

use super::GrpcCounts;
use crate::shutdown::ShutdownToken;

/// A connection, and its place among those that the server may hold.
pub(super) struct Connection {
    stream: TcpStream,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: OwnedSemaphorePermit,
}

/// Takes connections as long as there are places, and closes further ones at once: a peer that is
/// refused knows it, one that waits does not. All end when `cut` is cancelled.
pub(super) fn connections(
    listener: TcpListener,
    connections_max: usize,
    counts: GrpcCounts,
    cut: ShutdownToken,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(connections_max));
    // The server's own setting does not reach a listener that it was given.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    incoming.filter_map(move |stream| {
        let taken = stream.map(|stream| match places.clone().try_acquire_owned() {
            Ok(place) => {
                counts.connections_taken.increment();
                let cut = cut.clone();
                let cut = Box::pin(async move { _ = cut.cancelled().await });
                Some(Connection { stream, cut, _place: place })
            }
            Err(_) => {
                counts.connections_refused.increment();
                warn!(connections_max, "connection refused");
                None
            }
        });
        future::ready(taken.transpose())
    })
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(context).is_ready() {
            // The future is not to be polled again.
            self.cut = Box::pin(future::ready(()));
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_was_taken_sends_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (counts, cut) = (GrpcCounts::default(), ShutdownToken::new());
        let mut incoming = Box::pin(connections(listener, 1, counts, cut));

        let connection = incoming.next().await.unwrap().unwrap();

        // With Nagle's algorithm against delayed acknowledgements a call can take 40 ms.
        assert!(connection.stream.nodelay().unwrap());
    }
}
