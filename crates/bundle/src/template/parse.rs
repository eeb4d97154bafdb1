//! The grammar.

use super::{Piece, Reference};
use std::borrow::Cow;

/// Longest string in brackets, in bytes. No header has a longer name, and it keeps the work in proportion
/// to the text: a reference that is none is read again from behind its `$`.
const MAX_STRING: usize = 1024;

/// The pieces of a text.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        let Some((found, behind)) = dollar(after) else {
            plain.push('$');
            rest = after;
            continue;
        };
        match found {
            Found::Dollar => plain.push('$'),
            Found::Unknown => {}
            Found::Known(reference) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(core::mem::take(&mut plain)));
                }
                pieces.push(Piece::Reference(reference));
            }
        }
        rest = behind;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

enum Found {
    Dollar,
    Known(Reference),
    Unknown,
}

/// What stands behind a dollar sign, and the text behind that; `None` if the sign is an ordinary one.
fn dollar(text: &str) -> Option<(Found, &str)> {
    if let Some(rest) = text.strip_prefix('$') {
        return Some((Found::Dollar, rest));
    }
    let (names, rest) = match text.strip_prefix('{') {
        Some(inner) => {
            let (names, rest) = spaced(inner)?;
            (names, rest.strip_prefix('}')?)
        }
        None => dense(text)?,
    };
    Some((Reference::of(&names).map_or(Found::Unknown, Found::Known), rest))
}

type Names<'a> = Vec<Cow<'a, str>>;

/// `a.b.c`.
fn dense(text: &str) -> Option<(Names<'_>, &str)> {
    let (first, mut rest) = identifier(text)?;
    let mut names = vec![Cow::Borrowed(first)];
    while let Some(after) = rest.strip_prefix('.') {
        let (name, behind) = identifier(after)?;
        names.push(Cow::Borrowed(name));
        rest = behind;
    }
    Some((names, rest))
}

/// ` a . b [ "c" ] `.
fn spaced(text: &str) -> Option<(Names<'_>, &str)> {
    let (first, rest) = identifier(blanks(text))?;
    let mut names = vec![Cow::Borrowed(first)];
    let mut rest = blanks(rest);
    loop {
        if let Some(after) = rest.strip_prefix('.') {
            let (name, behind) = identifier(blanks(after))?;
            names.push(Cow::Borrowed(name));
            rest = blanks(behind);
        } else if let Some(after) = rest.strip_prefix('[') {
            let (name, behind) = string(blanks(after))?;
            names.push(Cow::Owned(name));
            rest = blanks(blanks(behind).strip_prefix(']')?);
        } else {
            return Some((names, rest));
        }
    }
}

fn identifier(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
}

fn string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    while value.len() <= MAX_STRING {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
    None
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
