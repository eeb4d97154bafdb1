//! What an edit of the configuration does, and what it does not do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::wait::until;
use portcullis_harness::{EnvoyProcess, Site};

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{email: {is: admin@example.com}}]}}]
- from: https://other.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

const BAD_ROUTE: &str = "- from: https://bad.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{emial: {is: admin@example.com}}]}}]
";

/// The routes with one whose policy cannot be understood.
fn with_bad_route() -> String {
    format!("{ROUTES}{BAD_ROUTE}")
}

#[test]
fn a_policy_edit_takes_effect_without_a_push_to_envoy() {
    let mut site = Site::start(ROUTES);
    let mut admin = site.client();
    assert_eq!(
        admin
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    let envoy = EnvoyProcess::of(site.gateway.process().id());
    let before = envoy.update_counters();
    assert!(
        before.iter().any(|line| line.contains("lds.update_success")),
        "{before:?}"
    );

    site.gateway
        .edit("email: {is: admin@example.com}", "email: {is: user@example.com}");
    until("the edit denies the administrator", || {
        admin.get(&site.url("app", "/")).status == 403
    });
    // A push would have come with the bundle; give it time to be seen.
    sleep(Duration::from_secs(1));
    assert_eq!(
        envoy.update_counters(),
        before,
        "a policy edit pushed something to Envoy"
    );
    assert_eq!(
        EnvoyProcess::of(site.gateway.process().id()).pid,
        envoy.pid,
        "Envoy was restarted"
    );
    let mut user = site.client();
    assert_eq!(
        user.login(&site.url("app", "/"), "user@example.com", PASSWORD)
            .status,
        200
    );

    // The counters do move when a destination changes.
    let elsewhere = portcullis_harness::Upstream::start();
    let (from, to) = (site.upstream.url(), elsewhere.url());
    site.gateway.edit(&from, &to);
    until("the new destination is served", || {
        let answer = user.get(&site.url("app", "/?mark=moved"));
        assert_eq!(
            answer.status, 200,
            "nobody is refused while routes change: {answer:?}"
        );
        elsewhere.saw("mark=moved")
    });
    assert_ne!(envoy.update_counters(), before);
}

/// A request that waits for its check while the destination changes still goes to
/// the old one, which Envoy must not have lost by then.
#[test]
fn nobody_is_refused_while_a_destination_changes() {
    let site = Site::start(
        "- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}\n",
    );
    let elsewhere = portcullis_harness::Upstream::start();
    let (one, other) = (site.upstream.url(), elsewhere.url());
    let url = site.url("app", "/");
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let asking: Vec<_> = (0..6)
            .map(|_| {
                let mut client = site.client();
                let (over, url) = (&over, &url);
                threads.spawn(move || {
                    let mut answers = 0;
                    while !over.load(Ordering::Relaxed) {
                        let answer = client.get(url);
                        assert_eq!(answer.status, 200, "{answer:?}");
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        for turn in 0..20 {
            let (from, to, now) = match turn % 2 {
                0 => (&one, &other, &elsewhere),
                _ => (&other, &one, &site.upstream),
            };
            site.gateway.edit(from, to);
            let mark = format!("mark=turn-{turn}");
            let mut client = site.client();
            until("the new destination is served", || {
                client.get(&format!("{url}?{mark}"));
                now.saw(&mark)
            });
        }
        over.store(true, Ordering::Relaxed);
        for thread in asking {
            assert!(thread.join().unwrap() > 20);
        }
    });
}

#[test]
fn routes_come_and_go_while_others_serve() {
    let site = Site::start(ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("other", "/"), "user@example.com", PASSWORD)
            .status,
        200
    );
    let url = site.url("new", "/");
    assert_eq!(client.get(&url).status, 404);
    let route = format!(
        "routes:\n- {{from: 'https://new.example.test:{}', to: '{}', allow_public_unauthenticated_access: true}}",
        site.port(),
        site.upstream.url()
    );
    site.gateway.edit("routes:", &route);
    until("the new route serves", || {
        assert_eq!(client.get(&site.url("other", "/")).status, 200);
        let status = client.get(&url).status;
        assert!([404, 200].contains(&status), "{status} while a route is added");
        status == 200
    });
    site.gateway.edit(&route, "routes:");
    until("the removed route is gone", || {
        assert_eq!(client.get(&site.url("other", "/")).status, 200);
        let status = client.get(&url).status;
        assert!([404, 200].contains(&status), "{status} while a route is removed");
        status == 404
    });
}

#[test]
fn a_bad_reload_serves_on() {
    let site = Site::start(ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    assert_eq!(client.open(&site.url("other", "/")).status, 200);
    let good = std::fs::read_to_string(site.gateway.config_path()).unwrap();
    let lines = good.lines().count();
    for (what, bad, at) in [
        (
            "broken YAML",
            format!("{}\n  : [\n", good.trim_end()),
            format!("config.yaml:{}", lines + 1),
        ),
        (
            "a bad key",
            good.replace("cookie_secret: Y29", "cookie_secret: '!'#"),
            "config.yaml:".to_owned(),
        ),
        ("nothing", String::new(), "config.yaml".to_owned()),
        (
            "a missing certificate",
            good.replace("cert: tls.crt", "cert: missing.crt"),
            "missing.crt".to_owned(),
        ),
    ] {
        let before = site.gateway.log().len();
        site.gateway.write_config(&bad);
        if what != "nothing" {
            until(&format!("{what} is reported"), || {
                site.gateway.log()[before..].contains(&at)
            });
        }
        for _ in 0..10 {
            assert_eq!(client.get(&site.url("app", "/")).status, 200, "{what}");
            assert_eq!(client.get(&site.url("other", "/")).status, 200, "{what}");
            sleep(Duration::from_millis(100));
        }
        assert!(site.gateway.is_ready(), "{what}");
        if what != "nothing" {
            let status = site.gateway.status();
            assert!(
                status["config"]["rejected"].to_string().contains(&at),
                "{what}: {status}"
            );
        }
    }
    // And the next good one is taken.
    site.gateway
        .write_config(&good.replace("is: admin@example.com", "is: user@example.com"));
    until("the next good configuration is taken", || {
        client.get(&site.url("app", "/")).status == 403
    });
}

#[test]
fn one_bad_route_denies_alone_at_start() {
    let site = Site::start(&with_bad_route());
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    assert_eq!(client.open(&site.url("other", "/")).status, 200);
    for mut visitor in [client, site.client()] {
        let answer = visitor.get_with(&site.url("bad", "/?mark=bad"), &[("Accept", "application/json")]);
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("route_invalid"), "{}", answer.text());
        assert!(answer.json()["decision_id"].is_string());
        assert!(
            !answer.text().contains("emial"),
            "what is wrong is for the operator: {}",
            answer.text()
        );
    }
    assert!(!site.upstream.saw("mark=bad"));
    assert!(site.gateway.log().contains("emial"), "the operator is told");
}

#[test]
fn one_bad_route_denies_alone_on_reload() {
    let site = Site::start(ROUTES);
    let mut client = site.client();
    assert_eq!(
        client
            .login(&site.url("app", "/"), "admin@example.com", PASSWORD)
            .status,
        200
    );
    site.gateway
        .edit("email: {is: admin@example.com}", "emial: {is: admin@example.com}");
    until("the bad route denies", || {
        client.get(&site.url("app", "/")).status == 503
    });
    assert_eq!(client.open(&site.url("other", "/")).status, 200);
    site.gateway
        .edit("emial: {is: admin@example.com}", "email: {is: admin@example.com}");
    until("the mended route serves", || {
        client.get(&site.url("app", "/")).status == 200
    });
}

#[test]
fn sighup_reloads() {
    let mut site = Site::start(ROUTES);
    let before = site.gateway.log().len();
    site.gateway.process().signal(libc::SIGHUP);
    sleep(Duration::from_secs(1));
    assert!(
        site.gateway.process().exited().is_none(),
        "{}",
        site.gateway.log()
    );
    assert!(site.gateway.log().len() > before, "a reload is logged");
    assert_eq!(site.client().get(&site.url("app", "/")).status, 302);
}
