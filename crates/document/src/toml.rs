//! TOML text to a tree. Nothing else in the workspace sees the crates `toml` and `toml_parser`.

mod budget;
mod build;
#[cfg(test)]
mod tests;

use toml::de::{DeTable, Error};

use crate::error::TOML;
use crate::lines::Lines;
use crate::{Limits, Node, SyntaxError};

/// Reads a TOML text; `None` if no key is set in it. A table stands where its header, its brace or, if it
/// is only implied (by `[a.b]` or `a.b = 1`), its key stands; an array of tables where its first header
/// does. Of a table that is implied first the header counts. Dates and times are [`Kind::Timestamp`].
/// A byte order mark at the start is skipped.
///
/// The budget of nodes counts what is written: each key of a dotted one, each value, each bracket.
///
/// # Errors
/// The first problem that makes the text unreadable or too costly; see [`crate::SYNTAX_CODES`].
///
/// [`Kind::Timestamp`]: crate::Kind::Timestamp
pub fn parse_toml(text: &str, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    TOML.check_bytes(text, limits)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text);
    // First, for the reader below builds its whole tree before anybody can count.
    budget::check(text, &lines, limits)?;
    let table = DeTable::parse(text).map_err(|error| {
        let earlier = earlier_error(&error, text);
        syntax_error(earlier.as_ref().unwrap_or(&error), text, &lines)
    })?;
    if table.get_ref().is_empty() {
        return Ok(None);
    }
    build::root(table.into_inner(), text, &lines, limits).map(Some)
}

/// The reader looks at how a text is put together before it looks into its strings and numbers, so that of
/// a string that does not end it first sees what seems to follow. What is wrong before the line of `error`
/// is the real mistake.
fn earlier_error(error: &Error, text: &str) -> Option<Error> {
    let before = text.get(..error.span()?.start)?;
    let before = before.get(..before.rfind('\n')?.saturating_add(1))?;
    let earlier = DeTable::parse(before).err()?;
    // At its end, and of what stands open there, it speaks of the cut.
    let real = earlier.span().is_some_and(|span| span.start < before.len());
    (real && !earlier.message().starts_with("unclosed")).then_some(earlier)
}

fn syntax_error(error: &Error, text: &str, lines: &Lines<'_>) -> SyntaxError {
    let range = error.span().unwrap_or(text.len()..text.len());
    let span = lines.span(range.start);
    match error.message() {
        "duplicate key" => TOML.twice(span, text.get(range).unwrap_or_default(), None),
        // The reader's own limit, where ours are higher.
        message if message.contains("recurs") => SyntaxError::new(span, TOML.too_deep, message),
        message => SyntaxError::new(span, TOML.syntax, message),
    }
}
