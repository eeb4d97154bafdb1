//! What the options of routes, upstreams and the listener become.

use super::fixture::{endpoint, part, snapshot, sockets, tls};
use super::{hosts, manager};
use crate::static_bootstrap;
use portcullis_snapshot::{
    Action, Cluster, Context, HostRewrite, Listener, Match, PathRedirect, Protocol, Redirect, Route,
    SchemeRedirect, Snapshot, Timeouts, Trust, Upstream,
};
use serde_json::{Value, json};
use std::sync::Arc;

fn printed(change: impl FnOnce(&mut Snapshot)) -> Value {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    static_bootstrap(&snapshot, &sockets()).unwrap()
}

/// A route at the head of the first host.
pub(super) fn with_route(route: Route) -> Value {
    let whole = printed(|snapshot| {
        let table = snapshot.route_tables.get_mut("main").unwrap();
        let mut value = table.value.clone();
        let mut host = value.hosts[0].value.clone();
        host.routes.insert(0, Arc::new(part(route)));
        value.hosts[0] = Arc::new(part(host));
        *table = Arc::new(part(value));
    });
    hosts(&whole)[0]["routes"][0].clone()
}

fn with_action(action: Action) -> Value {
    let any = Match::Prefix("/".to_owned());
    with_route(Route::plain("r".to_owned(), any, action, Context::NoRoute))
}

fn forward(change: impl FnOnce(&mut Upstream)) -> Value {
    let mut upstream = Upstream {
        cluster: "upstream-tls".to_owned(),
        prefix_rewrite: None,
        host: HostRewrite::Endpoint,
        forwarded_host: true,
        timeout_ms: 0,
        idle_timeout_ms: None,
    };
    change(&mut upstream);
    with_action(Action::Upstream(upstream))["route"].clone()
}

fn with_cluster(cluster: Cluster) -> Value {
    let whole = printed(|snapshot| {
        snapshot
            .clusters
            .insert("upstream-new".to_owned(), Arc::new(part(cluster)));
    });
    let clusters = whole["static_resources"]["clusters"].as_array().unwrap();
    let found = clusters.iter().find(|cluster| cluster["name"] == "upstream-new");
    found.unwrap().clone()
}

pub(super) fn with_listener(change: impl FnOnce(&mut Listener)) -> Value {
    printed(|snapshot| {
        let listener = snapshot.listeners.get_mut("https-ingress").unwrap();
        let mut value = listener.value.clone();
        change(&mut value);
        *listener = Arc::new(part(value));
    })
}

#[test]
fn a_timeout_of_nothing_is_said_and_not_left_out() {
    let route = forward(|_| {});
    assert_eq!(route["timeout"], "0s", "Envoy's own default is 15 s");
    assert!(route.get("idle_timeout").is_none());
    let route = forward(|upstream| {
        upstream.timeout_ms = 1_500;
        upstream.idle_timeout_ms = Some(0);
    });
    assert_eq!(
        (&route["timeout"], &route["idle_timeout"]),
        (&json!("1.500s"), &json!("0s"))
    );
}

#[test]
fn the_host_is_rewritten() {
    for (host, key, value) in [
        (HostRewrite::Endpoint, "auto_host_rewrite", json!(true)),
        (
            HostRewrite::Literal("h.test".into()),
            "host_rewrite_literal",
            json!("h.test"),
        ),
        (
            HostRewrite::Header("x-host".into()),
            "host_rewrite_header",
            json!("x-host"),
        ),
    ] {
        let route = forward(|upstream| upstream.host = host);
        assert_eq!(route[key], value);
        assert_eq!(route["append_x_forwarded_host"], true);
    }
    let kept = forward(|upstream| {
        upstream.host = HostRewrite::Preserve;
        upstream.forwarded_host = false;
    });
    assert_eq!(kept, json!({"cluster": "upstream-tls", "timeout": "0s"}));
}

#[test]
fn expressions_match_path_and_host() {
    let route = with_route(Route {
        authority: Some("(?i)^.*$".to_owned()),
        remove_request_headers: vec!["x-a".to_owned()],
        ..Route::plain(
            "r".to_owned(),
            Match::Regex("/a+".to_owned()),
            Action::status(404),
            Context::NoRoute,
        )
    });
    assert_eq!(
        route["match"],
        json!({
            "safe_regex": {"regex": "/a+"},
            "headers": [{"name": ":authority", "string_match": {"safe_regex": {"regex": "(?i)^.*$"}}}],
        })
    );
    assert_eq!(route["request_headers_to_remove"], json!(["x-a"]));
}

#[test]
fn redirects_and_answers_are_given() {
    let redirect = Redirect {
        scheme: Some(SchemeRedirect::Https(true)),
        host: Some("b.test".into()),
        port: Some(8443),
        path: Some(PathRedirect::Path("/x".into())),
        status: 308,
        strip_query: true,
    };
    assert_eq!(
        with_action(Action::Redirect(redirect.clone()))["redirect"],
        json!({
            "https_redirect": true,
            "host_redirect": "b.test",
            "port_redirect": 8443,
            "path_redirect": "/x",
            "response_code": "PERMANENT_REDIRECT",
            "strip_query": true,
        })
    );
    for (status, code) in [(302, "FOUND"), (303, "SEE_OTHER"), (307, "TEMPORARY_REDIRECT")] {
        let redirect = Redirect {
            scheme: Some(SchemeRedirect::Named("http".into())),
            path: Some(PathRedirect::Prefix("/p".into())),
            status,
            ..redirect.clone()
        };
        let found = with_action(Action::Redirect(redirect))["redirect"].clone();
        assert_eq!(found["response_code"], code);
        assert_eq!(
            (&found["scheme_redirect"], &found["prefix_rewrite"]),
            (&json!("http"), &json!("/p"))
        );
    }
    let moved = Redirect {
        scheme: None,
        host: None,
        port: None,
        path: None,
        status: 301,
        strip_query: false,
    };
    assert_eq!(with_action(Action::Redirect(moved))["redirect"], json!({}));
    let answer = Action::Respond {
        status: 410,
        body: "100% gone".to_owned(),
    };
    assert_eq!(
        with_action(answer)["direct_response"],
        json!({"status": 410, "body": {"inline_string": "100% gone"}})
    );
}

#[test]
fn servers_have_weights_and_are_looked_up_if_one_has_a_name() {
    let weighted = |address: &str, weight| portcullis_snapshot::Endpoint {
        weight: Some(weight),
        ..endpoint(address, 80, address, None)
    };
    let cluster = |second: &str| {
        with_cluster(Cluster {
            endpoints: vec![weighted("10.0.0.1", 1), weighted(second, 3)],
            protocol: Protocol::Http1,
        })
    };
    let found = cluster("10.0.0.2");
    assert!(found.get("cluster_type").is_none(), "fixed");
    let endpoints = &found["load_assignment"]["endpoints"][0]["lb_endpoints"];
    assert_eq!(endpoints[0]["load_balancing_weight"], 1);
    assert_eq!(endpoints[1]["load_balancing_weight"], 3);
    assert!(found.get("transport_socket").is_none() && found.get("transport_socket_matches").is_none());
    assert_eq!(cluster("b.test")["cluster_type"]["name"], "envoy.clusters.dns");
}

fn protocol(cluster: &Value) -> &Value {
    &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
}

#[test]
fn the_protocol_is_the_clusters() {
    let of = |protocol| {
        let endpoints = vec![endpoint("10.0.0.1", 443, "a.test", tls("a.test", Trust::System))];
        with_cluster(Cluster { endpoints, protocol })
    };
    let alpn = |cluster: &Value| {
        cluster["transport_socket"]["typed_config"]["common_tls_context"]["alpn_protocols"].clone()
    };
    let one = of(Protocol::Http1);
    assert!(protocol(&one)["explicit_http_config"]["http_protocol_options"].is_object());
    assert_eq!(alpn(&one), json!(["http/1.1"]));
    let two = of(Protocol::Http2);
    assert!(protocol(&two)["explicit_http_config"]["http2_protocol_options"].is_object());
    assert_eq!(alpn(&two), json!(["h2"]));
    let either = of(Protocol::Negotiated);
    assert!(protocol(&either)["auto_config"].is_object());
    assert_eq!(alpn(&either), json!(["h2", "http/1.1"]));
}

#[test]
fn servers_that_differ_in_tls_each_have_their_own() {
    let a = || tls("a.test", Trust::System);
    let b = || tls("b.test", Trust::Authorities("PEM".into()));
    let of = |servers: Vec<Option<_>>| {
        let endpoints = servers
            .into_iter()
            .map(|tls| endpoint("10.0.0.1", 443, "x", tls))
            .collect();
        with_cluster(Cluster {
            endpoints,
            protocol: Protocol::Http1,
        })
    };
    let says = |cluster: &Value| -> Vec<Value> {
        let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array();
        let said = |endpoint: &Value| {
            endpoint["metadata"]["filter_metadata"]["envoy.transport_socket_match"]["tls"].clone()
        };
        endpoints.unwrap().iter().map(said).collect()
    };

    let alike = of(vec![a(), a()]);
    assert!(alike.get("transport_socket_matches").is_none());
    assert_eq!(says(&alike), [Value::Null, Value::Null]);
    assert_eq!(alike["transport_socket"]["typed_config"]["sni"], "a.test");

    let differing = of(vec![a(), b(), a()]);
    assert_eq!(says(&differing), ["tls-0", "tls-1", "tls-0"]);
    let matches = differing["transport_socket_matches"].as_array().unwrap();
    assert_eq!(matches.len(), 2);
    assert_eq!(matches[1]["match"], json!({"tls": "tls-1"}));
    assert_eq!(matches[1]["transport_socket"]["typed_config"]["sni"], "b.test");
    // Negotiation looks at the rule, which must speak TLS too.
    assert_eq!(differing["transport_socket"]["typed_config"]["sni"], "a.test");

    let mixed = of(vec![None, b()]);
    assert_eq!(says(&mixed), [Value::Null, json!("tls-0")]);
    assert!(mixed.get("transport_socket").is_none(), "plain TCP is the rule");
}

#[test]
fn trust_is_what_the_route_says() {
    let validation = |trust| {
        let endpoints = vec![endpoint("10.0.0.1", 443, "a.test", tls("a.test", trust))];
        let cluster = with_cluster(Cluster {
            endpoints,
            protocol: Protocol::Http1,
        });
        cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"].clone()
    };
    let names = json!([{"san_type": "DNS", "matcher": {"exact": "a.test"}}]);
    assert_eq!(
        validation(Trust::Authorities("PEM".into())),
        json!({"trusted_ca": {"inline_string": "PEM"}, "match_typed_subject_alt_names": names})
    );
    assert_eq!(
        validation(Trust::Anyone),
        json!({"trust_chain_verification": "ACCEPT_UNTRUSTED"})
    );
}

#[test]
fn a_listener_without_certificates_speaks_plain_http() {
    let whole = with_listener(|listener| listener.certificates = None);
    let listener = &whole["static_resources"]["listeners"][0];
    assert!(listener.get("listener_filters").is_none());
    let chain = &listener["filter_chains"][0];
    assert_eq!(chain["name"], "http");
    assert!(chain.get("transport_socket").is_none());
    // Without TLS the first bytes tell HTTP/2 from HTTP/1.
    assert!(manager(&whole).get("codec_type").is_none());
}

#[test]
fn times_of_the_listener_are_the_managers() {
    let whole = with_listener(|listener| {
        listener.timeouts = Timeouts {
            request_ms: 1_500,
            exchange_ms: 2_000,
            idle_ms: 0,
        };
    });
    let manager = manager(&whole);
    assert_eq!(manager["request_timeout"], "1.500s");
    let common = &manager["common_http_protocol_options"];
    assert_eq!(
        (&common["idle_timeout"], &common["max_stream_duration"]),
        (&json!("0s"), &json!("2s"))
    );
}
