//! A snapshot made by hand.

use crate::Sockets;
use core::net::IpAddr;
use portcullis_model::RouteId;
use portcullis_snapshot::{
    Action, Certificate, Cluster, Context, Endpoint, HostRewrite, Listener, Match, Part, Protocol, Route,
    RouteTable, Snapshot, Timeouts, Trust, Upstream, UpstreamTls, Version, VirtualHost,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const KEY: &str = "not to be seen";
pub(super) const ROUTE_ID: &str = "bc16089b025e93dc";

pub(super) fn sockets() -> Sockets {
    Sockets {
        authz: "/run/portcullis/authz.sock".into(),
        web: "/run/portcullis/web.sock".into(),
    }
}

pub(super) fn part<T: Serialize>(value: T) -> Part<T> {
    Part {
        version: Version::of(&value),
        value,
    }
}

fn named<T: Serialize>(parts: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, Arc<Part<T>>> {
    parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Arc::new(part(value))))
        .collect()
}

fn route(name: &str, matcher: Match, action: Action, context: Context) -> Arc<Part<Route>> {
    Arc::new(part(Route::plain(name.to_owned(), matcher, action, context)))
}

fn host(name: &str, domains: &[&str], mut routes: Vec<Arc<Part<Route>>>) -> Arc<Part<VirtualHost>> {
    let not_found = || Action::status(404);
    routes.push(route(
        "terminal-connect",
        Match::Connect,
        not_found(),
        Context::NoRoute,
    ));
    routes.push(route(
        "terminal",
        Match::Prefix("/".to_owned()),
        not_found(),
        Context::NoRoute,
    ));
    let domains = domains.iter().map(|&domain| domain.to_owned()).collect();
    Arc::new(part(VirtualHost {
        name: name.to_owned(),
        domains,
        routes,
    }))
}

pub(super) fn endpoint(address: &str, port: u16, hostname: &str, tls: Option<UpstreamTls>) -> Endpoint {
    Endpoint {
        address: address.to_owned(),
        is_ip: address.parse::<IpAddr>().is_ok(),
        port,
        hostname: hostname.to_owned(),
        weight: None,
        tls,
    }
}

pub(super) fn tls(name: &str, trust: Trust) -> Option<UpstreamTls> {
    Some(UpstreamTls {
        name: name.to_owned(),
        is_ip: name.parse::<IpAddr>().is_ok(),
        trust,
    })
}

fn cluster(protocol: Protocol, endpoint: Endpoint) -> Cluster {
    Cluster {
        endpoints: vec![endpoint],
        protocol,
    }
}

/// One of everything.
pub(super) fn snapshot() -> Snapshot {
    let id = Context::Policy(ROUTE_ID.parse::<RouteId>().unwrap());
    let upstream = Action::Upstream(Upstream {
        cluster: "upstream-tls".to_owned(),
        prefix_rewrite: Some("/a".to_owned()),
        host: HostRewrite::Endpoint,
        forwarded_host: true,
        timeout_ms: 30_500,
        idle_timeout_ms: None,
    });
    let internal = Action::ControlPlane { timeout_ms: 30_000 };
    let routes = vec![
        route(
            "internal",
            Match::Path("/ping".to_owned()),
            internal,
            Context::Internal,
        ),
        route("policy", Match::Prefix("/x".to_owned()), upstream, id),
        route("invalid", Match::Path("/y".to_owned()), Action::status(503), id),
    ];
    let response_headers = vec![("X-Test".to_owned(), "100%".to_owned())];
    let listener = Listener {
        addresses: vec!["::".to_owned(), "0.0.0.0".to_owned()],
        port: 8443,
        certificates: Some(vec!["certificate-a".to_owned()]),
        route_table: "main".to_owned(),
        protected_headers: vec!["x-email".to_owned()],
        own_cookies: vec!["_own".to_owned(), "_own_too".to_owned()],
        response_headers: response_headers.clone(),
        trusted_hops: 2,
        client_certificates: None,
        timeouts: Timeouts {
            request_ms: 30_000,
            exchange_ms: 0,
            idle_ms: 300_000,
        },
    };
    let hosts = vec![
        host("a.test", &["a.test", "a.test:*"], routes),
        host("*", &["*"], Vec::new()),
    ];
    Snapshot {
        listeners: named([("https-ingress", listener)]),
        route_tables: named([(
            "main",
            RouteTable {
                response_headers,
                hosts,
            },
        )]),
        clusters: named([
            (
                "upstream-tls",
                cluster(
                    Protocol::Negotiated,
                    endpoint("up.test", 443, "up.test", tls("up.test", Trust::System)),
                ),
            ),
            (
                "upstream-ip",
                cluster(
                    Protocol::Http1,
                    endpoint("10.0.0.1", 8443, "10.0.0.1:8443", tls("10.0.0.1", Trust::System)),
                ),
            ),
            (
                "upstream-plain",
                cluster(
                    Protocol::Http1,
                    endpoint("127.0.0.1", 8000, "localhost:8000", None),
                ),
            ),
        ]),
        secrets: named([(
            "certificate-a",
            Certificate {
                chain: "chain".to_owned(),
                key: KEY.to_owned().into(),
            },
        )]),
    }
}
