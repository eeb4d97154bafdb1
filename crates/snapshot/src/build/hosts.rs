//! Virtual hosts: our own endpoints, the configured routes, the terminal routes.
//! Hosts with stars have none of their own: their routes stand in the catch-all.

use super::routes::CompiledRoute;
use crate::{Action, Context, Match, Part, Route, VirtualHost};
use portcullis_bundle::Authenticate;
use portcullis_model::{Host, HostPattern};
use std::collections::BTreeMap;
use std::sync::Arc;

type Routes = Vec<Arc<Part<Route>>>;

/// How long one of our own pages may take.
const TIMEOUT_MS: u64 = 30_000;

/// Our endpoints on every host, so that no application can serve these paths.
const PATHS: [&str; 4] = ["/ping", "/healthz", "/.pomerium", "/.well-known/pomerium"];
const PREFIXES: [&str; 2] = ["/.pomerium/", "/.well-known/pomerium/"];
/// Those of the authenticate host besides.
const AUTHENTICATE_PATHS: [&str; 3] = ["/oauth2/callback", "/", "/robots.txt"];

/// Every host in the order of its name, then the catch-all.
pub(super) fn hosts(authenticate: &Authenticate, routes: &[CompiledRoute]) -> Vec<Arc<Part<VirtualHost>>> {
    let everywhere = internal(&PATHS, &PREFIXES);
    let login = internal(&AUTHENTICATE_PATHS, &[]);
    let terminal = terminal();

    let mut hosts: BTreeMap<String, (Vec<String>, Routes)> = BTreeMap::new();
    let mut add = |host: &Host, port: Option<u16>, routes: &[Arc<Part<Route>>]| {
        let (name, domains) = domains(host, port);
        let (_, into) = hosts.entry(name).or_insert_with(|| (domains, everywhere.clone()));
        into.extend_from_slice(routes);
    };
    if let Authenticate::Own { host, port } = authenticate {
        add(host, Some(*port).filter(|port| *port != 443), &login);
    }
    // A host of its own hides the stars that it fits, whatever their order: what it
    // does not serve is not found, and no looser route takes it.
    let mut starred = everywhere.clone();
    for route in routes {
        match &route.host {
            HostPattern::Exact(host) => add(host, route.port, core::slice::from_ref(&route.envoy)),
            HostPattern::Wildcard(_) => starred.push(Arc::clone(&route.envoy)),
        }
    }
    let catch_all = (CATCH_ALL.to_owned(), (vec!["*".to_owned()], starred));

    hosts
        .into_iter()
        .chain([catch_all])
        .map(|(name, (domains, mut routes))| {
            routes.extend_from_slice(&terminal);
            Arc::new(
                VirtualHost {
                    name,
                    domains,
                    routes,
                }
                .into_part(),
            )
        })
        .collect()
}

/// Name of the catch-all, which no host can have.
const CATCH_ALL: &str = "*";

/// The name of a host's table entry and the `Host` headers that it answers to:
/// with a port that one, without any.
fn domains(host: &Host, port: Option<u16>) -> (String, Vec<String>) {
    let host = host.as_str().to_owned();
    match port {
        Some(port) => {
            let domain = format!("{host}:{port}");
            (domain.clone(), vec![domain])
        }
        None => {
            let any_port = format!("{host}:*");
            (host.clone(), vec![host, any_port])
        }
    }
}

fn internal(paths: &[&str], prefixes: &[&str]) -> Routes {
    let one = |kind: &str, text: &str, matcher: Match| {
        let action = Action::ControlPlane {
            timeout_ms: TIMEOUT_MS,
        };
        let name = format!("pomerium-{kind}-{text}");
        Arc::new(Part::new(Route::plain(name, matcher, action, Context::Internal)))
    };
    let paths = paths
        .iter()
        .map(|&path| one("path", path, Match::Path(path.to_owned())));
    let prefixes = prefixes
        .iter()
        .map(|&prefix| one("prefix", prefix, Match::Prefix(prefix.to_owned())));
    paths.chain(prefixes).collect()
}

/// Envoy checks nothing where no route matches, so that something always must. A
/// CONNECT has no path and needs a route of its own.
fn terminal() -> Routes {
    let one = |name: &str, matcher: Match| {
        let (name, action) = (name.to_owned(), Action::status(404));
        Arc::new(Part::new(Route::plain(name, matcher, action, Context::NoRoute)))
    };
    vec![
        one("terminal-connect", Match::Connect),
        one("terminal", Match::Prefix("/".to_owned())),
    ]
}
