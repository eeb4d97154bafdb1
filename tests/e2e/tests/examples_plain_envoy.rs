//! `examples/plain-envoy`: a stock Envoy with nothing of ours but the filter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::launched::{Launched, run_sh};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Example, Files};
use portcullis_harness::wait::until;
use portcullis_harness::{Browser, Client, assertion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

const BARE: &str = "examples/plain-envoy/envoy.yaml";
const HARDENED: &str = "examples/plain-envoy/hardened.yaml";
const VERIFY: &str = "verify.localhost";
const ADMIN: &str = "admin.localhost";
const PUBLIC: &str = "public.localhost";
const JSON: [(&str, &str); 1] = [("Accept", "application/json")];

fn start(envoy: &str) -> Example {
    Example::start(&Files {
        config: "examples/plain-envoy/config.yaml",
        arguments: &[],
        envoys: &[envoy],
        hosts: &[VERIFY, ADMIN, PUBLIC],
        client: ("portcullis-demo", Some("for-the-demo-only")),
        issuer: "http://127.0.0.1:9080",
        globals: "",
    })
}

/// The checks that hold with whatever Envoy's file says.
fn holds(example: &Example) {
    let open = example.client().get(&example.url(PUBLIC, "/open"));
    assert_eq!(
        (open.status, open.text().as_str()),
        (200, "hello from the upstream\n")
    );

    let mut user = example.client();
    let page = user.login(&example.url(VERIFY, "/wiki?page=1"), "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.url.as_str(), example.url(VERIFY, "/wiki?page=1"));
    // Nobody but this host and the provider was on the way.
    let elsewhere = page
        .history
        .iter()
        .find(|url| url.host_str() != Some(VERIFY) && !example.provider.owns(url));
    assert_eq!(elsewhere, None);
    let forged = [("x-pomerium-jwt-assertion", "forged"), ("x-email", "forged")];
    assert_eq!(
        user.get_with(&example.url(VERIFY, "/spoofed"), &forged).status,
        200
    );
    for mark in ["/wiki", "/spoofed"] {
        let seen = example.upstream.one(mark);
        assert_eq!(seen.header("x-email"), Some("user@example.com"));
        let token = seen.header("x-pomerium-jwt-assertion").unwrap();
        let claims = assertion::verify(&mut example.client(), &example.url(VERIFY, ""), token);
        assert_eq!(claims["email"], "user@example.com");
        assert!(
            !seen.text().contains("_pomerium") && !seen.text().contains("forged"),
            "{}",
            seen.text()
        );
    }
    assert!(!example.upstream.saw("pomerium") && !example.upstream.saw("callback"));

    // The provider knows the user, the policy of the other host does not want them.
    let refused = user.open(&example.url(ADMIN, "/refused"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let refused = user.get_with(&example.url(ADMIN, "/refused"), &JSON);
    assert_eq!(refused.status, 403);
    let id = refused.json()["decision_id"].as_str().unwrap().to_owned();
    until("the log says why", || {
        let log = example.authz.log();
        log.lines()
            .any(|line| line.contains(&id) && line.contains("policy_denied"))
    });
    assert!(!example.upstream.saw("refused"));
    let mut admin = example.client();
    assert_eq!(
        admin
            .login(&example.url(ADMIN, "/a"), "admin@example.com", PASSWORD)
            .status,
        200
    );
}

fn raw(example: &Example, target: &str, field: &str) -> u16 {
    let url = example.url(PUBLIC, "");
    let host = url.trim_start_matches("https://");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{field}\r\n");
    example.client().raw(&url, request.as_bytes()).status
}

/// The filter tells the connection's address, whatever Envoy makes of `X-Forwarded-For`.
fn is_from_the_connection(example: &Example) {
    let asked = || {
        let log = example.authz.log();
        let lines: Vec<String> = log
            .lines()
            .filter(|line| line.contains("\"path\":\"/from\""))
            .map(str::to_owned)
            .collect();
        lines
    };
    let before = asked().len();
    assert_eq!(raw(example, "/from", "X-Forwarded-For: 203.0.113.9\r\n"), 200);
    until("the log has it", || asked().len() > before);
    for line in asked() {
        assert!(line.contains("\"ip\":\"127.0.0.1\""), "{line}");
    }
}

/// The answer to what a provider's page posts to the callback.
fn posted(example: &Example) -> (u16, String) {
    let url = Url::parse(&example.url(VERIFY, "/oauth2/callback")).unwrap();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = example.client().send("POST", &url, &form, b"code=c&state=s");
    (answer.status, answer.text())
}

#[test]
fn bare_defaults_are_enough_for_a_login_and_let_nothing_ambiguous_through() {
    let example = start(BARE);
    holds(&example);
    assert_eq!(raw(&example, "/plain", ""), 200);
    for target in ["//ambiguous", "/a/../ambiguous", "/a%2fambiguous", "/a;ambiguous"] {
        assert_eq!(raw(&example, target, ""), 400, "{target}");
    }
    assert!(!example.upstream.saw("ambiguous"));
    until("the log says why", || {
        example.authz.log().contains("ambiguous_request")
    });
    is_from_the_connection(&example);
    // Nothing but Portcullis stands between a client and what an application believes.
    let open = example.url(PUBLIC, "/believed");
    let forged = [
        ("X_Email", "forged"),
        ("x_pomerium_jwt_assertion", "forged"),
        ("x-pomerium-made-up", "forged"),
    ];
    assert_eq!(example.client().get_with(&open, &forged).status, 200);
    let seen = example.upstream.one("/believed").text();
    assert!(!seen.contains("forged"), "{seen}");
    let (status, page) = posted(&example);
    assert_eq!(status, 405, "the filter sends no body: {page}");
}

#[test]
fn the_hardened_file_does_what_each_of_its_settings_says() {
    let mut example = start(HARDENED);
    holds(&example);
    // Envoy itself reads paths in one way or refuses them …
    assert_eq!(raw(&example, "/a%2fambiguous", ""), 400);
    assert!(!example.upstream.saw("ambiguous"));
    assert_eq!(raw(&example, "//a/../merged", ""), 200);
    assert_eq!(example.upstream.one("merged").target(), "/merged");
    // … and lets nobody write a header that an application takes for another.
    assert_eq!(raw(&example, "/underscore", "X_Email: forged\r\n"), 400);
    assert!(!example.upstream.saw("underscore"));
    let (status, page) = posted(&example);
    assert_eq!(status, 303, "the body came, and goes on as a GET: {page}");
    is_from_the_connection(&example);
    example.edit_envoy(
        "use_remote_address: true",
        "use_remote_address: true\n          xff_num_trusted_hops: 1",
    );
    is_from_the_connection(&example);
}

#[test]
fn a_server_that_is_down_denies() {
    let mut example = start(BARE);
    assert_eq!(example.client().get(&example.url(PUBLIC, "/before")).status, 200);
    let before = example.upstream.recorded().len();
    example.authz.kill();
    for host in [VERIFY, ADMIN, PUBLIC] {
        assert_eq!(
            example.client().get(&example.url(host, "/down")).status,
            503,
            "{host}"
        );
    }
    assert_eq!(
        example.upstream.recorded().len(),
        before,
        "something reached the upstream"
    );
    example.authz.start();
    until("it serves again", || {
        example.client().get(&example.url(PUBLIC, "/after")).status == 200
    });
}

#[test]
fn a_person_logs_in_and_out() {
    let example = start(BARE);
    let mut browser = Browser::trusting(example.authority(), &example.leaf);
    browser.open(&example.url(VERIFY, "/welcome"));
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", "user@example.com");
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
    assert_eq!(browser.url(), example.url(VERIFY, "/welcome"));
    browser.open(&example.url(VERIFY, "/.pomerium/"));
    browser.wait_for_text("user@example.com");
    browser.open(&example.url(ADMIN, "/secret"));
    browser.wait_for_text("403");
    assert!(!example.upstream.saw("secret"));
}

/// What the script runs once everything is built, with the ports that its files name.
#[test]
fn the_script_prints_the_facts_and_ends_everything() {
    let example = Launched::start("plain-envoy", &[8443, 9080, 9081, 5444, 28080]);
    let hosts = [VERIFY, ADMIN, PUBLIC].map(|host| format!("https://{host}:8443"));
    assert_eq!(example.values("url"), hosts);
    let users = ["admin@example.com portcullis", "user@example.com portcullis"];
    assert_eq!(example.values("user"), users);
    let out = example.out();
    assert_eq!(
        out.lines().count(),
        3 + 2 + 1 + 1 + 1,
        "nothing but the facts:\n{out}"
    );
    assert!(std::fs::metadata(example.path("log")).unwrap().len() > 0);

    let mut user = Client::new(&CertificateDer::from_pem_file(example.path("ca")).unwrap());
    let page = user.login(&hosts[0], "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    let facts = user.get_with(&hosts[0], &JSON).json();
    assert_eq!(facts["assertion"]["verified"], true, "{facts}");
    assert_eq!(facts["headers"]["x-email"], "user@example.com");
    assert_eq!(user.open(&hosts[1]).status, 403);

    let second = run_sh("plain-envoy");
    assert_eq!(
        (second.status.code(), second.stdout.as_slice()),
        (Some(1), &b""[..])
    );
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        said.contains("port 8443 is in use") && said.lines().count() == 1,
        "{said}"
    );
    example.end();
}
