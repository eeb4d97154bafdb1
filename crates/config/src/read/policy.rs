//! Who may pass.

mod vocabulary;

use portcullis_document::{Kind, Node, Span, Value};
use portcullis_policy::{Legacy, Policy};

use super::{boolean, strings};
use crate::RoutePolicy;
use crate::codes::{EMPTY_ENTRY, ROUTE_DENIES_ALL};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::value;

pub(super) fn read(report: &mut Report, fields: &Fields<'_>, route: Span) -> RoutePolicy {
    let flag = |name| boolean(fields, name).unwrap_or(false);
    let legacy = Legacy {
        public: flag("allow_public_unauthenticated_access"),
        cors_preflight: flag("cors_allow_preflight"),
        any_authenticated: flag("allow_any_authenticated_user"),
        domains: strings(report, fields, "allowed_domains"),
        claims: claims(report, fields),
        users: strings(report, fields, "allowed_users"),
    };
    let embedded = match fields
        .get("policy")
        .map(|field| portcullis_policy::parse(&vocabulary::lower(report, field.node)))
    {
        None => None,
        Some(Ok(policy)) => Some(policy),
        Some(Err(errors)) => {
            report.extend(errors.into_iter().map(Problem::from));
            return RoutePolicy::Invalid;
        }
    };
    let policy = Policy::from_route(&legacy, embedded.as_ref());
    if let Err(errors) = portcullis_policy::check(&policy) {
        // What the lists of the route add up to has no place of its own.
        let placed = errors.into_iter().map(|mut error| {
            if error.span == Span::START {
                error.span = route;
            }
            Problem::from(error)
        });
        report.extend(placed);
        return RoutePolicy::Invalid;
    }
    if embedded.as_ref().is_none_or(Policy::is_empty)
        && legacy == Legacy::default()
        && !report.route_is_invalid()
    {
        let problem = Problem::warning(
            ROUTE_DENIES_ALL,
            route,
            "the route has no policy and denies everybody",
        );
        report.add(problem.help("add a `policy`, or `allow_any_authenticated_user: true`"));
    }
    RoutePolicy::Valid(policy)
}

/// `allowed_idp_claims`: each value a list, a single text split at its commas; the values of a list keep
/// their JSON type.
fn claims(report: &mut Report, fields: &Fields<'_>) -> Vec<(String, Vec<serde_json::Value>)> {
    let entries = fields
        .get("allowed_idp_claims")
        .and_then(|field| field.node.as_map())
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| !entry.value.is_null())
        .map(|entry| (entry.key.clone(), values(report, &entry.value)))
        .collect()
}

fn values(report: &mut Report, node: &Node) -> Vec<serde_json::Value> {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == Kind::Str => value::strings(node)
            .unwrap_or_default()
            .into_iter()
            .filter(|(text, span)| keep(report, !text.is_empty(), *span))
            .map(|(text, _)| serde_json::Value::String(text))
            .collect(),
        Value::Scalar(_) | Value::Map(_) => vec![node.to_json()],
        Value::Seq(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .filter(|item| keep(report, item.as_str() != Some(""), item.span))
            .map(Node::to_json)
            .collect(),
    }
}

fn keep(report: &mut Report, keep: bool, span: Span) -> bool {
    if !keep {
        let message = "an empty text in `allowed_idp_claims` is left out";
        report.add(Problem::warning(EMPTY_ENTRY, span, message));
    }
    keep
}
