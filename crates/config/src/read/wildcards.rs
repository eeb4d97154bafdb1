//! Hosts with stars: where nobody can log in, and what hides them.

use std::collections::{HashMap, HashSet};

use portcullis_model::{Host, HostPattern};

use super::policy::may_need_a_login;
use crate::codes::{WILDCARD_HIDDEN, WILDCARD_LOGIN};
use crate::report::{Problem, Report};
use crate::{PathMatcher, Route, RoutePolicy};

/// How many hosts are held against how many wildcards in all; it is advice, and must cost little.
const MAX_COMPARISONS: usize = 1_000_000;

/// A host with routes of its own never falls back to a wildcard route, also where none of its routes
/// matches the path: Pomerium has a virtual host for each, and so have we.
pub(super) fn advise(report: &mut Report, routes: &[Route]) {
    logins(report, routes);
    let wildcards: Vec<&Route> = routes
        .iter()
        .filter(|route| route.from.host.exact().is_none())
        .collect();
    if wildcards.is_empty() {
        return;
    }
    let mut hosts: HashMap<(&Host, Option<u16>), &Route> = HashMap::new();
    let mut complete: HashSet<(&Host, Option<u16>)> = HashSet::new();
    for route in routes {
        if let HostPattern::Exact(host) = &route.from.host {
            hosts.entry((host, route.from.port)).or_insert(route);
            if takes_every_path(&route.matcher) {
                complete.insert((host, route.from.port));
            }
        }
    }
    let mut hosts: Vec<_> = hosts
        .into_iter()
        .filter(|(host, _)| !complete.contains(host))
        .collect();
    hosts.sort_by_key(|(_, route)| route.index);
    let pairs = hosts
        .iter()
        .flat_map(|host| wildcards.iter().map(move |wildcard| (host, *wildcard)));
    let mut told = None;
    for (((host, port), route), wildcard) in pairs.take(MAX_COMPARISONS) {
        let meets = port.is_none() || wildcard.from.port.is_none() || *port == wildcard.from.port;
        if told == Some(route.index) || !meets || !wildcard.from.host.matches(host) {
            continue;
        }
        told = Some(route.index);
        let (_, place) = report.places().find(wildcard.span);
        report.enter_route(route.index);
        let message = format!(
            "what no route of `{host}` matches is not found: it does not go on to `{}` in line {}, as in Pomerium",
            wildcard.from.host, place.line
        );
        report.add(
            Problem::warning(WILDCARD_HIDDEN, route.span, message)
                .help(format!("add a route for the rest of `{host}`")),
        );
        report.leave_route();
    }
}

/// A login never returns to a host that anybody can register: whoever did would get what it hands over.
fn logins(report: &mut Report, routes: &[Route]) {
    for route in routes {
        let RoutePolicy::Valid(policy) = &route.policy else {
            continue;
        };
        let host = &route.from.host;
        if host.ends_in_a_domain() || !may_need_a_login(policy) {
            continue;
        }
        report.enter_route(route.index);
        let message =
            format!("anybody can register a host that fits `{host}`, so that no login returns to it");
        report.add(
            Problem::warning(WILDCARD_LOGIN, route.span, message)
                .help("end it with a domain, such as `*.example.com`"),
        );
        report.leave_route();
    }
}

fn takes_every_path(matcher: &PathMatcher) -> bool {
    match matcher {
        PathMatcher::Any => true,
        PathMatcher::Prefix(prefix) => prefix == "/",
        PathMatcher::Path(_) | PathMatcher::Regex(_) => false,
    }
}
