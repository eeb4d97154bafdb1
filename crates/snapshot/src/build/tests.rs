mod actions;
mod beside;
mod clients;
mod fixture;
mod materials;
mod own_answers;
mod routes;
mod sharing;
mod stars;

use super::*;
use crate::{Action, Context, Match, diff};
use fixture::{config, idp, legacy, matching, materials, route};
use portcullis_bundle::{Authenticate, RoutePolicy};
use portcullis_model::HeaderName;
use portcullis_policy::Legacy;
use proptest::prelude::*;

/// Both sides of a configuration that must be good.
fn both(config: &Config) -> (Snapshot, Arc<Bundle>) {
    let built = build(config, &materials());
    assert_eq!(built.diagnostics, []);
    (built.snapshot.unwrap(), built.bundle.unwrap())
}

#[test]
fn editing_a_policy_changes_nothing_of_envoys() {
    let before = config([route("https://a.test", "http://u:1", legacy("a@x.test"))]);
    let after = config([route("https://a.test", "http://u:1", legacy("b@x.test"))]);
    let ((old, old_bundle), (new, new_bundle)) = (both(&before), both(&after));
    assert_eq!(old, new);
    assert!(diff(&old, &new).is_empty());
    assert_ne!(old_bundle.version, new_bundle.version);
}

#[test]
fn editing_a_route_changes_only_what_it_must() {
    let with = |third: &str| {
        config([
            route("https://a.test", "http://one:1", legacy("a@x.test")),
            route("https://b.test", "http://one:1", legacy("a@x.test")),
            route("https://c.test", third, legacy("a@x.test")),
        ])
    };
    let ((old, _), (new, _)) = (both(&with("http://two:1")), both(&with("http://three:1")));
    let changes = diff(&old, &new);
    assert!(
        changes.listeners.is_empty() && changes.secrets.is_empty(),
        "{changes:?}"
    );
    assert_eq!(changes.hosts.changed, ["c.test"]);
    assert_eq!((changes.hosts.added.len(), changes.hosts.removed.len()), (0, 0));
    assert_eq!((changes.routes.added.len(), changes.routes.removed.len()), (1, 1));
    assert_eq!(changes.routes.changed, [""; 0]);
    assert_eq!(
        (changes.clusters.added.len(), changes.clusters.removed.len()),
        (1, 1)
    );
}

#[test]
fn a_route_in_front_renames_no_other() {
    let a = route("https://a.test", "http://one:1", legacy("a@x.test"));
    let b = route("https://b.test", "http://two:1", legacy("a@x.test"));
    let ((old, _), (new, _)) = (both(&config([b.clone()])), both(&config([a, b])));
    let changes = diff(&old, &new);
    assert_eq!(changes.hosts.added, ["a.test"]);
    assert!(
        changes.hosts.changed.is_empty() && changes.routes.changed.is_empty(),
        "{changes:?}"
    );
}

#[test]
fn every_host_ends_in_the_terminal_routes() {
    let mut config = config([
        route("https://a.test", "http://u:1", legacy("a@x.test")),
        route("https://b.test:8443", "http://u:1", legacy("a@x.test")),
    ]);
    config.global.authenticate = Some(fixture::own("auth.test", 8443));
    let (snapshot, _) = both(&config);
    let names: Vec<&str> = snapshot.hosts().map(|host| host.value.name.as_str()).collect();
    assert_eq!(names, ["a.test", "auth.test:8443", "b.test:8443", "*"]);
    for host in snapshot.hosts() {
        let [.., connect, all] = host.value.routes.as_slice() else {
            panic!("{host:?}")
        };
        assert_eq!(
            (&connect.value.matcher, connect.value.context),
            (&Match::Connect, Context::NoRoute)
        );
        assert_eq!(
            (&all.value.matcher, all.value.context),
            (&Match::Prefix("/".into()), Context::NoRoute)
        );
        for route in [connect, all] {
            assert_eq!(route.value.action, Action::status(404));
        }
        let paths: Vec<_> = host
            .value
            .routes
            .iter()
            .take(6)
            .map(|route| &route.value.matcher)
            .collect();
        assert_eq!(
            paths,
            [
                &Match::Path("/ping".into()),
                &Match::Path("/healthz".into()),
                &Match::Path("/.pomerium".into()),
                &Match::Path("/.well-known/pomerium".into()),
                &Match::Prefix("/.pomerium/".into()),
                &Match::Prefix("/.well-known/pomerium/".into()),
            ]
        );
    }
}

#[test]
fn domains_follow_the_port() {
    let (snapshot, bundle) = both(&config([
        route("https://a.test", "http://u:1", legacy("a@x.test")),
        route("https://a.test:8443", "http://u:1", legacy("a@x.test")),
        route("https://[::1]", "http://u:1", legacy("a@x.test")),
    ]));
    let domains: Vec<Vec<String>> = snapshot.hosts().map(|host| host.value.domains.clone()).collect();
    let expected: [&[&str]; 4] = [
        &["[::1]", "[::1]:*"],
        &["a.test", "a.test:*"],
        &["a.test:8443"],
        &["*"],
    ];
    assert_eq!(domains, expected);
    let hosts = &bundle.settings.redirect_hosts;
    let host = |text: &str| portcullis_model::Host::parse(text).unwrap();
    assert!(hosts.contains(&host("a.test"), 443) && hosts.contains(&host("a.test"), 8443));
    assert_eq!(hosts.entries().len(), 3);
}

#[test]
fn the_authenticate_host_has_its_own_endpoints_before_routes_of_the_same_host() {
    let mut config = config([route("https://auth.test", "http://u:1", legacy("a@x.test"))]);
    config.global.authenticate = Some(fixture::own("auth.test", 443));
    let (snapshot, bundle) = both(&config);
    let host = snapshot
        .hosts()
        .find(|host| host.value.name == "auth.test")
        .unwrap();
    let routes: Vec<_> = host
        .value
        .routes
        .iter()
        .skip(6)
        .map(|r| (&r.value.matcher, r.value.context))
        .collect();
    assert_eq!(
        routes[0],
        (&Match::Path("/oauth2/callback".into()), Context::Internal)
    );
    assert_eq!(routes[1], (&Match::Path("/".into()), Context::Internal));
    assert_eq!(routes[2], (&Match::Path("/robots.txt".into()), Context::Internal));
    assert!(matches!(routes[3], (Match::Prefix(_), Context::Policy(_))));
    let Authenticate::Own { host, port: 443 } = &bundle.settings.authenticate else {
        panic!()
    };
    assert!(bundle.settings.redirect_hosts.contains(host, 443));
}

#[test]
fn addresses_are_ip_addresses() {
    let listen = |host: Option<&str>, ipv4_only| {
        let mut config = config([]);
        config.global.address.host = host.map(str::to_owned);
        let built = build(
            &config,
            &Materials {
                ipv4_only,
                ..materials()
            },
        );
        match built.snapshot {
            Some(snapshot) => snapshot.listeners[Snapshot::LISTENER].value.addresses.join(" "),
            None => built.diagnostics[0].code.to_owned(),
        }
    };
    assert_eq!(listen(None, false), ":: 0.0.0.0");
    assert_eq!(listen(None, true), "0.0.0.0");
    assert_eq!(listen(Some("127.0.0.2"), false), "127.0.0.2");
    assert_eq!(listen(Some("[::1]"), false), "::1");
    assert_eq!(listen(Some("localhost"), false), "127.0.0.1");
    assert_eq!(listen(Some("a.test"), false), codes::ADDRESS_INVALID);
}

#[test]
fn claim_headers_are_protected() {
    let mut config = config([]);
    let header = |name: &str| (HeaderName::parse(name).unwrap(), "email".to_owned());
    config.global.jwt_claims_headers = vec![header("X-Name"), header("x-email")];
    let (snapshot, bundle) = both(&config);
    assert_eq!(
        snapshot.listeners[Snapshot::LISTENER].value.protected_headers,
        ["x-email", "x-name"]
    );
    assert_eq!(bundle.settings.jwt_claims_headers.len(), 2);
}

#[test]
fn hsts_needs_a_configured_certificate() {
    let mut config = config([]);
    let names = |config: &Config, materials: &Materials| -> Vec<String> {
        let snapshot = build(config, materials).snapshot.unwrap();
        snapshot.route_tables["main"]
            .value
            .response_headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut with = materials();
    assert_eq!(names(&config, &with), ["X-Frame-Options", "X-XSS-Protection"]);
    config.global.certificates = vec![fixture::certificate(&mut with, "a")];
    assert_eq!(
        names(&config, &with),
        ["Strict-Transport-Security", "X-Frame-Options", "X-XSS-Protection"]
    );
}

#[test]
fn configured_response_headers_replace_the_stock_ones() {
    let mut with = materials();
    let mut config = config([]);
    config.global.certificates = vec![fixture::certificate(&mut with, "a")];
    let own = vec![(HeaderName::parse("X-A").unwrap(), "b".to_owned())];
    for (set, expected) in [
        (own, vec![("x-a".to_owned(), "b".to_owned())]),
        (Vec::new(), Vec::new()),
    ] {
        config.global.set_response_headers = Some(set);
        let snapshot = build(&config, &with).snapshot.unwrap();
        let listener = &snapshot.listeners[Snapshot::LISTENER].value;
        assert_eq!(listener.response_headers, expected);
        assert_eq!(snapshot.route_tables["main"].value.response_headers, expected);
    }
}

#[test]
fn times_are_whole_milliseconds_and_never_too_short() {
    let mut config = config([]);
    config.global.timeout_read = Duration::from_nanos(30);
    config.global.timeout_write = Duration::from_millis(1_500);
    config.global.timeout_idle = Duration::ZERO;
    let (snapshot, _) = both(&config);
    let expected = Timeouts {
        request_ms: 1,
        exchange_ms: 1_500,
        idle_ms: 0,
    };
    assert_eq!(snapshot.listeners[Snapshot::LISTENER].value.timeouts, expected);
    assert_eq!(millis(Duration::MAX), u64::MAX);
}

#[test]
fn pass_identity_headers_is_inherited() {
    let mut on = route("https://a.test", "http://u:1", legacy("a@x.test"));
    on.pass_identity_headers = Some(false);
    let off = route("https://b.test", "http://u:1", legacy("a@x.test"));
    let mut config = config([on, off]);
    config.global.pass_identity_headers = true;
    let (_, bundle) = both(&config);
    let of = |host: &str| {
        bundle
            .routes
            .values()
            .find(|r| r.host.as_str() == host)
            .unwrap()
            .pass_identity_headers
    };
    assert_eq!((of("a.test"), of("b.test")), (false, true));
}

#[test]
fn the_provider_comes_with_its_secret() {
    use secrecy::ExposeSecret as _;
    let mut config = config([]);
    config.global.idp = Some(idp("hush"));
    let (_, bundle) = both(&config);
    let provider = bundle.settings.provider.as_ref().unwrap();
    assert_eq!(provider.client_secret.as_ref().unwrap().expose_secret(), "hush");
}

proptest! {
    /// Versions are those of the content: two builds of one configuration agree,
    /// and a change of order within a host is a change.
    #[test]
    fn versions_are_deterministic(hosts in prop::collection::vec((0u8..4, 0u8..3, 0u8..3), 0..12)) {
        let routes: Vec<_> = hosts
            .iter()
            .map(|(host, prefix, to)| {
                let mut route = route(
                    &format!("https://h{host}.test"),
                    &format!("http://u{to}:80"),
                    Legacy { public: true, ..Legacy::default() },
                );
                matching(&mut route, portcullis_config::PathMatcher::Prefix(format!("/{prefix}")));
                route
            })
            .collect();
        let (one, two) = (build(&config(routes.clone()), &materials()), build(&config(routes), &materials()));
        prop_assert_eq!(&one.snapshot, &two.snapshot);
        let (one, two) = (one.bundle.unwrap(), two.bundle.unwrap());
        prop_assert_eq!(&one.version, &two.version);
        for route in one.routes.values() {
            prop_assert!(matches!(route.policy, RoutePolicy::Program(_)));
        }
    }
}
