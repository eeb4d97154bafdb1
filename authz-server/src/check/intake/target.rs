//! Host and path, each in the one form that everybody reads alike.

use percent_encoding::percent_decode_str;
use portcullis_model::Host;
use std::borrow::Cow;

/// Why a request can be read in two ways, or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguity {
    /// The authority is no host, or one with something else than a port.
    #[error("odd_authority")]
    Host,
    /// The path does not begin with a slash.
    #[error("not_absolute")]
    NotAbsolute,
    /// The path has a fragment.
    #[error("fragment")]
    Fragment,
    /// A `%` begins no escape.
    #[error("bad_escape")]
    BadEscape,
    /// The decoded path is no UTF-8.
    #[error("not_utf8")]
    NotUtf8,
    /// The decoded path has a NUL.
    #[error("nul")]
    Nul,
    /// A byte that no path has as it is: white space, control characters, or beyond
    /// ASCII.
    #[error("odd_byte")]
    OddByte,
    /// A backslash, or an escaped slash or backslash.
    #[error("escaped_separator")]
    Separator,
    /// Two slashes side by side.
    #[error("empty_segment")]
    EmptySegment,
    /// A segment that is a dot or two, escaped or not.
    #[error("dot_segment")]
    DotSegment,
    /// A segment with parameters.
    #[error("path_parameters")]
    Parameters,
    /// As it is written the path meets another route than once it is decoded.
    #[error("two_routes")]
    TwoRoutes,
}

/// The host of an authority and its port, if it names one.
pub(super) fn host(authority: &str) -> Option<(Host, Option<u16>)> {
    let after_address = authority.rfind(']').unwrap_or_default();
    let (name, port) = match authority.get(after_address..).and_then(|rest| rest.find(':')) {
        None => (authority, None),
        Some(colon) => {
            let (name, port) = authority.split_at(after_address + colon);
            let port = port.strip_prefix(':').unwrap_or_default();
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (name, Some(port.parse().ok().filter(|port| *port != 0)?))
        }
    };
    Some((Host::parse(name).ok()?, port))
}

pub(super) fn path(raw: &str, connect: bool) -> Result<Cow<'_, str>, Ambiguity> {
    if raw.is_empty() && connect {
        return Ok(Cow::Borrowed(""));
    }
    if is_plain(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    long_path(raw)
}

pub(super) fn long_path(raw: &str) -> Result<Cow<'_, str>, Ambiguity> {
    if !raw.starts_with('/') {
        return Err(Ambiguity::NotAbsolute);
    }
    if raw.contains('#') {
        return Err(Ambiguity::Fragment);
    }
    // A `%` that begins no escape is no path that every server reads alike.
    let bytes = raw.as_bytes();
    let escapes_are_whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(bytes.get(at + 1..at + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes_are_whole {
        return Err(Ambiguity::BadEscape);
    }
    let decoded = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| Ambiguity::NotUtf8)?;
    match ambiguity(raw, &decoded) {
        Some(ambiguity) => Err(ambiguity),
        None => Ok(decoded),
    }
}

/// Whether a path is one that the long look would take as it is, told by one walk:
/// letters, digits and a few harmless marks, no segment empty or beginning with a
/// dot.
pub(super) fn is_plain(raw: &str) -> bool {
    let mut before = 0;
    let harmless = |byte: u8| {
        let fits = match byte {
            b'/' | b'.' => before != b'/',
            b'-' | b'_' | b'~' | b'=' | b'@' | b'+' | b',' | b':' => true,
            other => other.is_ascii_alphanumeric(),
        };
        before = byte;
        fits
    };
    raw.starts_with('/') && raw.bytes().all(harmless)
}

/// Whether servers disagree about where the path leads, and why. Our listener resolves
/// or refuses most of these before it asks; another Envoy may not, and an upstream
/// that decodes before it splits reads `/..%3b/` as its parent.
fn ambiguity(raw: &str, decoded: &str) -> Option<Ambiguity> {
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    // A separator that was escaped makes the decoded path longer in segments.
    let hidden_separator = decoded.contains('\\') || decoded.matches('/').count() != raw.matches('/').count();
    if decoded.contains('\0') {
        Some(Ambiguity::Nul)
    } else if hidden_separator {
        Some(Ambiguity::Separator)
    } else if raw.bytes().any(|byte| !byte.is_ascii_graphic()) {
        Some(Ambiguity::OddByte)
    } else if raw.contains("//") {
        Some(Ambiguity::EmptySegment)
    } else if decoded.split('/').any(is_dot) {
        Some(Ambiguity::DotSegment)
    } else {
        None
    }
}
