//! Which paths a route is for.

use super::text;
use crate::PathMatcher;
use crate::codes::{PATH_WITHOUT_SLASH, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::Fields;

/// `path` wins over `prefix`, as in Pomerium. Where it cannot be said which paths were meant (a regular
/// expression, which is an error by now), the route takes every path: it is invalid and denies them,
/// rather than leaving them to a later route that lets more people in.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, stray: Option<String>) -> PathMatcher {
    if fields
        .present("regex")
        .is_some_and(|field| field.node.as_str() != Some(""))
    {
        return PathMatcher::Any;
    }
    let (path, prefix) = (text(fields, "path"), text(fields, "prefix"));
    for (name, text) in [("path", &path), ("prefix", &prefix)] {
        if let (Some(text), Some(field)) = (text, fields.get(name))
            && !text.starts_with('/')
        {
            let message = format!("`{name}` does not begin with a slash and never matches");
            report.add(Problem::warning(PATH_WITHOUT_SLASH, field.node.span, message));
        }
    }
    match (path, prefix, stray) {
        (Some(path), prefix, _) => {
            if let (Some(_), Some(field)) = (prefix, fields.get("prefix")) {
                let message = "`prefix` is not used because `path` is set";
                report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
            }
            PathMatcher::Path(path)
        }
        (None, Some(prefix), _) => PathMatcher::Prefix(prefix),
        _ if ["path", "prefix"]
            .iter()
            .any(|name| fields.present(name).is_some() && fields.get(name).is_none()) =>
        {
            PathMatcher::Any
        }
        (None, None, Some(stray)) => PathMatcher::Prefix(stray),
        (None, None, None) => PathMatcher::Any,
    }
}
