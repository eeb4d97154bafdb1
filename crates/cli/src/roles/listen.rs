//! Where a role listens.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_config::GrpcAddress;
use portcullis_proto::listener::{Incoming, ServerTls, TlsError};
use rustls::ServerConfig;
use tokio::net::{TcpSocket, UnixListener, lookup_host};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenError {
    /// The address is taken, or not ours.
    #[error("cannot listen on `{address}` (`grpc_address`): {error}")]
    Bind { address: String, error: io::Error },
    /// What should be said in confidence would cross a network in clear text.
    #[error(
        "`grpc_address` `{0}` can be reached from other machines and has no TLS: give --tls-cert and --tls-key, or allow clear text by --plaintext"
    )]
    Plaintext(String),
    /// A certificate is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A bound address on which nobody is accepted yet.
pub(super) struct Bound {
    socket: Socket,
    tls: Option<Arc<ServerConfig>>,
    address: String,
}

enum Socket {
    Tcp(TcpSocket),
    Unix(PathBuf),
}

/// Connections as they come. A Unix socket's file goes when this is dropped.
pub(super) struct Listening {
    pub(super) incoming: Incoming,
    /// The owner of a Unix socket.
    pub(super) owner: Option<u32>,
    pub(super) file: Option<SocketFile>,
}

/// The file of a Unix socket of ours.
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have put its own in the place.
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Bound {
    /// Binds `address`, which nobody can reach yet. Without TLS only this machine
    /// may be able to, unless `plaintext` allows others. `protocols` are those of
    /// ALPN.
    pub(super) async fn new(
        address: &GrpcAddress,
        tls: Option<&ServerTls>,
        protocols: &[&[u8]],
        plaintext: bool,
    ) -> Result<Self, ListenError> {
        let shown = show(address);
        let (socket, tls, address) = match address {
            GrpcAddress::Unix(path) => (Socket::Unix(path.clone()), None, shown),
            GrpcAddress::Tcp { host, port } => {
                if tls.is_none() && !plaintext && !is_local(host.as_deref()) {
                    return Err(ListenError::Plaintext(shown));
                }
                let tls = tls.map(|tls| tls.config(protocols)).transpose()?;
                let bound = bind(host.as_deref(), *port).await;
                let named = bound.and_then(|socket| Ok((socket.local_addr()?, socket)));
                match named {
                    Ok((address, socket)) => (Socket::Tcp(socket), tls, address.to_string()),
                    Err(error) => {
                        let address = shown;
                        return Err(ListenError::Bind { address, error });
                    }
                }
            }
        };
        Ok(Self { socket, tls, address })
    }

    /// `IP:PORT`, or `unix:///path`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Accepts from now on. A Unix socket that nobody answers is replaced.
    pub(super) fn listen(self) -> Result<Listening, ListenError> {
        let Self { socket, tls, address } = self;
        let listening = match socket {
            Socket::Tcp(socket) => socket.listen(BACKLOG).map(|listener| Listening {
                incoming: Incoming::tcp(listener, tls),
                owner: None,
                file: None,
            }),
            Socket::Unix(path) => listen_on(path),
        };
        listening.map_err(|error| ListenError::Bind { address, error })
    }
}

/// As it is written in a configuration.
pub(crate) fn show(address: &GrpcAddress) -> String {
    match address {
        GrpcAddress::Unix(path) => format!("unix://{}", path.display()),
        GrpcAddress::Tcp { host, port } => match host.as_deref() {
            Some(host) if host.contains(':') => format!("[{host}]:{port}"),
            host => format!("{}:{port}", host.unwrap_or_default()),
        },
    }
}

/// Whether only this machine can reach it.
fn is_local(host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

async fn bind(host: Option<&str>, port: u16) -> io::Result<TcpSocket> {
    let Some(host) = host else {
        return match bind_one((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                // A machine without IPv6.
                bind_one((Ipv4Addr::UNSPECIFIED, port).into())
            }
            both => both,
        };
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match bind_one(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Connections of a predecessor that has just ended are no hindrance.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen_on(path: PathBuf) -> io::Result<Listening> {
    if is_left_over(&path) {
        fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let made = fs::symlink_metadata(&path)?;
    Ok(Listening {
        incoming: Incoming::unix(listener),
        owner: Some(made.uid()),
        file: Some(SocketFile {
            path,
            inode: made.ino(),
        }),
    })
}

/// Whether a socket stands there that nobody answers.
fn is_left_over(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests;
