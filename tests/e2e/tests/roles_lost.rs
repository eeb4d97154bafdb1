//! The roles apart: what happens when one of them dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::wait::until;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{email: {is: admin@example.com}}]}}]
- from: https://other.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
- from: https://public.example.test:{port}
  to: '{upstream}'
  allow_public_unauthenticated_access: true
";

#[test]
fn without_an_authz_server_envoy_answers_503_and_the_session_outlives_it() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    let mut admin = roles.client();
    let page = admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200);

    roles.authz[0].kill();
    for host in ["app", "other", "public"] {
        let answer = admin.get(&roles.url(host, "/?mark=undecided"));
        assert_eq!(answer.status, 503, "{host}: {}", answer.text());
    }
    assert!(!roles.upstream.saw("mark=undecided"));
    until("the control plane notices", || {
        roles.control_plane.status()["bundle"]["authz_servers"] == 0
    });
    assert!(roles.control_plane.is_ready());

    // What is configured meanwhile is what it gets when it comes back.
    roles.edit(
        "email: {is: admin@example.com}",
        "email: {ends_with: admin@example.com}",
    );
    roles.authz[0].start();
    until("Envoy has found it again", || {
        admin.get(&roles.url("app", "/")).status == 200
    });
}

#[test]
fn one_of_two_authz_servers_is_enough() {
    let plan = Plan {
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let mut roles = Roles::start(&plan);
    let mut admin = roles.client();
    let page = admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200);

    for killed in [0, 1] {
        roles.authz[killed].kill();
        // Requests that are on their way to it may fail, for a moment.
        let lost = Instant::now();
        while lost.elapsed() < Duration::from_secs(2) {
            let status = admin.get(&roles.url("app", "/")).status;
            assert!([200, 503].contains(&status), "{status}");
        }
        for _ in 0..50 {
            assert_eq!(
                admin.get(&roles.url("app", "/")).status,
                200,
                "no lasting failure"
            );
        }
        roles.authz[killed].start();
        until("both are attached", || {
            roles.control_plane.status()["bundle"]["acknowledged"] == 2
        });
        sleep(Duration::from_secs(2));
        for _ in 0..10 {
            assert_eq!(
                admin.get(&roles.url("app", "/")).status,
                200,
                "a restart is not noticed"
            );
        }
    }
}

#[test]
fn without_the_control_plane_everything_serves_on_and_new_logins_say_so() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    let mut admin = roles.client();
    let page = admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200);
    let mut user = roles.client();
    user.login(&roles.url("other", "/"), "user@example.com", PASSWORD);
    assert_eq!(user.open(&roles.url("app", "/")).status, 403);
    let mut late = roles.client();
    let form = late.login_form(&roles.url("app", "/"));

    roles.control_plane.kill();
    let lost = Instant::now();
    while lost.elapsed() < Duration::from_secs(5) {
        assert_eq!(
            admin.get(&roles.url("app", "/")).status,
            200,
            "{:?}",
            lost.elapsed()
        );
        assert_eq!(user.get(&roles.url("app", "/")).status, 403, "policy decides on");
        assert_eq!(user.get(&roles.url("other", "/")).status, 200);
        assert_eq!(roles.client().get(&roles.url("public", "/")).status, 200);
        assert_eq!(
            roles.client().get(&roles.url("app", "/")).status,
            302,
            "an anonymous one is sent to log in"
        );
    }
    assert!(roles.authz[0].is_ready());
    let status = roles.authz[0].status();
    assert_eq!(status["control_plane"]["connected"], false, "{status}");

    // One that begins now, and one that comes back from the provider now.
    let fresh = roles.client().open(&roles.url("app", "/"));
    let sent = late.fill_login(&form, "admin@example.com", PASSWORD);
    for refused in [fresh, late.follow(sent)] {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(
            refused.text().contains("sessions_unavailable"),
            "{}",
            refused.text()
        );
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.head);
    }

    roles.control_plane.start();
    until("the authz-server is back", || {
        roles.control_plane.status()["bundle"]["acknowledged"] == 1
    });
    assert_eq!(
        admin.get(&roles.url("app", "/")).status,
        200,
        "the session is still there"
    );
    until("logins begin again", || {
        let page = roles.client().open(&roles.url("app", "/"));
        roles.provider.owns(&page.url)
    });
    let again = roles
        .client()
        .login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(again.status, 200, "{}", again.text());
    until("Envoy is told again", || {
        roles.control_plane.status()["xds"]["settled"] == true
    });
    roles.edit("email: {is: admin@example.com}", "email: {is: user@example.com}");
    until("an edit decides", || {
        admin.get(&roles.url("app", "/")).status == 403
    });
    // A sign-out reaches the store again, too.
    let mut copy = user.clone();
    user.sign_out(&roles.url("other", "/.pomerium/sign_out"));
    assert_eq!(copy.get(&roles.url("other", "/")).status, 302);
}

#[test]
fn no_session_is_lost_when_both_restart_and_no_sign_out_is_forgotten() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    let mut admin = roles.client();
    admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    let mut gone = roles.client();
    gone.login(&roles.url("other", "/"), "user@example.com", PASSWORD);
    let mut copy = gone.clone();
    gone.sign_out(&roles.url("other", "/.pomerium/sign_out"));

    roles.authz[0].kill();
    roles.control_plane.kill();
    assert_eq!(admin.get(&roles.url("app", "/")).status, 503);
    // Whoever comes first waits for the other.
    roles.authz[0].launch();
    sleep(Duration::from_secs(1));
    assert!(!roles.authz[0].is_ready());
    assert_eq!(
        admin.get(&roles.url("app", "/")).status,
        503,
        "it cannot decide yet"
    );
    roles.control_plane.start();
    roles.authz[0].until_ready();
    until("the session is decided again", || {
        admin.get(&roles.url("app", "/")).status == 200
    });
    assert_eq!(copy.get(&roles.url("other", "/")).status, 302);
    until("Envoy follows the new control plane", || {
        roles.control_plane.status()["xds"]["settled"] == true
    });
}

#[test]
fn a_dead_envoy_comes_back_to_the_same_state() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    let mut admin = roles.client();
    admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    roles.envoy.kill();
    until("the stream is gone", || {
        roles.control_plane.status()["xds"]["streams"] == 0
    });
    assert!(roles.control_plane.is_ready(), "it waits for nobody");
    roles.start_envoy();
    until("the session is there", || {
        admin.get(&roles.url("app", "/")).status == 200
    });
}

#[test]
fn cut_off_for_longer_than_allowed_it_refuses_every_session() {
    let plan = Plan {
        authz_arguments: &["--state-max-staleness", "6s"],
        ..Plan::of(ROUTES)
    };
    let mut roles = Roles::start(&plan);
    let mut admin = roles.client();
    admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    roles.control_plane.kill();
    let lost = Instant::now();
    while lost.elapsed() < Duration::from_secs(3) {
        assert_eq!(
            admin.get(&roles.url("app", "/")).status,
            200,
            "{:?}",
            lost.elapsed()
        );
        sleep(Duration::from_millis(100));
    }
    until("the session is refused", || {
        admin.get(&roles.url("app", "/")).status != 200
    });
    let answer = admin.get(&roles.url("app", "/"));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("store_unavailable"), "{}", answer.text());
    assert!(lost.elapsed() > Duration::from_secs(4), "{:?}", lost.elapsed());
    assert_eq!(roles.client().get(&roles.url("public", "/")).status, 200);
    roles.control_plane.start();
    until("it is decided again", || {
        admin.get(&roles.url("app", "/")).status == 200
    });
}
