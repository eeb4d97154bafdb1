//! Our cookies: their names, reading them from what the client sent, taking
//! them out of what the upstream gets, and the `Set-Cookie` values.

mod set;

pub use set::{Attributes, BINDING_MAX_AGE, CSRF_MAX_AGE, clear, set_binding, set_csrf, set_session};

/// The names of our cookies, all made from the configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The session cookie of a route host (`_pomerium`).
    pub session: String,
    /// The session cookie of the authenticate host (`_pomerium_authenticate`).
    pub authenticate: String,
    /// The browser cookie of the authenticate host (`_pomerium_csrf`).
    pub csrf: String,
    /// The browser cookie of a route host (`_pomerium_binding`).
    pub binding: String,
}

impl Names {
    /// The names for `cookie_name`.
    #[must_use]
    pub fn new(cookie_name: &str) -> Self {
        let [session, authenticate, csrf, binding] = portcullis_model::cookie_names(cookie_name);
        Self {
            session,
            authenticate,
            csrf,
            binding,
        }
    }

    /// All of them: what [`strip`] takes out.
    #[must_use]
    pub fn all(&self) -> [&str; 4] {
        let Self {
            session,
            authenticate,
            csrf,
            binding,
        } = self;
        [session, authenticate, csrf, binding]
    }
}

/// What a request has under one cookie name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// No such cookie.
    None,
    /// One value (or the same one several times).
    One(&'a str),
    /// Several different values, or one that is no text: somebody else, a
    /// sibling domain for instance, has set one. Neither is ours for certain;
    /// the answer is a new login that clears them.
    Ambiguous,
}

/// Reads a cookie from the values of all `cookie` header lines. Only `;`
/// separates cookies; names compare exactly.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Found<'a> {
    let mut found: Option<&[u8]> = None;
    for value in lines
        .into_iter()
        .flat_map(|line| pieces(line, b';'))
        .filter_map(|pair| {
            let (pair_name, value) = split(pair);
            value.filter(|_| pair_name == name.as_bytes())
        })
    {
        match found {
            Some(first) if first != value => return Found::Ambiguous,
            _ => found = Some(value),
        }
    }
    match found.map(core::str::from_utf8) {
        None => Found::None,
        Some(Ok(value)) => Found::One(value),
        Some(Err(_)) => Found::Ambiguous,
    }
}

/// Whether [`strip`] would take anything out.
pub fn has_any<'a>(lines: impl IntoIterator<Item = &'a [u8]>, names: &[&str]) -> bool {
    pairs(lines).any(|pair| is_of(pair.bytes, names))
}

/// What is left of the `cookie` header lines without the cookies of these
/// names, as one line; none when nothing is. What is not ours keeps its bytes.
///
/// A pair that is not UTF-8 is left out, since the result is text; use
/// [`strip_bytes`] to keep those too.
pub fn strip<'a>(lines: impl IntoIterator<Item = &'a [u8]>, names: &[&str]) -> Option<String> {
    let pairs = remaining(lines, names).filter(|pair| core::str::from_utf8(pair.bytes).is_ok());
    String::from_utf8(join(pairs)?).ok()
}

/// Like [`strip`], for where header values are bytes.
pub fn strip_bytes<'a>(lines: impl IntoIterator<Item = &'a [u8]>, names: &[&str]) -> Option<Vec<u8>> {
    join(remaining(lines, names))
}

struct Pair<'a> {
    bytes: &'a [u8],
    begins_line: bool,
}

fn remaining<'a, I>(lines: I, names: &[&str]) -> impl Iterator<Item = Pair<'a>>
where
    I: IntoIterator<Item = &'a [u8]>,
{
    pairs(lines).filter(|pair| !is_of(pair.bytes, names))
}

fn pairs<'a, I>(lines: I) -> impl Iterator<Item = Pair<'a>>
where
    I: IntoIterator<Item = &'a [u8]>,
{
    lines.into_iter().flat_map(|line| {
        let pairs = pieces(line, b';').enumerate();
        pairs.map(|(index, bytes)| Pair {
            bytes,
            begins_line: index == 0,
        })
    })
}

/// Whether a pair is a cookie of one of these names to whoever may read it. A name
/// without `=` is too: some parsers take it for a cookie. And some split at commas,
/// as whoever joined several lines to one may have done.
fn is_of(pair: &[u8], names: &[&str]) -> bool {
    pieces(pair, b',').any(|piece| {
        let name = split(piece).0;
        names.iter().any(|ours| ours.as_bytes() == name)
    })
}

fn join<'a>(pairs: impl Iterator<Item = Pair<'a>>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut anything = false;
    for (index, pair) in pairs.enumerate() {
        let Pair { bytes, begins_line } = pair;
        if index == 0 {
            // The blank that stood behind a cookie of ours.
            line.extend_from_slice(if begins_line {
                bytes
            } else {
                bytes.trim_ascii_start()
            });
        } else {
            line.extend_from_slice(if begins_line { b"; " } else { b";" });
            line.extend_from_slice(bytes);
        }
        anything |= !bytes.trim_ascii().is_empty();
    }
    anything.then_some(line)
}

/// What stands between the separators: like [`slice::split`], in long steps.
fn pieces(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    core::iter::from_fn(move || {
        let bytes = rest?;
        let cut = memchr::memchr(separator, bytes).and_then(|at| bytes.split_at_checked(at));
        rest = cut.and_then(|(_, after)| after.get(1..));
        Some(cut.map_or(bytes, |(piece, _)| piece))
    })
}

/// Name and value of a pair; no value without `=`.
fn split(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
        Some((name, value)) => (trim(name), value.get(1..).map(trim)),
        None => (trim(pair), None),
    }
}

/// Without blanks and control characters at either end: what any parser behind
/// us might skip.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b'\0'..=b' ' | 0x7f, rest @ ..] | [rest @ .., b'\0'..=b' ' | 0x7f] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
