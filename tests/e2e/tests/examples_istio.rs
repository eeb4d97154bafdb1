//! `examples/istio`: an Envoy as Istio writes it for its gateways, and behind it a second,
//! as Istio writes it for the pod of an application.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_harness::certificates::Authority;
use portcullis_harness::launched::{Launched, run_sh};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Example, Files};
use portcullis_harness::{Client, assertion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

const WIKI: &str = "wiki.example.com";
const ADMIN: &str = "admin.example.com";
const ASSERTION: &str = "X-Pomerium-Jwt-Assertion";

/// A P-256 key, PEM.
fn key() -> String {
    let authority = Authority::new("keys").unwrap();
    authority.issue(&["key.example.com"]).unwrap().key
}

fn start(signing_key: &str) -> Example {
    let indented: String = signing_key.lines().map(|line| format!("  {line}\n")).collect();
    Example::start(&Files {
        config: "examples/istio/portcullis/config.yaml",
        // As in portcullis.yaml.
        arguments: &["--plaintext", "--jwks-address", "127.0.0.1:5445"],
        envoys: &["examples/istio/envoy.yaml", "examples/istio/second-envoy.yaml"],
        hosts: &[WIKI, ADMIN],
        client: ("portcullis", None),
        issuer: "https://login.example.org",
        globals: &format!("signing_key: |\n{indented}"),
    })
}

fn logs_in(example: &Example, user: &str, host: &str, mark: &str) -> Client {
    let mut client = example.client();
    let page = client.login(&example.url(host, mark), user, PASSWORD);
    assert_eq!(page.status, 200, "{}\n{}", page.text(), example.authz.log());
    assert_eq!(page.text(), "hello from the upstream\n");
    client
}

/// The assertion that the upstream was shown.
fn shown(example: &Example, mark: &str) -> String {
    example.upstream.one(mark).header(ASSERTION).unwrap().to_owned()
}

#[test]
fn a_login_goes_through_both_envoys_with_nothing_but_the_filter() {
    let example = start(&key());
    let mut user = logs_in(&example, "user@example.com", WIKI, "/wiki/page?a=b");
    let claims = assertion::verify(
        &mut example.client(),
        &example.url(WIKI, ""),
        &shown(&example, "/wiki/page"),
    );
    assert_eq!(
        (&claims["email"], &claims["aud"]),
        (&json!("user@example.com"), &json!(WIKI))
    );
    assert!(!example.upstream.saw("pomerium") && !example.upstream.saw("callback"));

    let refused = user.open(&example.url(ADMIN, "/refused"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let refused = user.get_with(&example.url(ADMIN, "/refused"), &[("Accept", "application/json")]);
    assert_eq!(refused.json()["decision_id"].as_str().unwrap().len(), 36);
    assert!(!example.upstream.saw("refused"));
    logs_in(&example, "admin@example.com", ADMIN, "/for-admins");

    // What Istio's default leaves as it is, Portcullis refuses.
    let url = example.url(WIKI, "");
    let host = url.trim_start_matches("https://");
    for target in ["//odd", "/a%2Fodd", "/a;odd"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = user.raw(&url, request.as_bytes());
        assert_eq!(answer.status, 400, "{target}");
    }
    assert!(!example.upstream.saw("odd"));
}

/// `meshConfig.pathNormalization: DECODE_AND_MERGE_SLASHES`, as mesh-config.yaml has it.
#[test]
fn the_recommended_normalisation_leaves_each_path_one_reading() {
    let mut example = start(&key());
    example.edit_envoy(
        "merge_slashes: false
          path_with_escaped_slashes_action: KEEP_UNCHANGED",
        "merge_slashes: true
          path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD",
    );
    let user = logs_in(&example, "user@example.com", WIKI, "/before");
    let url = example.url(WIKI, "");
    let asked = |target: &str| {
        let cookies = user.cookies(WIKI).into_iter();
        let cookies: Vec<String> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let host = url.trim_start_matches("https://");
        let cookie = cookies.join("; ");
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        user.raw(&url, request.as_bytes()).status
    };
    for (target, read) in [
        ("//merged", "/merged"),
        ("/a%2Fdecoded", "/a/decoded"),
        ("/a/..//resolved", "/resolved"),
    ] {
        assert_eq!(asked(target), 200, "{target}");
        assert_eq!(example.upstream.one(read).target(), read);
    }
    // Nothing of Istio's is for these.
    assert_eq!(asked("/a;odd"), 400);
    assert!(!example.upstream.saw("odd"));
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn with(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn the_second_envoy_takes_our_assertion_and_no_other() {
    let (ours, foreign) = (key(), key());
    let example = start(&ours);
    logs_in(&example, "user@example.com", WIKI, "/genuine");
    logs_in(&example, "admin@example.com", ADMIN, "/elsewhere");
    let genuine = shown(&example, "/genuine");
    let claims = assertion::verify(&mut example.client(), &example.url(WIKI, ""), &genuine);
    // Past the gateway, by somebody who got hold of a token.
    let ask = |token: Option<&str>, mark: &str| {
        let fields: Vec<(&str, &str)> = token.iter().map(|token| (ASSERTION, *token)).collect();
        let status = example.client().get_with(&example.sidecar(mark), &fields).status;
        assert_eq!(example.upstream.saw(mark), status == 200, "{mark}: {status}");
        status
    };
    assert_eq!(ask(Some(&genuine), "/replayed-at-once"), 200);
    // Signed here with the key of the server: what is refused below differs in one thing.
    let fresh = with(&claims, &json!({"iat": now(), "exp": now() + 300}));
    assert_eq!(
        ask(Some(&assertion::sign(&ours, &genuine, &fresh)), "/signed-here"),
        200
    );

    assert_eq!(ask(None, "/without"), 403, "RBAC: access denied");
    assert_eq!(ask(Some("not.a.token"), "/no-token"), 401);
    let forged = assertion::sign(&foreign, &genuine, &fresh);
    assert_eq!(ask(Some(&forged), "/forged"), 401);
    let expired = with(&claims, &json!({"iat": now() - 900, "exp": now() - 600}));
    let expired = assertion::sign(&ours, &genuine, &expired);
    assert_eq!(ask(Some(&expired), "/expired"), 401);
    let other = with(&fresh, &json!({"aud": ADMIN}));
    let other = assertion::sign(&ours, &genuine, &other);
    assert_eq!(ask(Some(&other), "/other-audience"), 403);
    assert_eq!(ask(Some(&shown(&example, "/elsewhere")), "/of-another-host"), 401);
}

#[test]
fn a_server_that_is_down_denies() {
    let mut example = start(&key());
    let mut user = logs_in(&example, "user@example.com", WIKI, "/before");
    let before = example.upstream.recorded().len();
    example.authz.kill();
    for host in [WIKI, ADMIN] {
        assert_eq!(user.get(&example.url(host, "/down")).status, 503, "{host}");
    }
    assert_eq!(
        example.upstream.recorded().len(),
        before,
        "something reached the upstream"
    );
}

/// Why the manifests say `rules: [{}]`, and why they check the assertion as well.
#[test]
fn a_policy_without_rules_asks_nobody_and_the_assertion_still_keeps_the_door() {
    let mut example = start(&key());
    let policies = "policies:
                  istio-ext-authz-portcullis-ns[istio-ingress]-policy[portcullis]-rule[0]:
                    permissions: [{and_rules: {rules: [{any: true}]}}]
                    principals: [{and_ids: {ids: [{any: true}]}}]";
    example.edit_envoy(policies, "policies: {}");
    let answer = example.client().get(&example.url(WIKI, "/unasked"));
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (403, "RBAC: access denied")
    );
    assert!(!example.upstream.saw("unasked"));
    // The application that checks nothing is open.
    assert_eq!(example.client().get(&example.url(ADMIN, "/open")).status, 200);
    assert!(!example.authz.log().contains("/unasked") && !example.authz.log().contains("/open"));
}

/// What the script runs once everything is built, with the ports that its files name: the
/// manifests' own files, but for the hosts.
#[test]
fn the_script_prints_the_facts_and_ends_everything() {
    let example = Launched::start("istio", &[8443, 9080, 9081, 5444, 5445, 15006, 28080]);
    let hosts = ["wiki", "admin"].map(|host| format!("https://{host}.localhost:8443"));
    assert_eq!(example.values("url"), hosts);
    let users = ["admin@example.com portcullis", "user@example.com portcullis"];
    assert_eq!(example.values("user"), users);
    let out = example.out();
    assert_eq!(
        out.lines().count(),
        2 + 2 + 1 + 1 + 1,
        "nothing but the facts:\n{out}"
    );
    assert!(std::fs::metadata(example.path("log")).unwrap().len() > 0);

    let mut user = Client::new(&CertificateDer::from_pem_file(example.path("ca")).unwrap());
    let page = user.login(&hosts[0], "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    let facts = user.get_with(&hosts[0], &[("Accept", "application/json")]).json();
    assert_eq!(facts["assertion"]["verified"], true, "{facts}");
    assert_eq!(facts["assertion"]["claims"]["aud"], "wiki.localhost");
    assert_eq!(user.open(&hosts[1]).status, 403);
    // Past the gateway there is nobody to vouch, and the second Envoy asks for that.
    assert_eq!(user.get("http://127.0.0.1:15006/").status, 403);
    let taken = facts["headers"]["x-pomerium-jwt-assertion"]
        .as_str()
        .unwrap()
        .to_owned();
    let replayed = user.get_with("http://127.0.0.1:15006/", &[(ASSERTION, &taken)]);
    assert_eq!(replayed.status, 200, "{}", replayed.text());
    // The port of the public keys has them for whoever asks, and nothing else.
    let keys = user.get("http://127.0.0.1:5445/.well-known/pomerium/jwks.json");
    assert_eq!(keys.json()["keys"][0]["alg"], "ES256");
    for path in ["/", "/ping", "/.pomerium/", "/.well-known/pomerium", "/metrics"] {
        assert_eq!(
            user.get(&format!("http://127.0.0.1:5445{path}")).status,
            404,
            "{path}"
        );
    }

    let second = run_sh("istio");
    assert_eq!(
        (second.status.code(), second.stdout.as_slice()),
        (Some(1), &b""[..])
    );
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("istio: port 8443 is in use"), "{said}");
    example.end();
}
