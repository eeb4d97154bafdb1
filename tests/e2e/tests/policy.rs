//! Who is let in, and what a refusal says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, SharedSite, Site};

const ROUTES: &str = "
- {from: 'https://anyone.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://public.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://nobody.example.test:{port}', to: '{upstream}'}
- {from: 'https://users.example.test:{port}', to: '{upstream}', allowed_users: [admin@example.com]}
- {from: 'https://domains.example.test:{port}', to: '{upstream}', allowed_domains: [elsewhere.test]}
- {from: 'https://claims.example.test:{port}', to: '{upstream}', allowed_idp_claims: {department: [sales]}}
- from: https://email.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{email: {is: user@example.com}}]}}]
- from: https://domain.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{domain: {is: example.com}}]}}]
- from: https://group.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {or: [{claim/groups: admins}]}}]
- from: https://except.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{authenticated_user: true}]}, deny: {or: [{email: {is: user@example.com}}]}}]
- from: https://not.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {not: [{claim/department: visitors}]}}]
- from: https://request.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{http_path: {starts_with: /open/}}, {http_method: {is: GET}}]}}]
- from: https://parts.example.test:{port}
  prefix: /admin/
  to: '{upstream}'
  policy: [{allow: {and: [{claim/groups: admins}]}}]
- from: https://parts.example.test:{port}
  path: /exact
  to: '{upstream}'
  allow_public_unauthenticated_access: true
- from: https://address.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{source_ip: 127.0.0.0/8}]}}]
- from: https://far.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {and: [{source_ip: 10.0.0.0/8}]}}]
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn user(site: &Site, email: &str) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url("anyone", "/"), email, PASSWORD);
    assert_eq!(page.status, 200, "{email} cannot log in: {}", page.text());
    client
}

#[test]
fn email_domain_and_claim_decide() {
    let site = SITE.get();
    let table = [
        (
            "admin@example.com",
            "users domain group except not anyone",
            "domains claims email nobody far",
        ),
        (
            "user@example.com",
            "claims email domain not anyone",
            "users domains group except nobody far",
        ),
        (
            "guest@elsewhere.test",
            "domains except anyone",
            "users claims email domain group not nobody far",
        ),
    ];
    for (email, allowed, denied) in table {
        let mut client = user(&site, email);
        for (hosts, status) in [(allowed, 200), (denied, 403)] {
            for host in hosts.split(' ') {
                let mark = format!("/?mark={host}-{}", email.split('@').next().unwrap());
                let page = client.open(&site.url(host, &mark));
                assert_eq!(page.status, status, "{email} on {host}: {}", page.text());
                assert_eq!(site.upstream.saw(&mark), status == 200, "{email} on {host}");
            }
        }
    }
}

#[test]
fn public_needs_no_login_and_carries_an_empty_identity() {
    let site = SITE.get();
    let page = site.client().get(&site.url("public", "/?mark=public"));
    assert_eq!(page.status, 200);
    let claims = site.assertion("public", "mark=public");
    assert_eq!(
        (&claims["email"], &claims["sub"], &claims["groups"]),
        (&"".into(), &"".into(), &serde_json::json!([]))
    );
    assert_eq!(
        site.upstream.one("mark=public").header("x-email"),
        Some(""),
        "a claim header that nobody else can set"
    );
    assert_eq!(
        site.client().get(&site.url("address", "/")).status,
        200,
        "by address"
    );
}

#[test]
fn a_route_without_a_policy_denies_everybody_without_a_login() {
    let site = SITE.get();
    assert_eq!(
        site.client().get(&site.url("nobody", "/?mark=nobody")).status,
        403
    );
    assert!(!site.upstream.saw("mark=nobody"));
}

#[test]
fn method_and_path_decide() {
    let site = SITE.get();
    let mut client = site.client();
    assert_eq!(client.get(&site.url("request", "/open/a")).status, 200);
    for path in [
        "/closed",
        "/open",
        "/closed/../closed/open/",
        "/open/../closed",
        "/open/%2e%2e/closed",
    ] {
        assert_eq!(client.get(&site.url("request", path)).status, 403, "{path}");
    }
    let url = url::Url::parse(&site.url("request", "/open/a")).unwrap();
    assert_eq!(client.send("PUT", &url, &[], b"x").status, 403);
}

#[test]
fn prefix_and_path_routes_are_matched_and_nothing_else() {
    let site = SITE.get();
    assert_eq!(site.client().get(&site.url("parts", "/exact")).status, 200);
    for path in ["/exactly", "/exact/more", "/", "/elsewhere"] {
        assert_eq!(site.client().get(&site.url("parts", path)).status, 404, "{path}");
    }
    assert_eq!(site.client().get(&site.url("parts", "/admin/")).status, 302);
    let mut admin = user(&site, "admin@example.com");
    assert_eq!(admin.open(&site.url("parts", "/admin/x")).status, 200);
    let mut ordinary = user(&site, "user@example.com");
    assert_eq!(ordinary.open(&site.url("parts", "/admin/x")).status, 403);
    // No spelling of the path gets around the prefix.
    for path in ["/exact/../admin/x", "//admin/x", "/%61dmin/x", "/admin%2fx"] {
        let mark = format!("{path}?mark=around");
        let mut raw = ordinary.clone();
        let answer = raw.get(&site.url("parts", &mark));
        assert_ne!(answer.status, 200, "{path}");
    }
    assert!(!site.upstream.saw("mark=around"));
}

#[test]
fn a_refusal_names_its_decision() {
    let site = SITE.get();
    let mut client = user(&site, "user@example.com");
    let page = client.open(&site.url("group", "/secret-path"));
    assert_eq!(page.status, 403);
    assert!(
        page.header("content-type")
            .is_some_and(|t| t.starts_with("text/html"))
    );
    assert_eq!(page.head.all("set-cookie").count(), 0);
    let text = page.text();
    let decision = uuid7(&text).unwrap_or_else(|| panic!("no decision id in {text}"));
    portcullis_harness::wait::until("the decision is in the log", || {
        site.gateway
            .log()
            .lines()
            .any(|line| line.contains("decision_id") && line.contains(&decision))
    });

    let json = client.get_with(&site.url("group", "/"), &[("Accept", "application/json")]);
    assert_eq!(json.status, 403);
    let body = json.json();
    assert!(body["decision_id"].as_str().and_then(uuid7).is_some(), "{body}");
    assert!(
        body["request_id"].as_str().is_some_and(|id| !id.is_empty()),
        "{body}"
    );
    assert_ne!(
        body["decision_id"],
        decision.as_str(),
        "each decision has an id of its own"
    );
}

/// The first UUID of version 7 in a text.
fn uuid7(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
        .find(|word| word.len() == 36 && word.as_bytes()[14] == b'7' && word.matches('-').count() == 4)
        .map(ToOwned::to_owned)
}
