//! The calling end of a connection to a control plane.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;
use url::{Host, Url};

use crate::credential::{Key, Mint};
pub use crate::pem::PemError;
use crate::pem::{certificates, private_key, provider, roots};

#[cfg(test)]
mod tests;

/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// After so long without a word from the peer it is asked for a sign of life …
const KEEPALIVE: Duration = Duration::from_secs(10);
/// … for which it has this long. So a dead peer is noticed, also by a stream on
/// which nothing moves.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A channel whose calls carry the credential.
pub type Connection = InterceptedService<Channel, Mint>;

/// How to reach a control plane.
#[derive(Clone)]
pub struct ClientOptions {
    /// `https://host:port`, `http://host:port` or `unix:///path`.
    pub url: Url,
    /// PEM of the certificates that the server's must derive from; the
    /// machine's own roots where absent.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM of our certificate chain and of its private key, for mutual TLS.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Makes the token on each call.
    pub key: Option<Arc<Key>>,
    /// Whether `http://` may lead elsewhere than to this machine.
    pub plaintext: bool,
}

/// Why a control plane cannot be reached as asked; a matter of configuration.
/// One that is only away is no error here: the channel connects when it is used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Another scheme.
    #[error("the URL `{0}` begins with none of `https://`, `http://`, `unix:///`")]
    Scheme(Url),
    /// No host, or no socket path.
    #[error("the URL `{0}` names no host or no socket")]
    Host(Url),
    /// What a gRPC endpoint cannot have.
    #[error("the URL `{0}` has a path, a query, a fragment or user information")]
    Extra(Url),
    /// Secrets would travel in the clear.
    #[error("`{0}` would carry secrets unencrypted; use `https://`, or allow plaintext")]
    Plaintext(Url),
    /// A certificate or key is of no use.
    #[error("the client's TLS material: {0}")]
    Pem(#[from] PemError),
    /// The machine has no root certificates.
    #[error("there are no root certificates on this machine; name the CA's file")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where the URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Unix(PathBuf),
    Tcp { host: String, port: u16, tls: bool },
}

impl Target {
    fn of(url: &Url, plaintext: bool) -> Result<Self, ChannelError> {
        let has_extra = url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some();
        if has_extra {
            // Without what may be a password.
            let mut shown = url.clone();
            let _ = shown.set_password(None);
            return Err(ChannelError::Extra(shown));
        }
        if url.scheme() == "unix" {
            let path = percent_encoding::percent_decode_str(url.path()).decode_utf8();
            return match path {
                Ok(path) if path.len() > 1 && url.host_str().unwrap_or_default().is_empty() => {
                    Ok(Self::Unix(PathBuf::from(path.as_ref())))
                }
                _ => Err(ChannelError::Host(url.clone())),
            };
        }
        let (tls, default_port) = match url.scheme() {
            "https" => (true, 443),
            "http" => (false, 80),
            _ => return Err(ChannelError::Scheme(url.clone())),
        };
        if !matches!(url.path(), "" | "/") {
            return Err(ChannelError::Extra(url.clone()));
        }
        let (host, loopback) = match url.host() {
            Some(Host::Domain(name)) => (name.to_owned(), name.eq_ignore_ascii_case("localhost")),
            Some(Host::Ipv4(address)) => (address.to_string(), address.is_loopback()),
            Some(Host::Ipv6(address)) => (address.to_string(), address.is_loopback()),
            None => return Err(ChannelError::Host(url.clone())),
        };
        if !tls && !loopback && !plaintext {
            return Err(ChannelError::Plaintext(url.clone()));
        }
        Ok(Self::Tcp {
            host,
            port: url.port().unwrap_or(default_port),
            tls,
        })
    }

    /// What calls name as their authority.
    fn authority(&self) -> Result<Uri, http::Error> {
        let authority = match self {
            Self::Unix(_) => "control-plane.internal".to_owned(),
            Self::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        let scheme = match self {
            Self::Tcp { tls: true, .. } => "https",
            Self::Tcp { .. } | Self::Unix(_) => "http",
        };
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query("/")
            .build()
    }
}

/// A channel to the control plane. It connects when it is first used, and again
/// after a failure; must be called within a runtime.
///
/// # Errors
/// [`ChannelError`].
pub fn connect(options: &ClientOptions) -> Result<Connection, ChannelError> {
    let ClientOptions {
        url,
        ca_pem,
        identity,
        key,
        plaintext,
    } = options;
    let target = Target::of(url, *plaintext)?;
    let authority = target.authority().map_err(|_| ChannelError::Host(url.clone()))?;
    let endpoint = Endpoint::from(authority)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    let channel = match target {
        Target::Unix(path) => endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        })),
        Target::Tcp {
            host,
            port,
            tls: false,
        } => endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
            let host = host.clone();
            async move { tcp(&host, port).await.map(TokioIo::new) }
        })),
        Target::Tcp {
            host,
            port,
            tls: true,
        } => {
            let name = ServerName::try_from(host.clone()).map_err(|_| ChannelError::Host(url.clone()))?;
            let tls = TlsConnector::from(Arc::new(tls(ca_pem.as_deref(), identity.as_ref())?));
            endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
                let (host, name, tls) = (host.clone(), name.clone(), tls.clone());
                async move {
                    let stream = tls.connect(name, tcp(&host, port).await?).await?;
                    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                        return Err(std::io::Error::other("the server does not speak HTTP/2"));
                    }
                    Ok(TokioIo::new(stream))
                }
            }))
        }
    };
    Ok(InterceptedService::new(channel, Mint::new(key.clone())))
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn tls(ca_pem: Option<&[u8]>, identity: Option<&(Vec<u8>, Vec<u8>)>) -> Result<ClientConfig, ChannelError> {
    let roots = match ca_pem {
        Some(pem) => roots(pem)?,
        None => machine_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(|_| PemError::Mismatch)?,
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn machine_roots() -> Result<RootCertStore, ChannelError> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is left out, as everybody does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ChannelError::NoRoots);
    }
    Ok(roots)
}
