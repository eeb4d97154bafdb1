//! Where a sign-out leads in the end (OI-20).

use std::collections::HashMap;

use http::Method;
use portcullis_model::WebUrl;
use url::Url;

use super::super::rig::{APP, AUTHENTICATE, Browser, Rig};
use super::{FOREIGN, sign_out, signed_in};

const BYE: &str = "https://www.example.com/bye?a=b&c=d";
const ELSEWHERE: &str = "https://elsewhere.example:8443/x?y=z#w";

/// Addresses that nobody is sent to, whatever is configured.
const EVIL: [&str; 12] = [
    "",
    "/bye",
    "//evil.example/",
    "/\\evil.example/",
    "http://elsewhere.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:evil.example",
    "https://app.example.com@evil.example/",
    "https://evil.example\\@app.example.com/",
    "https://evil.example/\r\nset-cookie: a=b",
    "https://evil.example/ x",
];

async fn rig(redirect_url: Option<&str>, any_redirect: bool) -> Rig {
    let rig = Rig::bare().await;
    let mut settings = rig.settings();
    settings.pages.sign_out.redirect_url = redirect_url.map(|url| WebUrl::parse(url).unwrap());
    settings.pages.sign_out.any_redirect = any_redirect;
    rig.publish(settings);
    rig
}

fn naming(url: &str, place: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().append_pair("pomerium_redirect_uri", place);
    url.into()
}

/// Where the provider is asked to send the browser back to.
fn post_logout(rig: &Rig, location: &str) -> String {
    let url = Url::parse(location).unwrap();
    assert!(
        location.starts_with(&format!("{}/logout?", rig.idp.issuer())),
        "{location}"
    );
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query["client_id"], "client");
    assert!(query.contains_key("id_token_hint"));
    query["post_logout_redirect_uri"].clone()
}

/// Signs out by `url`; where the provider sends the browser back to.
async fn ends_at(rig: &Rig, url: &str) -> String {
    let mut browser = signed_in(rig).await;
    let location = browser.get(url).await.location().to_owned();
    let location = browser.get(&location).await.location().to_owned();
    assert!(!browser.is_signed_in(APP).await);
    post_logout(rig, &location)
}

fn own_page() -> String {
    format!("{AUTHENTICATE}/.pomerium/signed_out")
}

#[tokio::test]
async fn the_configured_place_is_the_end() {
    for place in [BYE, "http://intranet.example/"] {
        let rig = rig(Some(place), false).await;
        assert_eq!(ends_at(&rig, &sign_out(APP)).await, place);
        // Nothing of the query counts.
        assert_eq!(ends_at(&rig, &naming(&sign_out(APP), ELSEWHERE)).await, place);
        // Nor for those who have no session.
        let nobody = rig
            .browser()
            .get(&naming(&sign_out(AUTHENTICATE), ELSEWHERE))
            .await;
        assert_eq!(nobody.location(), place);
    }
}

#[tokio::test]
async fn without_the_flag_nobody_chooses_the_place() {
    let rig = rig(None, false).await;
    for place in [ELSEWHERE, APP].into_iter().chain(EVIL) {
        assert_eq!(
            ends_at(&rig, &naming(&sign_out(APP), place)).await,
            own_page(),
            "{place}"
        );
        let nobody = rig.browser().get(&naming(&sign_out(AUTHENTICATE), place)).await;
        assert_eq!(nobody.location(), "/.pomerium/signed_out");
    }
    let mut browser = signed_in(&rig).await;
    let page = browser.get(&naming(&sign_out(AUTHENTICATE), ELSEWHERE)).await;
    assert!(
        page.body.contains("action=\"/.pomerium/sign_out\""),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn with_the_flag_the_place_must_still_be_one() {
    let rig = rig(Some(BYE), true).await;
    assert_eq!(ends_at(&rig, &naming(&sign_out(APP), ELSEWHERE)).await, ELSEWHERE);
    for place in EVIL {
        assert_eq!(
            ends_at(&rig, &naming(&sign_out(APP), place)).await,
            BYE,
            "{place}"
        );
    }
    let long = format!("https://elsewhere.example/{}", "x".repeat(2048));
    assert_eq!(ends_at(&rig, &naming(&sign_out(APP), &long)).await, BYE);
    let twice = naming(&naming(&sign_out(APP), ELSEWHERE), BYE);
    let mut browser = signed_in(&rig).await;
    browser.get(&twice).await.refused(400, "duplicate_parameter");
}

#[tokio::test]
async fn the_question_remembers_the_place() {
    let rig = rig(None, true).await;
    let mut browser: Browser<'_> = signed_in(&rig).await;
    let answer = browser
        .send(Method::GET, &naming(&sign_out(APP), ELSEWHERE), &FOREIGN)
        .await;
    let location = answer.location().to_owned();
    let page = browser.send(Method::GET, &location, &FOREIGN).await;
    let (_, action) = page.body.split_once("action=\"").unwrap();
    let (action, _) = action.split_once('"').unwrap();
    let action = action.replace("&amp;", "&").replace("&#38;", "&");
    let own = [("sec-fetch-site", "same-origin"), ("origin", AUTHENTICATE)];
    let answer = browser
        .send(Method::POST, &format!("{AUTHENTICATE}{action}"), &own)
        .await;
    assert_eq!(post_logout(&rig, answer.location()), ELSEWHERE);
}

#[tokio::test]
async fn without_the_provider_the_place_is_next() {
    let rig = rig(Some(BYE), false).await;
    let mut browser = signed_in(&rig).await;
    rig.idp.set_down(true);
    let mut settings = rig.settings();
    settings.pages.sign_out.redirect_url = WebUrl::parse(BYE);
    if let Some(provider) = &mut settings.provider {
        provider.client_secret = Some("rotated".to_owned().into());
    }
    rig.publish(settings);
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    assert_eq!(browser.get(&location).await.location(), BYE);
    // The same where there is no authenticate service of ours.
    let mut settings = rig.settings();
    settings.pages.sign_out.redirect_url = WebUrl::parse(BYE);
    settings.authenticate = portcullis_bundle::Authenticate::None;
    rig.publish(settings);
    let answer = browser.get(&sign_out(APP)).await;
    assert_eq!(answer.location(), BYE);
}
