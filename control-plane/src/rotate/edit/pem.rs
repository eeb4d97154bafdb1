//! PEM blocks (RFC 7468) in a text that may hold more than them.

use core::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_config::pem_text;
use portcullis_model::Secrets;
use secrecy::zeroize::Zeroizing;

use super::{EditError, Edited, Text};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// The blocks that are signing keys.
const KEYS: [&str; 3] = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];

/// Edits a PEM text, also one that stands in base64, which it stays.
pub(super) fn edit(
    text: &str,
    by: impl FnOnce(&str) -> Result<Edited, EditError>,
) -> Result<Edited, EditError> {
    if text.contains(BEGIN) {
        return by(text);
    }
    let pem = Zeroizing::new(pem_text(text.trim()).map_err(|_| EditError::Unreadable)?);
    let Edited {
        text: edited,
        dropped,
    } = by(&pem)?;
    let mut wrapped = Text::new(STANDARD.encode(edited.as_bytes()));
    if text.ends_with('\n') {
        wrapped.push('\n');
    }
    Ok(Edited {
        text: wrapped,
        dropped,
    })
}

/// A signing key in a text.
struct Key {
    /// Its lines, with the end of the last one.
    lines: Range<usize>,
    /// What is in it, without white space.
    content: Zeroizing<String>,
}

/// The signing keys of a text in their order; at least one.
fn keys(text: &str) -> Result<Vec<Key>, EditError> {
    let mut keys = Vec::new();
    let mut at = 0_usize;
    let from = |at: usize| text.get(at..).unwrap_or_default();
    while let Some(found) = from(at).find(BEGIN) {
        let start = at.saturating_add(found);
        let after = start.saturating_add(BEGIN.len());
        let (label, rest) = from(after).split_once(DASHES).ok_or(EditError::Unreadable)?;
        let ending = format!("{END}{label}{DASHES}");
        let (body, rest) = rest.split_once(&ending).ok_or(EditError::Unreadable)?;
        let line_end = ["\r\n", "\n"].into_iter().find(|end| rest.starts_with(end));
        let end = text
            .len()
            .saturating_sub(rest.len())
            .saturating_add(line_end.map_or(0, str::len));
        if KEYS.contains(&label) {
            keys.push(Key {
                lines: start..end,
                content: Zeroizing::new(body.split_ascii_whitespace().collect()),
            });
        }
        at = end;
    }
    if keys.is_empty() {
        return Err(EditError::Unreadable);
    }
    Ok(keys)
}

/// The text without these keys, which are in their order.
fn without<'a>(text: &str, keys: impl IntoIterator<Item = &'a Key>) -> Text {
    let mut kept = Text::new(String::with_capacity(text.len()));
    let mut at = 0_usize;
    for key in keys {
        kept.push_str(text.get(at..key.lines.start).unwrap_or_default());
        at = key.lines.end;
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    kept
}

/// A block with the line ends of the text that it goes into.
fn fitting(text: &str, block: &str) -> Text {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut fitting = Text::new(String::with_capacity(block.len().saturating_mul(2)));
    for line in block.lines() {
        fitting.push_str(line);
        fitting.push_str(end);
    }
    fitting
}

fn joined(parts: &[&str]) -> Text {
    let mut text = Text::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.push_str(part);
    }
    text
}

/// How many of these keys differ from each other and from all `kept` ones.
fn lost(gone: &[Key], kept: &[Key]) -> usize {
    let mut lost: Vec<&str> = gone
        .iter()
        .filter(|key| kept.iter().all(|other| other.content != key.content))
        .map(|key| key.content.as_str())
        .collect();
    lost.sort_unstable();
    lost.dedup();
    lost.len()
}

/// How many different keys there are, also in base64.
pub(super) fn count(text: &str) -> Result<usize, EditError> {
    let pem = Zeroizing::new(pem_text(text.trim()).map_err(|_| EditError::Unreadable)?);
    Ok(lost(&keys(&pem)?, &[]))
}

pub(super) fn add_last(text: &str, new: &str) -> Result<Edited, EditError> {
    let keys = keys(text)?;
    let room = keys.len().min(Secrets::MAX.saturating_sub(1));
    let (kept, gone) = keys.split_at_checked(room).ok_or(EditError::Unreadable)?;
    let rest = without(text, gone);
    let new = fitting(text, new);
    let end = match () {
        () if rest.is_empty() || rest.ends_with('\n') => "",
        () if text.contains("\r\n") => "\r\n",
        () => "\n",
    };
    Ok(Edited {
        text: joined(&[&rest, end, &new]),
        dropped: lost(gone, kept),
    })
}

pub(super) fn to_front(text: &str, new: &str) -> Result<Edited, EditError> {
    let wanted = keys(new)?;
    let wanted = wanted.first().ok_or(EditError::Gone)?;
    let all = keys(text)?;
    let is_new = |key: &&Key| key.content == wanted.content;
    if !all.iter().any(|key| is_new(&key)) {
        return Err(EditError::Gone);
    }
    // Before everything else: what stands above a key speaks of that key.
    let rest = without(text, all.iter().filter(is_new));
    Ok(Edited {
        text: joined(&[&fitting(text, new), &rest]),
        dropped: 0,
    })
}

pub(super) fn keep_first(text: &str) -> Result<Edited, EditError> {
    let keys = keys(text)?;
    let (first, others) = keys.split_at_checked(1).ok_or(EditError::Unreadable)?;
    Ok(Edited {
        text: without(text, others),
        dropped: lost(others, first),
    })
}
