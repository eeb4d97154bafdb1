//! One route.

use core::time::Duration;
use std::path::PathBuf;

use portcullis_document::Span;
use portcullis_model::{HeaderName, Host, HostPattern};
use portcullis_policy::Policy;

use super::{Action, Located, To};

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
    /// What becomes of its requests: `redirect` before `response` before `to`, as in Pomerium; `None` only
    /// if the route is invalid.
    pub action: Option<Action>,
    /// Which paths it is for.
    pub matcher: PathMatcher,
    /// What the route id is made of besides.
    pub written: Written,
    /// Who may pass.
    pub policy: RoutePolicy,
    /// `show_error_details`: whether who is refused by the policy is told its reasons and
    /// [`advice`](Self::advice).
    pub show_error_details: bool,
    /// What the sub-policies say to whoever is refused; those that say nothing are not there.
    pub advice: Vec<Advice>,
    /// Whether the upstream gets identity headers, if the route says so.
    pub pass_identity_headers: Option<bool>,
    /// `set_request_headers`: what the upstream gets, each value a template as text; sorted by name.
    pub set_request_headers: Vec<(HeaderName, String)>,
    /// `remove_request_headers`: what the upstream does not get, each once, in the order written.
    pub remove_request_headers: Vec<HeaderName>,
    /// `set_response_headers`.
    pub set_response_headers: RouteResponseHeaders,
    /// `timeout`: the longest time for a whole answer; zero means no end. `None` if it is not set.
    pub timeout: Option<Duration>,
    /// `idle_timeout`: the longest time in which nothing is sent either way; zero means no end. `None` if it
    /// is not set.
    pub idle_timeout: Option<Duration>,
    /// Whether clients may go over to websockets.
    pub allow_websockets: bool,
    /// `description`: what the list of routes says of it.
    pub description: String,
    /// `logo_url`: its image in the list of routes, as written.
    pub logo_url: String,
    /// `depends_on`: hosts with their external ports where a login here signs in too.
    pub depends_on: Vec<(Host, u16)>,
    /// Files of options that are not implemented yet (`tls_client_cert_file` and its key). Like Pomerium
    /// we refuse what names a file that cannot be read.
    pub unused_files: Vec<Located<PathBuf>>,
    /// Options that only an Envoy of ours obeys, where they are set: beside another its own configuration
    /// takes their place.
    pub for_envoy: Vec<Located<&'static str>>,
    /// Why the route denies with `route_invalid`; `None` if it is good.
    pub invalid: Option<String>,
}

/// `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The host, or all that fit a text with stars.
    pub host: HostPattern,
    /// The port, if it is not the scheme's default; without it every port matches.
    pub port: Option<u16>,
    /// The text as written, which goes into the route id.
    pub raw: String,
}

/// What a route sets on responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteResponseHeaders {
    /// The global headers, and over them these; sorted by name. One with an empty value is not set, nor is
    /// the global one of that name.
    Inherit(Vec<(HeaderName, String)>),
    /// None at all, not even the global ones (`disable`).
    None,
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
    /// Paths, without the query, that this regular expression matches as a whole, as Envoy reads it (RE2).
    Regex(String),
}

/// Options as they are written, whether they have an effect or a stronger one takes their place: all of them
/// go into the route id, as in Pomerium. Texts are empty where nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// `prefix`.
    pub prefix: String,
    /// `path`.
    pub path: String,
    /// `regex`.
    pub regex: String,
    /// `to` where `redirect` or `response` takes its place; else empty.
    pub to: Vec<To>,
}

/// `explanation` and `remediation` of a sub-policy; either may be empty, not both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advice {
    /// Why somebody is not let in.
    pub explanation: String,
    /// What can be done about it.
    pub remediation: String,
}

/// Who may pass.
#[derive(Debug, Clone)]
pub enum RoutePolicy {
    /// The policy of the legacy fields and of `policy`, merged; it compiles.
    Valid(Policy),
    /// It could not be read: the route denies everybody.
    Invalid,
}
