//! Stage 1: a borrowed view of what Envoy asks.
//!
//! Everything here comes from the client but for the context extensions and the
//! source address. What cannot be read without doubt is an error (400), never an
//! absent value: a header that a rule looks at must not vanish by being odd.

use core::net::IpAddr;
use envoy_types::ext_authz::v3::pb::{Address, CheckRequest, HeaderValue};
use percent_encoding::percent_decode_str;
use portcullis_model::Host;
use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

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
    #[error("the path is invalid")]
    Path,
}

/// One request, as Envoy normalised it.
pub struct Request<'a> {
    /// The method, in the client's case.
    pub method: &'a str,
    /// The canonical host of `:authority`.
    pub host: Host,
    /// Path and query as they go upstream.
    pub target: &'a str,
    /// The decoded path without the query; empty for CONNECT.
    pub path: Cow<'a, str>,
    /// The query, without the `?`.
    pub query: Option<&'a str>,
    /// The client, after Envoy's trusted hops.
    pub source_ip: Option<IpAddr>,
    /// The headers that we read.
    pub headers: Headers<'a>,
    /// What the route says of itself.
    pub context: Context<'a>,
}

/// The context extensions that our own route configuration sets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// `internal`.
    pub internal: &'a str,
    /// `route_id`.
    pub route_id: &'a str,
    /// `terminal`.
    pub terminal: &'a str,
}

/// The headers that we read. Of those that a client may repeat every line is
/// kept, of the others the first.
#[derive(Default)]
pub struct Headers<'a> {
    /// `cookie`, a line each.
    pub cookie: Vec<&'a str>,
    /// Whether `cookie` may hold several lines joined by commas: Envoy's plain
    /// header map does that, the raw one does not.
    pub cookie_joined: bool,
    /// `authorization`.
    pub authorization: Vec<&'a str>,
    /// `accept`.
    pub accept: Vec<&'a str>,
    /// `x-requested-with`.
    pub requested_with: Vec<&'a str>,
    /// `upgrade`.
    pub upgrade: Vec<&'a str>,
    /// `content-type`.
    pub content_type: Option<&'a str>,
    /// `sec-fetch-mode`.
    pub sec_fetch_mode: Option<&'a str>,
    /// `user-agent`.
    pub user_agent: Option<&'a str>,
    /// `origin`.
    pub origin: Option<&'a str>,
    /// `access-control-request-method`.
    pub access_control_request_method: Option<&'a str>,
    /// `x-request-id`, which Envoy sets.
    pub request_id: Option<&'a str>,
    /// `x-pomerium-authorization`.
    pub pomerium_authorization: bool,
    /// The client's assertion, under the name that our listener gives it.
    pub in_assertion: Option<&'a str>,
    /// The client's `-for` assertion, under the name that our listener gives it.
    pub in_assertion_for: Option<&'a str>,
    /// Every name that arrived, for what must be removed.
    pub names: Vec<&'a str>,
    /// How many lines there are, and their bytes: Envoy bounds both.
    pub lines: usize,
    /// See [`lines`](Self::lines).
    pub bytes: usize,
}

/// Reads a check.
///
/// # Errors
///
/// [`IntakeError`]; answer 400.
pub fn read(check: &CheckRequest) -> Result<Request<'_>, IntakeError> {
    let attributes = check.attributes.as_ref().ok_or(IntakeError::NoHttpRequest)?;
    let http = attributes
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .filter(|http| !http.method.is_empty())
        .ok_or(IntakeError::NoHttpRequest)?;
    let raw = http.header_map.as_ref().map_or(&[][..], |map| &map.headers);
    let headers = match (raw.is_empty(), http.headers.is_empty()) {
        (false, false) => return Err(IntakeError::TwoHeaderForms),
        (false, true) => raw_headers(raw)?,
        (true, _) => joined_headers(&http.headers)?,
    };
    let host = host(&http.host)?;
    let (raw_path, query) = match http.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (http.path.as_str(), None),
    };
    let path = path(raw_path, http.method == "CONNECT")?;
    let extension = |name: &str| attributes.context_extensions.get(name).map_or("", String::as_str);
    let source = attributes.source.as_ref().and_then(|peer| peer.address.as_ref());
    Ok(Request {
        method: &http.method,
        host,
        target: &http.path,
        path,
        query,
        source_ip: source.and_then(|address| source_ip(address.address.as_ref()?)),
        headers,
        context: Context {
            internal: extension("internal"),
            route_id: extension("route_id"),
            terminal: extension("terminal"),
        },
    })
}

/// The host of an authority; its port, which Envoy has already matched, is
/// checked and dropped.
fn host(authority: &str) -> Result<Host, IntakeError> {
    let after_address = authority.rfind(']').unwrap_or_default();
    let name = match authority.get(after_address..).and_then(|rest| rest.find(':')) {
        None => authority,
        Some(colon) => {
            let (name, port) = authority.split_at(after_address + colon);
            let port = port.strip_prefix(':').unwrap_or_default();
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || port.parse::<u16>().is_ok_and(|port| port == 0) || port.parse::<u16>().is_err() {
                return Err(IntakeError::Host);
            }
            name
        }
    };
    Host::parse(name).map_err(|_| IntakeError::Host)
}

fn path(raw: &str, connect: bool) -> Result<Cow<'_, str>, IntakeError> {
    if raw.is_empty() && connect {
        return Ok(Cow::Borrowed(""));
    }
    if !raw.starts_with('/') || raw.contains('#') {
        return Err(IntakeError::Path);
    }
    // A `%` that begins no escape is no path that every server reads alike.
    let bytes = raw.as_bytes();
    let escapes_are_whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(bytes.get(at + 1..at + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes_are_whole {
        return Err(IntakeError::Path);
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| IntakeError::Path)?;
    if decoded.contains('\0') || is_ambiguous(raw, &decoded) {
        Err(IntakeError::Path)
    } else {
        Ok(decoded)
    }
}

/// Whether servers disagree about where the path leads. Our listener resolves or
/// refuses most of these before it asks; another Envoy may not, and an upstream
/// that decodes before it splits reads `/..%3b/` as its parent.
fn is_ambiguous(raw: &str, decoded: &str) -> bool {
    let doubtful_bytes = raw.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\');
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    // A separator that was escaped makes the decoded path longer in segments.
    let hidden_separator = decoded.contains('\\') || decoded.matches('/').count() != raw.matches('/').count();
    doubtful_bytes || raw.contains("//") || hidden_separator || decoded.split('/').any(is_dot)
}

/// Whether whoever asks reads HTML, told from a check that cannot be read as a
/// whole.
pub(super) fn reads_html(check: &CheckRequest) -> bool {
    let http = check
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.request.as_ref()?.http.as_ref());
    let Some(http) = http else { return false };
    let is_html = |name: &str, value: &[u8]| {
        name.eq_ignore_ascii_case("accept")
            && core::str::from_utf8(value).is_ok_and(|value| value.contains("text/html"))
    };
    let lines = http.header_map.iter().flat_map(|map| &map.headers);
    lines
        .map(|line| (line.key.as_str(), bytes_of(line)))
        .chain(
            http.headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes())),
        )
        .any(|(name, value)| is_html(name, value))
}

fn source_ip(address: &Address) -> Option<IpAddr> {
    match address {
        Address::SocketAddress(socket) => socket.address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical()),
        _ => None,
    }
}

/// `encode_raw_headers: true`: an entry a line, bytes as they came.
fn raw_headers(lines: &[HeaderValue]) -> Result<Headers<'_>, IntakeError> {
    let mut headers = Headers {
        names: Vec::with_capacity(lines.len()),
        ..Headers::default()
    };
    for line in lines {
        headers.take(&line.key, bytes_of(line))?;
    }
    Ok(headers)
}

fn bytes_of(line: &HeaderValue) -> &[u8] {
    if line.raw_value.is_empty() {
        line.value.as_bytes()
    } else {
        &line.raw_value
    }
}

/// The plain map: lines of one name joined by commas, other bytes replaced.
fn joined_headers(map: &HashMap<String, String>) -> Result<Headers<'_>, IntakeError> {
    let mut headers = Headers {
        cookie_joined: true,
        names: Vec::with_capacity(map.len()),
        ..Headers::default()
    };
    for (name, value) in map {
        headers.take(name, value.as_bytes())?;
    }
    Ok(headers)
}

impl<'a> Headers<'a> {
    fn take(&mut self, name: &'a str, value: &'a [u8]) -> Result<(), IntakeError> {
        self.lines += 1;
        self.bytes += name.len() + value.len();
        // Pseudo-headers are seen by their own fields.
        if name.starts_with(':') {
            return Ok(());
        }
        self.names.push(name);
        // Envoy sends lower case; anything else costs a copy.
        let lower: Cow<'_, str> = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        let text = || core::str::from_utf8(value).map_err(|_| IntakeError::HeaderNotText);
        match &*lower {
            "cookie" => self.cookie.push(text()?),
            "authorization" => self.authorization.push(text()?),
            "accept" => self.accept.push(text()?),
            "x-requested-with" => self.requested_with.push(text()?),
            "upgrade" => self.upgrade.push(text()?),
            "content-type" => first(&mut self.content_type, text()?),
            "sec-fetch-mode" => first(&mut self.sec_fetch_mode, text()?),
            "user-agent" => first(&mut self.user_agent, text()?),
            "origin" => first(&mut self.origin, text()?),
            "access-control-request-method" => first(&mut self.access_control_request_method, text()?),
            "x-request-id" => first(&mut self.request_id, text()?),
            "x-portcullis-in-jwt-assertion" => first(&mut self.in_assertion, text()?),
            "x-portcullis-in-jwt-assertion-for" => first(&mut self.in_assertion_for, text()?),
            "x-pomerium-authorization" => self.pomerium_authorization = true,
            _ => {}
        }
        Ok(())
    }
}

fn first<'a>(slot: &mut Option<&'a str>, value: &'a str) {
    if slot.is_none() {
        *slot = Some(value);
    }
}
