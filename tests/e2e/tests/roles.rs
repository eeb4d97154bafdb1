//! The roles apart: what they do together, over both protocols and over mutual
//! TLS, and what nobody else may do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use portcullis_harness::gateway::portcullis;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::grpc::{ADS_DELTA, ADS_SOTW, FEED, STORE, call};
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::wait::until;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{email: {is: admin@example.com}}]}}]
- from: https://other.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

/// gRPC's UNAUTHENTICATED.
const UNAUTHENTICATED: &str = "16";

/// Logs in through Envoy and is decided by policy, as with both roles in one.
fn a_login_is_decided_by_policy(roles: &Roles) {
    let mut admin = roles.client();
    assert_eq!(admin.get(&roles.url("app", "/")).status, 302);
    let page = admin.login(&roles.url("app", "/?mark=apart"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(roles.assertion("app", "mark=apart")["email"], "admin@example.com");
    let mut user = roles.client();
    let denied = user.login(&roles.url("app", "/?mark=denied"), "user@example.com", PASSWORD);
    assert_eq!(denied.status, 403, "{}", denied.text());
    assert_eq!(user.open(&roles.url("other", "/?mark=other")).status, 200);
    assert!(!roles.upstream.saw("mark=denied"));
    assert_eq!(roles.client().get(&roles.url("nowhere", "/")).status, 404);
}

fn servers(roles: &Roles) -> Vec<(String, bool)> {
    let status = roles.control_plane.status();
    let all = status["bundle"]["servers"].as_array().unwrap().iter();
    let mut all: Vec<(String, bool)> = all
        .map(|server| {
            let name = server["name"].as_str().unwrap().to_owned();
            (name, server["acknowledged"] == true)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_login_over_the_delta_protocol() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    a_login_is_decided_by_policy(&roles);

    let status = roles.control_plane.status();
    assert_eq!(servers(&roles), [("authz-0".to_owned(), true)]);
    assert_eq!(
        (&status["xds"]["streams"], &status["ready"]),
        (&1.into(), &true.into()),
        "{status}"
    );
    assert_eq!(
        status["bundle"]["servers"][0]["software"],
        env!("CARGO_PKG_VERSION")
    );
    let authz = roles.authz[0].status();
    assert_eq!(authz["bundle"]["version"], status["bundle"]["version"], "{authz}");
    assert_eq!(authz["control_plane"]["connected"], true);
    let metrics = roles.control_plane.metrics();
    assert!(metrics.contains("portcullis_authz_servers 1"), "{metrics}");
    assert!(roles.authz[0].metrics().contains("portcullis_feed_connected 1"));

    for role in [&roles.control_plane, &roles.authz[0]] {
        let log = role.log();
        let ready = log
            .lines()
            .filter(|line| line.contains("\"message\":\"ready\""))
            .count();
        assert_eq!(ready, 1, "{log}");
        for secret in [
            "c2hhcmVkLXNlY3JldC1vZi",
            "Y29va2llLXNlY3JldC1vZi",
            "for-the-tests-only",
            "eyJ",
            "xds1.",
        ] {
            assert!(!log.contains(secret), "`{secret}` is in a log");
        }
    }
    // Each ends cleanly when it is told to.
    roles.authz[0].stop();
    roles.control_plane.stop();
}

#[test]
fn a_login_over_the_state_of_the_world_protocol() {
    let plan = Plan {
        xds: "sotw",
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let bootstrap = std::fs::read_to_string(roles.directory().join("envoy.json")).unwrap();
    assert!(bootstrap.contains("\"api_type\": \"GRPC\""), "{bootstrap}");
    a_login_is_decided_by_policy(&roles);

    // Routes come and go as over the other.
    let mut client = roles.client();
    let route = "routes:\n- {from: 'https://new.example.test:{port}', to: 'UPSTREAM', allow_public_unauthenticated_access: true}";
    let port = roles.url("new", "").rsplit(':').next().unwrap().to_owned();
    let route = route
        .replace("{port}", &port)
        .replace("UPSTREAM", &roles.upstream.url());
    roles.edit("routes:", &route);
    until("the new route serves", || {
        client.get(&roles.url("new", "/")).status == 200
    });
    roles.edit(&route, "routes:");
    until("the removed route is gone", || {
        client.get(&roles.url("new", "/")).status == 404
    });
}

#[test]
fn mutual_tls_stands_in_for_the_shared_secret() {
    let plan = Plan {
        mutual_tls: true,
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    a_login_is_decided_by_policy(&roles);
    assert_eq!(
        servers(&roles),
        [("authz-0".to_owned(), true), ("authz-1".to_owned(), true)]
    );
    // Without a certificate there is no connection at all.
    assert!(call(roles.grpc(), STORE, &[]).is_err());
}

#[test]
fn a_policy_edit_decides_everywhere_and_pushes_nothing_to_envoy() {
    let plan = Plan {
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let mut admin = roles.client();
    let page = admin.login(&roles.url("app", "/"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200);
    let envoy = roles.envoy_process();
    let before = envoy.update_counters();
    let sent = |metrics: String| -> Vec<String> {
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("portcullis_xds_resources_sent"));
        lines.map(str::to_owned).collect()
    };
    let told = sent(roles.control_plane.metrics());
    assert!(!told.is_empty());

    let version = roles.control_plane.status()["bundle"]["version"].clone();
    roles.edit("email: {is: admin@example.com}", "email: {is: user@example.com}");
    until("both have acknowledged the edit", || {
        let status = roles.control_plane.status();
        status["bundle"]["version"] != version && status["bundle"]["acknowledged"] == 2
    });
    // They take turns: each must deny from now on.
    for _ in 0..10 {
        assert_eq!(admin.get(&roles.url("app", "/")).status, 403);
    }
    for authz in &roles.authz {
        assert!(
            authz.log().contains("\"status\":403") || authz.log().contains("denied"),
            "{}",
            authz.log()
        );
    }
    sleep(Duration::from_secs(1));
    assert_eq!(
        envoy.update_counters(),
        before,
        "a policy edit pushed something to Envoy"
    );
    assert_eq!(sent(roles.control_plane.metrics()), told);
}

#[test]
fn a_session_that_is_signed_out_at_one_is_refused_by_the_other_within_a_second() {
    let plan = Plan {
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let mut client = roles.client();
    client.login(&roles.url("other", "/"), "user@example.com", PASSWORD);
    let mut copy = client.clone();
    for _ in 0..4 {
        assert_eq!(copy.get(&roles.url("other", "/?mark=copy")).status, 200);
    }
    client.sign_out(&roles.url("other", "/.pomerium/sign_out"));
    let signed_out = Instant::now();
    while signed_out.elapsed() < Duration::from_secs(3) {
        let asked = signed_out.elapsed();
        let status = copy.get(&roles.url("other", "/")).status;
        assert!(
            status == 302 || asked < Duration::from_secs(1),
            "{status} {asked:?} after the sign-out"
        );
        sleep(Duration::from_millis(50));
    }
    // Both were asked, before and after.
    for authz in &roles.authz {
        let log = authz.log();
        let decisions = log.lines().filter(|line| line.contains("decision_id")).count();
        assert!(decisions > 10, "{decisions} decisions in {log}");
    }
}

#[test]
fn nobody_gets_in_without_the_key_or_with_a_user_s_credential() {
    let roles = Roles::start(&Plan::of(ROUTES));
    let mut admin = roles.client();
    admin.login(&roles.url("app", "/?mark=stolen"), "admin@example.com", PASSWORD);
    let cookies = admin.cookies("app.example.test");
    let session = cookies.iter().find(|(name, _)| name == "_pomerium").unwrap();
    let request = roles.upstream.one("mark=stolen");
    let assertion = request.header("x-pomerium-jwt-assertion").unwrap();
    let shared_secret = "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=";
    let bootstrap = std::fs::read_to_string(roles.directory().join("envoy.json")).unwrap();
    let bootstrap: serde_json::Value = serde_json::from_str(&bootstrap).unwrap();
    let metadata = "/dynamic_resources/ads_config/grpc_services/0/initial_metadata/0/value";
    let envoys = bootstrap.pointer(metadata).unwrap().as_str().unwrap();

    let bearer = |token: &str| format!("Bearer {token}");
    let attempts = [
        vec![],
        vec![("authorization", bearer(&session.1))],
        vec![("cookie", format!("_pomerium={}", session.1))],
        vec![("authorization", format!("Pomerium {}", session.1))],
        vec![("authorization", bearer(assertion))],
        vec![("authorization", bearer(shared_secret))],
        vec![("authorization", bearer("v1.0.AAAAAAAAAAAAAAAAAAAAAA.AAAA"))],
        vec![("authorization", bearer(""))],
        vec![("authorization", envoys.replace("Bearer ", "Basic "))],
        // Twice is never right, even if one of them is.
        vec![
            ("authorization", envoys.to_owned()),
            ("authorization", bearer("x")),
        ],
    ];
    for path in [
        FEED,
        STORE,
        ADS_DELTA,
        ADS_SOTW,
        "/grpc.reflection.v1.ServerReflection/Info",
    ] {
        for attempt in &attempts {
            let fields: Vec<(&str, &str)> = attempt
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let (status, all) = call(roles.grpc(), path, &fields).unwrap();
            assert_eq!(status, UNAUTHENTICATED, "{path} {fields:?}: {all}");
            for detail in ["forged", "expired", "malformed", "secret", "clock"] {
                assert!(!all.contains(detail), "{path} {fields:?}: {all}");
            }
        }
    }
    // Envoy's own token opens Envoy's own service alone.
    let envoys = [("authorization", envoys)];
    for path in [FEED, STORE] {
        assert_eq!(
            call(roles.grpc(), path, &envoys).unwrap().0,
            UNAUTHENTICATED,
            "{path}"
        );
    }
    assert_ne!(call(roles.grpc(), ADS_DELTA, &envoys).unwrap().0, UNAUTHENTICATED);

    let metrics = roles.control_plane.metrics();
    assert!(
        metrics.contains("portcullis_grpc_refused_total{reason=\"missing\"}"),
        "{metrics}"
    );
    let log = roles.control_plane.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("it is not authenticated"))
        .count();
    assert!(
        (1..20).contains(&lines),
        "{lines} lines: refusals are logged, at a bounded rate"
    );
    for secret in [session.1.as_str(), assertion, shared_secret] {
        assert!(!log.contains(secret), "a credential is in the log");
    }

    // Nor is an authz-server's key a user's credential.
    let forged = ("Authorization", bearer("xds1.AAAA"));
    let answer = roles
        .client()
        .get_with(&roles.url("app", "/"), &[(forged.0, &forged.1)]);
    assert_ne!(answer.status, 200);
}

#[test]
fn an_authz_server_with_another_secret_never_decides() {
    let mut roles = Roles::prepare(&Plan::of(ROUTES));
    roles.control_plane.start();
    let mut command = portcullis();
    command.args([
        "authz-server",
        "--control-plane",
        &format!("http://127.0.0.1:{}", roles.grpc()),
    ]);
    command.args([
        "--grpc-address",
        "127.0.0.1:0",
        "--health-check-addr",
        "127.0.0.1:0",
    ]);
    command.env("SHARED_SECRET", "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy1pcy0zMmI=");
    let log = roles.directory().join("stranger.log");
    let process = portcullis_harness::process::Process::spawn("a stranger", command, &log).unwrap();
    until("it is refused", || process.log().contains("not authenticated"));
    sleep(Duration::from_millis(500));
    assert!(
        !process.log().contains("\"message\":\"ready\""),
        "{}",
        process.log()
    );
    assert!(servers(&roles).is_empty());
    assert_eq!(
        roles.control_plane.status()["xds"]["version"],
        serde_json::Value::Null
    );
}
