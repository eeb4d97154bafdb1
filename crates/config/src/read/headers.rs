//! Headers that are set and removed.

use std::collections::{BTreeMap, HashSet};

use portcullis_document::{Entry, Scalar, Span, Value};
use portcullis_model::HeaderName;

use super::template;
use crate::RouteResponseHeaders;
use crate::codes::{DUPLICATE_KEY, HEADER_RESERVED, HEADER_SUBSTITUTION, NO_EFFECT, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::{Fields, folded};
use crate::value;

/// Name and value, sorted by name.
type Headers = Vec<(HeaderName, String)>;

/// `jwt_claims_headers`: header and claim. A list of claims, or a text with claims between commas or spaces,
/// names the headers after the claims.
pub(super) fn claims(report: &mut Report, fields: &Fields<'_>) -> Headers {
    let Some(field) = fields.get("jwt_claims_headers") else {
        return Vec::new();
    };
    if let Value::Map(entries) = &field.node.value {
        return map(report, entries.iter().filter(|entry| !entry.value.is_null()));
    }
    let mut headers = BTreeMap::new();
    for (claims, _) in value::strings(field.node).unwrap_or_default() {
        for claim in claims.split_whitespace() {
            if let Ok(name) = HeaderName::parse(&format!("x-pomerium-claim-{claim}")) {
                headers.insert(name, claim.to_owned());
            }
        }
    }
    headers.into_iter().collect()
}

/// `set_request_headers`. A header that a claim fills is not for a route to set: the upstream could not tell
/// whose word it is.
pub(super) fn request(report: &mut Report, fields: &Fields<'_>, claims: &[(HeaderName, String)]) -> Headers {
    let entries = entries(fields, "set_request_headers");
    for entry in entries {
        let name = HeaderName::parse(&entry.key).map(|name| folded(&name));
        if name.is_ok_and(|name| claims.iter().any(|(claim, _)| folded(claim) == name)) {
            let message = format!("the header `{}` is filled by `jwt_claims_headers`", entry.key);
            report.add(Problem::error(HEADER_RESERVED, entry.key_span, message));
        }
        let text = entry.value.as_scalar().and_then(value::text).unwrap_or_default();
        report.extend(template::advice(&text, entry.value.span));
    }
    map(report, entries)
}

/// `remove_request_headers`: each name once. Removal comes after what is set, so it wins, as in Pomerium.
pub(super) fn removed(
    report: &mut Report,
    fields: &Fields<'_>,
    set: &[(HeaderName, String)],
) -> Vec<HeaderName> {
    let Some(field) = fields.get("remove_request_headers") else {
        return Vec::new();
    };
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for (text, span) in value::strings(field.node).unwrap_or_default() {
        let Ok(name) = HeaderName::parse(&text) else {
            continue;
        };
        if set.binary_search_by(|(header, _)| header.cmp(&name)).is_ok() {
            let message = format!("the header `{name}` is removed, although `set_request_headers` sets it");
            report.add(Problem::warning(SHADOWED_KEY, span, message));
        }
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

/// The global `set_response_headers`; `None` if it is not set.
pub(super) fn response(report: &mut Report, fields: &Fields<'_>) -> Option<Headers> {
    fields.get("set_response_headers")?;
    Some(match set_on_responses(report, fields) {
        RouteResponseHeaders::Inherit(headers) => headers,
        RouteResponseHeaders::None => Vec::new(),
    })
}

/// Those of a route.
pub(super) fn set_on_responses(report: &mut Report, fields: &Fields<'_>) -> RouteResponseHeaders {
    let entries = entries(fields, "set_response_headers");
    let (disable, others): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .partition(|entry| entry.key.eq_ignore_ascii_case("disable"));
    let Some(disable) = disable.first() else {
        for entry in &others {
            report.extend(substitution(entry));
        }
        return RouteResponseHeaders::Inherit(map(report, others));
    };
    if disable.value.as_scalar().and_then(value::boolean) == Some(false) {
        let message = "`disable` clears the headers whatever its value, as in Pomerium";
        report.add(Problem::warning(NO_EFFECT, disable.value.span, message));
    }
    if let Some(other) = others.first() {
        let message = format!("`{}` is not used because `disable` clears all headers", other.key);
        report.add(Problem::warning(SHADOWED_KEY, other.key_span, message));
    }
    RouteResponseHeaders::None
}

fn entries<'d>(fields: &Fields<'d>, name: &str) -> &'d [Entry] {
    fields
        .get(name)
        .and_then(|field| field.node.as_map())
        .unwrap_or_default()
}

fn map<'d>(report: &mut Report, entries: impl IntoIterator<Item = &'d Entry>) -> Headers {
    let mut headers = BTreeMap::new();
    for entry in entries {
        let Ok(name) = HeaderName::parse(&entry.key) else {
            continue;
        };
        let text = entry.value.as_scalar().and_then(value::text).unwrap_or_default();
        if headers.insert(name, text).is_some() {
            let message = format!("the header `{}` is given twice, in different case", entry.key);
            report.add(Problem::error(DUPLICATE_KEY, entry.key_span, message));
        }
    }
    headers.into_iter().collect()
}

/// Pomerium hands these values to Envoy, which fills in what stands between two `%`.
fn substitution(entry: &Entry) -> Option<Problem> {
    let text = entry
        .value
        .as_scalar()
        .map(|scalar: &Scalar| scalar.text.as_str())?;
    let looks_like_one = text.split('%').skip(1).step_by(2).any(|inner| {
        inner.starts_with(|c: char| c.is_ascii_uppercase()) && inner.chars().all(|c| c.is_ascii_graphic())
    });
    let closed = text.matches('%').count() >= 2;
    (looks_like_one && closed).then(|| substitution_problem(&entry.key, entry.value.span))
}

fn substitution_problem(header: &str, span: Span) -> Problem {
    let message =
        format!("the value of `{header}` is sent as it stands: what is between `%` is not filled in");
    Problem::warning(HEADER_SUBSTITUTION, span, message)
}
