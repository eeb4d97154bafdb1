//! Which paths a route is for.

use portcullis_document::Span;

use super::text;
use crate::codes::{PATH_WITHOUT_SLASH, REGEX_INVALID, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::value::re2;
use crate::{PathMatcher, Written};

/// Which paths, and the options that say so as they are written.
///
/// `regex` wins over `path`, and that over `prefix`, as in Pomerium. Where it cannot be said which paths were
/// meant, the route takes every path: it is invalid and denies them, rather than leaving them to a later
/// route that lets more people in.
pub(super) fn read(
    report: &mut Report,
    fields: &Fields<'_>,
    stray: Option<String>,
) -> (PathMatcher, Written) {
    let options = ["regex", "path", "prefix"];
    let (regex, path, prefix) = (
        text(fields, "regex"),
        text(fields, "path"),
        text(fields, "prefix"),
    );
    for (name, text) in [("path", &path), ("prefix", &prefix)] {
        if let (Some(text), Some(field)) = (text, fields.get(name))
            && !text.starts_with('/')
        {
            let message = format!("`{name}` does not begin with a slash and never matches");
            report.add(Problem::warning(PATH_WITHOUT_SLASH, field.node.span, message));
        }
    }
    let set = [regex.is_some(), path.is_some(), prefix.is_some()];
    let mut set = options
        .iter()
        .zip(set)
        .filter_map(|(name, set)| set.then_some(*name));
    if let Some(winner) = set.next() {
        for field in set.filter_map(|loser| fields.get(loser)) {
            let message = format!("`{}` is not used because `{winner}` is set", field.name);
            report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
        }
    }
    let unreadable = |name: &str| fields.present(name).is_some() && fields.get(name).is_none();
    let written = Written {
        prefix: prefix.clone().unwrap_or_default(),
        path: path.clone().unwrap_or_default(),
        regex: regex.clone().unwrap_or_default(),
        to: Vec::new(),
    };
    let matcher = match (regex, path, prefix, stray) {
        (Some(pattern), ..) => regular(report, fields, pattern),
        _ if unreadable("regex") => return anywhere(),
        (None, Some(path), ..) => PathMatcher::Path(path),
        _ if unreadable("path") => return anywhere(),
        (None, None, Some(prefix), _) => PathMatcher::Prefix(prefix),
        _ if unreadable("prefix") => return anywhere(),
        (None, None, None, Some(stray)) => PathMatcher::Prefix(stray),
        (None, None, None, None) => PathMatcher::Any,
    };
    (matcher, written)
}

/// Nothing of it goes into the id either: equal ids must mean equal paths.
fn anywhere() -> (PathMatcher, Written) {
    (PathMatcher::Any, Written::default())
}

fn regular(report: &mut Report, fields: &Fields<'_>, pattern: String) -> PathMatcher {
    let span = fields.get("regex").map_or(Span::START, |field| field.node.span);
    match re2::check(&pattern) {
        Err(error) => {
            let message = format!("`regex` cannot be used: {error}");
            report.add(Problem::error(REGEX_INVALID, span, message));
            PathMatcher::Any
        }
        Ok(checked) => {
            if checked.first.is_some_and(|first| first != '/') {
                let message = "`regex` does not begin with a slash and never matches";
                report.add(Problem::warning(PATH_WITHOUT_SLASH, span, message));
            }
            PathMatcher::Regex(pattern)
        }
    }
}
