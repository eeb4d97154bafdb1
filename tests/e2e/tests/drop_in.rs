//! An authz-server with a configuration of its own beside a stock Envoy with Envoy's own
//! defaults: no route of ours, no normalisation, nothing but the filter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::Response;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Beside, DropIn, Way};
use portcullis_harness::wait::until;
use url::Url;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', name: pub, prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://app.example.test:{port}', name: admin, prefix: /admin, to: '{upstream}', policy: [{allow: {and: [{email: {is: admin@example.com}}]}}]}
- {from: 'https://app.example.test:{port}', name: app, to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', name: other, to: '{upstream}', allow_any_authenticated_user: true}
";

fn raw(site: &DropIn, host: &str, target: &str) -> Response {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    site.client().raw(&site.url("app", "/"), request.as_bytes())
}

#[track_caller]
fn logs_in(site: &DropIn, host: &str, mark: &str) -> portcullis_harness::Client {
    let mut client = site.client();
    let page = client.login(
        &site.url(host, &format!("/{mark}?a=b")),
        "user@example.com",
        PASSWORD,
    );
    assert_eq!(page.status, 200, "{}\n{}", page.text(), site.authz.log());
    assert_eq!(page.text(), "hello from the upstream\n");
    let seen = site.upstream.one(mark);
    assert_eq!(seen.target(), format!("/{mark}?a=b"));
    assert_eq!(seen.header("x-email"), Some("user@example.com"));
    assert!(!seen.text().contains("_pomerium"), "{}", seen.text());
    assert_eq!(site.assertion(host, mark)["email"], "user@example.com");
    client
}

#[test]
fn a_host_logs_in_for_itself_by_the_filter_alone() {
    let site = DropIn::start(&Beside::of(ROUTES));
    let mut client = logs_in(&site, "app", "one-host");
    assert!(
        client
            .cookies("app.example.test")
            .iter()
            .any(|(name, _)| name == "_pomerium")
    );
    for elsewhere in ["authenticate.example.test", "other.example.test"] {
        assert!(client.cookies(elsewhere).is_empty(), "a second host has cookies");
    }
    let user = client.get(&site.url("app", "/.pomerium/user"));
    assert_eq!(user.json()["email"], "user@example.com");
    // Its session is of no use elsewhere, and the provider knows the user there.
    let begun = client.get(&site.url("other", "/x"));
    assert_eq!(begun.status, 302);
    let landed = client.follow(begun);
    assert_eq!((landed.status, landed.url.path()), (200, "/x"));

    // A policy that refuses.
    let refused = client.get(&site.url("app", "/admin/refused"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("policy_denied") && !site.upstream.saw("refused"));
    let head = client.send(
        "HEAD",
        &Url::parse(&site.url("app", "/.pomerium/")).unwrap(),
        &[],
        b"",
    );
    assert_eq!((head.status, head.body.len()), (200, 0));

    // Out again, by the button.
    let out = Url::parse(&site.url("app", "/.pomerium/sign_out")).unwrap();
    let origin = site.url("app", "");
    let answer = client.send("POST", &out, &[("Origin", &origin)], b"");
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(client.get(&site.url("app", "/.pomerium/user")).status, 401);
    assert!(!site.upstream.saw(".pomerium") && !site.upstream.saw("oauth2"));
}

#[test]
fn many_hosts_log_in_over_an_authenticate_host_behind_the_same_envoy() {
    let site = DropIn::start(&Beside {
        globals: "authenticate_service_url: https://authenticate.example.test:{port}",
        ..Beside::of(ROUTES)
    });
    let mut client = logs_in(&site, "app", "two-hosts");
    assert!(!client.cookies("authenticate.example.test").is_empty());
    let landed = client.open(&site.url("other", "/landed"));
    assert_eq!(landed.status, 200);
    assert!(site.upstream.saw("landed") && !site.upstream.saw("oauth2"));
    assert_eq!(
        client.open(&site.url("authenticate", "/robots.txt")).text(),
        "User-agent: *\nDisallow: /\n"
    );
}

#[test]
fn what_this_envoy_does_not_normalise_is_refused() {
    let site = DropIn::start(&Beside::of(ROUTES));
    let app = format!("app.example.test:{}", site.port());
    assert_eq!(raw(&site, &app, "/pub/fine").status, 200);
    assert!(site.upstream.saw("/pub/fine"));
    for target in [
        "/pub/../secret-path",
        "/pub/%2e%2e/secret-path",
        "/pub/..%2fsecret-path",
        "/pub/..%5csecret-path",
        "/pub/..\\secret-path",
        "/pub/..;/secret-path",
        "/pub/..%3b/secret-path",
        "/pub;x/secret-path",
        "/pub//secret-path",
        "//pub/secret-path",
        "/pub/%ff/secret-path",
        "/pub/%00/secret-path",
        "/pub/%zz/secret-path",
        "/%70ub/secret-path",
        "/p%75b/%61dmin/secret-path",
    ] {
        let answer = raw(&site, &app, target);
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
        assert!(answer.header("set-cookie").is_none(), "{target}");
    }
    for host in [
        "user@app.example.test",
        "app.example.test:1:2",
        "app.example.test:0",
        "app..example.test",
        "\u{e4}pp.example.test",
    ] {
        let answer = raw(&site, host, "/pub/secret-path");
        assert_eq!(answer.status, 400, "{host}: {}", answer.text());
    }
    for (host, status) in [
        ("unknown.example.test", 404),
        ("app.example.test", 404),
        ("[::1]", 404),
    ] {
        let answer = raw(&site, host, "/pub/secret-path");
        assert_eq!(answer.status, status, "{host}: {}", answer.text());
        assert!(answer.header("set-cookie").is_none() && answer.header("location").is_none());
    }
    assert!(!site.upstream.saw("secret-path"), "it reached the upstream");
    let log = site.authz.log();
    for word in [
        "\"ambiguous_request\"",
        "\"dot_segment\"",
        "\"two_routes\"",
        "\"route_by\":\"match\"",
    ] {
        assert!(log.contains(word), "{word} is not in the log");
    }
}

#[test]
fn nobody_speaks_as_us_or_as_our_envoy() {
    let routes = "- match: {prefix: /pub/internal}
  route: {cluster: application}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {context_extensions: {internal: 'true'}}
- match: {prefix: /pub/mixed}
  route: {cluster: application}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {context_extensions: {internal: 'false', route: pub}}
- match: {prefix: /pub/named}
  route: {cluster: application}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {context_extensions: {route: pub}}
- match: {prefix: /pub/misnamed}
  route: {cluster: application}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {context_extensions: {route: other}}
- {match: {prefix: /}, route: {cluster: application}}
";
    let site = DropIn::start(&Beside {
        envoy_routes: routes,
        ..Beside::of(ROUTES)
    });
    let app = format!("app.example.test:{}", site.port());
    for (target, status) in [
        ("/pub/internal", 404),
        ("/pub/mixed", 404),
        ("/pub/misnamed", 404),
        ("/pub/named", 200),
    ] {
        assert_eq!(raw(&site, &app, target).status, status, "{target}");
        assert_eq!(site.upstream.saw(target), status == 200, "{target}");
    }
    let fields = [
        ("X-Pomerium-Jwt-Assertion", "forged"),
        ("x_pomerium_claim_email", "forged"),
        ("X_Email", "forged"),
        ("X-Email", "forged"),
        ("X-Portcullis-In-Jwt-Assertion", "forged"),
    ];
    let answer = site.client().get_with(&site.url("app", "/pub/spoofed"), &fields);
    assert_eq!(answer.status, 200);
    let seen = site.upstream.one("spoofed").text();
    assert!(!seen.contains("forged"), "{seen}");
}

#[test]
fn edits_take_effect_and_mistakes_do_not() {
    let mut site = DropIn::start(&Beside::of(ROUTES));
    let status = |path: &str| site.client().get(&site.url("app", path)).status;
    assert_eq!(status("/pub/before"), 200);
    site.edit(
        "allow_public_unauthenticated_access: true",
        "allow_any_authenticated_user: true",
    );
    until("the edit decides", || status("/pub/edited") == 302);
    site.edit("routes:", "routes: [");
    until("the mistake is told", || {
        !site.authz.status()["config"]["rejected"].is_null()
    });
    assert_eq!(status("/pub/still"), 302);
    assert!(site.authz.is_ready() && site.authz.metrics().contains("portcullis_checks"));
    site.edit("routes: [", "routes:");
    site.edit("name: pub, prefix: /pub", "name: pub, prefix: /open");
    until("the edit decides", || {
        site.authz.status()["config"]["rejected"].is_null()
    });
    // What there was before is forgotten, though no Envoy says that it has taken anything.
    until("former routes are gone", || {
        site.authz.status()["bundle"]["routes"] == 4
    });
    site.authz.hang_up();
    until("it was read again", || {
        site.authz.log().contains("read again on SIGHUP")
    });

    // Down, nothing passes.
    site.authz.kill();
    for path in ["/pub/down", "/.pomerium/", "/down"] {
        let answer = site.client().get(&site.url("app", path));
        assert_eq!(answer.status, 503, "{path}");
    }
    assert!(!site.upstream.saw("down"));
    site.authz.start();
    until("it decides again", || {
        site.client().get(&site.url("app", "/x")).status == 302
    });
    site.authz.stop();
}

#[test]
fn checks_come_over_a_socket_or_mutual_tls_and_from_no_stranger() {
    for (way, status) in [(Way::Socket, 200), (Way::MutualTls, 200), (Way::Anonymous, 503)] {
        let mut site = DropIn::start(&Beside {
            way,
            ..Beside::of(ROUTES)
        });
        let answer = site.client().get(&site.url("app", "/pub/way"));
        assert_eq!(answer.status, status, "{way:?}: {}", answer.text());
        assert_eq!(site.upstream.saw("way"), status == 200, "{way:?}");
        site.authz.stop();
    }
}

#[test]
fn a_form_is_taken_where_the_filter_hands_it_over() {
    for (filter, status) in [
        ("with_request_body: {max_request_bytes: 16384}\n", 303),
        (
            "with_request_body: {max_request_bytes: 16384, pack_as_bytes: true}\n",
            303,
        ),
        (
            "with_request_body: {max_request_bytes: 8, allow_partial_message: true}\n",
            405,
        ),
        ("", 405),
    ] {
        let site = DropIn::start(&Beside {
            filter,
            ..Beside::of(ROUTES)
        });
        let url = Url::parse(&site.url("app", "/oauth2/callback")).unwrap();
        let fields = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = site
            .client()
            .send("POST", &url, &fields, b"state=the-state&code=x");
        assert_eq!(answer.status, status, "{filter}: {}", answer.text());
        if status == 405 {
            assert!(answer.text().contains("with_request_body"), "{}", answer.text());
        }
    }
}
