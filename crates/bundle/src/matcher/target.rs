//! Where a request goes, in the form that Envoy compares.

use percent_encoding::percent_decode_str;
use portcullis_model::Host;
use url::Url;

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
    /// Reads a URL such as `https://wiki.example.com/a?b=c`.
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
        let path = merged(read.path());
        let decoded = decode(&path).ok_or_else(|| TargetError::Path(url.to_owned()))?;
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

/// Slashes side by side are one (`merge_slashes`).
fn merged(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    merged
}

/// The decoded path; `None` where the listener, or the check after it, refuses it.
fn decode(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let escapes_are_whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(bytes.get(at + 1..at + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let hidden = decoded.contains(['\\', '\0']) || decoded.matches('/').count() != path.matches('/').count();
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    (escapes_are_whole && !hidden && !decoded.split('/').any(is_dot)).then(|| decoded.into_owned())
}
