//! What can be said of the values of `set_request_headers` before a request is there.

use portcullis_document::Span;

use crate::codes::TEMPLATE_REFERENCE;
use crate::report::Problem;
use crate::schema::excerpt;

/// What a value can refer to below `pomerium`.
const REFERENCES: [&str; 6] = [
    "access_token",
    "client_cert_fingerprint",
    "client_cert_san_dns",
    "client_cert_san_email",
    "id_token",
    "jwt",
];

/// A reference to nothing is not refused, since Pomerium does not either, but what it renders is empty:
/// `pa$$word` sends `pa$word`, and `pa$word` sends `pa`. What cannot be read as a reference is sent as it
/// stands, `${pomerium.jwt` for one.
pub(super) fn advice(text: &str, span: Span) -> Option<Problem> {
    let message = found(text).find_map(|found| match found {
        Found::Reference { names, .. } if is_known(&names) => None,
        Found::Reference { text, .. } => Some(format!(
            "`${}` refers to nothing and is left out of the value",
            excerpt(text)
        )),
        Found::Broken(text) => Some(format!(
            "`${}` cannot be read as a reference and is sent as it stands",
            excerpt(text)
        )),
    })?;
    Some(Problem::warning(TEMPLATE_REFERENCE, span, message).help("write `$$` for a dollar sign"))
}

fn is_known(names: &[&str]) -> bool {
    match names {
        ["pomerium", name] => REFERENCES.contains(name),
        ["pomerium", "request", "headers", _] => true,
        _ => false,
    }
}

/// What stands behind a single dollar sign.
#[derive(Debug, PartialEq, Eq)]
enum Found<'t> {
    /// The names of a reference, and its text.
    Reference { names: Vec<&'t str>, text: &'t str },
    /// The beginning of something that is none.
    Broken(&'t str),
}

fn found(text: &str) -> impl Iterator<Item = Found<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('$')?;
            if let Some(escaped) = after.strip_prefix('$') {
                rest = escaped;
                continue;
            }
            let braced = after.strip_prefix('{');
            let read = match braced {
                Some(inner) => {
                    spaced(inner).and_then(|(names, behind)| Some((names, behind.strip_prefix('}')?)))
                }
                None => dense(after),
            };
            if let Some((names, behind)) = read {
                let length = after.len().saturating_sub(behind.len());
                rest = behind;
                return Some(Found::Reference {
                    names,
                    text: after.get(..length).unwrap_or(after),
                });
            }
            rest = after;
            if braced.is_some() || identifier(after).is_some() {
                return Some(Found::Broken(after));
            }
        }
    })
}

/// `a.b.c`.
fn dense(text: &str) -> Option<(Vec<&str>, &str)> {
    let (first, mut rest) = identifier(text)?;
    let mut names = vec![first];
    while let Some(after) = rest.strip_prefix('.') {
        let (name, behind) = identifier(after)?;
        names.push(name);
        rest = behind;
    }
    Some((names, rest))
}

/// ` a . b [ "c" ] `.
fn spaced(text: &str) -> Option<(Vec<&str>, &str)> {
    let (first, rest) = identifier(blanks(text))?;
    let mut names = vec![first];
    let mut rest = blanks(rest);
    loop {
        if let Some(after) = rest.strip_prefix('.') {
            let (name, behind) = identifier(blanks(after))?;
            names.push(name);
            rest = blanks(behind);
        } else if let Some(after) = rest.strip_prefix('[') {
            let (name, behind) = string(blanks(after))?;
            names.push(name);
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

/// A string in quotes, its escapes left in it. Longer ones are the name of no header, and the bound keeps the
/// work in proportion to the text.
fn string(text: &str) -> Option<(&str, &str)> {
    const MAX: usize = 1_024;
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in inner.char_indices().take(MAX) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((inner.get(..at)?, inner.get(at..)?.strip_prefix('"')?)),
            _ => {}
        }
    }
    None
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use portcullis_document::Span;

    use super::{Found, advice, found};

    #[test]
    fn references_are_found_as_they_are_rendered() {
        let names = |text: &str| {
            found(text)
                .map(|found| match found {
                    Found::Reference { names, .. } => names.join("/"),
                    Found::Broken(text) => format!("broken {text}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(names("Bearer $pomerium.id_token"), ["pomerium/id_token"]);
        assert_eq!(
            names("${ pomerium . request . headers [\"X-A\"] }/$x.y-z!"),
            ["pomerium/request/headers/X-A", "x/y-z"]
        );
        assert_eq!(names("pa$$word costs $ 5$"), Vec::<String>::new());
        assert_eq!(names("$$$a$$"), ["a"]);
        assert_eq!(names("${open ${x[\"}\"]}"), ["broken {open ${x[\"}\"]}", "x/}"]);
        assert_eq!(names("${x[\"a\\\"b\"]}${}"), ["x/a\\\"b", "broken {}"]);
        assert_eq!(names("$pomerium.jwt."), ["broken pomerium.jwt."]);
    }

    #[test]
    fn what_will_not_be_filled_in_is_said() {
        let is_said = |text: &str| advice(text, Span::START).is_some();
        for good in [
            "plain",
            "$pomerium.jwt",
            "${pomerium[\"jwt\"]}",
            "$pomerium.request.headers.X-A",
            "a$$b",
        ] {
            assert!(!is_said(good), "{good}");
        }
        for bad in [
            "$foo.bar",
            "${pomerium.jwt[\"x\"]}",
            "${pomerium.request.headers}",
            "a ${pomerium.jwt",
            "$pomerium.jwt.",
        ] {
            assert!(is_said(bad), "{bad}");
        }
    }

    #[test]
    fn many_openings_are_all_found() {
        let text = "${a[\"".repeat(20_000);
        assert_eq!(found(&text).count(), 20_000);
    }
}
