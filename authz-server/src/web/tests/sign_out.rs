//! Signing out, and nobody else's doing it.

use http::{Method, StatusCode};

use super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig};

mod asking;
mod places;
mod provider_tokens;

const FOREIGN: [(&str, &str); 1] = [("sec-fetch-site", "cross-site")];

fn sign_out(origin: &str) -> String {
    format!("{origin}/.pomerium/sign_out")
}

async fn signed_in(rig: &Rig) -> Browser<'_> {
    let mut browser = rig.browser();
    for origin in [APP, OTHER] {
        browser.visit(&format!("{origin}/.pomerium/")).await;
        assert!(browser.is_signed_in(origin).await);
    }
    browser
}

#[tokio::test]
async fn signing_out_on_one_host_ends_the_session_on_all() {
    for method in [Method::GET, Method::POST] {
        let rig = Rig::new().await;
        let mut browser = signed_in(&rig).await;
        let before = browser.clone();
        let own = [("sec-fetch-site", "same-origin"), ("origin", APP)];
        let first = browser.send(method.clone(), &sign_out(APP), &own).await;
        let wanted = if method == Method::POST {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::FOUND
        };
        assert_eq!(first.status, wanted);
        assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
        assert!(
            first
                .location()
                .starts_with(&format!("{AUTHENTICATE}/.pomerium/sign_out?"))
        );
        // The browser says of this hop that it comes from another site.
        let location = first.location().to_owned();
        let second = browser.send(Method::GET, &location, &FOREIGN).await;
        assert_eq!(second.status, StatusCode::FOUND, "{}", second.body);
        assert_eq!(
            browser.cookie("authenticate.example.com", "_pomerium_authenticate"),
            None
        );
        let logout = url::Url::parse(second.location()).unwrap();
        assert!(
            logout
                .as_str()
                .starts_with(&format!("{}/logout?", rig.idp.issuer()))
        );
        let query: std::collections::HashMap<String, String> = logout.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], "client");
        assert_eq!(
            query["post_logout_redirect_uri"],
            format!("{AUTHENTICATE}/.pomerium/signed_out")
        );
        assert_eq!(query["id_token_hint"].split('.').count(), 3);
        // Kept copies of every cookie are worth nothing.
        let mut copies = before;
        for origin in [APP, OTHER, AUTHENTICATE] {
            assert!(!copies.is_signed_in(origin).await, "{origin}");
        }
        assert!(
            rig.server
                .store()
                .query("session", None, 10)
                .await
                .unwrap()
                .iter()
                .all(|r| r.deleted)
        );
        let page = browser.get(&format!("{AUTHENTICATE}/.pomerium/signed_out")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("You are signed out"));
    }
}

#[tokio::test]
async fn route_cookie_alone_is_enough_to_sign_out() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    browser.cookies.remove("authenticate.example.com");
    let mut copies = browser.clone();
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    browser.get(&location).await;
    assert!(!copies.is_signed_in(OTHER).await);
}

#[tokio::test]
async fn confirmation_comes_first_without_a_signature() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let page = browser.get(&sign_out(AUTHENTICATE)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body
            .contains("<form method=\"post\" action=\"/.pomerium/sign_out\">"),
        "{}",
        page.body
    );
    assert!(page.body.contains("user@example.com"));
    assert!(browser.is_signed_in(APP).await);
    let own = [("sec-fetch-site", "same-origin"), ("origin", AUTHENTICATE)];
    let answer = browser.send(Method::POST, &sign_out(AUTHENTICATE), &own).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(!browser.is_signed_in(APP).await);
    // Who has no session is told so and not asked.
    let answer = browser.get(&sign_out(AUTHENTICATE)).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::FOUND, "/.pomerium/signed_out")
    );
}

#[tokio::test]
async fn foreign_pages_cannot_sign_anybody_out() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    for origin in [APP, AUTHENTICATE] {
        for headers in [
            &FOREIGN[..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            let answer = browser.send(Method::POST, &sign_out(origin), headers).await;
            answer.refused(403, "cross_site");
        }
    }
    // By GET (an image, a link) the cookie stays and the user is asked.
    let answer = browser.send(Method::GET, &sign_out(APP), &FOREIGN).await;
    assert!(
        answer.location().starts_with(&sign_out(AUTHENTICATE)) && !answer.location().contains("signature"),
        "{}",
        answer.location()
    );
    assert!(answer.set_cookies().is_empty());
    let location = answer.location().to_owned();
    let page = browser.send(Method::GET, &location, &FOREIGN).await;
    assert!(page.body.contains("Sign out?"));
    assert!(page.set_cookies().is_empty());
    for origin in [APP, OTHER, AUTHENTICATE] {
        assert!(browser.is_signed_in(origin).await);
    }
}

#[tokio::test]
async fn signed_address_of_somebody_else_asks_first() {
    let rig = Rig::new().await;
    let mut victim = signed_in(&rig).await;
    let mut attacker = signed_in(&rig).await;
    let lure = attacker.get(&sign_out(APP)).await.location().to_owned();
    let nobody = rig.browser().get(&sign_out(APP)).await.location().to_owned();
    for lure in [lure, nobody] {
        let page = victim.send(Method::GET, &lure, &FOREIGN).await;
        assert!(
            page.body.contains("Sign out?"),
            "{} {}",
            page.status,
            page.location()
        );
        assert!(victim.is_signed_in(AUTHENTICATE).await && victim.is_signed_in(APP).await);
    }
    // An old address asks, an altered one is refused.
    let old = victim.clone().get(&sign_out(APP)).await.location().to_owned();
    rig.advance(361);
    assert!(victim.get(&old).await.body.contains("Sign out?"));
    victim
        .get(&format!("{old}&x=y"))
        .await
        .refused(400, "signature_invalid");
    assert!(victim.is_signed_in(APP).await);
}

#[tokio::test]
async fn signing_out_does_not_depend_on_the_provider() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let mut copies = browser.clone();
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    // The provider's metadata must be read anew, and it is down.
    rig.idp.set_down(true);
    let mut settings = rig.settings();
    if let Some(provider) = &mut settings.provider {
        provider.client_secret = Some("rotated".to_owned().into());
    }
    rig.publish(settings);
    let answer = browser.get(&location).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::FOUND, "/.pomerium/signed_out")
    );
    assert!(!copies.is_signed_in(OTHER).await);
}

#[tokio::test]
async fn signing_out_without_an_authenticate_service_ends_the_session_here() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let mut copies = browser.clone();
    let mut settings = rig.settings();
    settings.authenticate = portcullis_bundle::Authenticate::None;
    rig.publish(settings);
    browser
        .send(Method::GET, &sign_out(APP), &FOREIGN)
        .await
        .refused(403, "cross_site");
    let page = browser.get(&sign_out(APP)).await;
    assert!(page.body.contains("You are signed out"), "{}", page.body);
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
    assert!(!copies.is_signed_in(APP).await);
}
