//! Sign-out in a real browser, and by the word of the identity provider.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::scripted::{Script, ScriptedProvider};
use portcullis_harness::wait::{poll, until};
use portcullis_harness::wire::Connection;
use portcullis_harness::{Browser, Client, Response, Site};
use serde_json::{Value, json};
use url::Url;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";
const PATH: &str = "/.pomerium/backchannel_logout";

fn post(client: &mut Client, url: &str, token: &str) -> Response {
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let body = format!("logout_token={token}");
    client.send("POST", &Url::parse(url).unwrap(), &[kind], body.as_bytes())
}

fn scripted() -> ScriptedProvider {
    ScriptedProvider::start(Script {
        claims: json!({"email": "user@example.com", "name": "Uma User", "sid": "s-1"}),
        ..Script::default()
    })
}

fn roles(provider: &ScriptedProvider, authz_servers: usize) -> Roles {
    let issuer = provider.issuer();
    Roles::start(&Plan {
        issuer: Some(&issuer),
        authz_servers,
        ..Plan::of(ROUTES)
    })
}

#[test]
fn a_logout_token_is_taken_once_and_an_altered_one_never() {
    let provider = scripted();
    let roles = roles(&provider, 1);
    let (app, url) = (roles.url("app", "/"), roles.url("authenticate", PATH));
    let mut user = roles.client();
    assert_eq!(user.open(&app).status, 200);
    for changes in [
        json!({"nonce": "n"}),
        json!({"events": {}}),
        json!({"aud": "other"}),
        json!({"iss": "https://other.example"}),
        json!({"iat": 1_000_000_000}),
        json!({"jti": Value::Null}),
        json!({"sub": Value::Null, "sid": Value::Null}),
    ] {
        let answer = post(&mut roles.client(), &url, &provider.logout_token(&changes));
        assert_eq!(answer.status, 400, "{changes}: {}", answer.text());
        assert_eq!(answer.json()["error"], "invalid_request");
        assert_eq!(user.get(&app).status, 200, "{changes}");
    }
    for token in provider.tokens() {
        assert_eq!(post(&mut roles.client(), &url, &token).status, 400);
    }
    assert_eq!(user.get(&app).status, 200);
    let token = provider.logout_token(&json!({"sub": Value::Null}));
    let answer = post(&mut roles.client(), &url, &token);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(user.get(&app).status, 302);
    assert_eq!(post(&mut roles.client(), &url, &token).status, 400);
    let get = roles.client().get(&url);
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let document = roles
        .client()
        .get(&roles.url("app", "/.well-known/pomerium"))
        .json();
    assert_eq!(document["backchannel_logout_uri"], url);
    assert_eq!(
        document["frontchannel_logout_uri"],
        roles.url("app", "/.pomerium/sign_out")
    );
    let log = roles.authz[0].log();
    assert!(!log.contains("eyJ"), "a token is in the log");
}

/// OI-20: the configured place is the end, and nobody may name another.
#[test]
fn a_sign_out_leads_where_the_configuration_says() {
    let provider = scripted();
    let issuer = provider.issuer();
    let plan = Plan::of(ROUTES);
    let globals = format!(
        "{}\nsignout_redirect_url: https://www.example.com/bye",
        plan.globals
    );
    let roles = Roles::start(&Plan {
        issuer: Some(&issuer),
        globals: &globals,
        ..plan
    });
    let evil = "?pomerium_redirect_uri=https://evil.example/";
    for query in ["", evil] {
        let mut user = roles.client();
        assert_eq!(user.open(&roles.url("app", "/")).status, 200);
        let first = user.type_in(&roles.url("app", &format!("/.pomerium/sign_out{query}")));
        // The provider has no page for it.
        let end = user.follow_until(first, |url| url.host_str() == Some("www.example.com"));
        assert_eq!(end.as_str(), "https://www.example.com/bye");
        assert_eq!(user.get(&roles.url("app", "/")).status, 302);
    }
    let nobody = roles
        .client()
        .get(&roles.url("authenticate", &format!("/.pomerium/sign_out{evil}")));
    assert_eq!(nobody.header("location"), Some("https://www.example.com/bye"));
}

/// CK-09 for a logout that the provider began.
#[test]
fn a_session_that_ends_at_one_server_is_refused_by_the_other_within_a_second() {
    let provider = scripted();
    let roles = roles(&provider, 2);
    let (app, url) = (roles.url("app", "/"), roles.url("authenticate", PATH));
    for _ in 0..5 {
        let mut user = roles.client();
        assert_eq!(user.open(&app).status, 200);
        // Both have been asked by now.
        for _ in 0..10 {
            assert_eq!(user.get(&app).status, 200);
        }
        let token = provider.logout_token(&json!({}));
        assert_eq!(post(&mut roles.client(), &url, &token).status, 200);
        let told = Instant::now();
        let all = || (0..10).all(|_| user.get(&app).status == 302).then_some(());
        poll(Duration::from_secs(1), all).expect("both refuse it");
        assert!(told.elapsed() < Duration::from_secs(2));
        // What was begun meanwhile is looked for once more: not that of the next round.
        thread::sleep(Duration::from_millis(2500));
    }
}

/// Takes the provider's calls, which knows neither the gateway's names nor its
/// authority, on to the gateway.
fn pass_on(listener: TcpListener, client: Client, url: String) {
    let one = move |stream: TcpStream, mut client: Client| -> io::Result<()> {
        let mut connection = Connection::new(Box::new(stream));
        let Some(head) = connection.read_head()? else {
            return Ok(());
        };
        let body = connection.read_body(&head, false)?.bytes;
        let kind = head.get("content-type").unwrap_or_default();
        let url = Url::parse(&url).unwrap();
        let answer = client.try_send("POST", &url, &[("Content-Type", kind)], &body)?;
        let line = format!(
            "HTTP/1.1 {} Answer\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            answer.status
        );
        connection.write(line.as_bytes())
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = one(stream, client.clone());
        }
    });
}

/// A person with two sessions of one login at a real provider: the sign-out of the
/// one ends the other, by the provider's own call.
#[test]
fn a_sign_out_at_the_provider_ends_every_session_of_that_login() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = format!("{{\"backchannel_logout_uri\": \"http://127.0.0.1:{port}/\"}}");
    let roles = Roles::start(&Plan {
        provider: &provider,
        ..Plan::of(ROUTES)
    });
    pass_on(listener, roles.client(), roles.url("authenticate", PATH));
    let app = roles.url("app", "/");
    let mut user = roles.client();
    assert_eq!(user.login(&app, "user@example.com", PASSWORD).status, 200);
    let mut first = user.clone();
    for host in ["app.example.test", "authenticate.example.test"] {
        user.forget(host);
    }
    assert_eq!(user.open(&app).status, 200, "the provider knows the browser");
    let mut bystander = roles.client();
    assert_eq!(bystander.login(&app, "user@example.com", PASSWORD).status, 200);
    assert_eq!(first.get(&app).status, 200);
    let page = user.sign_out(&roles.url("app", "/.pomerium/sign_out"));
    assert!(page.text().contains("You are signed out"), "{}", page.text());
    assert_eq!(
        page.url.as_str(),
        roles.url("authenticate", "/.pomerium/signed_out")
    );
    until("the provider has told", || first.get(&app).status == 302);
    assert_eq!(user.get(&app).status, 302);
    assert_eq!(bystander.get(&app).status, 200, "another login at the provider");
    let log = roles.authz[0].log();
    assert!(
        log.contains("sessions ended, as the identity provider says"),
        "{log}"
    );
}

fn sign_in(browser: &mut Browser, url: &str) {
    browser.open(url);
    if browser.has("input[name=password]") {
        browser.type_into("input[name=login]", "user@example.com");
        browser.type_into("input[name=password]", PASSWORD);
        browser.click("button[type=submit]");
    }
    browser.wait_for_text("hello from the upstream");
}

/// Our cookies that hold a session, with their domains.
fn session_cookies(browser: &mut Browser) -> Vec<(String, String)> {
    let mut cookies = browser.all_cookies();
    cookies.retain(|(_, name)| {
        name.starts_with("_pomerium") && !name.ends_with("_csrf") && !name.contains("binding")
    });
    cookies
}

/// CK-08: whatever their attributes, the cookies are really gone; and the provider
/// sends the browser back to the page that says so (RP-Initiated Logout 1.0).
#[test]
fn a_browser_drops_the_cookies_at_the_sign_out_and_comes_back() {
    for (globals, shared) in [
        ("", false),
        ("cookie_same_site: strict", false),
        (
            "cookie_domain: example.test\ncookie_same_site: lax\ncookie_http_only: false",
            true,
        ),
        ("cookie_domain: example.test\ncookie_same_site: none", true),
    ] {
        let site = Site::start_with(globals, ROUTES);
        let mut browser = Browser::start(&site);
        sign_in(&mut browser, &site.url("app", "/"));
        let routes = if shared {
            ".example.test"
        } else {
            "app.example.test"
        };
        let pair = |domain: &str, name: &str| (domain.to_owned(), name.to_owned());
        let mut wanted = vec![
            pair(routes, "_pomerium"),
            pair("authenticate.example.test", "_pomerium_authenticate"),
        ];
        wanted.sort();
        assert_eq!(session_cookies(&mut browser), wanted, "{globals}");
        browser.open(&site.url("app", "/.pomerium/sign_out"));
        browser.wait_for_text("You are signed out");
        assert_eq!(browser.url(), site.url("authenticate", "/.pomerium/signed_out"));
        assert_eq!(session_cookies(&mut browser), [], "{globals}");
        browser.open(&site.url("app", "/"));
        browser.wait_for_text("Sign in");
    }
}

/// OI-20: what a page holds or fetches, of our own host or another, signs nobody out.
#[test]
fn images_and_scripts_of_a_real_browser_sign_nobody_out() {
    let site = Site::start(ROUTES);
    let mut browser = Browser::start(&site);
    sign_in(&mut browser, &site.url("app", "/"));
    let before = session_cookies(&mut browser);
    for host in ["app", "other", "authenticate"] {
        let url = site.url(host, "/.pomerium/sign_out");
        for attempt in [
            format!("const i = new Image(); i.onload = i.onerror = done; i.src = '{url}';"),
            format!("fetch('{url}', {{credentials: 'include', mode: 'no-cors'}}).then(done, done);"),
            format!(
                "fetch('{url}', {{credentials: 'include', method: 'POST', mode: 'no-cors'}}).then(done, done);"
            ),
            format!(
                "const s = document.createElement('script'); s.onload = s.onerror = done; s.src = '{url}'; \
                 document.documentElement.append(s);"
            ),
        ] {
            let script = format!(
                "document.title = 'waiting'; const done = () => {{ document.title = 'done' }}; {attempt} return ''"
            );
            browser.script(&script);
            until("the attempt is over", || {
                browser.script("return document.title") == "done"
            });
            assert_eq!(session_cookies(&mut browser), before, "{attempt}");
        }
    }
    browser.open(&site.url("app", "/still?from=images"));
    browser.wait_for_text("hello from the upstream");
}
