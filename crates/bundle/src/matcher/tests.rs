use super::*;

fn pattern(host: &str, port: Option<u16>, path: PathPattern) -> Pattern {
    let host = HostPattern::parse(host).unwrap();
    Pattern { host, port, path }
}

fn any(host: &str) -> Pattern {
    pattern(host, None, PathPattern::Any)
}

fn find(patterns: &[Pattern], url: &str) -> Met {
    let matcher = Matcher::new(patterns.iter().cloned(), None).unwrap();
    matcher.find("GET", &Target::parse(url).unwrap())
}

#[test]
fn a_host_of_its_own_hides_the_stars() {
    let routes = [
        any("*.a.test"),
        pattern("x.a.test", None, PathPattern::Prefix("/p".into())),
        any("*.test"),
    ];
    assert_eq!(find(&routes, "https://x.a.test/p1"), Met::Route(1));
    assert_eq!(find(&routes, "https://x.a.test/q"), Met::Nothing);
    assert_eq!(find(&routes, "https://y.a.test/q"), Met::Route(0));
    assert_eq!(find(&routes, "https://y.z.a.test./q"), Met::Route(0));
    assert_eq!(find(&routes, "https://b.test/"), Met::Route(2));
    assert_eq!(find(&routes, "https://B.TEST/"), Met::Route(2));
    assert_eq!(find(&routes, "https://test/"), Met::Nothing);
}

#[test]
fn a_port_of_its_own_goes_first_and_stands_alone() {
    let routes = [
        any("a.test"),
        pattern("a.test", Some(8443), PathPattern::Prefix("/p".into())),
        pattern("b.test", Some(8443), PathPattern::Any),
        pattern("*.c.test", Some(8443), PathPattern::Any),
        any("*.test"),
    ];
    assert_eq!(find(&routes, "https://a.test/p"), Met::Route(0));
    assert_eq!(find(&routes, "https://a.test:9/p"), Met::Route(0));
    assert_eq!(find(&routes, "https://a.test:8443/p"), Met::Route(1));
    assert_eq!(find(&routes, "https://a.test:8443/q"), Met::Nothing);
    assert_eq!(find(&routes, "https://b.test:8443/"), Met::Route(2));
    assert_eq!(
        find(&routes, "https://b.test/"),
        Met::Route(4),
        "another port is another host"
    );
    assert_eq!(find(&routes, "https://x.c.test:8443/"), Met::Route(3));
    assert_eq!(find(&routes, "https://x.c.test:443/"), Met::Route(4));
}

/// However many routes a pattern has at a port, whoever looks what another port would lead
/// to looks once.
#[test]
fn every_port_is_told_once() {
    let at = |host: &str, port, n: usize| pattern(host, port, PathPattern::Prefix(format!("/p{n}")));
    let routes = (0..500).flat_map(|n| {
        [
            at("*.w.test", Some(8443), n),
            at("*.test", Some(8443), n),
            at("*.test", None, n),
            at("b.w.test", Some(8443), n),
            at("b.w.test", Some(9443), n),
        ]
    });
    let matcher = Matcher::new(routes, None).unwrap();
    let others = |host: &str, port| {
        let others = matcher.other_ports(&Host::parse(host).unwrap(), port);
        others.into_iter().collect::<Vec<_>>()
    };
    for (host, port, wanted) in [
        ("a.w.test", Some(8443), &[None][..]),
        ("a.w.test", None, &[Some(8443)]),
        ("a.w.test", Some(1), &[Some(8443)]),
        ("b.w.test", Some(8443), &[None, Some(9443)]),
        ("b.w.test", Some(1), &[Some(8443), Some(9443)]),
        ("a.example", Some(8443), &[]),
        ("a.example", None, &[]),
    ] {
        assert_eq!(others(host, port), wanted, "{host} {port:?}");
    }
}

#[test]
fn within_a_host_the_first_whose_path_fits() {
    let path = |path| pattern("a.test", None, path);
    let routes = [
        path(PathPattern::Path("/a".into())),
        path(PathPattern::Regex("/r[0-9]+|/s".into())),
        path(PathPattern::Prefix("/a".into())),
        path(PathPattern::Any),
        path(PathPattern::Path("/late".into())),
    ];
    for (url, expected) in [
        ("/a", 0),
        ("/a?x=/b", 0),
        ("/a/", 2),
        ("/administrator", 2),
        ("/r12", 1),
        ("/r12/x", 3),
        ("/x/r12", 3),
        ("/s", 1),
        ("/sx", 3),
        ("/late", 3),
        ("//a", 0),
        ("/b/../a", 0),
        ("/b/%2e%2e/a", 0),
        ("/%61", 0),
        ("/%2561", 3),
        ("/b/..;x/a", 0),
        ("/b\\..\\a", 0),
    ] {
        let url = format!("https://a.test{url}");
        assert_eq!(find(&routes, &url), Met::Route(expected), "{url}");
    }
}

#[test]
fn our_own_endpoints_go_before_every_route() {
    let own = Some((Host::parse("auth.test").unwrap(), 443));
    let matcher = Matcher::new([any("a.test"), any("auth.test"), any("*.test")], own).unwrap();
    let find = |method: &str, url: &str| matcher.find(method, &Target::parse(url).unwrap());
    for path in [
        "/ping",
        "/healthz",
        "/.pomerium",
        "/.pomerium/x",
        "/.well-known/pomerium/jwks.json",
    ] {
        for host in ["a.test", "auth.test", "z.test", "nobody.example"] {
            assert_eq!(
                find("GET", &format!("https://{host}{path}")),
                Met::Internal,
                "{host}{path}"
            );
        }
    }
    assert_eq!(find("GET", "https://a.test/pingx"), Met::Route(0));
    assert_eq!(find("GET", "https://a.test/"), Met::Route(0));
    assert_eq!(find("GET", "https://auth.test/"), Met::Internal);
    assert_eq!(find("GET", "https://auth.test/x"), Met::Route(1));
    assert_eq!(find("GET", "https://z.test/oauth2/callback"), Met::Route(2));
    assert_eq!(find("GET", "https://nobody.example/"), Met::Nothing);
    assert_eq!(find("CONNECT", "https://a.test/"), Met::Nothing);
}

#[test]
fn an_authenticate_host_without_routes_hides_the_stars_too() {
    let own = Some((Host::parse("auth.test").unwrap(), 8443));
    let matcher = Matcher::new([any("*.test")], own).unwrap();
    let find = |url: &str| matcher.find("GET", &Target::parse(url).unwrap());
    assert_eq!(find("https://auth.test:8443/"), Met::Internal);
    assert_eq!(find("https://auth.test:8443/x"), Met::Nothing);
    assert_eq!(find("https://auth.test/x"), Met::Route(0));
}

#[test]
fn an_address_has_no_stars() {
    let routes = [any("*"), any("[::1]")];
    assert_eq!(find(&routes[..1], "https://[::1]/"), Met::Nothing);
    assert_eq!(find(&routes, "https://[::1]:8443/"), Met::Route(1));
    assert_eq!(find(&routes, "https://127.0.0.1/"), Met::Route(0));
}

#[test]
fn what_can_be_read_in_two_ways_is_no_target() {
    for url in [
        "https://a.test/a%2fb",
        "https://a.test/a%5Cb",
        "https://a.test/%",
        "https://a.test/%zz",
        "https://a.test/%00",
        "https://a.test/%ff",
        "https://a.test/%2e%2e;x/b",
        "https://a.test/..%3bx/b",
        "https://a.test//",
    ] {
        assert!(matches!(Target::parse(url), Err(TargetError::Path(_))), "{url}");
    }
    assert!(matches!(Target::parse("a.test/x"), Err(TargetError::Url { .. })));
    assert!(matches!(
        Target::parse("ftp://a.test/"),
        Err(TargetError::Scheme(_))
    ));
    assert!(matches!(
        Target::parse("https://a%20b/"),
        Err(TargetError::Url { .. })
    ));
    let target = Target::parse("https://a.test:443/a%20b/?q=1#f").unwrap();
    assert_eq!(
        (target.port, target.path(), target.decoded_path(), target.query()),
        (None, "/a%20b/", "/a b/", Some("q=1"))
    );
}

#[test]
fn a_path_is_taken_as_it_is_written_and_as_clients_send_it() {
    for (url, path) in [
        ("https://a.test", "/"),
        ("https://a.test?q=/x", "/"),
        ("https://a.test#/x", "/"),
        ("https://a.test/a#/../b", "/a"),
        ("https://a.test\\a?\\", "/a"),
        (" https:\\\\a.test:8443/a\tb\n ", "/ab"),
        ("HTTPS:///u:p@a.test/a b", "/a%20b"),
        ("https://a.test/caf\u{e9}\u{7f}", "/caf%C3%A9%7F"),
        ("https://a.test/b/..;/../a", "/a"),
    ] {
        assert_eq!(Target::parse(url).unwrap().path(), path, "{url}");
    }
}

#[test]
fn an_expression_that_cannot_be_compiled_is_an_error() {
    let broken = [
        any("a.test"),
        pattern("a.test", None, PathPattern::Regex("(".into())),
    ];
    assert_eq!(Matcher::new(broken, None).unwrap_err().route, 1);
}
