//! What comes back from the provider, and the callback behind it.

use portcullis_harness::Client;
use url::Url;

use crate::support::world::World;
use crate::support::{
    ADMIN, SITE, USER, altered, assert_no_session, assert_refused, callback, cookie, parameter, plus,
    provider_answer, signed_in, with,
};

fn has_session(client: &Client, host: &str) -> bool {
    let name = match host {
        "authenticate" => "_pomerium_authenticate",
        _ => "_pomerium",
    };
    cookie(client, host, name).is_some()
}

#[test]
fn oi_01_an_answer_counts_whole_once_and_in_its_browser_alone() {
    let site = SITE.get();
    let mut mine = site.client();
    let answer = provider_answer(&mut mine, &site.url("app", "/"), ADMIN);
    let state = parameter(&answer, "state");
    let denied = plus(&with(&answer, "code", None), "error", "access_denied");
    for (what, changed) in [
        ("no state", with(&answer, "state", None)),
        ("an empty state", with(&answer, "state", Some(""))),
        ("an altered state", with(&answer, "state", Some(&altered(&state)))),
        (
            "a longer state",
            with(&answer, "state", Some(&format!("{state}A"))),
        ),
        (
            "a cut state",
            with(&answer, "state", Some(&state[..state.len() - 4])),
        ),
        ("no code", with(&answer, "code", None)),
        ("an empty code", with(&answer, "code", Some(""))),
        ("a guessed code", with(&answer, "code", Some("guessed"))),
        ("an error", denied.clone()),
        (
            "an error in words of HTML",
            with(&denied, "error", Some("<script>alert(1)</script>")),
        ),
    ] {
        let refused = mine.get(changed.as_str());
        assert_refused(&refused, what);
        assert!(!refused.text().contains("<script"), "{what}: {}", refused.text());
        assert!(!has_session(&mine, "authenticate"), "{what}");
    }
    // Another browser, and another browser in the middle of a login of its own.
    let mut stranger = site.client();
    assert_refused(&stranger.get(answer.as_str()), "a stranger's");
    let mut busy = site.client();
    provider_answer(&mut busy, &site.url("app", "/"), USER);
    for url in [&answer, &denied] {
        assert_refused(&busy.get(url.as_str()), "another browser's");
    }
    for client in [&stranger, &busy] {
        assert!(!has_session(client, "authenticate") && !has_session(client, "app"));
    }

    // All that has spoilt nothing, and it is good once.
    assert_eq!(mine.open(answer.as_str()).status, 200);
    let session = cookie(&mine, "authenticate", "_pomerium_authenticate");
    let again = mine.get(answer.as_str());
    assert_refused(&again, "replayed");
    assert_eq!(cookie(&mine, "authenticate", "_pomerium_authenticate"), session);
    assert_eq!(mine.get(&site.url("app", "/")).status, 200);
}

#[test]
fn oi_02_an_id_token_answers_one_login_alone() {
    let world = World::start();
    world.assert_login_works();
    let earlier = world.evil.asked("/authorize")[0]["nonce"].clone();
    for (what, nonce) in [
        ("none", serde_json::Value::Null),
        ("empty", "".into()),
        ("another", "another".into()),
        ("of an earlier login", earlier.into()),
        ("a number", 1.into()),
    ] {
        world.evil.twist(crate::support::evil::Twist {
            claims: serde_json::json!({ "nonce": nonce }),
            ..Default::default()
        });
        world.assert_login_fails(502, &format!("nonce: {what}"));
    }
    world.evil.behave();
    world.assert_login_works();
}

/// Whoever has logged in as himself gives the address that finishes it to a victim.
#[test]
fn oi_03_nobody_is_logged_in_as_somebody_else_by_an_address() {
    let site = SITE.get();
    let mut attacker = site.client();
    let answer = provider_answer(&mut attacker, &site.url("app", "/"), USER);
    let mut attacker_too = site.client();
    let back = callback(&mut attacker_too, &site.url("app", "/?mark=stolen"), USER);
    assert_eq!(back.host_str(), Some("app.example.test"));

    let fresh = site.client();
    let mut busy = site.client();
    busy.get(&site.url("app", "/"));
    let victim = signed_in(&site, "app", ADMIN);
    for (what, mut client) in [("fresh", fresh), ("in a login", busy), ("signed in", victim)] {
        let before = cookie(&client, "app", "_pomerium");
        for url in [&answer, &back] {
            assert_refused(&client.get(url.as_str()), what);
        }
        assert_eq!(cookie(&client, "app", "_pomerium"), before, "{what}");
        if before.is_some() {
            assert_eq!(client.get(&site.url("app", "/?mark=oi-03-victim")).status, 200);
            assert_eq!(site.assertion("app", "mark=oi-03-victim")["email"], ADMIN);
        }
    }
    // It is bound to its host as well.
    let elsewhere = back.as_str().replacen("//app.", "//other.", 1);
    assert_refused(&attacker_too.get(&elsewhere), "on another host");
    assert!(!has_session(&attacker_too, "other"));
    // Whoever began the login can finish it.
    assert_eq!(attacker_too.open(back.as_str()).status, 200);
    assert!(has_session(&attacker_too, "app"));
}

/// The real provider redeems a code for the verifier of its own login alone.
#[test]
fn oi_04_a_code_of_one_login_is_nothing_in_another() {
    let site = SITE.get();
    let (mut victim, mut attacker) = (site.client(), site.client());
    let stolen = parameter(
        &provider_answer(&mut victim, &site.url("app", "/"), ADMIN),
        "code",
    );
    let own = provider_answer(&mut attacker, &site.url("app", "/"), USER);
    assert_refused(
        &attacker.get(with(&own, "code", Some(&stolen)).as_str()),
        "an injected code",
    );
    assert!(!has_session(&attacker, "authenticate"));
}

#[test]
fn oi_06_an_answer_is_of_the_provider_that_was_asked() {
    let site = SITE.get();
    let mut mine = site.client();
    let answer = provider_answer(&mut mine, &site.url("app", "/"), ADMIN);
    let issuer = site.provider.issuer().to_owned();
    assert_eq!(parameter(&answer, "iss"), issuer, "RFC 9207");
    for other in [
        "https://evil.example",
        "",
        &format!("{issuer}/"),
        &issuer.to_ascii_uppercase(),
        &issuer.replace("http:", "https:"),
    ] {
        assert_refused(
            &mine.get(with(&answer, "iss", Some(other)).as_str()),
            &format!("iss `{other}`"),
        );
    }
    assert_refused(
        &mine.get(plus(&answer, "iss", "https://evil.example").as_str()),
        "two issuers",
    );
    // The state of one login with the code of another, of the same browser.
    let second = provider_answer_of_a_second_login(&mut mine, &site.url("other", "/"));
    let mixed = with(&answer, "code", Some(&parameter(&second, "code")));
    assert_refused(&mine.get(mixed.as_str()), "state of A and code of B");
    assert!(!has_session(&mine, "authenticate"));
}

/// The provider knows the browser by now and asks for nothing.
fn provider_answer_of_a_second_login(client: &mut Client, url: &str) -> Url {
    let first = client.get(url);
    client.follow_until(first, |url| url.path() == "/oauth2/callback")
}

#[test]
fn oi_08_nothing_is_said_twice_and_nothing_comes_from_elsewhere() {
    let site = SITE.get();
    let mut mine = site.client();
    let answer = provider_answer(&mut mine, &site.url("app", "/"), ADMIN);
    for name in ["code", "state", "iss"] {
        let value = parameter(&answer, name);
        for (what, changed) in [
            ("the same", plus(&answer, name, &value)),
            ("another", plus(&answer, name, "another")),
            ("empty", plus(&answer, name, "")),
        ] {
            assert_refused(&mine.get(changed.as_str()), &format!("{name} twice: {what}"));
        }
    }
    // A fragment never reaches a server: what does is an answer without anything.
    let mut bare = answer.clone();
    bare.set_query(None);
    assert_refused(&mine.get(bare.as_str()), "an answer in the fragment");

    // As a form (response mode `form_post`), which the browser brings without cookies.
    let form = answer.query().unwrap().to_owned();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let foreign = [
        kind,
        ("Origin", "https://idp.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    let twice = format!("{form}&state=another");
    let refused = mine.send("POST", &bare, &foreign, twice.as_bytes());
    assert_refused(&refused, "a form that says something twice");
    for (what, fields, body) in [
        (
            "JSON",
            [("Content-Type", "application/json")],
            r#"{"code":"x","state":"y"}"#,
        ),
        ("text", [("Content-Type", "text/plain")], form.as_str()),
    ] {
        assert_refused(&mine.send("POST", &bare, &fields, body.as_bytes()), what);
    }
    // In another browser it leads as far as the address does.
    let mut stranger = site.client();
    let taken = stranger.send("POST", &bare, &foreign, form.as_bytes());
    assert_no_session(&taken, "a form in another browser");
    let there = taken.location().expect("the same as an address");
    assert_refused(&stranger.get(there.as_str()), "a form in another browser");
    let taken = mine.send("POST", &bare, &foreign, form.as_bytes());
    assert_no_session(&taken, "a form alone");
    assert_eq!(mine.follow(taken).status, 200);
    assert!(has_session(&mine, "app"));
}

/// The login at the end of a sign-in that the user ended.
#[test]
fn oi_01_a_login_that_the_user_cancels_is_a_page_and_no_session() {
    let site = SITE.get();
    let mut client = site.client();
    let form = client.login_form(&site.url("app", "/?mark=cancelled"));
    let cancelled = client.open(&format!("{}/cancel", form.url));
    assert_eq!(cancelled.status, 401, "{}", cancelled.text());
    assert_refused(&cancelled, "cancelled");
    assert_eq!(cancelled.url.host_str(), Some("authenticate.example.test"));
    assert!(!has_session(&client, "app") && !has_session(&client, "authenticate"));
}
