//! What becomes of requests that the check lets pass.

use super::fixture::{at, server, span, upstream};
use super::*;
use crate::{
    HostRewrite, PathRedirect, Protocol, Redirect, ResponseHeaders, SchemeRedirect, Trust, Upstream,
};
use portcullis_config::{self as config, Pem, RouteResponseHeaders, UNREADABLE_FILE};

fn plain() -> config::Route {
    route("https://a.test", "https://u.test", legacy("a@x.test"))
}

/// The one route of the configuration and its cluster, if it has one.
fn only(route: config::Route) -> (crate::Route, Option<crate::Cluster>) {
    let (snapshot, _) = both(&config([route]));
    let mut routes = snapshot.routes();
    let found = routes
        .find(|route| matches!(route.value.context, Context::Policy(_)))
        .unwrap();
    let cluster = match &found.value.action {
        Action::Upstream(upstream) => Some(snapshot.clusters[&upstream.cluster].value.clone()),
        _ => None,
    };
    (found.value.clone(), cluster)
}

fn forwarded(change: impl FnOnce(&mut config::Route)) -> Upstream {
    let mut route = plain();
    change(&mut route);
    match only(route).0.action {
        Action::Upstream(upstream) => upstream,
        other => panic!("{other:?}"),
    }
}

fn cluster(change: impl FnOnce(&mut config::Route)) -> crate::Cluster {
    let mut route = plain();
    change(&mut route);
    only(route).1.unwrap()
}

fn header(name: &str) -> HeaderName {
    HeaderName::parse(name).unwrap()
}

#[test]
fn several_servers_are_one_cluster() {
    let found = cluster(|route| {
        upstream(route).to = vec![server("http://10.0.0.1:80", 1), server("https://b.test", 3)];
    });
    let of: Vec<_> = found
        .endpoints
        .iter()
        .map(|server| (server.address.as_str(), server.weight, server.tls.is_some()))
        .collect();
    assert_eq!(of, [("10.0.0.1", Some(1), false), ("b.test", Some(3), true)]);
    let unweighted = cluster(|route| upstream(route).to.push(server("https://b.test", 0)));
    assert!(unweighted.endpoints.iter().all(|server| server.weight.is_none()));
}

#[test]
fn the_protocol_is_what_all_servers_and_websockets_allow() {
    let of = |to: &[&str], websockets| {
        cluster(|route| {
            upstream(route).to = to.iter().map(|to| server(to, 0)).collect();
            route.allow_websockets = websockets;
        })
        .protocol
    };
    assert_eq!(of(&["https://a", "https://b"], false), Protocol::Negotiated);
    assert_eq!(of(&["https://a", "http://b"], false), Protocol::Http1);
    assert_eq!(of(&["h2c://a", "h2c://b"], false), Protocol::Http2);
    assert_eq!(of(&["h2c://a", "http://b"], false), Protocol::Http1);
    assert_eq!(of(&["http://a"], false), Protocol::Http1);
    for to in ["https://a", "h2c://a", "http://a"] {
        assert_eq!(of(&[to], true), Protocol::Http1, "{to}");
    }
}

/// Every row of Pomerium's table: timeout, idle timeout, websockets, and what
/// becomes of the two.
#[test]
fn timeouts_are_pomeriums() {
    let s = |seconds: u64| Some(Duration::from_secs(seconds));
    for (timeout, idle, long, expected) in [
        (None, None, false, (40_000, None)),
        (None, None, true, (0, Some(0))),
        (None, s(7), false, (40_000, Some(7_000))),
        (None, s(7), true, (0, Some(7_000))),
        (s(9), None, false, (9_000, None)),
        (s(9), None, true, (9_000, Some(0))),
        (s(9), s(7), false, (9_000, Some(7_000))),
        (s(9), s(7), true, (9_000, Some(7_000))),
        (s(0), s(0), false, (0, Some(0))),
        (Some(Duration::from_nanos(30)), None, false, (1, None)),
    ] {
        let mut route = plain();
        route.timeout = timeout;
        route.idle_timeout = idle;
        route.allow_websockets = long;
        let mut config = config([route]);
        config.global.default_upstream_timeout = Duration::from_secs(40);
        let (snapshot, _) = both(&config);
        let found = snapshot.routes().find_map(|route| match &route.value.action {
            Action::Upstream(upstream) => Some((upstream.timeout_ms, upstream.idle_timeout_ms)),
            _ => None,
        });
        assert_eq!(found, Some(expected), "{timeout:?} {idle:?} {long}");
    }
}

#[test]
fn the_host_is_rewritten_as_asked() {
    let of = |rewrite: config::HostRewrite, remove: &[&str]| {
        let found = forwarded(|route| {
            upstream(route).host_rewrite = rewrite;
            route.remove_request_headers = remove.iter().map(|name| header(name)).collect();
        });
        (found.host, found.forwarded_host)
    };
    use config::HostRewrite::{Header, Literal, Preserve, Upstream};
    assert_eq!(of(Upstream, &[]), (HostRewrite::Endpoint, true));
    assert_eq!(of(Preserve, &[]), (HostRewrite::Preserve, false));
    let literal = Literal("h.test".to_owned());
    assert_eq!(of(literal, &[]), (HostRewrite::Literal("h.test".into()), true));
    let named = Header(header("X-Host"));
    assert_eq!(of(named, &[]), (HostRewrite::Header("x-host".into()), true));
    assert_eq!(
        of(Upstream, &["X-Forwarded-Host"]),
        (HostRewrite::Endpoint, false)
    );
}

#[test]
fn a_prefix_rewrite_wins_over_the_path_of_to() {
    let of = |rewrite: Option<&str>| {
        forwarded(|route| {
            upstream(route).to = vec![server("https://u.test/base", 0)];
            upstream(route).prefix_rewrite = rewrite.map(str::to_owned);
        })
        .prefix_rewrite
    };
    assert_eq!(of(None).unwrap(), "/base");
    assert_eq!(of(Some("/new")).unwrap(), "/new");
    assert_eq!(of(Some("/a b\r\n?x")).unwrap(), "/a%20b%0D%0A?x");
}

#[test]
fn a_regular_expression_is_matched() {
    let mut route = plain();
    matching(&mut route, config::PathMatcher::Regex("/a/[0-9]+".to_owned()));
    assert_eq!(only(route).0.matcher, Match::Regex("/a/[0-9]+".to_owned()));
}

#[test]
fn redirects_take_the_stronger_of_two_wishes() {
    let of = |redirect: config::Redirect| {
        let mut route = plain();
        route.action = Some(config::Action::Redirect(redirect));
        match only(route) {
            (
                crate::Route {
                    action: Action::Redirect(found),
                    ..
                },
                None,
            ) => found,
            other => panic!("{other:?}"),
        }
    };
    let text = |text: &str| Some(text.to_owned());
    let all = config::Redirect {
        https_redirect: Some(false),
        scheme_redirect: text("http"),
        host_redirect: text("b.test"),
        port_redirect: Some(8443),
        path_redirect: text("/x y?z"),
        prefix_rewrite: text("/p"),
        response_code: Some(308),
        strip_query: Some(true),
    };
    let expected = Redirect {
        scheme: Some(SchemeRedirect::Https(false)),
        host: text("b.test"),
        port: Some(8443),
        path: Some(PathRedirect::Path("/x%20y?z".into())),
        status: 308,
        strip_query: true,
    };
    assert_eq!(of(all.clone()), expected);
    let weaker = config::Redirect {
        https_redirect: None,
        path_redirect: None,
        response_code: Some(0),
        strip_query: None,
        ..all
    };
    let expected = Redirect {
        scheme: Some(SchemeRedirect::Named("http".into())),
        path: Some(PathRedirect::Prefix("/p".into())),
        status: 301,
        strip_query: false,
        ..expected
    };
    assert_eq!(of(weaker), expected);
}

#[test]
fn a_fixed_answer_is_given() {
    let mut route = plain();
    route.action = Some(config::Action::Respond(config::Respond {
        status: 410,
        body: "gone".to_owned(),
    }));
    let expected = Action::Respond {
        status: 410,
        body: "gone".to_owned(),
    };
    assert_eq!(only(route).0.action, expected);
}

#[test]
fn proxies_before_envoy_are_known_to_both() {
    for hops in [0, 2] {
        let mut config = config([plain()]);
        config.global.xff_num_trusted_hops = hops;
        let (snapshot, bundle) = both(&config);
        assert_eq!(snapshot.listeners[Snapshot::LISTENER].value.trusted_hops, hops);
        assert_eq!(bundle.settings.trusted_hops, hops);
    }
}

#[test]
fn headers_of_a_route_go_with_it() {
    let mut route = plain();
    route.remove_request_headers = vec![header("X-Secret")];
    route.set_response_headers = RouteResponseHeaders::Inherit(vec![(header("X-A"), "b".to_owned())]);
    route.set_request_headers = vec![(header("X-B"), "${pomerium.jwt}".to_owned())];
    route.allow_websockets = true;
    let (snapshot, bundle) = both(&config([route.clone()]));
    let decides = bundle.routes.values().next().unwrap();
    assert!(decides.allow_websockets);
    assert_eq!(decides.remove_request_headers, [header("x-secret")]);
    let [(name, template)] = decides.set_request_headers.as_slice() else {
        panic!()
    };
    assert_eq!((name.as_str(), template.source()), ("x-b", "${pomerium.jwt}"));
    let own = ResponseHeaders::Inherit(vec![("x-a".to_owned(), "b".to_owned())]);
    let (found, _) = only(route.clone());
    assert_eq!(
        (found.remove_request_headers, found.response_headers),
        (vec!["x-secret".to_owned()], own)
    );
    // What only the check does is no change for Envoy.
    let mut other = route.clone();
    other.set_request_headers[0].1 = "x".to_owned();
    assert!(diff(&snapshot, &both(&config([other])).0).is_empty());

    route.set_response_headers = RouteResponseHeaders::None;
    assert_eq!(only(route).0.response_headers, ResponseHeaders::None);
}

/// Invariant 8: what one route says changes that route alone.
#[test]
fn editing_the_options_of_a_route_keeps_all_others() {
    let others = |route: config::Route| {
        let neighbour = route_of("https://b.test", "https://u.test");
        both(&config([
            route,
            neighbour,
            route_of("https://*.c.test", "https://u.test"),
        ]))
        .0
    };
    let old = others(plain());
    type Edit = (&'static str, fn(&mut config::Route), bool);
    let edits: [Edit; 6] = [
        ("timeout", |r| r.timeout = Some(Duration::from_secs(1)), false),
        (
            "disable",
            |r| r.set_response_headers = RouteResponseHeaders::None,
            false,
        ),
        (
            "remove",
            |r| r.remove_request_headers = vec![header("x-a")],
            false,
        ),
        (
            "rewrite",
            |r| upstream(r).prefix_rewrite = Some("/p".into()),
            false,
        ),
        ("skip verify", |r| upstream(r).tls.skip_verify = true, true),
        (
            "server name",
            |r| upstream(r).tls.server_name = Some("N.test".into()),
            true,
        ),
    ];
    for (what, edit, new_cluster) in edits {
        let mut route = plain();
        edit(&mut route);
        let changes = diff(&old, &others(route));
        assert_eq!(changes.hosts.changed, ["a.test"], "{what}");
        assert_eq!(changes.routes.changed.len(), 1, "{what}: {changes:?}");
        assert_eq!(changes.clusters.added.len(), usize::from(new_cluster), "{what}");
        assert!(changes.clusters.removed.is_empty(), "{what}: the neighbours' own");
        assert!(
            changes.listeners.is_empty() && changes.secrets.is_empty(),
            "{what}"
        );
    }
}

fn route_of(from: &str, to: &str) -> config::Route {
    route(from, to, legacy("a@x.test"))
}

#[test]
fn trust_is_the_systems_the_routes_or_anyones() {
    let ca = rcgen::generate_simple_self_signed(["ca.test".to_owned()])
        .unwrap()
        .cert
        .pem();
    let of = |change: &dyn Fn(&mut config::UpstreamTls)| {
        let found = cluster(|route| change(&mut upstream(route).tls));
        let tls = found.endpoints[0].tls.clone().unwrap();
        (tls.name, tls.trust)
    };
    let pem = || {
        Some(Pem::Inline(config::Located {
            value: ca.clone().into_bytes(),
            span: span(7),
        }))
    };
    let name = || "u.test".to_owned();
    assert_eq!(of(&|_| {}), (name(), Trust::System));
    let (_, trust) = of(&|tls| tls.ca = pem());
    let Trust::Authorities(kept) = trust else {
        panic!("{trust:?}")
    };
    assert_eq!(kept.as_ref(), ca.replace('\r', ""));
    let anyone = of(&|tls| {
        tls.ca = pem();
        tls.skip_verify = true;
    });
    assert_eq!(anyone, (name(), Trust::Anyone));
    let named = of(&|tls| tls.server_name = Some("Other.test".into()));
    assert_eq!(named, ("other.test".to_owned(), Trust::System));
}

#[test]
fn authorities_that_cannot_be_used_deny_that_route_alone() {
    let mut with = materials();
    with.files.insert("bad.pem".into(), Ok(b"nonsense".to_vec()));
    let of = |pem: Pem| {
        let mut broken = plain();
        upstream(&mut broken).tls.ca = Some(pem);
        let built = build(
            &config([broken, route_of("https://b.test", "https://u.test")]),
            &with,
        );
        let bundle = built.bundle.unwrap();
        let programs = bundle.routes.values().filter(|r| r.policy.program().is_some());
        assert_eq!(programs.count(), 1, "the other one serves");
        let problems: Vec<_> = built
            .diagnostics
            .iter()
            .map(|d| (d.code, d.span.line, d.route))
            .collect();
        problems
    };
    let inline = Pem::Inline(config::Located {
        value: b"nonsense".to_vec(),
        span: span(7),
    });
    assert_eq!(of(inline), [(codes::AUTHORITY_INVALID, 7, Some(0))]);
    assert_eq!(
        of(Pem::File(at("bad.pem", 8))),
        [(codes::AUTHORITY_INVALID, 8, Some(0))]
    );
    assert_eq!(of(Pem::File(at("nowhere", 9))), [(UNREADABLE_FILE, 9, Some(0))]);
}

#[test]
fn another_authority_makes_another_cluster_and_touches_no_listener() {
    let with = |pem: String| {
        let mut with = materials();
        with.files.insert("ca.pem".into(), Ok(pem.into_bytes()));
        with
    };
    let ca = || {
        rcgen::generate_simple_self_signed(["ca.test".to_owned()])
            .unwrap()
            .cert
            .pem()
    };
    let mut route = plain();
    upstream(&mut route).tls.ca = Some(Pem::File(at("ca.pem", 8)));
    let config = config([route]);
    let old = build(&config, &with(ca())).snapshot.unwrap();
    let changes = diff(&old, &build(&config, &with(ca())).snapshot.unwrap());
    assert!(
        changes.listeners.is_empty() && changes.secrets.is_empty(),
        "{changes:?}"
    );
    assert_eq!(changes.routes.changed.len(), 1);
    assert_eq!(
        (changes.clusters.added.len(), changes.clusters.removed.len()),
        (1, 1)
    );
}
