//! What an attacker puts into a browser before its user logs in.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Browser, Site};

use crate::support::{ADMIN, SITE, USER, assert_refused, cookie, plus, provider_answer, signed_in, with};

/// Whatever was there before a login is not what is there after it.
#[test]
fn ck_12_a_login_makes_a_new_session_whatever_was_there() {
    let site = SITE.get();
    let attacker = signed_in(&site, "app", USER);
    let planted = [
        ("app", "_pomerium"),
        ("app", "_pomerium_binding"),
        ("authenticate", "_pomerium_authenticate"),
        ("authenticate", "_pomerium_csrf"),
    ]
    .map(|(host, name)| (host, name, cookie(&attacker, host, name).unwrap()));
    // A cookie that is no session any more, as the attacker's after his sign-out.
    let mut left = attacker.clone();
    left.sign_out(&site.url("app", "/.pomerium/sign_out"));

    let mut victim = site.client();
    let old = format!("_pomerium={}", planted[0].2);
    let begun = victim.get_with(&site.url("app", "/"), &[("Cookie", &old)]);
    assert_eq!(begun.status, 302, "the attacker has signed out");
    let page = victim.login(&site.url("app", "/?mark=ck-12-new"), ADMIN, PASSWORD);
    assert_eq!(page.status, 200);
    for (host, name, value) in &planted {
        assert_ne!(
            cookie(&victim, host, name).as_ref(),
            Some(value),
            "{name} of {host}"
        );
    }
    assert_eq!(site.assertion("app", "mark=ck-12-new")["email"], ADMIN);
    // What the attacker had planted has not become the victim's session.
    for (host, name, value) in &planted {
        let answer = site.client().get_with(
            &site.url(host, "/.pomerium/user"),
            &[
                ("Cookie", &format!("{name}={value}")),
                ("Accept", "application/json"),
            ],
        );
        assert_eq!(answer.status, 401, "{name} of {host}: {}", answer.text());
    }
}

/// A second login in one browser: another session, and the one before is over.
#[test]
fn ck_12_a_second_login_ends_the_first() {
    let site = SITE.get();
    let mut client = site.client();
    let second = provider_answer(&mut client, &site.url("app", "/"), USER);
    // Somebody else at the provider, who finishes first.
    client.forget("127.0.0.1");
    let page = client.login(&site.url("app", "/?mark=ck-12-first"), ADMIN, PASSWORD);
    assert_eq!(page.status, 200);
    let sid = |mark: &str| site.assertion("app", mark)["sid"].as_str().unwrap().to_owned();
    let mut old = client.clone();
    let finished = client.get(second.as_str());
    assert_eq!(finished.status, 302, "{}", finished.text());
    client.follow(finished);
    assert_eq!(client.get(&site.url("app", "/?mark=ck-12-second")).status, 200);
    assert_ne!(sid("mark=ck-12-first"), sid("mark=ck-12-second"));
    for host in ["app", "authenticate"] {
        assert_eq!(old.get(&site.url(host, "/.pomerium/")).status, 302, "{host}");
    }
}

/// A login that fails leaves the session that there is, whole.
#[test]
fn ck_15_a_failed_login_leaves_the_session_as_it_was() {
    let site = SITE.get();
    let mut client = site.client();
    let answer = provider_answer(&mut client, &site.url("app", "/"), ADMIN);
    let first = client.get(&site.url("app", "/?mark=ck-15-first"));
    assert_eq!(client.follow(first).status, 200);
    let before: Vec<_> = ["app", "authenticate"]
        .map(|host| client.cookies(&format!("{host}.example.test")))
        .into();
    for (what, url) in [
        (
            "denied",
            plus(&with(&answer, "code", None), "error", "access_denied"),
        ),
        ("no state", with(&answer, "state", None)),
        ("another code", with(&answer, "code", Some("guessed"))),
        (
            "another issuer",
            with(&answer, "iss", Some("https://evil.example")),
        ),
    ] {
        assert_refused(&client.get(url.as_str()), what);
        let now: Vec<_> = ["app", "authenticate"]
            .map(|host| client.cookies(&format!("{host}.example.test")))
            .into();
        assert_eq!(now, before, "{what}");
        assert_eq!(client.get(&site.url("app", "/")).status, 200, "{what}");
    }
    // Somebody else logs in beside an old cookie: the new one counts, and it alone.
    client.forget("authenticate.example.test");
    let old = cookie(&client, "app", "_pomerium").unwrap();
    client.forget("app.example.test");
    let mut other = site.client();
    let beside = format!("_pomerium={old}");
    let form = other.login_form(&site.url("other", "/"));
    let sent = other.fill_login(&form, USER, PASSWORD);
    assert_eq!(other.follow(sent).status, 200);
    let page = other.get_with(&site.url("other", "/?mark=ck-15-beside"), &[("Cookie", &beside)]);
    assert_eq!(page.status, 302, "two cookies of our name are none");
}

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://evil.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";

fn log_in(browser: &mut Browser, url: &str) {
    browser.open(url);
    browser.wait_for_text("Sign in");
    browser.type_into("input[name=login]", ADMIN);
    browser.type_into("input[name=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for_text("hello from the upstream");
}

/// The page of a sibling host sets cookies of ours for the whole domain.
fn plant(browser: &mut Browser, site: &Site, name: &str, value: &str) {
    browser.open(&site.url("evil", "/"));
    browser.script(&format!(
        "for (const end of ['', '_authenticate', '_csrf', '_binding'])
           for (const start of ['', '='])
             document.cookie = `${{start}}{name}${{end}}={value}; domain=example.test; path=/; secure`;
         return ''"
    ));
}

/// A real browser with a session, and a cookie beside it that a sibling host has set for
/// the whole domain: it ends on a page that says what is wrong and not in a circle, and
/// whoever set it is nobody.
#[test]
fn ck_05_a_browser_with_a_planted_cookie_ends_on_a_page() {
    let site = Site::start(ROUTES);
    let attacker = signed_in(&site, "app", USER);
    let mine = cookie(&attacker, "app", "_pomerium").unwrap();
    let mut browser = Browser::start(&site);
    log_in(&mut browser, &site.url("app", "/?mark=before"));
    assert_eq!(site.assertion("app", "mark=before")["email"], ADMIN);
    plant(&mut browser, &site, "_pomerium", &mine);
    assert!(browser.script_cookies().contains("_pomerium="));
    browser.open(&site.url("app", "/?mark=planted"));
    browser.wait_for_text("cookie");
    let text = browser.text();
    let told = ["ambiguous_cookies", "other_browser"]
        .iter()
        .any(|code| text.contains(code));
    assert!(told, "{}: {text}", browser.url());
    assert!(!site.upstream.saw("mark=planted"));
}

/// A browser without a session cannot tell whose cookie of that name it has: a session
/// that an attacker has planted would be his. Under a name with the prefix `__Host-` no
/// browser lets a sibling host set it.
#[test]
fn ck_05_under_a_host_name_nothing_can_be_planted() {
    let site = Site::start_with("cookie_name: __Host-pomerium\n", ROUTES);
    let attacker = signed_in(&site, "app", USER);
    let mine = cookie(&attacker, "app", "__Host-pomerium").unwrap();
    let mut browser = Browser::start(&site);
    plant(&mut browser, &site, "__Host-pomerium", &mine);
    assert!(
        !browser.script_cookies().contains("__Host-"),
        "{}",
        browser.script_cookies()
    );
    log_in(&mut browser, &site.url("app", "/?mark=prefixed"));
    assert_eq!(site.assertion("app", "mark=prefixed")["email"], ADMIN);
    browser.open(&site.url("app", "/.pomerium/sign_out"));
    browser.wait_for_text("igned out");
    browser.open(&site.url("app", "/"));
    browser.wait_for_text("Sign in");
}
