//! How a route is found behind an Envoy that is not ours: by its name, or by host and
//! path.

use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, public, route, settings};
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{FoundBy, Route, Settings};
use portcullis_model::{HostPattern, PathParameters, RouteId};
use portcullis_policy::Legacy;

pub(super) fn found(id: u64, name: &str, host: &str, path: PathPattern, turn: u32, legacy: &Legacy) -> Route {
    Route {
        id: RouteId(id),
        name: Some(name.to_owned()),
        host: HostPattern::parse(host).unwrap(),
        port: None,
        found_by: Some(FoundBy { path, turn }),
        ..route(legacy)
    }
}

/// Everybody may everywhere but under `/admin` and `/a%20b`.
fn routes() -> Vec<Route> {
    let nobody = Legacy::default();
    let prefix = |text: &str| PathPattern::Prefix(text.to_owned());
    vec![
        found(1, "admin", HOST, prefix("/admin"), 0, &nobody),
        found(2, "spaced", HOST, prefix("/a%20b"), 1, &nobody),
        found(3, "pub", HOST, PathPattern::Any, 2, &public()),
        found(4, "stars", "*.apps.example.com", PathPattern::Any, 0, &public()),
        found(5, "twin", "one.example.com", PathPattern::Any, 0, &public()),
        found(6, "twin", "two.example.com", PathPattern::Any, 0, &public()),
        Route {
            port: Some(8443),
            ..found(7, "ported", "port.example.com", PathPattern::Any, 0, &public())
        },
        Route {
            found_by: None,
            ..found(8, "former", "former.example.com", PathPattern::Any, 0, &public())
        },
    ]
}

fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    fixture.publish(settings(), routes());
    fixture
}

fn allowing(path_parameters: PathParameters) -> Settings {
    Settings {
        path_parameters: Some(path_parameters),
        ..settings()
    }
}

pub(super) fn nothing_said(host: &str, path: &str) -> Ask {
    Ask::new().context(&[]).host(host).path(path)
}

/// `passes`, or the code of the refusal.
pub(super) async fn outcome(fixture: &Fixture, ask: &Ask) -> String {
    let told = fixture
        .check(&ask.clone().header("accept", "application/json"))
        .await;
    if told.passes() {
        return "passes".to_owned();
    }
    told.json()["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn where_nothing_is_said_host_and_path_find_the_route() {
    let fixture = fixture();
    for (host, path, wanted) in [
        (HOST, "/", "passes"),
        (HOST, "/x?y=/admin", "passes"),
        (HOST, "/admin", "policy_denied"),
        (HOST, "/administrator", "policy_denied"),
        (HOST, "/admin/x?y", "policy_denied"),
        (HOST, "/ADMIN", "passes"),
        (HOST, "/a%20b/c", "policy_denied"),
        ("VERIFY.Example.com.:8443", "/admin", "policy_denied"),
        ("VERIFY.Example.com.:8443", "/", "passes"),
        ("x.apps.example.com", "/", "passes"),
        ("apps.example.com", "/", "no_route"),
        ("port.example.com:8443", "/", "passes"),
        ("port.example.com", "/", "no_route"),
        ("port.example.com:08443", "/", "ambiguous_request"),
        ("former.example.com", "/", "no_route"),
        ("evil.test", "/", "no_route"),
        ("[::1]:8443", "/", "no_route"),
    ] {
        for ask in [nothing_said(host, path), nothing_said(host, path).joined()] {
            assert_eq!(outcome(&fixture, &ask).await, wanted, "{host}{path}");
        }
    }
    let tunnel = nothing_said(HOST, "").method("CONNECT");
    assert_eq!(outcome(&fixture, &tunnel).await, "no_route");
    let told = fixture.check(&nothing_said("evil.test", "/")).await;
    assert_eq!(
        (told.status(), told.header("set-cookie"), told.header("location")),
        (404, None, None)
    );
}

#[tokio::test]
async fn a_route_that_is_named_must_be_for_the_request() {
    let fixture = fixture();
    for (name, host, path, wanted) in [
        ("pub", HOST, "/", "passes"),
        // Whatever comes before it: the other Envoy has an order of its own.
        ("pub", HOST, "/admin", "passes"),
        ("admin", HOST, "/admin/x", "policy_denied"),
        ("admin", HOST, "/", "route_unknown"),
        ("pub", "x.apps.example.com", "/", "route_unknown"),
        ("stars", "x.apps.example.com:444", "/x", "passes"),
        ("stars", HOST, "/x", "route_unknown"),
        ("twin", "one.example.com", "/", "route_unknown"),
        ("former", "former.example.com", "/", "route_unknown"),
        ("Pub", HOST, "/", "route_unknown"),
        ("", HOST, "/", "route_unknown"),
        ("0000000000000003", HOST, "/", "route_unknown"),
        ("pub", HOST, "//", "ambiguous_request"),
        ("pub", HOST, "/a;b", "ambiguous_request"),
    ] {
        let ask = nothing_said(host, path).context(&[("route", name), ("of", "the gateway")]);
        assert_eq!(outcome(&fixture, &ask).await, wanted, "{name} {host}{path}");
    }
    // Where all Envoys are somebody else's there is nothing of ours to wait for.
    let beside = Fixture::in_band();
    beside.publish(settings(), routes());
    for context in [("route", "nobody"), ("route", "stars"), ("route_id", "1")] {
        let ask = nothing_said(HOST, "/").context(&[context]);
        assert_eq!(outcome(&beside, &ask).await, "no_route", "{context:?}");
    }
}

/// Found by the differential run: another Envoy, which does not take the dot away, finds
/// none of its hosts and goes on to the stars.
#[tokio::test]
async fn a_dot_behind_the_host_leads_to_no_other_route() {
    let fixture = Fixture::empty();
    let any = |id, name: &str, host: &str| found(id, name, host, PathPattern::Any, 0, &public());
    let prefix = PathPattern::Prefix("/p".to_owned());
    fixture.publish(
        settings(),
        [
            any(1, "one", "app.one.example.com"),
            found(2, "app", "app.*", prefix, 0, &public()),
            found(3, "stars", "*.example.com", PathPattern::Any, 1, &public()),
        ],
    );
    for (authority, path, wanted) in [
        ("app.one.example.com", "/p", "passes"),
        ("app.one.example.com.", "/p", "ambiguous_request"),
        ("APP.one.example.com.:443", "/p", "ambiguous_request"),
        // As whoever decodes it reads it.
        ("app.one.example.com", "/%70", "passes"),
        ("app.one.example.com.", "/%70", "ambiguous_request"),
        ("app.one.example.com.", "/q", "passes"),
        ("app.one.example.com.", "/%71", "passes"),
        ("x.example.com.", "/p", "passes"),
        ("app.two.example.com.", "/p", "passes"),
        ("app.test.", "/p", "passes"),
    ] {
        let ask = nothing_said(authority, path);
        assert_eq!(outcome(&fixture, &ask).await, wanted, "{authority}{path}");
    }
    let named = nothing_said("app.one.example.com.", "/p").context(&[("route", "one")]);
    assert_eq!(outcome(&fixture, &named).await, "passes");
}

/// Found by the differential run: whether a decoded path says anything is for the route to
/// say that is named, not for that which would be found.
#[tokio::test]
async fn a_route_of_escapes_that_is_named_is_held_against_the_path_as_written() {
    let fixture = Fixture::empty();
    let prefix = |text: &str| PathPattern::Prefix(text.to_owned());
    fixture.publish(
        settings(),
        [
            found(1, "all", HOST, PathPattern::Any, 0, &public()),
            found(2, "spaced", HOST, prefix("/a%20b"), 1, &public()),
            found(3, "plain", HOST, prefix("/ab"), 2, &public()),
        ],
    );
    for (name, path, wanted) in [
        ("spaced", "/a%20b/c", "passes"),
        ("spaced", "/a%20b/%C3%A9", "passes"),
        ("spaced", "/%61%20b", "route_unknown"),
        ("plain", "/ab%20", "passes"),
        ("plain", "/%61b", "route_unknown"),
        ("all", "/a%20b/c", "passes"),
    ] {
        let ask = nothing_said(HOST, path).context(&[("route", name)]);
        assert_eq!(outcome(&fixture, &ask).await, wanted, "{name} {path}");
    }
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    let fixture = fixture();
    for path in [
        "/pub%2Fadmin",
        "/%2fadmin",
        "/pub%5cadmin",
        "/pub\\admin",
        "/pub/../admin",
        "/pub/%2e%2E/admin",
        "/..;/admin",
        "/pub/..%3bx/admin",
        "//admin",
        "/pub//admin",
        "/admin;x",
        "/x;y=1/z",
        "/x%3By",
        "/%00",
        "/%",
        "/%zz",
        "/%c0%ae",
        "/%ff",
        "/a b",
        "/\u{e9}",
        "/x#y",
        "",
        "*",
        "http://verify.example.com/",
        // As written it meets one route, decoded another.
        "/%61dmin",
        "/adm%69n/x",
        "/.pomer%69um/",
    ] {
        for context in [&[][..], &[("route", "pub")]] {
            let ask = nothing_said(HOST, path).context(context);
            let told = fixture.check(&ask.header("accept", "application/json")).await;
            assert!(!told.passes(), "{path}");
            assert_eq!(
                (told.status(), &told.json()["code"], told.header("set-cookie")),
                (400, &"ambiguous_request".into(), None),
                "{path}"
            );
        }
    }
    let long = format!("{}.example.com", "a".repeat(64));
    for host in [
        "",
        "user@verify.example.com",
        "verify.example.com:80:80",
        "verify.example.com:",
        "verify.example.com:0",
        "verify.example.com:99999",
        "verify.example.com,evil.test",
        "verify.example.com/x",
        "\u{2024}verify.example.com",
        "verify..example.com",
        &long,
    ] {
        let ask = nothing_said(host, "/");
        assert_eq!(outcome(&fixture, &ask).await, "ambiguous_request", "{host}");
    }
    for path in [
        "/%41",
        "/a%2Eb",
        "/%C3%A9",
        "/*%7B%7D[]()",
        "/x?a=../..&b=%2f//;\\",
        "/%252e%252e%252fadmin",
    ] {
        assert_eq!(
            outcome(&fixture, &nothing_said(HOST, path)).await,
            "passes",
            "{path}"
        );
    }
}

#[tokio::test]
async fn paths_with_parameters_pass_where_both_readings_do() {
    let by_path = r"
- allow:
    and:
    - http_path: /open
- allow:
    and:
    - http_path: /open;x
";
    let open = Route {
        port: None,
        host: HostPattern::parse("open.example.com").unwrap(),
        id: RouteId(9),
        ..crate::fixture::route_of(by_path)
    };
    let all = || routes().into_iter().chain([open.clone()]);
    let fixture = Fixture::empty();
    fixture.publish(allowing(PathParameters::Allow), all());
    for (host, path, wanted) in [
        (HOST, "/x;y/z;a=1", "passes"),
        (HOST, "/x%3By", "passes"),
        (HOST, "/admin;x", "policy_denied"),
        (HOST, "/;x/admin", "passes"),
        (HOST, "/adm;in", "passes"),
        (HOST, "/admin%3bx/y", "policy_denied"),
        (HOST, "/.pomerium;x/", "ambiguous_request"),
        (HOST, "/..;/admin", "ambiguous_request"),
        ("open.example.com", "/open;x", "passes"),
        ("open.example.com", "/open;y", "policy_denied"),
        ("open.example.com", "/open/;x", "policy_denied"),
    ] {
        assert_eq!(
            outcome(&fixture, &nothing_said(host, path)).await,
            wanted,
            "{host}{path}"
        );
    }
    // Where our own Envoy chose the route they pass unless that is forbidden.
    let ours = Ask::new().path("/a;b");
    let fixture = Fixture::empty();
    for (wanted, settings) in [
        ("passes", settings()),
        ("passes", allowing(PathParameters::Allow)),
        ("ambiguous_request", allowing(PathParameters::Reject)),
    ] {
        fixture.publish(settings, [route(&public())]);
        assert_eq!(outcome(&fixture, &ours).await, wanted);
    }
}

#[tokio::test]
async fn joined_lines_make_nobody_somebody() {
    let fixture = Fixture::empty();
    fixture.publish(
        settings(),
        [found(1, "a", HOST, PathPattern::Any, 0, &any_user())],
    );
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = nothing_said(HOST, "/").joined();
    let good = ask.clone().header("cookie", format!("a=1; _pomerium={cookie}"));
    assert_eq!(outcome(&fixture, &good).await, "passes");
    for line in [
        format!("a=1,_pomerium={cookie}"),
        format!("a=1, _pomerium={cookie}; b=2"),
    ] {
        let told = fixture.check(&ask.clone().header("cookie", &line)).await;
        assert_eq!(told.status(), 302, "{line}");
    }
}

#[tokio::test]
async fn a_client_speaks_under_none_of_our_names() {
    let fixture = fixture();
    let ask = nothing_said(HOST, "/")
        .header("x-pomerium-jwt-assertion", "forged")
        .header("X_Pomerium_Claim_Groups", "admins")
        .header("x-email", "root@example.com")
        .header("x_department", "all")
        .header("x-portcullis-in-jwt-assertion", "forged");
    let told = fixture.check(&ask).await;
    for name in [
        "X_Pomerium_Claim_Groups",
        "x_department",
        "x-portcullis-in-jwt-assertion",
    ] {
        assert!(told.removed().contains(&name), "{name} in {:?}", told.removed());
    }
    for name in ["x-pomerium-jwt-assertion", "x-email"] {
        let ours = told
            .header(name)
            .is_some_and(|value| !value.contains("forged") && !value.contains("root"));
        assert!(ours || told.removed().contains(&name), "{name}");
    }
}

#[tokio::test]
async fn without_its_routes_a_bundle_finds_nothing() {
    let fixture = Fixture::empty();
    fixture.publish(
        settings(),
        [found(
            1,
            "a",
            HOST,
            PathPattern::Regex("(".to_owned()),
            0,
            &public(),
        )],
    );
    let ask = nothing_said(HOST, "/");
    assert_eq!(
        outcome(&fixture, &ask).await,
        "route_invalid",
        "it might be any route's"
    );
    fixture.publish(settings(), routes());
    assert_eq!(outcome(&fixture, &ask).await, "passes");
    fixture.publish(settings(), []);
    assert_eq!(outcome(&fixture, &ask).await, "no_route");
}

#[tokio::test]
async fn our_pages_are_the_answer() {
    let fixture = fixture();
    for (host, path, status) in [
        (HOST, "/.pomerium/user", 401),
        (HOST, "/.pomerium/none", 404),
        (HOST, "/.well-known/pomerium/jwks.json", 200),
        ("authenticate.example.com:8443", "/oauth2/callback", 400),
        ("authenticate.example.com:8443", "/", 302),
        ("evil.test", "/.pomerium/", 404),
    ] {
        for context in [&[][..], &[("route", "pub")]] {
            let told = fixture.check(&nothing_said(host, path).context(context)).await;
            assert!(!told.passes());
            assert_eq!(told.status(), status, "{host}{path}");
        }
    }
    let socket = nothing_said(HOST, "/.pomerium/").header("upgrade", "websocket");
    assert_eq!(outcome(&fixture, &socket).await, "upgrade_refused");
}

#[tokio::test]
async fn beside_another_envoy_our_own_context_lets_no_page_pass() {
    let fixture = Fixture::in_band();
    fixture.publish(settings(), routes());
    let ours = [("internal", "true"), ("route_id", "")];
    for (path, status) in [("/.pomerium/user", 401), ("/anything", 404), ("/admin", 404)] {
        let told = fixture.check(&nothing_said(HOST, path).context(&ours)).await;
        assert!(!told.passes());
        assert_eq!(told.status(), status, "{path}");
    }
    let tunnel = nothing_said(HOST, "").method("CONNECT").context(&ours);
    assert_eq!(outcome(&fixture, &tunnel).await, "no_route");
    let id = [("internal", "false"), ("route_id", "0000000000000003")];
    assert_eq!(
        outcome(&fixture, &nothing_said(HOST, "/").context(&id)).await,
        "passes"
    );
}
