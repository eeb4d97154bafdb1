//! Where a request goes, in the form that Envoy compares.

use super::path;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use portcullis_model::Host;
use url::Url;

/// What no request line has as it is, besides what is beyond ASCII.
const UNSENT: &AsciiSet = &CONTROLS.add(b' ');

/// Host, port and path of a request, normalised as our listener normalises them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host that is asked for.
    pub host: Host,
    /// The port that is asked for; `None` where it is the scheme's own.
    pub port: Option<u16>,
    path: String,
    decoded: String,
    query: Option<String>,
}

/// Why a URL cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It cannot be read at all.
    #[error("`{url}` is not a URL: {message}")]
    Url {
        /// As given.
        url: String,
        /// Why not.
        message: String,
    },
    /// Only `https` and `http` are asked for.
    #[error("`{0}` is neither https nor http")]
    Scheme(String),
    /// The host is no host name.
    #[error("`{0}` has no host that a request can be for")]
    Host(String),
    /// Requests with such paths are refused before any route is looked at (400).
    #[error("the path of `{0}` is refused before any route: it can be read in two ways")]
    Path(String),
}

impl Target {
    /// Reads a URL such as `https://wiki.example.com/a?b=c`. Its path is taken as it is
    /// written, but that clients send what no request line has (white space, control
    /// characters, letters beyond ASCII) as escapes.
    ///
    /// # Errors
    /// When it is none, or one that our listener refuses.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let read = Url::parse(url).map_err(|error| TargetError::Url {
            url: url.to_owned(),
            message: error.to_string(),
        })?;
        if !matches!(read.scheme(), "https" | "http") {
            return Err(TargetError::Scheme(url.to_owned()));
        }
        let host = read.host_str().map(Host::parse);
        let Some(Ok(host)) = host else {
            return Err(TargetError::Host(url.to_owned()));
        };
        let normal = path::normalized(&written_path(url));
        let read_alike = normal.and_then(|path| decode(&path).map(|decoded| (path, decoded)));
        let (path, decoded) = read_alike.ok_or_else(|| TargetError::Path(url.to_owned()))?;
        Ok(Self {
            host,
            port: read.port(),
            path,
            decoded,
            query: read.query().map(str::to_owned),
        })
    }

    /// The path that routes are compared with: percent-encoded, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path that policies look at: percent-decoded, without the query.
    #[must_use]
    pub fn decoded_path(&self) -> &str {
        &self.decoded
    }

    /// The query, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

/// The path as a client sends it that knows URLs: `Url` has resolved its dots already,
/// by rules that are not Envoy's.
fn written_path(url: &str) -> String {
    // All of this as `Url` reads it.
    let is_dropped = |c: char| matches!(c, '\t' | '\n' | '\r');
    let trimmed = url.trim_matches(|c: char| c <= ' ');
    let rest = trimmed.split_once(':').map_or("", |(_, rest)| rest);
    let authority = rest.trim_start_matches(|c: char| matches!(c, '/' | '\\') || is_dropped(c));
    let after = authority
        .find(['/', '\\', '?', '#'])
        .and_then(|at| authority.get(at..))
        .unwrap_or_default();
    let path = after.split(['?', '#']).next().unwrap_or_default();
    let path: String = path.chars().filter(|c| !is_dropped(*c)).collect();
    match path.as_str() {
        "" => "/".to_owned(),
        path => utf8_percent_encode(path, UNSENT).to_string(),
    }
}

/// The decoded path; `None` where the check after the listener refuses it.
fn decode(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let escapes_are_whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(bytes.get(at + 1..at + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let twice = path.contains("//");
    let hidden = decoded.contains(['\\', '\0']) || decoded.matches('/').count() != path.matches('/').count();
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    (escapes_are_whole && !twice && !hidden && !decoded.split('/').any(is_dot)).then(|| decoded.into_owned())
}
