//! Route tables.

use crate::WEB_CLUSTER;
use crate::http::EXT_AUTHZ;
use crate::proto::{any, literal, millis, overwrite, yes};
use envoy_types::pb::envoy::config::route::v3 as route;
use envoy_types::pb::envoy::extensions::filters::http::ext_authz::v3::{
    CheckSettings, ExtAuthzPerRoute, ext_authz_per_route::Override,
};
use envoy_types::pb::google::protobuf::Any;
use portcullis_snapshot::{Action, Context, Match, Part, Route, RouteTable, VirtualHost};
use prost::Message as _;
use route::route_action::{ClusterSpecifier, HostRewriteSpecifier};
use route::route_match::{ConnectMatcher, PathSpecifier};
use std::collections::HashMap;
use std::sync::Arc;

/// Context key: `true` on our own endpoints, else `false`.
pub const CONTEXT_INTERNAL: &str = "internal";
/// Context key: the route id, empty where there is none.
pub const CONTEXT_ROUTE_ID: &str = "route_id";
/// Context key of the routes that end every host, which answer nothing
/// themselves.
pub const CONTEXT_TERMINAL: &str = "terminal";
/// Its value there: no route matched.
pub const TERMINAL_NO_ROUTE: &str = "no_route";

pub(crate) fn message(name: &str, table: &RouteTable) -> route::RouteConfiguration {
    route::RouteConfiguration {
        virtual_hosts: table.hosts.iter().map(|host| virtual_host(&host.value)).collect(),
        ..without_hosts(name, table)
    }
}

fn without_hosts(name: &str, table: &RouteTable) -> route::RouteConfiguration {
    route::RouteConfiguration {
        name: name.to_owned(),
        response_headers_to_add: table
            .response_headers
            .iter()
            .map(|(name, value)| overwrite(name, &literal(value)))
            .collect(),
        ..Default::default()
    }
}

/// Key of the field `virtual_hosts` of a `RouteConfiguration`: number 2,
/// length-delimited.
const VIRTUAL_HOSTS: u8 = (2 << 3) | 2;

/// The encoding of [`message`], in pieces: encodings of two halves of a message,
/// one behind the other, are one of the whole. So the routes that all hosts share,
/// which are most of a large table, are encoded once.
pub(crate) fn encoded(name: &str, table: &RouteTable) -> Vec<u8> {
    let mut out = without_hosts(name, table).encode_to_vec();
    let mut shared: HashMap<*const Part<Route>, Vec<u8>> = HashMap::new();
    let mut bytes = Vec::new();
    for host in &table.hosts {
        let VirtualHost {
            name,
            domains,
            routes,
        } = &host.value;
        let head = route::VirtualHost {
            name: name.clone(),
            domains: domains.clone(),
            ..Default::default()
        };
        bytes.clear();
        bytes.extend(head.encode_to_vec());
        for part in routes {
            let with_route = || {
                let routes = vec![one(&part.value)];
                let host = route::VirtualHost {
                    routes,
                    ..Default::default()
                };
                host.encode_to_vec()
            };
            if Arc::strong_count(part) == 1 {
                bytes.extend(with_route());
            } else {
                bytes.extend_from_slice(shared.entry(Arc::as_ptr(part)).or_insert_with(with_route));
            }
        }
        out.push(VIRTUAL_HOSTS);
        // Fails only where the buffer has an end.
        let _ = prost::encode_length_delimiter(bytes.len(), &mut out);
        out.extend_from_slice(&bytes);
    }
    out
}

fn virtual_host(host: &VirtualHost) -> route::VirtualHost {
    route::VirtualHost {
        name: host.name.clone(),
        domains: host.domains.clone(),
        routes: host.routes.iter().map(|route| one(&route.value)).collect(),
        ..Default::default()
    }
}

fn one(of: &Route) -> route::Route {
    let path = match &of.matcher {
        Match::Prefix(prefix) => PathSpecifier::Prefix(prefix.clone()),
        Match::Path(path) => PathSpecifier::Path(path.clone()),
        Match::Connect => PathSpecifier::ConnectMatcher(ConnectMatcher {}),
    };
    route::Route {
        name: of.name.clone(),
        r#match: Some(route::RouteMatch {
            path_specifier: Some(path),
            ..Default::default()
        }),
        typed_per_filter_config: HashMap::from([(EXT_AUTHZ.to_owned(), context(of.context))]),
        action: Some(action(&of.action)),
        ..Default::default()
    }
}

fn action(action: &Action) -> route::route::Action {
    match action {
        Action::Upstream {
            cluster,
            prefix_rewrite,
            timeout_ms,
        } => route::route::Action::Route(route::RouteAction {
            cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.clone())),
            prefix_rewrite: prefix_rewrite.clone().unwrap_or_default(),
            timeout: millis(*timeout_ms),
            host_rewrite_specifier: Some(HostRewriteSpecifier::AutoHostRewrite(yes().unwrap_or_default())),
            append_x_forwarded_host: true,
            ..Default::default()
        }),
        Action::ControlPlane { timeout_ms } => route::route::Action::Route(route::RouteAction {
            cluster_specifier: Some(ClusterSpecifier::Cluster(WEB_CLUSTER.to_owned())),
            timeout: millis(*timeout_ms),
            ..Default::default()
        }),
        Action::Respond { status } => route::route::Action::DirectResponse(route::DirectResponseAction {
            status: u32::from(*status),
            ..Default::default()
        }),
    }
}

/// What the check is told about a route.
fn context(context: Context) -> Any {
    let mut extensions = HashMap::new();
    let mut set = |key: &str, value: String| extensions.insert(key.to_owned(), value);
    let (internal, route_id) = match context {
        Context::Policy(id) => (false, id.to_string()),
        Context::Internal => (true, String::new()),
        Context::NoRoute => {
            set(CONTEXT_TERMINAL, TERMINAL_NO_ROUTE.to_owned());
            (false, String::new())
        }
    };
    set(CONTEXT_INTERNAL, internal.to_string());
    set(CONTEXT_ROUTE_ID, route_id);
    any(&ExtAuthzPerRoute {
        r#override: Some(Override::CheckSettings(CheckSettings {
            context_extensions: extensions,
            ..Default::default()
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, context: Context) -> Arc<Part<Route>> {
        Arc::new(Part::new(Route {
            name: format!("route-{path}"),
            matcher: Match::Path(path.to_owned()),
            action: Action::Respond { status: 404 },
            context,
        }))
    }

    #[test]
    fn the_pieces_are_the_whole() {
        let shared = part("/.pomerium", Context::Internal);
        let host = |name: &str, own: Arc<Part<Route>>| {
            Arc::new(Part::new(VirtualHost {
                name: name.to_owned(),
                domains: vec![name.to_owned(), format!("{name}:*")],
                routes: vec![Arc::clone(&shared), own, Arc::clone(&shared)],
            }))
        };
        let long = "a".repeat(300);
        let table = RouteTable {
            response_headers: vec![("X-Frame-Options".to_owned(), "SAMEORIGIN".to_owned())],
            hosts: vec![
                host("a.test", part("/a", Context::NoRoute)),
                host(
                    "b.test",
                    part(&long, Context::Policy(portcullis_model::RouteId(7))),
                ),
            ],
        };
        let bytes = encoded("main", &table);
        let read = route::RouteConfiguration::decode(bytes.as_slice()).unwrap();
        assert_eq!(read.virtual_hosts[1].routes.len(), 3);
        // A context is a map inside an `Any`: its bytes have no order, its JSON has.
        let to_json = crate::transcode::Transcoder::new().unwrap();
        let whole = to_json.convert(&message("main", &table)).unwrap();
        assert_eq!(to_json.convert(&read).unwrap(), whole);
    }
}
