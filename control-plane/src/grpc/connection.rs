//! Connections that must say who they are.
//!
//! Until a call has been admitted on it a connection is a stranger's. It has some
//! seconds, and of strangers there are few: the one that waited longest makes
//! room for the next, so that nobody holds the door by standing in it. How many
//! are open in all is bounded too.
//!
//! A client that does not read cannot stay either, whoever it is: HTTP/2 does not
//! read on while it cannot write, so nothing else would ever notice.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use portcullis_proto::listener::{Accepted, Peer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, Sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

#[cfg(test)]
mod tests;

/// How many connections may be open.
const MAX_CONNECTIONS: usize = 1024;
/// How many of them may be strangers'.
const MAX_STRANGERS: usize = 256;
/// How long one has until a call on it is admitted.
const MAX_UNKNOWN: Duration = Duration::from_secs(10);
/// How long a client may leave what we write lying.
const MAX_STALL: Duration = Duration::from_secs(30);

/// Who is at the other end; in the extensions of each request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) peer: Peer,
    known: Arc<AtomicBool>,
}

impl Caller {
    /// Notes that a call on this connection was admitted.
    pub(super) fn admit(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }
}

/// One open connection.
pub(super) struct Connection<C = Accepted> {
    io: C,
    caller: Caller,
    /// Over once a stranger must go.
    stranger: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Runs while the client takes nothing of what we write.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// `incoming`, of which only so many are open; further ones wait unaccepted.
pub(super) fn bounded<C>(
    incoming: impl Stream<Item = io::Result<C>> + Unpin,
) -> impl Stream<Item = io::Result<Connection<C>>>
where
    C: Connected<ConnectInfo = Peer>,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let strangers = Strangers::default();
    futures::stream::unfold((incoming, strangers), move |(mut incoming, mut strangers)| {
        let places = Arc::clone(&places);
        async move {
            // Never closed.
            let place = places.acquire_owned().await.ok()?;
            let accepted = incoming.next().await?;
            let connection = accepted.map(|io| Connection::new(io, &mut strangers, place));
            Some((connection, (incoming, strangers)))
        }
    })
}

/// The connections that nobody has answered for yet, the oldest first.
#[derive(Default)]
struct Strangers(VecDeque<(Weak<AtomicBool>, CancellationToken)>);

impl Strangers {
    /// Enters one, in place of the oldest where there are too many. It must go
    /// when the token is cancelled.
    fn enter(&mut self, known: &Arc<AtomicBool>) -> CancellationToken {
        let leave = CancellationToken::new();
        self.0.push_back((Arc::downgrade(known), leave.clone()));
        if self.0.len() > MAX_STRANGERS {
            let is_stranger = |known: Arc<AtomicBool>| !known.load(Ordering::Relaxed);
            // Its connection, and every call on it, holds the flag.
            self.0
                .retain(|(known, _)| known.upgrade().is_some_and(is_stranger));
        }
        if self.0.len() > MAX_STRANGERS
            && let Some((_, oldest)) = self.0.pop_front()
        {
            oldest.cancel();
        }
        leave
    }
}

impl<C: Connected<ConnectInfo = Peer>> Connection<C> {
    fn new(io: C, strangers: &mut Strangers, place: OwnedSemaphorePermit) -> Self {
        let known = Arc::new(AtomicBool::new(false));
        let leave = strangers.enter(&known);
        let until_it_must_go = async move {
            let _ = time::timeout(MAX_UNKNOWN, leave.cancelled_owned()).await;
        };
        let peer = io.connect_info();
        Self {
            io,
            caller: Caller { peer, known },
            stranger: Some(Box::pin(until_it_must_go)),
            stalled: None,
            _place: place,
        }
    }
}

impl<C: Unpin> Connection<C> {
    fn io(self: Pin<&mut Self>) -> Pin<&mut C> {
        Pin::new(&mut self.get_mut().io)
    }

    /// An error once a stranger has had its time.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(stranger) = &mut self.stranger else {
            return Ok(());
        };
        if self.caller.is_known() {
            self.stranger = None;
        } else if stranger.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// The outcome of a write, or an error once none has got on for too long.
    fn written<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        self.check(cx)?;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(time::sleep(MAX_STALL)));
        stalled
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<C: Connected<ConnectInfo = Peer>> Connected for Connection<C> {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
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
