//! Stage 1: a borrowed view of what Envoy asks.
//!
//! Everything here comes from the client but for the context extensions and the
//! source address. What cannot be read without doubt is an error (400), never an
//! absent value: a header that a rule looks at must not vanish by being odd.

mod headers;
mod target;

#[cfg(test)]
mod tests;

use super::message::Message;
use core::net::IpAddr;
use portcullis_model::Host;
use std::borrow::Cow;

pub use headers::{Headers, Lines, Values};
pub use target::Ambiguity;
pub(crate) use target::host;
use target::{are_whole, as_it_is, has_final_dot, path};

/// A request that cannot be decided on because it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// No attributes, no HTTP request, or no method.
    #[error("the check has no http request")]
    NoHttpRequest,
    /// Both forms of headers at once.
    #[error("the check has headers in two forms")]
    TwoHeaderForms,
    /// A header that we read has bytes that are no UTF-8.
    #[error("a header is not UTF-8")]
    HeaderNotText,
    /// The host is none.
    #[error("the host is invalid")]
    Host,
    /// The path is not absolute, has a fragment, its escapes are not UTF-8, or two
    /// servers could take it for different paths.
    #[error("the path is invalid: {0}")]
    Path(Ambiguity),
    /// The same of host or path where somebody else's Envoy asks, which normalises as it
    /// likes.
    #[error("the request can be read in two ways: {0}")]
    Ambiguous(Ambiguity),
}

impl IntakeError {
    /// What of host or path is odd, where it is that; for the log.
    #[must_use]
    pub const fn ambiguity(self) -> Option<Ambiguity> {
        match self {
            Self::Ambiguous(why) | Self::Path(why) => Some(why),
            Self::Host => Some(Ambiguity::Host),
            Self::NoHttpRequest | Self::TwoHeaderForms | Self::HeaderNotText => None,
        }
    }
}

/// One request, as Envoy normalised it.
pub struct Request<'a> {
    /// The method, in the client's case.
    pub method: &'a str,
    /// The canonical host of `:authority`.
    pub host: Host,
    /// Whether there was a dot behind it. Our own listener takes that away.
    pub has_final_dot: bool,
    /// Its port, if it names one.
    pub port: Option<u16>,
    /// `http` or `https`, as Envoy has it: of the connection, or of a proxy before it.
    pub scheme: &'static str,
    /// Path and query as they go upstream.
    pub target: &'a str,
    /// The decoded path without the query; empty for CONNECT.
    pub path: Cow<'a, str>,
    /// The query, without the `?`.
    pub query: Option<&'a str>,
    /// Who opened the connection to Envoy, whatever a header says; once it is known which
    /// proxies are to be believed, whom they speak for.
    pub source_ip: Option<IpAddr>,
    /// Whether all that a client sent is among the headers. A filter may be told to show
    /// some alone (`allowed_headers`), and then the others go on unseen.
    pub shows_all: bool,
    /// The headers that we read.
    pub headers: Headers<'a>,
    /// What the route says of itself.
    pub context: Context<'a>,
}

/// The context extensions that say which route a request is for; others are the
/// gateway's own affair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// `internal`, which our own route configuration sets always.
    pub internal: Option<&'a str>,
    /// `route_id`, of our own route configuration.
    pub route_id: Option<&'a str>,
    /// `terminal`, of our own route configuration.
    pub terminal: Option<&'a str>,
    /// `route`, the name of a route, which somebody else's configuration may set.
    pub route: Option<&'a str>,
}

impl Context<'_> {
    /// Whether nothing says that our own configuration wrote it.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.internal.is_none() && self.route_id.is_none() && self.terminal.is_none()
    }
}

/// Reads a check.
///
/// # Errors
///
/// [`IntakeError`]; answer 400.
pub fn read<'a>(message: &'a Message<'a>) -> Result<Request<'a>, IntakeError> {
    if !message.has_http || message.method.is_empty() {
        return Err(IntakeError::NoHttpRequest);
    }
    let (lines, joined) = match (message.lines.is_empty(), message.joined.is_empty()) {
        (false, false) => return Err(IntakeError::TwoHeaderForms),
        (false, true) => (&message.lines, false),
        (true, _) => (&message.joined, true),
    };
    let headers = Headers::read(Lines(lines), joined)?;
    let ambiguous = |ambiguity, ours| match message.context.is_foreign() {
        true => IntakeError::Ambiguous(ambiguity),
        false => ours,
    };
    // Our own listener takes the dot away, so that one which is left was the first of two.
    let dotted = !message.context.is_foreign() && has_final_dot(message.host);
    let (host, port) = host(message.host)
        .filter(|_| !dotted)
        .ok_or_else(|| ambiguous(Ambiguity::Host, IntakeError::Host))?;
    let (raw_path, query) = match message.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (message.path, None),
    };
    let path = as_it_is(raw_path, headers.all, joined, message.protocol)
        .and_then(|()| match query.is_some_and(|query| query.contains('#')) {
            true => Err(Ambiguity::Fragment),
            false => path(raw_path, message.method == "CONNECT"),
        })
        .map_err(|ambiguity| ambiguous(ambiguity, IntakeError::Path(ambiguity)))?;
    let source_ip = message.source.parse::<IpAddr>().ok();
    Ok(Request {
        method: message.method,
        host,
        has_final_dot: has_final_dot(message.host),
        port,
        scheme: if message.scheme.eq_ignore_ascii_case("http") {
            "http"
        } else {
            "https"
        },
        target: message.path,
        path,
        query,
        source_ip: source_ip.map(|ip| ip.to_canonical()),
        // Ours hides none.
        shows_all: !message.context.is_foreign() || are_whole(headers.all, message.method),
        headers,
        context: message.context,
    })
}

/// Whether whoever asks reads HTML, told from a check that cannot be read as a
/// whole.
pub(super) fn reads_html(message: &Message<'_>) -> bool {
    let is_html = |value: &[u8]| core::str::from_utf8(value).is_ok_and(|value| value.contains("text/html"));
    [Lines(&message.lines), Lines(&message.joined)]
        .into_iter()
        .flat_map(|lines| lines.of("accept"))
        .any(is_html)
}
