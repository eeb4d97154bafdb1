//! Host and path, each in the one form that everybody reads alike.

use super::IntakeError;
use percent_encoding::percent_decode_str;
use portcullis_model::Host;
use std::borrow::Cow;

/// The host of an authority; its port, which Envoy has already matched, is
/// checked and dropped.
pub(super) fn host(authority: &str) -> Result<Host, IntakeError> {
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

pub(super) fn path(raw: &str, connect: bool) -> Result<Cow<'_, str>, IntakeError> {
    if raw.is_empty() && connect {
        return Ok(Cow::Borrowed(""));
    }
    if is_plain(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    long_path(raw)
}

pub(super) fn long_path(raw: &str) -> Result<Cow<'_, str>, IntakeError> {
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
