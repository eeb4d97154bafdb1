use super::*;
use crate::{Endpoint, HostRewrite, Protocol, Trust, Upstream, UpstreamTls};
use portcullis_config::{PathMatcher, RoutePolicy as Policy, Severity};

fn only(route: portcullis_config::Route) -> (crate::Route, Snapshot, Arc<Bundle>) {
    let (snapshot, bundle) = both(&config([route]));
    let found = snapshot
        .routes()
        .find(|r| matches!(r.value.context, Context::Policy(_)))
        .unwrap();
    let found = found.value.clone();
    (found, snapshot, bundle)
}

#[test]
fn a_route_leads_to_its_upstream_under_pomeriums_id() {
    let (route, snapshot, bundle) = only(route(
        "https://example.com",
        "https://to.example.com",
        legacy("a@x.test"),
    ));
    assert_eq!(route.name, "policy-bc16089b025e93dc");
    let Context::Policy(id) = route.context else {
        panic!()
    };
    assert_eq!(bundle.route(id).unwrap().host.as_str(), "example.com");
    let Action::Upstream(upstream) = route.action else {
        panic!()
    };
    let expected = Upstream {
        cluster: upstream.cluster.clone(),
        prefix_rewrite: None,
        host: HostRewrite::Endpoint,
        forwarded_host: true,
        timeout_ms: 30_000,
        idle_timeout_ms: None,
    };
    assert_eq!(upstream, expected);
    let cluster = &snapshot.clusters[&upstream.cluster].value;
    let expected = Endpoint {
        address: "to.example.com".into(),
        is_ip: false,
        port: 443,
        hostname: "to.example.com".into(),
        weight: None,
        tls: Some(UpstreamTls {
            name: "to.example.com".into(),
            is_ip: false,
            trust: Trust::System,
        }),
    };
    assert_eq!(cluster.endpoints, [expected]);
    assert_eq!(cluster.protocol, Protocol::Negotiated);
}

#[test]
fn upstreams_are_shared_by_content() {
    let to = |host: &str, to: &str| route(&format!("https://{host}.test"), to, legacy("a@x.test"));
    let (snapshot, _) = both(&config([
        to("a", "http://u:1/x"),
        to("b", "http://u:1/y"),
        to("c", "https://u:1"),
    ]));
    assert_eq!(snapshot.clusters.len(), 2);
    assert!(snapshot.clusters.keys().all(|name| name.starts_with("upstream-")));
}

#[test]
fn localhost_is_an_address_that_keeps_its_name() {
    for (to, address, hostname) in [
        ("http://localhost:8000", "127.0.0.1", "localhost:8000"),
        ("http://app.localhost:8000", "127.0.0.1", "app.localhost:8000"),
        ("http://[::1]:8000", "::1", "[::1]:8000"),
        ("http://10.0.0.1", "10.0.0.1", "10.0.0.1"),
    ] {
        let (_, snapshot, _) = only(route("https://a.test", to, legacy("a@x.test")));
        let server = &snapshot.clusters.values().next().unwrap().value.endpoints[0];
        assert_eq!(
            (server.address.as_str(), server.hostname.as_str()),
            (address, hostname)
        );
        assert!(server.is_ip && server.tls.is_none());
    }
}

#[test]
fn the_path_of_to_replaces_the_match() {
    let rewritten = |to: &str, matcher: PathMatcher| {
        let mut route = route("https://a.test", to, legacy("a@x.test"));
        matching(&mut route, matcher);
        let Action::Upstream(upstream) = only(route).0.action else {
            panic!()
        };
        upstream.prefix_rewrite
    };
    assert_eq!(rewritten("http://u", PathMatcher::Any), None);
    assert_eq!(rewritten("http://u/", PathMatcher::Any), None);
    assert_eq!(rewritten("http://u/a", PathMatcher::Any).unwrap(), "/a");
    assert_eq!(
        rewritten("http://u/", PathMatcher::Prefix("/x".into())).unwrap(),
        "/"
    );
    assert_eq!(
        rewritten("http://u/a%20b", PathMatcher::Path("/x".into())).unwrap(),
        "/a%20b"
    );
}

#[test]
fn an_invalid_route_denies_alone() {
    let good = route("https://a.test", "http://u:1", legacy("a@x.test"));
    let mut broken = route("https://b.test", "http://u:2", legacy("a@x.test"));
    broken.invalid = Some("`to` is wrong".into());
    let mut unread = route("https://c.test", "http://u:3", legacy("a@x.test"));
    unread.policy = Policy::Invalid;
    let mut nowhere = route("https://d.test", "http://u:4", legacy("a@x.test"));
    nowhere.action = None;
    let (snapshot, bundle) = both(&config([good, broken, unread, nowhere]));
    assert_eq!((snapshot.clusters.len(), bundle.routes.len()), (1, 4));
    for route in snapshot.routes() {
        let Context::Policy(id) = route.value.context else {
            continue;
        };
        match &bundle.route(id).unwrap().policy {
            RoutePolicy::Program(_) => assert!(matches!(route.value.action, Action::Upstream(_))),
            RoutePolicy::Invalid { .. } => assert_eq!(route.value.action, Action::status(503)),
        }
    }
    let invalid = bundle
        .routes
        .values()
        .filter(|route| route.policy.program().is_none())
        .count();
    assert_eq!(invalid, 3);
}

#[test]
fn of_two_routes_that_match_and_lead_alike_the_first_serves() {
    let built = build(
        &config([
            route("https://a.test", "http://u:1", legacy("a@x.test")),
            route("https://a.test", "http://u:1", legacy("b@x.test")),
        ]),
        &materials(),
    );
    let [warning] = built.diagnostics.as_slice() else {
        panic!("{:?}", built.diagnostics)
    };
    assert_eq!(
        (warning.severity, warning.code),
        (Severity::Warning, codes::ROUTE_DUPLICATE)
    );
    assert_eq!((warning.span, warning.route), (fixture::span(101), Some(1)));
    assert!(warning.message.contains("100:3"), "{warning}");
    let (first, _) = both(&config([route(
        "https://a.test",
        "http://u:1",
        legacy("a@x.test"),
    )]));
    assert_eq!(built.snapshot.unwrap(), first);
    assert_eq!(built.bundle.unwrap().routes.len(), 1);
}

/// Computed by another implementation of the hash and of the format.
#[test]
fn what_does_not_count_is_in_the_id_all_the_same() {
    let written = |prefix: &str, path: &str, regex: &str| portcullis_config::Written {
        prefix: prefix.into(),
        path: path.into(),
        regex: regex.into(),
        to: Vec::new(),
    };
    let named = |change: &dyn Fn(&mut portcullis_config::Route)| {
        let mut route = route(
            "https://example.com",
            "https://to.example.com",
            legacy("a@x.test"),
        );
        change(&mut route);
        only(route).0.name
    };
    for (paths, id) in [
        (written("/p", "/q", ""), "ac77ab9c9c025686"),
        (written("/p", "", "^/r$"), "a702b36b9013d981"),
        (written("/p", "/q", "^/r$"), "8374e51d54b31294"),
    ] {
        assert_eq!(
            named(&|route| route.written = paths.clone()),
            format!("policy-{id}")
        );
    }
    // A `to` beside a redirect or a response is hashed in their place.
    for action in [
        portcullis_config::Action::Redirect(portcullis_config::Redirect::default()),
        portcullis_config::Action::Respond(portcullis_config::Respond {
            status: 200,
            body: String::new(),
        }),
    ] {
        let name = named(&|route| {
            route.written.to = fixture::upstream(route).to.clone();
            route.action = Some(action.clone());
        });
        assert_eq!(name, "policy-bc16089b025e93dc");
    }
}

#[test]
fn equal_ids_that_lead_elsewhere_are_a_collision() {
    let upstream = route("https://a.test", "http://u:1", legacy("a@x.test"));
    let mut redirect = upstream.clone();
    redirect.written.to = fixture::upstream(&mut redirect).to.clone();
    redirect.action = Some(portcullis_config::Action::Redirect(portcullis_config::Redirect {
        https_redirect: Some(true),
        ..Default::default()
    }));
    let built = build(&config([upstream, redirect]), &materials());
    let [error] = built.diagnostics.as_slice() else {
        panic!("{:?}", built.diagnostics)
    };
    assert_eq!(
        (error.severity, error.code),
        (Severity::Error, codes::ROUTE_COLLISION)
    );
}

#[test]
fn routes_of_a_host_keep_their_order() {
    let with = |prefix: &str| {
        let mut route = route("https://a.test", "http://u:1", legacy("a@x.test"));
        matching(&mut route, PathMatcher::Prefix(prefix.into()));
        route
    };
    let order = |routes: [portcullis_config::Route; 2]| {
        let (snapshot, _) = both(&config(routes));
        let host = snapshot.hosts().next().unwrap();
        (
            host.version.clone(),
            host.value
                .routes
                .iter()
                .map(|r| r.value.matcher.clone())
                .collect::<Vec<_>>(),
        )
    };
    let (one, matches) = order([with("/"), with("/admin")]);
    assert_eq!(
        matches[6..8],
        [Match::Prefix("/".into()), Match::Prefix("/admin".into())]
    );
    let (other, _) = order([with("/admin"), with("/")]);
    assert_ne!(one, other);
}
