//! Hosts with stars and paths by regular expression.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Response, SharedSite, Site};

const ROUTES: &str = "
- from: https://w-*.example.test:{port}
  prefix: /first
  to: '{upstream}/first-route'
  allow_public_unauthenticated_access: true
- from: https://*.example.test:{port}
  prefix: /first
  to: '{upstream}/second-route'
  allow_public_unauthenticated_access: true
- {from: 'https://w-*.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- from: https://w-exact.example.test:{port}
  prefix: /only
  to: '{upstream}'
  allow_public_unauthenticated_access: true
- {from: 'https://other-port-*.example.test:1', to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://any-port-*.example.test', to: '{upstream}', allow_public_unauthenticated_access: true}
- from: https://regex.example.test:{port}
  regex: /admin/[a-z]+
  to: '{upstream}'
  policy: [{allow: {and: [{claim/groups: admins}]}}]
- from: https://regex.example.test:{port}
  regex: /public/.*
  to: '{upstream}'
  allow_public_unauthenticated_access: true
";

static SITE: SharedSite = SharedSite::new(ROUTES);

fn with_host(site: &Site, target: &str, host: &str) -> Response {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n");
    site.client().raw(&site.url("regex", "/"), request.as_bytes())
}

#[test]
fn a_login_on_a_host_with_stars_is_for_that_host() {
    let site = SITE.get();
    let mut client = site.client();
    let form = client.login_form(&site.url("w-one", "/?mark=star-login"));
    let sent = client.fill_login(&form, "user@example.com", PASSWORD);
    let callback = client.follow_until(sent, |url| url.path().starts_with("/.pomerium/callback"));
    assert_eq!(callback.host_str(), Some("w-one.example.test"));
    let answer = client.get(callback.as_str());
    let page = client.follow(answer);
    assert_eq!(page.status, 200, "{}", page.text());
    let claims = site.assertion("w-one", "mark=star-login");
    assert_eq!(claims["email"], "user@example.com");
    assert_eq!(claims["aud"], "w-one.example.test", "the host that was asked for");

    // The session is worth nothing on another host of the same route.
    let (_, session) = client
        .cookies("w-one.example.test")
        .into_iter()
        .find(|(name, _)| name == "_pomerium")
        .unwrap();
    let cookie = format!("_pomerium={session}");
    let url = site.url("w-two", "/?mark=star-stolen");
    let stolen = site.client().get_with(&url, &[("Cookie", &cookie)]);
    assert_eq!(stolen.status, 302, "{}", stolen.text());
    let own = site.url("w-one", "/?mark=star-own");
    assert_eq!(site.client().get_with(&own, &[("Cookie", &cookie)]).status, 200);
    assert!(!site.upstream.saw("mark=star-stolen"));
    // A login of its own is a matter of a redirect or two.
    assert_eq!(client.open(&url).status, 200);
}

#[test]
fn stars_are_tried_in_the_order_of_the_configuration() {
    let site = SITE.get();
    for (host, seen) in [("w-a", "/first-route?mark="), ("x", "/second-route?mark=")] {
        let mark = format!("order-{host}");
        let page = site.client().get(&site.url(host, &format!("/first?mark={mark}")));
        assert_eq!(page.status, 200);
        assert!(site.upstream.one(&mark).target().starts_with(seen), "{host}");
    }
    assert_eq!(site.client().get(&site.url("x", "/elsewhere")).status, 404);
}

#[test]
fn a_host_of_its_own_hides_the_stars() {
    let site = SITE.get();
    assert_eq!(site.client().get(&site.url("w-exact", "/only/x")).status, 200);
    for path in ["/first?mark=hidden", "/?mark=hidden"] {
        let answer = site.client().get(&site.url("w-exact", path));
        assert_eq!(answer.status, 404, "{path}: no looser route takes it");
    }
    assert!(!site.upstream.saw("mark=hidden"));
}

#[test]
fn a_host_fits_its_stars_however_it_is_written_and_nothing_else_does() {
    let site = SITE.get();
    let port = site.port();
    for host in [
        format!("w-a.example.test:{port}"),
        format!("W-A.Example.TEST:{port}"),
        format!("w-a.example.test.:{port}"),
        format!("w-a.b.example.test:{port}"),
        "any-port-x.example.test".to_owned(),
        "any-port-x.example.test:7".to_owned(),
    ] {
        assert_eq!(with_host(&site, "/first", &host).status, 200, "{host}");
    }
    for host in [
        format!("w-a.example.test.evil.test:{port}"),
        format!("xw-a.example.test.test:{port}"),
        format!("w-aexample.test:{port}"),
        format!("example.test:{port}"),
        format!(".example.test:{port}"),
        "w-a.example.test".to_owned(),
        "w-a.example.test:1".to_owned(),
        format!("other-port-a.test:{port}"),
        "any-port-x.example.test:".to_owned(),
        "any-port-x.example.test:x".to_owned(),
        "any-port-x.example.test:0".to_owned(),
        format!("w-a.example.test:{port}:{port}"),
        format!("user@w-a.example.test:{port}"),
        format!("evil.test/w-a.example.test:{port}"),
        format!("evil.test w-a.example.test:{port}"),
        format!("evil.test,w-a.example.test:{port}"),
        format!("[::1].example.test:{port}"),
        format!("w-\u{e9}.example.test:{port}"),
    ] {
        let answer = with_host(&site, "/first?mark=unfit", &host);
        assert!((400..500).contains(&answer.status), "{host}: {}", answer.status);
    }
    assert!(!site.upstream.saw("mark=unfit"));
}

#[test]
fn our_own_paths_are_on_hosts_with_stars_too() {
    let site = SITE.get();
    for path in ["/ping", "/.well-known/pomerium/jwks.json"] {
        assert_eq!(site.client().get(&site.url("w-own", path)).status, 200, "{path}");
    }
    assert_eq!(
        site.client()
            .get(&site.url("w-own", "/.pomerium/nonsense"))
            .status,
        404
    );
}

#[test]
fn an_expression_is_matched_against_the_whole_path_and_nothing_gets_around_it() {
    let site = SITE.get();
    let anonymous = |path: &str| site.client().get(&site.url("regex", path)).status;
    assert_eq!(anonymous("/admin/x"), 302);
    assert_eq!(
        anonymous("/admin/x?mark=query"),
        302,
        "the query is no part of it"
    );
    assert_eq!(anonymous("/public/x"), 200);
    for path in ["/admin/", "/admin/x1", "/admin/x/", "/before/admin/x", "/ADMIN/x"] {
        assert_eq!(anonymous(path), 404, "{path}");
    }
    for path in [
        "/public/../admin/x",
        "/public/%2e%2e/admin/x",
        "/public/%2E./admin/x",
        "/public/..%2fadmin/x",
        "/public/..%5cadmin/x",
        "/public/..\\admin/x",
        "/public//../../admin/x",
        "/public/..;/admin/x",
        "/public/..%3b/admin/x",
        "/public/.%252e/admin/x",
        "/%61dmin/x",
        "//admin/x",
    ] {
        let request = format!(
            "GET {path}?mark=around HTTP/1.1\r\nHost: regex.example.test:{}\r\nAccept: text/html\r\n\r\n",
            site.port()
        );
        let answer = site.client().raw(&site.url("regex", "/"), request.as_bytes());
        let reached = site.upstream.recorded();
        let reached = reached.iter().filter(|r| r.target().contains("mark=around"));
        for request in reached {
            let target = request.target();
            // Doubly escaped dots are text, which only a broken upstream decodes twice.
            assert!(target.starts_with("/public/.%252e/"), "{path} became {target}");
        }
        assert!(
            answer.status != 200 || path.contains("%252e"),
            "{path}: {}",
            answer.status
        );
    }
    let mut admin = site.client();
    let page = admin.login(
        &site.url("regex", "/admin/x?mark=let-in"),
        "admin@example.com",
        PASSWORD,
    );
    assert_eq!(page.status, 200);
    assert_eq!(site.upstream.one("mark=let-in").target(), "/admin/x?mark=let-in");
}
