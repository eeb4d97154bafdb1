//! Who may pass.

mod claims;
mod sources;
mod sub_policies;
mod vocabulary;

use std::borrow::Cow;

use portcullis_document::{Node, Span, Value};
use portcullis_policy::{Legacy, Policy};

use super::{boolean, strings};
use crate::codes::ROUTE_DENIES_ALL;
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Advice, RoutePolicy};
pub(super) use sources::may_need_a_login;
use sub_policies::SubPolicies;

/// The policy of a route, and what its sub-policies say to whoever is refused.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, route: Span) -> (RoutePolicy, Vec<Advice>) {
    let flag = |name| boolean(fields, name).unwrap_or(false);
    let mut legacy = Legacy {
        public: flag("allow_public_unauthenticated_access"),
        cors_preflight: flag("cors_allow_preflight"),
        any_authenticated: flag("allow_any_authenticated_user"),
        domains: strings(report, fields, "allowed_domains"),
        claims: fields
            .get("allowed_idp_claims")
            .map(|field| claims::read(report, field.node))
            .unwrap_or_default(),
        users: strings(report, fields, "allowed_users"),
        ..Legacy::default()
    };
    let SubPolicies { rules, advice, good } = sub_policies::read(report, fields, &mut legacy);
    let own = fields
        .get("policy")
        .map(|field| vocabulary::lower(report, field.node));
    let embedded = joined(own, rules, route)
        .map(|node| portcullis_policy::parse(&node))
        .transpose();
    let policy = match embedded {
        Ok(embedded) if good => merged(report, &legacy, embedded.as_ref(), route),
        Ok(_) => RoutePolicy::Invalid,
        Err(errors) => {
            report.extend(errors.into_iter().map(Problem::from));
            RoutePolicy::Invalid
        }
    };
    (policy, advice)
}

/// The rules of `policy` and, after them, those of the sub-policies.
fn joined(own: Option<Cow<'_, Node>>, rules: Vec<Node>, route: Span) -> Option<Cow<'_, Node>> {
    if rules.is_empty() {
        return own;
    }
    let (span, mut all) = match own.map(Cow::into_owned) {
        None => (route, Vec::new()),
        Some(Node {
            span,
            value: Value::Seq(items),
        }) => (span, items),
        Some(one) => (one.span, vec![one]),
    };
    all.extend(rules);
    Some(Cow::Owned(Node {
        span,
        value: Value::Seq(all),
    }))
}

/// What the lists of a route and the rules of its policies come to.
fn merged(report: &mut Report, legacy: &Legacy, embedded: Option<&Policy>, route: Span) -> RoutePolicy {
    let policy = Policy::from_route(legacy, embedded);
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
    sources::advise(report, &policy, route);
    if embedded.is_none_or(Policy::is_empty) && *legacy == Legacy::default() && !report.route_is_invalid() {
        let problem = Problem::warning(
            ROUTE_DENIES_ALL,
            route,
            "the route has no policy and denies everybody",
        );
        report.add(problem.help("add a `policy`, or `allow_any_authenticated_user: true`"));
    }
    RoutePolicy::Valid(policy)
}
