//! Paths and hosts that requests are sent, or clients are led, to.

use portcullis_document::Span;

use crate::codes::PATH_INVALID;
use crate::report::Problem;
use crate::value;

/// What is wrong with a path that replaces another. It may have a query. In a request line nothing else
/// than visible ASCII can stand, and a text without a slash in front would become a part of the host, or
/// another request target altogether.
pub(super) fn path(name: &str, text: &str, span: Span) -> Option<Problem> {
    problem(name, text, span, |b| b.is_ascii_graphic() && b != b'#')
}

/// The same for a path to which clients are led: it may have a fragment.
pub(super) fn location(name: &str, text: &str, span: Span) -> Option<Problem> {
    problem(name, text, span, |b| b.is_ascii_graphic())
}

fn problem(name: &str, text: &str, span: Span, fits: impl Fn(u8) -> bool) -> Option<Problem> {
    if !text.starts_with('/') {
        let message = format!("`{name}` takes a path, and that begins with a slash");
        return Some(Problem::error(PATH_INVALID, span, message));
    }
    (!text.bytes().all(fits)).then(|| {
        let message = format!("`{name}` has a character that cannot stand in a path");
        Problem::error(PATH_INVALID, span, message).help("percent-encode it")
    })
}

/// Whether this is a host, perhaps with a port.
pub(super) fn is_authority(text: &str) -> bool {
    !text.ends_with(':')
        && value::host_and_port(text).is_some_and(|(host, port)| host.is_some() && port != Some(0))
}
