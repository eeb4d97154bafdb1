//! The options outside routes.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use portcullis_document::Span;
use portcullis_model::{HeaderName, Host, Pages, PathParameters};
use portcullis_policy::SanType;
use secrecy::SecretString;

use super::{Located, Pem, Secret};

/// The options outside routes, defaults filled in.
#[derive(Debug, Clone)]
pub struct Global {
    /// Where the main listener stands (`address`).
    pub address: Address,
    /// Whether the main listener speaks plain HTTP (`insecure_server`).
    pub insecure_server: bool,
    /// Certificates of the main listener; none means a self-signed one for every name.
    pub certificates: Vec<Certificate>,
    /// What certificates are asked of clients (`downstream_mtls`); `None` if no authority is set: none.
    pub client_certificates: Option<ClientCertificates>,
    /// Where people log in; `None` if it is not set, which in Pomerium means the hosted service.
    pub authenticate: Option<Authenticate>,
    /// The identity provider; `None` if there is none that works here.
    pub idp: Option<Idp>,
    /// `shared_secret`: each base64 of 32 bytes, or a file of one or several such; empty if it is not set.
    pub shared_secret: Vec<Secret>,
    /// `cookie_secret`: likewise.
    pub cookie_secret: Vec<Secret>,
    /// `signing_key`: PEM, or base64 of PEM, of one key or several.
    pub signing_key: Option<Secret>,
    /// The session cookie.
    pub cookie: CookieOptions,
    /// Header and the claim that fills it, sorted by header.
    pub jwt_claims_headers: Vec<(HeaderName, String)>,
    /// Which pages there are beside the routes, and how they look.
    pub pages: Pages,
    /// What becomes of paths with parameters (`path_parameters`), if that is said.
    pub path_parameters: Option<PathParameters>,
    /// How many proxies stand before Envoy and say in `X-Forwarded-For` whom they speak for
    /// (`xff_num_trusted_hops`).
    pub xff_num_trusted_hops: u32,
    /// Whether upstreams get identity headers where their route does not say.
    pub pass_identity_headers: bool,
    /// `set_response_headers`, sorted by name; what has an empty value is not set. `None` means Pomerium's own set, with
    /// `Strict-Transport-Security` only where a certificate is configured; empty means none.
    pub set_response_headers: Option<Vec<(HeaderName, String)>>,
    /// How long an upstream's whole answer may take where its route does not say; zero means no end.
    pub default_upstream_timeout: Duration,
    /// How long a client may take to send a whole request; zero means no end.
    pub timeout_read: Duration,
    /// How long a whole exchange may take at most; zero means no end.
    pub timeout_write: Duration,
    /// How long a client's connection may stay open without a request; zero means no end.
    pub timeout_idle: Duration,
    /// Where a control plane of its own serves; `None` if it is not set.
    pub grpc_address: Option<GrpcAddress>,
    /// Whether it serves without TLS, if that is said.
    pub grpc_insecure: Option<bool>,
    /// Where Envoy finds authz-servers that are processes of their own; empty if it is not set.
    pub authorize_service_urls: Vec<ServiceUrl>,
    /// Where sessions are kept.
    pub storage: Storage,
    /// What is logged.
    pub log_level: LogLevel,
    /// Where health and metrics are served.
    pub health_check_addr: SocketAddr,
}

/// A host and a port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host; `None` means every address of the machine.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}

/// Where a gRPC server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrpcAddress {
    /// A TCP port.
    Tcp {
        /// The IP address or `localhost`; `None` means every address of the machine.
        host: Option<String>,
        /// The port.
        port: u16,
    },
    /// A Unix socket, written `unix:///path`.
    Unix(PathBuf),
}

/// A service of ours in another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl {
    /// Whether it speaks TLS (`https`).
    pub tls: bool,
    /// The host, without brackets if it is an IPv6 address.
    pub host: String,
    /// The port; 80 or 443 if the URL has none.
    pub port: u16,
    /// Where it is written.
    pub span: Span,
}

/// A certificate of the main listener.
#[derive(Debug, Clone)]
pub enum Certificate {
    /// In files.
    Files(CertificateFiles),
    /// `certificate` and `certificate_key`, here decoded; their shape is checked.
    Inline {
        /// The chain in PEM, leaf first.
        chain: Located<Vec<u8>>,
        /// The private key in PEM.
        key: Located<SecretString>,
    },
}

/// What certificates are asked of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities that sign them (`ca`, `ca_file`).
    pub authorities: Pem,
    /// Which were revoked (`crl`, `crl_file`).
    pub revoked: Option<Pem>,
    /// Whether every route refuses requests without a valid one (`enforcement`), which else is left to
    /// its policy.
    pub default_deny: bool,
    /// How many certificates there may be above one; 0 is no limit.
    pub max_verify_depth: u32,
    /// Names of which one must have one, by expressions for the whole of it; none: any will do.
    pub names: Vec<(SanType, String)>,
}

/// A certificate chain and its private key, both PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub cert: Located<PathBuf>,
    /// The private key.
    pub key: Located<PathBuf>,
    /// Whether the pair stands in `certificates` rather than in `certificate_file` and its key.
    pub listed: bool,
}

impl CertificateFiles {
    /// The option that names the chain.
    #[must_use]
    pub fn cert_key(&self) -> &'static str {
        if self.listed {
            "certificates.cert"
        } else {
            "certificate_file"
        }
    }

    /// The option that names the key.
    #[must_use]
    pub fn key_key(&self) -> &'static str {
        if self.listed {
            "certificates.key"
        } else {
            "certificate_key_file"
        }
    }
}

/// Where people log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authenticate {
    /// A host of our own.
    Own {
        /// The host.
        host: Host,
        /// The port that browsers use; 443 if the URL has none.
        port: u16,
        /// The URL as written.
        url: String,
    },
    /// Pomerium's hosted service, which Portcullis does not log in with.
    Hosted {
        /// The URL as written.
        url: String,
    },
}

/// An identity provider whose settings are complete.
#[derive(Debug, Clone)]
pub struct Idp {
    /// `oidc`.
    pub provider: String,
    /// The issuer.
    pub url: String,
    /// The client id.
    pub client_id: String,
    /// The client secret; a public client has none.
    pub client_secret: Option<Secret>,
    /// The scopes to ask for; empty means the provider's defaults.
    pub scopes: Vec<String>,
}

/// The session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieOptions {
    /// Its name.
    pub name: String,
    /// How long a session lives from login.
    pub expire: Duration,
    /// The domain for whose hosts it is; `None` means the host alone that set it.
    pub domain: Option<String>,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Which requests from other sites carry it.
    pub same_site: SameSite,
}

/// Which requests from other sites carry a cookie (RFC 6265bis, `SameSite`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Nothing is said, which browsers take for `Lax` or nearly so.
    #[default]
    Unset,
    /// Navigations by GET.
    Lax,
    /// None.
    Strict,
    /// All.
    None,
}

/// Where sessions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory: a restart signs everybody out.
    Memory,
    /// In one file on disk.
    File(PathBuf),
}

/// What is logged: this level and all above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `trace`.
    Trace,
    /// `debug`.
    Debug,
    /// `info`.
    Info,
    /// `warn` or `warning`.
    Warn,
    /// `error`, `critical`, `fatal` or `panic`.
    Error,
    /// `off`, `none` or `disabled`.
    Off,
}
