//! Logins that must not succeed.

use http::{Method, StatusCode};
use portcullis_session::signed_url;
use url::Url;

use super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig, SHARED_SECRET, user};

fn with_parameter(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).unwrap();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(n, _)| n != name)
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.into()
}

fn parameter(url: &str, name: &str) -> String {
    Url::parse(url)
        .unwrap()
        .query_pairs()
        .find(|(n, _)| n == name)
        .unwrap()
        .1
        .into_owned()
}

/// With one character in the middle changed.
fn altered(text: &str) -> String {
    let at = text.len() / 2;
    let other = if text.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

async fn callback_in(mut other: Browser<'_>, url: &str, code: &str) {
    other.get(url).await.refused(400, code);
    assert!(!other.is_signed_in(APP).await);
}

#[tokio::test]
async fn callback_works_only_in_the_browser_that_began() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.callback_url(APP).await;
    callback_in(rig.browser(), &url, "other_browser").await;
    // Another browser with a binding of its own.
    let mut other = rig.browser();
    other.sign_in_url(APP).await;
    callback_in(other, &url, "other_browser").await;
    // And with a binding cookie that somebody made up.
    let mut forger = rig.browser();
    let jar = forger.cookies.entry("app.example.com".to_owned()).or_default();
    jar.insert("_pomerium_binding".to_owned(), "x".repeat(64));
    callback_in(forger, &url, "other_browser").await;
    // The right one is not harmed by all that.
    assert_eq!(browser.get(&url).await.status, StatusCode::FOUND);
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn callback_works_only_on_its_host_in_its_time_and_unaltered() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.sign_in_url(OTHER).await;
    let url = browser.callback_url(APP).await;
    let elsewhere = url.replace(APP, OTHER);
    browser.get(&elsewhere).await.refused(400, "callback_invalid");
    assert!(!browser.is_signed_in(OTHER).await);
    let token = parameter(&url, "portcullis_callback");
    let changed = with_parameter(&url, "portcullis_callback", Some(&altered(&token)));
    browser.get(&changed).await.refused(400, "callback_invalid");
    browser
        .get(&with_parameter(&url, "portcullis_callback", None))
        .await
        .refused(400, "missing_parameter");
    let twice = format!("{url}&portcullis_callback={token}");
    browser.get(&twice).await.refused(400, "duplicate_parameter");
    rig.advance(61);
    let late = browser.get(&url).await;
    late.refused(400, "link_expired");
    assert!(
        late.body.contains(&format!("href=\"{APP}/.pomerium/\"")),
        "no way on: {}",
        late.body
    );
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn callback_of_a_session_that_has_ended_gives_none() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.callback_url(APP).await;
    browser.get(&url).await;
    browser
        .send(Method::POST, &format!("{AUTHENTICATE}/.pomerium/sign_out"), &[])
        .await;
    browser.get(&url).await.refused(400, "link_expired");
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn callback_beside_a_foreign_cookie_stops_the_circle() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.callback_url(APP).await;
    let headers = [("cookie", "_pomerium=one"), ("cookie", "_pomerium=two")];
    browser
        .send(Method::GET, &url, &headers)
        .await
        .refused(400, "ambiguous_cookies");
}

#[tokio::test]
async fn provider_answer_works_only_in_the_browser_that_began() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    rig.browser().get(&url).await.refused(400, "other_browser");
    let mut other = rig.browser();
    other.authorize_url(APP).await;
    other.get(&url).await.refused(400, "other_browser");
    assert!(!other.is_signed_in(AUTHENTICATE).await);
    assert_eq!(browser.get(&url).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn provider_answer_must_be_whole_fresh_and_single() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    let state = parameter(&url, "state");
    for (changed, code) in [
        (with_parameter(&url, "state", None), "state_invalid"),
        (with_parameter(&url, "state", Some("")), "state_invalid"),
        (
            with_parameter(&url, "state", Some(&altered(&state))),
            "state_invalid",
        ),
        (
            with_parameter(&url, "state", Some(&state[..state.len() - 4])),
            "state_invalid",
        ),
        (
            with_parameter(&url, "iss", Some("https://evil.example")),
            "state_invalid",
        ),
        (with_parameter(&url, "code", None), "missing_parameter"),
        (format!("{url}&state={state}"), "duplicate_parameter"),
        (format!("{url}&code=another"), "duplicate_parameter"),
        (with_parameter(&url, "code", Some("guessed")), "idp_refused"),
    ] {
        browser.get(&changed).await.refused(400, code);
    }
    assert!(!browser.is_signed_in(AUTHENTICATE).await);
    assert_eq!(browser.get(&url).await.status, StatusCode::FOUND);
    // Replayed: the provider redeems no code twice.
    let replayed = browser.get(&url).await;
    replayed.refused(400, "idp_refused");
    assert!(
        replayed.body.contains(&format!("href=\"{APP}/.pomerium/\"")),
        "{}",
        replayed.body
    );
    // The session that there is stays whole.
    assert!(browser.is_signed_in(AUTHENTICATE).await);
}

#[tokio::test]
async fn code_of_one_login_is_nothing_in_another() {
    let rig = Rig::new().await;
    let (mut victim, mut attacker) = (rig.browser(), rig.browser());
    let stolen = parameter(&victim.provider_answer(APP).await, "code");
    let own = attacker.provider_answer(APP).await;
    attacker
        .get(&with_parameter(&own, "code", Some(&stolen)))
        .await
        .refused(400, "idp_refused");
    assert!(!attacker.is_signed_in(AUTHENTICATE).await);
}

#[tokio::test]
async fn provider_answer_expires() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    rig.advance(301);
    let late = browser.get(&url).await;
    late.refused(400, "login_expired");
    assert!(
        late.body.contains(&format!("href=\"{APP}/.pomerium/\"")),
        "{}",
        late.body
    );
}

#[tokio::test]
async fn id_token_for_another_login_is_refused() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    rig.idp.set_other_nonce();
    browser.get(&url).await.refused(502, "idp_invalid");
    assert!(!browser.is_signed_in(AUTHENTICATE).await);
}

#[tokio::test]
async fn providers_error_is_told_with_a_way_on() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    let url = with_parameter(&url, "code", None);
    for (error, status, code) in [
        ("access_denied", 401, "idp_denied"),
        ("unauthorized_client", 401, "idp_denied"),
        ("server_error", 400, "idp_error"),
        ("<script>x</script>", 400, "idp_error"),
    ] {
        let answer = browser.get(&with_parameter(&url, "error", Some(error))).await;
        answer.refused(status, code);
        assert!(
            answer.body.contains(&format!("href=\"{APP}/.pomerium/\"")),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("<script"), "{}", answer.body);
    }
    // Only in the browser that began: nobody can show others such pages.
    let elsewhere = with_parameter(&url, "error", Some("access_denied"));
    rig.browser().get(&elsewhere).await.refused(400, "other_browser");
}

#[tokio::test]
async fn sign_in_must_carry_our_signature() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.sign_in_url(APP).await;
    let signature = parameter(&url, "pomerium_signature");
    let changes = [
        with_parameter(&url, "pomerium_signature", None),
        with_parameter(&url, "pomerium_signature", Some(&altered(&signature))),
        with_parameter(
            &url,
            "pomerium_redirect_uri",
            Some("https://other.example.com:8443/"),
        ),
        with_parameter(&url, "portcullis_binding", Some("mine")),
        with_parameter(&url, "pomerium_expiry", Some("9999999999")),
        format!("{url}&x=y"),
        format!("{url}&pomerium_redirect_uri=https%3A%2F%2Fapp.example.com%2F"),
        format!("{AUTHENTICATE}/.pomerium/sign_in"),
    ];
    for changed in changes {
        browser.get(&changed).await.refused(400, "signature_invalid");
    }
    rig.advance(361);
    let late = browser.get(&url).await;
    late.refused(400, "link_expired");
    assert!(
        late.body.contains(&format!("href=\"{APP}/.pomerium/\"")),
        "{}",
        late.body
    );
}

#[tokio::test]
async fn even_our_signature_does_not_lead_elsewhere() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let good = browser.sign_in_url(APP).await;
    browser.visit(&good).await;
    for target in [
        "https://evil.example/",
        "http://app.example.com/",
        "https://app.example.com:444/",
        "//x",
    ] {
        let changed = Url::parse(&with_parameter(&good, "pomerium_redirect_uri", Some(target))).unwrap();
        let signed = signed_url::sign(&SHARED_SECRET.into(), &changed, rig.now());
        browser
            .get(signed.as_str())
            .await
            .refused(400, "redirect_not_allowed");
    }
}

#[tokio::test]
async fn host_that_has_gone_from_the_configuration_is_not_returned_to() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.provider_answer(APP).await;
    let mut settings = rig.settings();
    let hosts = settings.redirect_hosts.entries().into_iter();
    settings.redirect_hosts = hosts
        .filter(|(host, _)| host.as_str() != "app.example.com")
        .collect();
    rig.publish(settings);
    browser.get(&url).await.refused(400, "redirect_not_allowed");
}

#[tokio::test]
async fn scripts_are_not_sent_to_the_provider() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let url = browser.sign_in_url(APP).await;
    let xhr = [("x-requested-with", "xmlhttprequest")];
    for url in [
        url,
        format!("{AUTHENTICATE}/.pomerium/"),
        format!("{APP}/.pomerium/"),
    ] {
        let answer = rig.browser().send(Method::GET, &url, &xhr).await;
        answer.refused(401, "login_required");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("www-authenticate").is_empty());
    }
}

#[tokio::test]
async fn cookies_of_other_hosts_are_no_sessions() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let app = browser.cookie("app.example.com", "_pomerium").unwrap().to_owned();
    let own = browser
        .cookie("authenticate.example.com", "_pomerium_authenticate")
        .unwrap()
        .to_owned();
    for (origin, host, name, value) in [
        (OTHER, "other.example.com", "_pomerium", &app),
        (OTHER, "other.example.com", "_pomerium", &own),
        (APP, "app.example.com", "_pomerium", &own),
        (
            AUTHENTICATE,
            "authenticate.example.com",
            "_pomerium_authenticate",
            &app,
        ),
        (APP, "app.example.com", "_pomerium", &altered(&app)),
        (APP, "app.example.com", "_pomerium", &"x".repeat(5000)),
    ] {
        let mut thief = rig.browser();
        thief
            .cookies
            .entry(host.to_owned())
            .or_default()
            .insert(name.to_owned(), value.clone());
        assert!(!thief.is_signed_in(origin).await, "{name} on {origin}");
    }
}

#[tokio::test]
async fn other_provider_settings_are_another_login() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let begun = browser.provider_answer(OTHER).await;
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let mut settings = rig.settings();
    settings.provider = settings.provider.map(|provider| portcullis_bundle::Provider {
        id: "another".to_owned(),
        ..provider
    });
    rig.publish(settings);
    assert!(!browser.is_signed_in(APP).await);
    assert!(!browser.is_signed_in(AUTHENTICATE).await);
    browser.get(&begun).await.refused(400, "state_invalid");
    let fresh = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(fresh.status, StatusCode::OK);
    assert_eq!(rig.idp.logins(), 3);
    assert!(fresh.body.contains(user()["email"].as_str().unwrap()));
}
