//! Host and path, each in the one form that everybody reads alike.

use super::Lines;
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
    /// With another port in its authority the request meets another route. A client
    /// writes there what it likes, and an Envoy chooses by the listener or not at all.
    #[error("two_ports")]
    TwoPorts,
    /// A `!` that Envoy may have put in the place of a byte that is no text, which is what
    /// goes upstream: without `encode_raw_headers` nobody can tell.
    #[error("replaced_byte")]
    ReplacedByte,
}

/// The host of an authority and its port, if it names one. A port has one spelling:
/// Envoy compares its text, so that `0443` is another to it than `443`.
pub(crate) fn host(authority: &str) -> Option<(Host, Option<u16>)> {
    let after_address = authority.rfind(']').unwrap_or_default();
    let (name, port) = match authority.get(after_address..).and_then(|rest| rest.find(':')) {
        None => (authority, None),
        Some(colon) => {
            let (name, port) = authority.split_at_checked(after_address + colon)?;
            let port = port.strip_prefix(':').unwrap_or_default();
            // Neither empty nor signed, not 0, and no zero before it.
            if !matches!(port.as_bytes(), [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit)) {
                return None;
            }
            (name, Some(port.parse().ok()?))
        }
    };
    Some((Host::parse(name).ok()?, port))
}

/// Whether the host of an authority ends in a dot, before its port.
pub(super) fn has_final_dot(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, _)) => name,
        None => authority,
    };
    name.ends_with('.')
}

/// Whether Envoy writes the path as it is. A byte that is no UTF-8 is a `!` in the check:
/// then the raw line of `:path` says so, where headers come raw, and nothing elsewhere. Over
/// HTTP/1 Envoy takes no such byte.
pub(super) fn as_it_is(path: &str, lines: Lines<'_>, joined: bool, protocol: &str) -> Result<(), Ambiguity> {
    if !path.contains('!') || protocol.starts_with("HTTP/1.") {
        return Ok(());
    }
    if joined {
        return Err(Ambiguity::ReplacedByte);
    }
    let mut raw = lines.of(":path");
    let first = raw.next();
    // Without any line nobody can tell.
    match first.into_iter().chain(raw).all(is_text) && first.is_some() {
        true => Ok(()),
        false => Err(Ambiguity::OddByte),
    }
}

fn is_text(line: &[u8]) -> bool {
    core::str::from_utf8(line).is_ok()
}

/// Whether the lines are all that Envoy has: those of every request are among them. A
/// `CONNECT` has no path.
pub(super) fn are_whole(lines: Lines<'_>, method: &str) -> bool {
    let (mut authority, mut verb, mut path) = (false, false, method == "CONNECT");
    for (name, _) in lines.iter().filter(|(name, _)| name.starts_with(':')) {
        match name {
            ":authority" => authority = true,
            ":method" => verb = true,
            ":path" => path = true,
            _ => {}
        }
    }
    authority && verb && path
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
