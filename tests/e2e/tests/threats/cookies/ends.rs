//! When a session ends: by a sign-out, by its time, and on every server.

use std::thread;
use std::time::{Duration, Instant};

use portcullis_harness::Site;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};

use crate::support::{ADMIN, SITE, cookie, signed_in};

const ROUTES: &str =
    "- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}";

/// What is promised of a sign-out that was answered.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn ck_09_signing_out_ends_the_session_on_every_host() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    assert_eq!(client.open(&site.url("other", "/")).status, 200);
    // Somebody holds a copy of every cookie.
    let mut copy = client.clone();
    assert_eq!(copy.get(&site.url("app", "/")).status, 200);

    client.sign_out(&site.url("app", "/.pomerium/sign_out"));
    assert_eq!(cookie(&client, "app", "_pomerium"), None, "the cookie is cleared");
    for host in ["app", "other"] {
        assert_eq!(
            client.get(&site.url(host, "/")).status,
            302,
            "{host}, own cookies"
        );
        assert_eq!(
            copy.get(&site.url(host, "/")).status,
            302,
            "{host}, copied cookies"
        );
    }
    for host in ["app", "other", "authenticate"] {
        assert_eq!(copy.get(&site.url(host, "/.pomerium/")).status, 302, "{host}");
    }
    // Nor is it revived by the authenticate host's cookie; the form comes again.
    assert!(
        site.provider
            .owns(&client.login_form(&site.url("other", "/")).url)
    );
}

#[test]
fn ck_09_a_session_ends_with_its_time() {
    let site = Site::start_with("cookie_expire: 4s\n", ROUTES);
    let mut client = site.client();
    let before = Instant::now();
    assert_eq!(client.login(&site.url("app", "/"), ADMIN, PASSWORD).status, 200);
    let after = Instant::now();
    // The browser's clock is the client's; a copy has no time.
    let copies: Vec<(&str, String)> = [("app", "_pomerium"), ("authenticate", "_pomerium_authenticate")]
        .map(|(host, name)| (host, format!("{name}={}", cookie(&client, host, name).unwrap())))
        .into();
    let mut last = 200;
    while last == 200 {
        assert!(after.elapsed() < Duration::from_secs(8), "it never ends");
        last = site
            .client()
            .get_with(&site.url("app", "/"), &[("Cookie", &copies[0].1)])
            .status;
    }
    assert!(
        before.elapsed() >= Duration::from_secs(4) - Duration::from_millis(100),
        "{:?}",
        before.elapsed()
    );
    for (host, copy) in &copies {
        let answer = site
            .client()
            .get_with(&site.url(host, "/.pomerium/"), &[("Cookie", copy)]);
        assert_eq!((last, answer.status), (302, 302), "{host}");
    }
}

/// Two authz-servers over one store, and two Envoys: the answer to the sign-out has
/// come, and within a second no server lets the copy in.
#[test]
fn ck_09_a_sign_out_counts_on_another_server_within_a_second() {
    let plan = Plan {
        authz_servers: 2,
        envoys: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let url = roles.url("app", "/");
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        let mut client = roles.client();
        let page = client.login(&url, ADMIN, PASSWORD);
        assert_eq!(page.status, 200, "{}", page.text());
        let copy = client.clone();
        for _ in 0..10 {
            assert_eq!(copy.clone().get(&url).status, 200);
        }
        client.sign_out(&roles.url("app", "/.pomerium/sign_out"));
        let ended = Instant::now();
        let mut let_in = Duration::ZERO;
        while ended.elapsed() < AT_ONCE + Duration::from_millis(500) {
            // A connection for each, so that all servers are asked.
            let began = ended.elapsed();
            if copy.clone().get(&url).status != 302 {
                let_in = began;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert!(
            let_in < AT_ONCE,
            "round {round}: let in {let_in:?} after the sign-out"
        );
        slowest = slowest.max(let_in);
    }
    println!("let in for {slowest:?} at most");
    for authz in &roles.authz {
        let metrics = authz.metrics();
        let allowed = "portcullis_checks_total{outcome=\"allowed\"} ";
        let checks = metrics.lines().find_map(|line| line.strip_prefix(allowed));
        assert!(
            checks.unwrap().parse::<u64>().unwrap() > 5,
            "a server was not asked: {metrics}"
        );
    }
}
