//! One route.

use std::path::PathBuf;

use portcullis_document::Span;
use portcullis_model::Host;
use portcullis_policy::Policy;

use super::Located;
use crate::value::GoUrl;

/// One route. It is kept even if it is invalid, so that it denies where it would have matched.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its place in the list of routes, from 0; routes that were dropped count.
    pub index: usize,
    /// Where it stands.
    pub span: Span,
    /// `name`.
    pub name: Option<String>,
    /// Which hosts it is for.
    pub from: From,
    /// Where it leads; `None` only if the route is invalid.
    pub to: Option<To>,
    /// Which paths it is for.
    pub matcher: PathMatcher,
    /// Who may pass.
    pub policy: RoutePolicy,
    /// Whether the upstream gets identity headers, if the route says so.
    pub pass_identity_headers: Option<bool>,
    /// Files of options that are not implemented yet (`tls_client_cert_file` and its key). Like Pomerium
    /// we refuse what names a file that cannot be read.
    pub unused_files: Vec<Located<PathBuf>>,
    /// Why the route denies with `route_invalid`; `None` if it is good.
    pub invalid: Option<String>,
}

/// `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The host.
    pub host: Host,
    /// The port, if it is not the scheme's default; without it every port matches.
    pub port: Option<u16>,
    /// The text as written, which goes into the route id.
    pub raw: String,
}

/// `to`: one `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct To {
    /// The text as written, weight included.
    pub raw: String,
    /// Whether the upstream speaks TLS.
    pub tls: bool,
    /// The host, without brackets if it is an IPv6 address.
    pub host: String,
    /// The port; 80 or 443 if the URL has none.
    pub port: u16,
    /// The path as written; empty if there is none.
    pub path: String,
    /// The URL in the parts that go into the route id.
    pub url: GoUrl,
    /// The weight after the comma; 0 if there is none.
    pub weight: u32,
}

/// Which paths a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatcher {
    /// Every path.
    Any,
    /// Paths that begin with this text (`/admin` also matches `/administrator`, as in Pomerium).
    Prefix(String),
    /// This path alone.
    Path(String),
}

/// Who may pass.
#[derive(Debug, Clone)]
pub enum RoutePolicy {
    /// The policy of the legacy fields and of `policy`, merged; it compiles.
    Valid(Policy),
    /// It could not be read: the route denies everybody.
    Invalid,
}
