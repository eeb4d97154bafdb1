//! The routes of the configuration: ids, destinations, policies.

mod action;
mod authorities;

use super::certificates::content;
use super::report::Report;
use crate::route_id::Identity;
use crate::{Action, Cluster, Context, Match, Materials, Part, ResponseHeaders, Route, codes};
use action::Actions;
pub(super) use authorities::write as pem_of;
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{self as bundle, Template};
use portcullis_config::{
    self as config, Config, PathMatcher, RouteResponseHeaders, Span, UNREADABLE_FILE, Written,
};
use portcullis_model::{HeaderName, Host, HostPattern, RouteId};
use portcullis_policy::{Program, Programs};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The status of a route that denies because its configuration has an error; the
/// check answers before it is used.
const INVALID_STATUS: u16 = 503;

#[derive(Default)]
pub(super) struct Compiled {
    /// In configuration order, without duplicates.
    pub(super) routes: Vec<CompiledRoute>,
    pub(super) clusters: BTreeMap<String, Arc<Part<Cluster>>>,
}

pub(super) struct CompiledRoute {
    pub(super) host: HostPattern,
    pub(super) port: Option<u16>,
    pub(super) envoy: Arc<Part<Route>>,
    /// The authz-servers' side; `None` where another route has the id.
    pub(super) decides: Option<Arc<bundle::Route>>,
}

/// How many routes each host has so far; those with stars are one list.
#[derive(Default)]
struct Turns<'c>(HashMap<Option<(&'c Host, Option<u16>)>, u32>);

impl<'c> Turns<'c> {
    fn next(&mut self, host: &'c HostPattern, port: Option<u16>) -> u32 {
        let turn = self.0.entry(host.exact().map(|host| (host, port))).or_default();
        *turn += 1;
        *turn - 1
    }
}

/// Which route has an id: the bytes that the id hashes, and where it stands.
type Seen = HashMap<RouteId, (Vec<u8>, Span)>;

pub(super) fn compile(config: &Config, materials: &Materials, report: &mut Report) -> Compiled {
    let mut routes = Vec::with_capacity(config.routes.len());
    let mut seen = Seen::new();
    let mut actions = Actions::new(&config.global, materials);
    let mut programs = Programs::default();
    let mut turns = Turns::default();
    let inherited = super::response_headers(&config.global);
    for route in &config.routes {
        let identity = identity(route);
        let id = crate::route_id(&identity);
        let claim = claim(&mut seen, id, identity.whole(), route.span);
        if let Claim::Duplicate { first } = claim {
            let message =
                format!("the route matches and leads to the same as the one at {first}, which serves");
            report.route_warning(route.index, route.span, codes::ROUTE_DUPLICATE, message);
            continue;
        }

        let mut policy = policy(route, materials, &mut programs, report);
        if let Claim::Collision { first } = claim {
            let message = format!("the route has the same id `{id}` as the different route at {first}");
            let help = Some("change the prefix or the destination a little".to_owned());
            report.route_error(
                route.index,
                route.span,
                codes::ROUTE_COLLISION,
                message.clone(),
                help,
            );
            policy = invalid(&message);
        }
        let mut action = Action::status(INVALID_STATUS);
        if let bundle::RoutePolicy::Program(_) = policy {
            match actions.of(route, report) {
                Ok(found) => action = found,
                Err(message) => policy = invalid(&message),
            }
        }
        let answer = match policy {
            bundle::RoutePolicy::Program(_) => own_answer(&action, &route.set_response_headers, &inherited),
            bundle::RoutePolicy::Invalid { .. } => None,
        };
        let reads_body = policy.program().is_some_and(Program::asks_for_mcp);
        let envoy = Route {
            name: format!("policy-{id}"),
            matcher: match &route.matcher {
                PathMatcher::Any => Match::Prefix("/".to_owned()),
                PathMatcher::Prefix(prefix) => Match::Prefix(prefix.clone()),
                PathMatcher::Path(path) => Match::Path(path.clone()),
                PathMatcher::Regex(regex) => Match::Regex(regex.clone()),
            },
            authority: authority(&route.from.host, route.from.port),
            action,
            context: Context::Policy(id),
            reads_body,
            remove_request_headers: route
                .remove_request_headers
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
            response_headers: match &route.set_response_headers {
                RouteResponseHeaders::Inherit(own) => ResponseHeaders::Inherit(
                    own.iter()
                        .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
                        .collect(),
                ),
                RouteResponseHeaders::None => ResponseHeaders::None,
            },
        };
        let decides = bundle::Route {
            id,
            name: route.name.clone(),
            host: route.from.host.clone(),
            port: route.from.port,
            policy,
            pass_identity_headers: route
                .pass_identity_headers
                .unwrap_or(config.global.pass_identity_headers),
            set_request_headers: route
                .set_request_headers
                .iter()
                .map(|(name, text)| (name.clone(), Template::parse(text)))
                .collect(),
            remove_request_headers: route.remove_request_headers.clone(),
            allow_websockets: route.allow_websockets,
            answer,
            error_details: route.show_error_details.then(|| {
                let advice = |advice: &config::Advice| bundle::Advice {
                    explanation: advice.explanation.clone(),
                    remediation: advice.remediation.clone(),
                };
                route.advice.iter().map(advice).collect()
            }),
            listing: bundle::Listing {
                from: route.from.raw.clone(),
                description: route.description.clone(),
                logo_url: route.logo_url.clone(),
            },
            depends_on: route.depends_on.clone(),
            found_by: Some(bundle::FoundBy {
                path: match &route.matcher {
                    PathMatcher::Any => PathPattern::Any,
                    PathMatcher::Prefix(prefix) => PathPattern::Prefix(prefix.clone()),
                    PathMatcher::Path(path) => PathPattern::Path(path.clone()),
                    PathMatcher::Regex(regex) => PathPattern::Regex(regex.clone()),
                },
                turn: turns.next(&route.from.host, route.from.port),
            }),
        };
        routes.push(CompiledRoute {
            host: route.from.host.clone(),
            port: route.from.port,
            envoy: Arc::new(Part::new(envoy)),
            decides: (claim == Claim::New).then(|| Arc::new(decides)),
        });
    }
    Compiled {
        routes,
        clusters: actions.clusters,
    }
}

fn identity(route: &config::Route) -> Identity<'_> {
    let Written {
        prefix,
        path,
        regex,
        to,
    } = &route.written;
    Identity {
        from: &route.from.raw,
        prefix,
        path,
        regex,
        unused_to: to,
        action: route.action.as_ref(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    New,
    Duplicate { first: Span },
    Collision { first: Span },
}

fn claim(seen: &mut Seen, id: RouteId, bytes: Vec<u8>, span: Span) -> Claim {
    match seen.get(&id) {
        None => {
            seen.insert(id, (bytes, span));
            Claim::New
        }
        Some((known, first)) if *known == bytes => Claim::Duplicate { first: *first },
        Some((_, first)) => Claim::Collision { first: *first },
    }
}

fn invalid(message: &str) -> bundle::RoutePolicy {
    bundle::RoutePolicy::Invalid {
        message: message.to_owned(),
    }
}

/// The compiled policy. Routes with equal policies share one program, wherever
/// those stand in the file: at run time nobody asks for places.
fn policy(
    route: &config::Route,
    materials: &Materials,
    programs: &mut Programs,
    report: &mut Report,
) -> bundle::RoutePolicy {
    if let Some(why) = &route.invalid {
        return invalid(why);
    }
    let mut unreadable = None;
    for file in &route.unused_files {
        if let Err(message) = content(file, materials) {
            report.route_error(route.index, file.span, UNREADABLE_FILE, message.clone(), None);
            unreadable = Some(message);
        }
    }
    if let Some(message) = unreadable {
        return invalid(&message);
    }
    if route.action.is_none() {
        return invalid("the route leads nowhere");
    }
    match &route.policy {
        config::RoutePolicy::Invalid => invalid("the policy could not be read"),
        config::RoutePolicy::Valid(policy) => match portcullis_policy::compile(policy) {
            Ok(program) => bundle::RoutePolicy::Program(programs.intern(program.without_places())),
            Err(errors) => {
                for error in errors {
                    report.route_error(route.index, error.span, error.code, error.message, error.help);
                }
                invalid("the policy does not compile")
            }
        },
    }
}

/// What the route answers itself, with the headers that Envoy would set on it.
fn own_answer(
    action: &Action,
    own: &RouteResponseHeaders,
    inherited: &[(String, String)],
) -> Option<Arc<bundle::OwnAnswer>> {
    let content = match action {
        Action::Upstream(_) | Action::ControlPlane { .. } => return None,
        Action::Redirect(redirect) => bundle::Content::Redirect(redirect.clone()),
        Action::Respond { status, body } => bundle::Content::Respond {
            status: *status,
            body: body.clone(),
        },
    };
    let mut headers = BTreeMap::new();
    if let RouteResponseHeaders::Inherit(own) = own {
        let inherited = inherited.iter().filter_map(|(name, value)| {
            let name = HeaderName::parse(name).ok()?;
            Some((name, value.clone()))
        });
        headers.extend(inherited.chain(own.iter().cloned()));
    }
    headers.retain(|_, value| !value.is_empty());
    let headers = headers.into_iter().collect();
    Some(Arc::new(bundle::OwnAnswer { content, headers }))
}

/// What the `Host` header must match where the host has stars. A star is any text
/// that a host can have, so that no separator of a user name, port or address can
/// hide in it: what is no host at all goes to the terminal routes.
fn authority(host: &HostPattern, port: Option<u16>) -> Option<String> {
    if host.exact().is_some() {
        return None;
    }
    // Envoy does not lower the case of what clients send.
    let mut regex = String::from("(?i)^");
    for (at, piece) in host.pieces().enumerate() {
        if at > 0 {
            regex.push_str("[0-9a-z._-]*");
        }
        // All that a host can have; only the dot means more in an expression.
        regex.push_str(&piece.replace('.', r"\."));
    }
    match port {
        Some(port) => regex.push_str(&format!(":{port}$")),
        None => regex.push_str("(:[0-9]+)?$"),
    }
    Some(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_claimed_once() {
        let (mut seen, id) = (Seen::new(), RouteId(1));
        let at = |line| Span { line, column: 1 };
        assert_eq!(claim(&mut seen, id, b"a".to_vec(), at(1)), Claim::New);
        assert_eq!(
            claim(&mut seen, id, b"a".to_vec(), at(2)),
            Claim::Duplicate { first: at(1) }
        );
        assert_eq!(
            claim(&mut seen, id, b"b".to_vec(), at(3)),
            Claim::Collision { first: at(1) }
        );
        assert_eq!(claim(&mut seen, RouteId(2), b"a".to_vec(), at(4)), Claim::New);
    }

    #[test]
    fn stars_become_a_regular_expression() {
        let of = |host: &str, port| authority(&HostPattern::parse(host).unwrap(), port);
        assert_eq!(of("a.test", None), None);
        assert_eq!(
            of("*.a.test", None).unwrap(),
            r"(?i)^[0-9a-z._-]*\.a\.test(:[0-9]+)?$"
        );
        assert_eq!(
            of("A-*.b*.test", Some(8443)).unwrap(),
            r"(?i)^a-[0-9a-z._-]*\.b[0-9a-z._-]*\.test:8443$"
        );
    }
}
