//! The connections of whoever asks for the public keys. Anybody may, from anywhere, so
//! none of them may hold what a check needs: memory, descriptors, time.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use futures::{Stream, StreamExt as _, stream};
use portcullis_proto::listener::Peer;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Weak};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

#[cfg(test)]
mod tests;

/// Connections that are open at one time. The oldest is given up for one more: clients
/// that only connect keep nobody out.
pub(super) const MAX_CONNECTIONS: usize = 64;
/// How long one has until the first request on it is there.
const FIRST_REQUEST: Duration = Duration::from_secs(5);

/// In the extensions of each request.
#[derive(Clone, Debug)]
pub(super) struct Asker(Arc<AtomicBool>);

impl Asker {
    /// Notes that there is a request on this connection.
    pub(super) fn has_asked(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One open connection.
pub(super) struct Connection<C> {
    io: C,
    asker: Asker,
    /// Over once there has been no request for too long.
    silent: Option<Pin<Box<time::Sleep>>>,
    /// Over once the connection must make room.
    given_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// `incoming`, of which only so many stay open.
pub(super) fn bounded<C>(
    incoming: impl Stream<Item = io::Result<C>> + Unpin,
) -> impl Stream<Item = io::Result<Connection<C>>> {
    let open = Open::default();
    stream::unfold((incoming, open), |(mut incoming, mut open)| async {
        let accepted = incoming.next().await?;
        let connection = accepted.map(|io| open.enter(io));
        Some((connection, (incoming, open)))
    })
}

/// Those that are open, the oldest first.
#[derive(Default)]
struct Open(VecDeque<(Weak<AtomicBool>, CancellationToken)>);

impl Open {
    fn enter<C>(&mut self, io: C) -> Connection<C> {
        let asker = Asker(Arc::default());
        let leave = CancellationToken::new();
        self.0.push_back((Arc::downgrade(&asker.0), leave.clone()));
        if self.0.len() > MAX_CONNECTIONS {
            // A connection, and every request on it, holds the flag.
            self.0.retain(|(flag, _)| flag.strong_count() > 0);
        }
        if self.0.len() > MAX_CONNECTIONS
            && let Some((_, oldest)) = self.0.pop_front()
        {
            oldest.cancel();
        }
        Connection {
            io,
            asker,
            silent: Some(Box::pin(time::sleep(FIRST_REQUEST))),
            given_up: Box::pin(leave.cancelled_owned()),
        }
    }
}

impl<C: Unpin> Connection<C> {
    fn io(self: Pin<&mut Self>) -> Pin<&mut C> {
        Pin::new(&mut self.get_mut().io)
    }

    /// An error once the connection has had its time. Whatever waits for the client asks.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.given_up.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.asker.0.load(Ordering::Relaxed) {
            self.silent = None;
        }
        let silent = self.silent.as_mut();
        if silent.is_some_and(|silent| silent.as_mut().poll(cx).is_ready()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn written<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            self.check(cx)?;
        }
        outcome
    }
}

impl<C: Connected<ConnectInfo = Peer>> Connected for Connection<C> {
    type ConnectInfo = Asker;

    fn connect_info(&self) -> Asker {
        self.asker.clone()
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Connection<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        self.io().poll_read(cx, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Connection<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = self.as_mut().io().poll_write(cx, bytes);
        self.written(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.as_mut().io().poll_write_vectored(cx, bytes);
        self.written(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.as_mut().io().poll_flush(cx);
        self.written(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.as_mut().io().poll_shutdown(cx);
        self.written(outcome, cx)
    }
}
