//! Sessions whose tokens are renewed: at a real provider, in a race, and with more
//! claims than any cookie holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Instance, Plan, Roles};
use portcullis_harness::scripted::{Script, ScriptedProvider};
use portcullis_harness::wait::poll;
use serde_json::json;
use url::Url;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

/// Refreshes of one authz-server that ended so.
fn refreshes(authz: &Instance, result: &str) -> u64 {
    let metrics = authz.metrics();
    let name = format!("portcullis_session_refreshes_total{{result=\"{result}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("the series is there").parse().unwrap()
}

fn until(limit: u64, what: &str, mut probe: impl FnMut() -> bool) {
    let limit = Duration::from_secs(limit);
    assert!(
        poll(limit, || {
            let done = probe();
            if !done {
                thread::sleep(Duration::from_millis(250));
            }
            done.then_some(())
        })
        .is_some(),
        "not within {limit:?}: {what}"
    );
}

/// Access tokens of a real provider are good for five seconds: the session lives on
/// between two refreshes, while the provider is away, and until it says no.
#[test]
fn a_session_follows_its_provider() {
    let plan = Plan {
        provider: "{\"access_token_seconds\": 5}",
        ..Plan::of(ROUTES)
    };
    let mut roles = Roles::start(&plan);
    let url = roles.url("app", "/");
    let mut client = roles.client();
    assert_eq!(client.login(&url, "admin@example.com", PASSWORD).status, 200);
    let cookies = client.cookies("app.example.test");
    until(60, "three refreshes", || {
        assert_eq!(client.get(&url).status, 200);
        refreshes(&roles.authz[0], "refreshed") >= 3
    });
    assert_eq!(refreshes(&roles.authz[0], "ended"), 0);

    roles.provider.stop();
    until(30, "a refresh that fails", || {
        assert_eq!(client.get(&url).status, 200);
        refreshes(&roles.authz[0], "unavailable") >= 1
    });
    let page = roles.client().open(&url);
    assert_eq!(page.status, 503, "{}", page.text());
    assert_eq!(page.header("retry-after"), Some("5"));
    assert!(page.text().contains("idp_unavailable"), "{}", page.text());
    assert_eq!(client.get(&url).status, 200);
    let now = client.cookies("app.example.test");
    assert_eq!(now, cookies, "nobody changes the cookie");

    // Back, and it has never heard of the session.
    roles.provider.start_again();
    until(60, "the end of the session", || client.get(&url).status == 302);
    assert_eq!(refreshes(&roles.authz[0], "ended"), 1);
    let again = client.login(&url, "admin@example.com", PASSWORD);
    assert_eq!(again.status, 200, "{}", again.text());
    let log = roles.authz[0].log();
    assert!(!log.contains("eyJ"), "a token is in the log");
    assert!(log.contains("\"message\":\"a session has ended\""), "{log}");
}

/// A refresh token that is good once, a token endpoint that takes five seconds, and
/// 200 requests at once through two Envoys and two authz-servers over one store.
#[test]
fn a_refresh_token_is_spent_once() {
    let provider = ScriptedProvider::start(Script {
        // Due as soon as it may be: ten seconds after the login.
        login_seconds: 60,
        refresh_takes: Duration::from_secs(5),
        ..Script::default()
    });
    let issuer = provider.issuer();
    let plan = Plan {
        issuer: Some(&issuer),
        authz_servers: 2,
        envoys: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let url = roles.url("app", "/");
    let mut client = roles.client();
    let page = client.open(&url);
    assert_eq!(page.status, 200, "{}", page.text());
    let cookies = client.cookies("app.example.test");
    let logged_in = Instant::now();
    thread::sleep(Duration::from_secs(9));
    assert_eq!(provider.refreshes(), 0);

    let requests: Vec<_> = (0..200)
        .map(|_| {
            let (mut kept, url) = (client.kept(), Url::parse(&url).unwrap());
            thread::spawn(move || {
                let mut answers = Vec::new();
                while logged_in.elapsed() < Duration::from_secs(19) {
                    answers.push(kept.get(&url).map(|answer| answer.status));
                    thread::sleep(Duration::from_millis(900));
                }
                answers
            })
        })
        .collect();
    let mut asked = 0;
    for request in requests {
        for status in request.join().unwrap() {
            assert_eq!(status.unwrap(), 200, "somebody was logged out");
            asked += 1;
        }
    }
    println!(
        "requests {asked}, redemptions {}, replays {}",
        provider.refreshes(),
        provider.replays()
    );
    assert!(asked >= 1000, "{asked} requests");
    for envoy in roles.envoy_processes() {
        let stats = envoy.admin("/stats?filter=downstream_cx_ssl_total|http.*downstream_rq_2xx");
        let answered = stats
            .lines()
            .filter_map(|line| line.split(": ").nth(1)?.parse::<u64>().ok());
        assert!(
            answered.max().unwrap_or(0) > 10,
            "an Envoy was not asked: {stats}"
        );
    }
    for authz in &roles.authz {
        let metrics = authz.metrics();
        let allowed = "portcullis_checks_total{outcome=\"allowed\"} ";
        let checks = metrics.lines().find_map(|line| line.strip_prefix(allowed));
        assert!(checks.unwrap().parse::<u64>().unwrap() > 100, "{metrics}");
        assert_eq!(refreshes(authz, "ended"), 0);
    }
    let refreshed: u64 = roles
        .authz
        .iter()
        .map(|authz| refreshes(authz, "refreshed"))
        .sum();
    assert_eq!(refreshed, 1);
    assert_eq!((provider.refreshes(), provider.replays()), (1, 0));
    assert_eq!(client.get(&url).status, 200);
    assert_eq!(client.cookies("app.example.test"), cookies);
}

/// 64 KiB of id token with 500 groups: they decide, and stay where they are.
#[test]
fn a_large_id_token_goes_nowhere() {
    let groups: Vec<String> = (0..500)
        .map(|n| format!("group-{n:03}-{}", "x".repeat(100)))
        .collect();
    let last = groups.last().unwrap().clone();
    let provider = ScriptedProvider::start(Script {
        claims: json!({"email": "user@example.com", "name": "Uma User", "groups": groups}),
        ..Script::default()
    });
    let issuer = provider.issuer();
    let routes = format!(
        "
- from: https://app.example.test:{{port}}
  to: '{{upstream}}'
  pass_identity_headers: false
  policy: [{{allow: {{and: [{{claim/groups: {last}}}]}}}}]
- from: https://other.example.test:{{port}}
  to: '{{upstream}}'
  pass_identity_headers: false
  policy: [{{allow: {{and: [{{claim/groups: group-000}}]}}}}]
"
    );
    let plan = Plan {
        issuer: Some(&issuer),
        ..Plan::of(&routes)
    };
    let roles = Roles::start(&plan);
    let mut client = roles.client();
    let page = client.open(&roles.url("app", "/?mark=large"));
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(
        client.open(&roles.url("other", "/")).status,
        403,
        "a group that the user is not in"
    );

    let tokens = provider.tokens();
    let longest = tokens.iter().map(String::len).max().unwrap();
    assert!(longest >= 64 * 1024, "an id token of {longest} bytes");
    for host in [
        "app.example.test",
        "authenticate.example.test",
        "other.example.test",
    ] {
        for (name, value) in client.cookies(host) {
            assert!(value.len() <= 400, "{name} on {host} has {} bytes", value.len());
        }
    }
    let cookies = client.cookies("app.example.test");
    let recorded = roles.upstream.one("mark=large").text();
    let ours = cookies
        .iter()
        .map(|(_, value)| value.as_str())
        .filter(|value| value.len() > 20);
    let secrets = tokens.iter().map(String::as_str).chain(ours).chain(["group-"]);
    for secret in secrets {
        assert!(
            !recorded.contains(secret),
            "{secret:.60} reached the upstream: {recorded}"
        );
    }
    let log = roles.authz[0].log();
    assert!(
        !log.contains("group-000") && !log.contains("eyJ"),
        "claims or tokens are in the log"
    );
}
