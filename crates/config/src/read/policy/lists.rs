//! Lists of who may pass: those of a route and those of its sub-policies.

use portcullis_document::{Kind, Node, Span, Value};
use portcullis_policy::Legacy;

use crate::read::{keep, placed_texts};
use crate::report::Report;

/// Appends the lists that `get` finds by their names.
pub(super) fn extend<'d>(
    report: &mut Report,
    legacy: &mut Legacy,
    get: impl Fn(&'static str) -> Option<&'d Node>,
) {
    let Legacy {
        domains,
        users,
        claims,
        places,
        ..
    } = legacy;
    for (name, list, spans) in [
        ("allowed_domains", domains, &mut places.domains),
        ("allowed_users", users, &mut places.users),
    ] {
        for (text, span) in get(name)
            .map(|node| placed_texts(report, node, name))
            .unwrap_or_default()
        {
            list.push(text);
            spans.push(span);
        }
    }
    if let Some(node) = get(CLAIMS) {
        for entry in node.as_map().unwrap_or_default() {
            if !entry.value.is_null() {
                let (values, spans) = values(report, &entry.value).into_iter().unzip();
                claims.push((entry.key.clone(), values));
                places.claims.push(spans);
            }
        }
    }
}

const CLAIMS: &str = "allowed_idp_claims";

/// The values of a claim: a list, or a single text split at its commas; the values of a list keep their JSON
/// type.
fn values(report: &mut Report, node: &Node) -> Vec<(serde_json::Value, Span)> {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == Kind::Str => placed_texts(report, node, CLAIMS)
            .into_iter()
            .map(|(text, span)| (serde_json::Value::String(text), span))
            .collect(),
        Value::Scalar(_) | Value::Map(_) => vec![(node.to_json(), node.span)],
        Value::Seq(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .filter(|item| keep(report, item.as_str() != Some(""), item.span, CLAIMS))
            .map(|item| (item.to_json(), item.span))
            .collect(),
    }
}
