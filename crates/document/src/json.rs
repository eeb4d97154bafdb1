//! JSON text (RFC 8259) to a tree.

mod read;
#[cfg(test)]
mod tests;

use crate::error::JSON;
use crate::{Limits, Node, SyntaxError};

/// Reads a JSON text; `None` if there is nothing in it but white space. Strict: no comments, no trailing
/// commas, no lone surrogates, and no number that a 64-bit float cannot hold. A byte order mark at the
/// start is skipped, which RFC 8259 leaves open. As in the other formats a key stands once in an object
/// and no string holds U+0000.
///
/// # Errors
/// The first problem that makes the text unreadable or too costly; see [`crate::SYNTAX_CODES`].
pub fn parse_json(text: &str, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    JSON.check_bytes(text, limits)?;
    read::Reader::new(text.strip_prefix('\u{feff}').unwrap_or(text), limits).document()
}
