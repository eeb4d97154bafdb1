//! Who may pass.

mod lists;
mod sources;
mod sub_policies;
mod vocabulary;

use std::borrow::Cow;

use portcullis_document::{Node, Span, Value};
use portcullis_policy::{Legacy, LegacyPlaces, Policy};

use super::boolean;
use crate::codes::ROUTE_DENIES_ALL;
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Advice, ClientCertificates, RoutePolicy};
pub(super) use sources::may_need_a_login;
use sub_policies::SubPolicies;

/// The policy of a route, and what its sub-policies say to whoever is refused.
pub(super) fn read(
    report: &mut Report,
    fields: &Fields<'_>,
    route: Span,
    clients: Option<&ClientCertificates>,
) -> (RoutePolicy, Vec<Advice>) {
    let mut legacy = legacy(report, fields);
    let SubPolicies { rules, advice, good } = sub_policies::read(report, fields, &mut legacy);
    let own = fields
        .get("policy")
        .map(|field| vocabulary::lower(report, field.node));
    let embedded = joined(own, rules, route)
        .map(|node| portcullis_policy::parse(&node))
        .transpose();
    let policy = match embedded {
        Ok(embedded) if good => merged(report, &legacy, embedded.as_ref(), route, clients),
        Ok(_) => RoutePolicy::Invalid,
        Err(errors) => {
            report.extend(errors.into_iter().map(Problem::from));
            RoutePolicy::Invalid
        }
    };
    (policy, advice)
}

/// The fields from before there was a policy language.
fn legacy(report: &mut Report, fields: &Fields<'_>) -> Legacy {
    let flag = |name| boolean(fields, name).unwrap_or(false);
    let key = |name| fields.get(name).map(|field| field.key_span);
    let public = "allow_public_unauthenticated_access";
    let cors = "cors_allow_preflight";
    let any = "allow_any_authenticated_user";
    let mut legacy = Legacy {
        public: flag(public),
        cors_preflight: flag(cors),
        any_authenticated: flag(any),
        places: LegacyPlaces {
            public: key(public),
            cors_preflight: key(cors),
            any_authenticated: key(any),
            ..LegacyPlaces::default()
        },
        ..Legacy::default()
    };
    lists::extend(report, &mut legacy, |name| {
        fields.get(name).map(|field| field.node)
    });
    legacy
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
fn merged(
    report: &mut Report,
    legacy: &Legacy,
    embedded: Option<&Policy>,
    route: Span,
    clients: Option<&ClientCertificates>,
) -> RoutePolicy {
    let ruled = Legacy {
        default_client_certificate_rule: clients.is_some_and(|clients| clients.default_deny),
        ..legacy.clone()
    };
    let policy = Policy::from_route(&ruled, embedded);
    if let Err(errors) = portcullis_policy::check(&policy) {
        // Of nothing but rules without criteria there is no place.
        let placed = errors.into_iter().map(|mut error| {
            if error.span == Span::START {
                error.span = route;
            }
            Problem::from(error)
        });
        report.extend(placed);
        return RoutePolicy::Invalid;
    }
    sources::advise(report, &policy, route, clients.is_some());
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
