//! What a configuration says, checked and with its defaults filled in.

mod action;
mod files;
mod global;
mod route;

use std::path::PathBuf;

use portcullis_document::Span;
use secrecy::SecretString;

use crate::Places;

pub use action::{Action, HostRewrite, Pem, Redirect, Respond, To, Upstream, UpstreamTls};
pub use files::{FileReference, UNREADABLE_FILE, file_references};
pub use global::{
    Address, Authenticate, Certificate, CertificateFiles, ClientCertificates, CookieOptions, Global,
    GrpcAddress, Idp, LogLevel, SameSite, ServiceUrl, Storage,
};
pub use route::{Advice, From, PathMatcher, Route, RoutePolicy, RouteResponseHeaders, Written};

/// A configuration that may take effect. Some of its routes may be invalid: those deny.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where its texts stand: the spans below lie in the file or in a variable over it.
    pub places: Places,
    /// The options outside routes.
    pub global: Global,
    /// The routes in the order in which they match: those of the legacy `policy` list, then `routes`.
    pub routes: Vec<Route>,
}

/// A value and where it stands, for whatever can be wrong with it only later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A secret, or the file that holds it. Where both are given, the file wins, as in Pomerium.
#[derive(Debug, Clone)]
pub enum Secret {
    /// The text as written, already checked in shape. Printed redacted.
    Inline(Located<SecretString>),
    /// A file; a relative path is resolved against the working directory, as in Pomerium.
    File(Located<PathBuf>),
}
