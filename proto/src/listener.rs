//! The answering end: one stream of connections from a TCP or Unix socket, with
//! TLS where asked, as tonic's servers take them.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::pem::{PemError, certificates, private_key, provider, roots};

#[cfg(test)]
mod tests;

/// How long a client has for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes under way at one time. The oldest is given up for one more: clients
/// that only connect keep nobody out.
const MAX_HANDSHAKES: usize = 256;
/// How long nothing is accepted after the machine had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server shows, and asks to see, in TLS.
#[derive(Clone)]
pub struct ServerTls {
    /// PEM of the certificate chain, our own first.
    pub chain_pem: Vec<u8>,
    /// PEM of its private key.
    pub key_pem: Vec<u8>,
    /// PEM of the certificates that a client's must derive from. Where given, no
    /// client without one gets in.
    pub client_ca_pem: Option<Vec<u8>>,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate or key is of no use.
    #[error("the server's TLS material: {0}")]
    Pem(#[from] PemError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificates of clients cannot be checked.
    #[error("the clients' certificates cannot be checked: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

impl ServerTls {
    /// Reads certificates and key. `protocols` are those of ALPN, the preferred first.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn config(&self, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsError> {
        let Self {
            chain_pem,
            key_pem,
            client_ca_pem,
        } = self;
        let builder =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let builder = match client_ca_pem {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pem)?), provider()).build()?,
            ),
        };
        let mut config = builder
            .with_single_cert(certificates(chain_pem)?, private_key(key_pem)?)
            .map_err(|_| PemError::Mismatch)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// Who is at the other end; found in the extensions of each request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<SocketAddr>,
    /// The user behind a Unix socket, if the system says so.
    pub uid: Option<u32>,
    /// Whether it showed a certificate, which TLS has then checked.
    pub certified: bool,
}

/// One accepted connection.
pub struct Accepted {
    io: Io,
    peer: Peer,
}

enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connections as they come. It never ends, and never yields an error: a client
/// that fails its handshake is that client's affair.
pub struct Incoming(Pin<Box<dyn Stream<Item = io::Result<Accepted>> + Send>>);

impl Incoming {
    /// Connections to a Unix socket.
    #[must_use]
    pub fn unix(listener: UnixListener) -> Self {
        Self(Box::pin(stream::unfold(listener, |listener| async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => return Some((Ok(Accepted::unix(stream)), listener)),
                    Err(error) => refused(&error).await,
                }
            }
        })))
    }

    /// Connections to a TCP socket, with TLS where there is a configuration.
    #[must_use]
    pub fn tcp(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> Self {
        let acceptor = tls.map(TlsAcceptor::from);
        let state = (listener, acceptor, Handshakes::default());
        Self(Box::pin(stream::unfold(
            state,
            |(listener, acceptor, mut handshakes)| async {
                loop {
                    tokio::select! {
                        Some(done) = handshakes.running.next(), if !handshakes.running.is_empty() => {
                            if let Ok(Some(accepted)) = done {
                                return Some((Ok(accepted), (listener, acceptor, handshakes)));
                            }
                        }
                        accepted = listener.accept() => match accepted {
                            Ok((stream, address)) => match &acceptor {
                                None => {
                                    let accepted = Accepted::tcp(stream, address);
                                    return Some((Ok(accepted), (listener, acceptor, handshakes)));
                                }
                                Some(acceptor) => handshakes.begin(acceptor.clone(), stream, address),
                            },
                            Err(error) => refused(&error).await,
                        },
                    }
                }
            },
        )))
    }
}

/// The handshakes under way.
#[derive(Default)]
struct Handshakes {
    running: FuturesUnordered<Abortable<BoxFuture<'static, Option<Accepted>>>>,
    /// To give them up, the oldest first; those that are over are among them.
    order: VecDeque<AbortHandle>,
}

impl Handshakes {
    fn begin(&mut self, acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) {
        let (handle, registration) = AbortHandle::new_pair();
        let handshake = handshake(acceptor, stream, address, handle.clone());
        self.running.push(Abortable::new(handshake.boxed(), registration));
        self.order.push_back(handle);
        if self.order.len() > MAX_HANDSHAKES {
            // One that is over has marked itself.
            self.order.retain(|handshake| !handshake.is_aborted());
        }
        if self.order.len() > MAX_HANDSHAKES
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    over: AbortHandle,
) -> Option<Accepted> {
    let _ = stream.set_nodelay(true);
    let accepted = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Accepted::tls(stream, address)),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(%address, "a TLS handshake took too long");
            None
        }
    };
    over.abort();
    accepted
}

/// Too many open files, or a client that was gone before it was accepted.
async fn refused(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(PAUSE).await;
}

impl Accepted {
    fn tcp(stream: TcpStream, address: SocketAddr) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            io: Io::Tcp(stream),
            peer: Peer {
                address: Some(address),
                uid: None,
                certified: false,
            },
        }
    }

    fn unix(stream: UnixStream) -> Self {
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        Self {
            io: Io::Unix(stream),
            peer: Peer {
                address: None,
                uid,
                certified: false,
            },
        }
    }

    fn tls(stream: TlsStream<TcpStream>, address: SocketAddr) -> Self {
        let certified = stream.get_ref().1.peer_certificates().is_some();
        Self {
            io: Io::Tls(Box::new(stream)),
            peer: Peer {
                address: Some(address),
                uid: None,
                certified,
            },
        }
    }

    fn io(self: Pin<&mut Self>) -> Pin<&mut dyn Both> {
        match &mut self.get_mut().io {
            Io::Tcp(io) => Pin::new(io as &mut dyn Both),
            Io::Unix(io) => Pin::new(io as &mut dyn Both),
            Io::Tls(io) => Pin::new(&mut **io as &mut dyn Both),
        }
    }
}

trait Both: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl Stream for Incoming {
    type Item = io::Result<Accepted>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Connected for Accepted {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Tcp(io) => io.is_write_vectored(),
            Io::Unix(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}
