//! The routes of the configuration: ids, destinations, policies.

use super::certificates::content;
use super::report::Report;
use crate::route_id::Identity;
use crate::{Action, Cluster, Context, Match, Materials, Part, Route, UpstreamTls, codes};
use portcullis_bundle as bundle;
use portcullis_config::{self as config, Config, PathMatcher, Span, To, UNREADABLE_FILE};
use portcullis_model::{Host, RouteId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How long an answer of an upstream may take (Pomerium:
/// `default_upstream_timeout`).
const TIMEOUT_MS: u64 = 30_000;

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
    pub(super) host: Host,
    pub(super) port: Option<u16>,
    pub(super) envoy: Arc<Part<Route>>,
    /// The authz-servers' side; `None` where another route has the id.
    pub(super) decides: Option<Arc<bundle::Route>>,
}

/// Which route has an id: the bytes that the id hashes, and where it stands.
type Seen = HashMap<RouteId, (Vec<u8>, Span)>;

pub(super) fn compile(config: &Config, materials: &Materials, report: &mut Report) -> Compiled {
    let mut out = Compiled::default();
    let mut seen = Seen::new();
    for route in &config.routes {
        let (prefix, path) = match &route.matcher {
            PathMatcher::Any => ("", ""),
            PathMatcher::Prefix(prefix) => (prefix.as_str(), ""),
            PathMatcher::Path(path) => ("", path.as_str()),
        };
        let urls = route.to.as_ref().map(|to| [(&to.url, to.weight)]);
        let identity = Identity {
            from: &route.from.raw,
            prefix,
            path,
            regex: "",
            to: urls.as_ref().map(<[_; 1]>::as_slice),
        };
        let id = crate::route_id(&identity);
        let claim = claim(&mut seen, id, identity.canonical(), route.span);
        if let Claim::Duplicate { first } = claim {
            let message =
                format!("the route matches and leads to the same as the one at {first}, which serves");
            report.route_warning(route.index, route.span, codes::ROUTE_DUPLICATE, message);
            continue;
        }

        let mut policy = policy(route, materials, report);
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
            policy = bundle::RoutePolicy::Invalid { message };
        }
        let action = match (&policy, &route.to) {
            (bundle::RoutePolicy::Program(_), Some(to)) => {
                let (name, cluster) = cluster(to).into_named();
                out.clusters
                    .entry(name.clone())
                    .or_insert_with(|| Arc::new(cluster));
                Action::Upstream {
                    cluster: name,
                    prefix_rewrite: rewrite(route, to),
                    timeout_ms: TIMEOUT_MS,
                }
            }
            _ => Action::Respond {
                status: INVALID_STATUS,
            },
        };
        let envoy = Route {
            name: format!("policy-{id}"),
            matcher: match &route.matcher {
                PathMatcher::Any => Match::Prefix("/".to_owned()),
                PathMatcher::Prefix(prefix) => Match::Prefix(prefix.clone()),
                PathMatcher::Path(path) => Match::Path(path.clone()),
            },
            action,
            context: Context::Policy(id),
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
        };
        out.routes.push(CompiledRoute {
            host: route.from.host.clone(),
            port: route.from.port,
            envoy: Arc::new(Part::new(envoy)),
            decides: (claim == Claim::New).then(|| Arc::new(decides)),
        });
    }
    out
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

fn policy(route: &config::Route, materials: &Materials, report: &mut Report) -> bundle::RoutePolicy {
    let invalid = |message: &str| bundle::RoutePolicy::Invalid {
        message: message.to_owned(),
    };
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
    if route.to.is_none() {
        return invalid("the route leads nowhere");
    }
    match &route.policy {
        config::RoutePolicy::Invalid => invalid("the policy could not be read"),
        config::RoutePolicy::Valid(policy) => match portcullis_policy::compile(policy) {
            Ok(program) => bundle::RoutePolicy::Program(program),
            Err(errors) => {
                for error in errors {
                    report.route_error(route.index, error.span, error.code, error.message, error.help);
                }
                invalid("the policy does not compile")
            }
        },
    }
}

fn cluster(to: &To) -> Cluster {
    // Names below `localhost` are the machine itself (RFC 6761), and Envoy's
    // resolver does not know them.
    let name = to.host.to_ascii_lowercase();
    let address = if name == "localhost" || name.ends_with(".localhost") {
        "127.0.0.1"
    } else {
        name.as_str()
    };
    Cluster {
        address: address.to_owned(),
        is_ip: is_ip(address),
        port: to.port,
        hostname: to.url.host.clone(),
        tls: to.tls.then(|| UpstreamTls {
            name: name.clone(),
            is_ip: is_ip(&name),
        }),
    }
}

fn is_ip(text: &str) -> bool {
    text.parse::<core::net::IpAddr>().is_ok()
}

/// The path of `to` replaces what the route matched.
fn rewrite(route: &config::Route, to: &To) -> Option<String> {
    let nothing_to_do = to.path.is_empty() || (to.path == "/" && route.matcher == PathMatcher::Any);
    (!nothing_to_do).then(|| encoded(&to.path))
}

/// A path as it may stand in a request line. Pomerium hands on the decoded path,
/// so that an escaped space of `to` would break the request line.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>?[\\]^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
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
    fn a_rewritten_path_cannot_break_the_request_line() {
        assert_eq!(encoded("/a%20b/c d"), "/a%20b/c%20d");
        assert_eq!(encoded("/é\"\r\n"), "/%C3%A9%22%0D%0A");
        assert_eq!(encoded("/a;b=c,d:e@f!$&'()*+~"), "/a;b=c,d:e@f!$&'()*+~");
    }
}
