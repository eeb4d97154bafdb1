//! Requests that no person made, and sessions that are gone already.

use http::{Method, StatusCode};

use super::super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig};
use super::{FOREIGN, sign_out, signed_in};

/// What browsers say of an image, a script's fetch, a page in advance.
const NO_VISITS: [&[(&str, &str)]; 14] = [
    &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
    &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    &[
        ("sec-fetch-mode", "same-origin"),
        ("sec-fetch-site", "same-origin"),
    ],
    &[("sec-fetch-mode", "websocket")],
    &[("sec-fetch-mode", "")],
    &[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "no-cors")],
    &[("sec-fetch-mode", "navigate"), ("sec-purpose", "prefetch")],
    &[
        ("sec-fetch-mode", "navigate"),
        ("sec-purpose", "prefetch;prerender"),
    ],
    &[("sec-purpose", "Prefetch;anonymous-client-ip")],
    &[("sec-purpose", "prerender")],
    &[("purpose", "prefetch")],
    &[("purpose", "preview")],
    &[("x-purpose", "preview")],
    &[("x-moz", "prefetch")],
];

async fn end(browser: &mut Browser<'_>) {
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    browser.get(&location).await;
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn what_is_no_visit_signs_nobody_out() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let signed = browser.clone().get(&sign_out(APP)).await.location().to_owned();
    for headers in NO_VISITS {
        for url in [sign_out(APP), sign_out(AUTHENTICATE), signed.clone()] {
            for method in [Method::GET, Method::POST] {
                let answer = browser.send(method, &url, headers).await;
                answer.refused(403, "not_navigation");
            }
        }
    }
    for origin in [APP, OTHER, AUTHENTICATE] {
        assert!(browser.is_signed_in(origin).await);
    }
    let visit = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")];
    let answer = browser.send(Method::GET, &sign_out(APP), &visit).await;
    let hop = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")];
    browser.send(Method::GET, answer.location(), &hop).await;
    assert!(!browser.is_signed_in(OTHER).await);
}

#[tokio::test]
async fn who_only_looks_is_not_signed_out() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    for origin in [APP, AUTHENTICATE] {
        let answer = browser.send(Method::HEAD, &sign_out(origin), &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), "GET, POST");
    }
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn signing_out_ends_well_where_the_session_is_gone_already() {
    let rig = Rig::new().await;
    let mut first = signed_in(&rig).await;
    let mut second = first.clone();
    end(&mut first).await;
    // The cookies of the other are worth nothing, and the browser drops them.
    let answer = second.get(&sign_out(OTHER)).await;
    assert_eq!(second.cookie("other.example.com", "_pomerium"), None);
    let answer = second.get(answer.location()).await;
    assert_eq!(
        second.cookie("authenticate.example.com", "_pomerium_authenticate"),
        None
    );
    // The provider's own session may live on, so that it is asked.
    let logout = answer.location();
    assert!(
        logout.starts_with(&format!("{}/logout?", rig.idp.issuer())),
        "{logout}"
    );
    assert!(
        logout.contains("client_id=client") && !logout.contains("id_token_hint"),
        "{logout}"
    );
}

#[tokio::test]
async fn who_has_no_session_and_asks_by_a_link_is_told_so() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let mut copy = browser.clone();
    end(&mut browser).await;
    let answer = copy.send(Method::GET, &sign_out(AUTHENTICATE), &FOREIGN).await;
    assert_eq!(answer.location(), "/.pomerium/signed_out");
    assert_eq!(
        copy.cookie("authenticate.example.com", "_pomerium_authenticate"),
        None
    );
    let nobody = rig.browser().get(&sign_out(AUTHENTICATE)).await;
    assert_eq!(nobody.location(), "/.pomerium/signed_out");
    assert!(nobody.set_cookies().is_empty());
}

#[tokio::test]
async fn cookies_are_taken_back_as_they_were_set() {
    for (domain, same_site) in [(None, None), (Some("example.com"), Some("Lax"))] {
        let rig = Rig::bare().await;
        let mut settings = rig.settings();
        settings.cookie.domain = domain.map(ToOwned::to_owned);
        if same_site.is_some() {
            settings.cookie.same_site = portcullis_bundle::SameSite::Lax;
        }
        rig.publish(settings);
        let mut browser = signed_in(&rig).await;
        let answer = browser.get(&sign_out(APP)).await;
        let end = answer.location().to_owned();
        let answer = browser.get(&end).await;
        for cookie in answer.set_cookies() {
            assert!(
                cookie.contains("Max-Age=0") && cookie.contains("; Path=/;"),
                "{cookie}"
            );
            let written = same_site.is_some_and(|value| cookie.contains(&format!("SameSite={value}")));
            assert_eq!(written, same_site.is_some(), "{cookie}");
        }
        let sessions = browser.cookies.values().flatten();
        let left: Vec<&String> = sessions
            .map(|(name, _)| name)
            .filter(|name| matches!(name.as_str(), "_pomerium" | "_pomerium_authenticate"))
            .collect();
        // On other hosts a cookie of their own stays, and is worth nothing.
        assert_eq!(left.len(), usize::from(domain.is_none()), "{left:?}");
        assert!(!browser.is_signed_in(OTHER).await);
    }
}

#[tokio::test]
async fn the_confirmation_takes_the_shared_cookie_too() {
    let rig = Rig::bare().await;
    let mut settings = rig.settings();
    settings.cookie.domain = Some("example.com".to_owned());
    rig.publish(settings);
    let mut browser = signed_in(&rig).await;
    assert!(browser.cookie(".example.com", "_pomerium").is_some());
    let own = [("sec-fetch-site", "same-origin"), ("origin", AUTHENTICATE)];
    browser.send(Method::POST, &sign_out(AUTHENTICATE), &own).await;
    assert_eq!(browser.cookie(".example.com", "_pomerium"), None);
    assert_eq!(
        browser.cookie("authenticate.example.com", "_pomerium_authenticate"),
        None
    );
}

fn action(page: &str) -> String {
    let (_, action) = page.split_once("action=\"").unwrap();
    let (action, _) = action.split_once('"').unwrap();
    format!(
        "{AUTHENTICATE}{}",
        action.replace("&#38;", "&").replace("&amp;", "&")
    )
}

/// Of an image in a page of another site such a browser says nothing at all.
#[tokio::test]
async fn a_browser_without_fetch_metadata_is_asked() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let signed = rig.browser().get(&sign_out(APP)).await.location().to_owned();
    let answer = browser.send(Method::GET, &sign_out(APP), &[]).await;
    let asking = answer.location().to_owned();
    assert!(!asking.contains("pomerium_signature") && answer.set_cookies().is_empty());
    for url in [&asking, &sign_out(AUTHENTICATE), &signed] {
        let page = browser.send(Method::GET, url, &[]).await;
        assert!(page.body.contains("Sign out?"), "{}", page.location());
        assert!(page.set_cookies().is_empty());
    }
    for origin in [APP, OTHER, AUTHENTICATE] {
        assert!(browser.is_signed_in(origin).await);
    }
    // The button says `Origin`, or nothing.
    let page = browser.send(Method::GET, &asking, &[]).await;
    let answer = browser.send(Method::POST, &action(&page.body), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(!browser.is_signed_in(OTHER).await);
}

#[tokio::test]
async fn without_an_authenticate_service_it_is_asked_there() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let mut settings = rig.settings();
    settings.authenticate = portcullis_bundle::Authenticate::None;
    rig.publish(settings);
    let page = browser.send(Method::GET, &sign_out(APP), &[]).await;
    assert!(page.body.contains("Sign out?"), "{}", page.body);
    assert!(browser.is_signed_in(APP).await);
    let own = [("origin", APP)];
    browser.send(Method::POST, &sign_out(APP), &own).await;
    assert!(!browser.is_signed_in(APP).await);
}

/// The session of the host that is left and the one of the authenticate host need not
/// be one: whoever says yes has left both.
#[tokio::test]
async fn two_sessions_of_one_browser_end_by_one_answer() {
    for headers in [
        &[][..],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        &FOREIGN,
    ] {
        let rig = Rig::new().await;
        let mut browser = rig.browser();
        browser.visit(&format!("{APP}/.pomerium/")).await;
        browser.cookies.remove("authenticate.example.com");
        browser.visit(&format!("{OTHER}/.pomerium/")).await;
        assert_eq!(rig.idp.logins(), 2);
        let mut copies = browser.clone();
        let location = browser
            .send(Method::GET, &sign_out(APP), headers)
            .await
            .location()
            .to_owned();
        let page = browser.send(Method::GET, &location, headers).await;
        assert!(page.body.contains("Sign out?"), "{}", page.location());
        assert!(copies.is_signed_in(APP).await && copies.is_signed_in(OTHER).await);
        let own = [("sec-fetch-site", "same-origin"), ("origin", AUTHENTICATE)];
        let answer = browser.send(Method::POST, &action(&page.body), &own).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        for origin in [APP, OTHER, AUTHENTICATE] {
            assert!(!copies.is_signed_in(origin).await, "{origin} {headers:?}");
        }
    }
}

/// An address that came too late asks, also where the host's own cookie is gone.
#[tokio::test]
async fn a_late_address_asks_about_the_session_that_it_names() {
    let rig = Rig::new().await;
    let mut browser = signed_in(&rig).await;
    let mut copies = browser.clone();
    let location = browser.get(&sign_out(APP)).await.location().to_owned();
    browser.cookies.remove("authenticate.example.com");
    rig.advance(361);
    let page = browser.get(&location).await;
    assert!(page.body.contains("Sign out?"), "{}", page.location());
    let own = [("sec-fetch-site", "same-origin"), ("origin", AUTHENTICATE)];
    browser.send(Method::POST, &action(&page.body), &own).await;
    assert!(!copies.is_signed_in(APP).await);
}
