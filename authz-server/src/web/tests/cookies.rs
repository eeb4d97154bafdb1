//! The options of the session cookie.

use super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig};
use http::StatusCode;
use portcullis_bundle::SameSite;

async fn shared() -> Rig {
    let rig = Rig::bare().await;
    let mut settings = rig.settings();
    settings.cookie.domain = Some("example.com".to_owned());
    rig.publish(settings);
    rig
}

async fn sign_in(browser: &mut Browser<'_>, origin: &str) {
    let page = browser.visit(&format!("{origin}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
}

#[tokio::test]
async fn hosts_of_the_domain_share_the_session_and_nothing_else() {
    let rig = shared().await;
    let mut browser = rig.browser();
    sign_in(&mut browser, APP).await;
    assert!(browser.cookie(".example.com", "_pomerium").is_some());
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
    // What only one host reads stays with it.
    assert!(browser.cookie("app.example.com", "_pomerium_binding").is_some());
    let home = "authenticate.example.com";
    assert!(browser.cookie(home, "_pomerium_authenticate").is_some());
    assert!(browser.cookie(home, "_pomerium_csrf").is_some());
    assert!(browser.is_signed_in(OTHER).await, "without a redirect");
    assert!(browser.is_signed_in(AUTHENTICATE).await);

    let first = browser.get(&format!("{OTHER}/.pomerium/sign_out")).await;
    assert_eq!(browser.cookie(".example.com", "_pomerium"), None, "taken back");
    browser.get(first.location()).await;
    assert!(!browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn a_cookie_of_the_domain_takes_the_place_of_the_hosts_own() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    sign_in(&mut browser, APP).await;
    let old = browser.cookie("app.example.com", "_pomerium").unwrap().to_owned();
    let mut settings = rig.settings();
    settings.cookie.domain = Some("example.com".to_owned());
    rig.publish(settings);
    assert!(!browser.is_signed_in(APP).await, "it is bound to the host");
    sign_in(&mut browser, APP).await;
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
    assert_eq!(rig.idp.logins(), 1, "the authenticate host knows the session");
    // The host's own value is nothing for the domain, nor the other way round.
    let new = browser.cookie(".example.com", "_pomerium").unwrap().to_owned();
    for (jar, value, wanted) in [(".example.com", &old, false), ("app.example.com", &new, true)] {
        let mut thief = rig.browser();
        let jar = thief.cookies.entry(jar.to_owned()).or_default();
        jar.insert("_pomerium".to_owned(), value.clone());
        assert_eq!(thief.is_signed_in(APP).await, wanted);
    }
    rig.publish(rig.settings());
    assert!(!browser.is_signed_in(APP).await, "it is bound to the domain");
}

#[tokio::test]
async fn a_host_outside_of_the_domain_has_a_cookie_of_its_own() {
    let rig = Rig::bare().await;
    let mut settings = rig.settings();
    settings.cookie.domain = Some("app.example.com".to_owned());
    rig.publish(settings);
    let mut browser = rig.browser();
    sign_in(&mut browser, OTHER).await;
    assert!(browser.cookie("other.example.com", "_pomerium").is_some());
    sign_in(&mut browser, APP).await;
    assert!(browser.cookie(".app.example.com", "_pomerium").is_some());
    assert_eq!(rig.idp.logins(), 1);
}

#[tokio::test]
async fn same_site_is_written_and_strict_starts_the_way_on_at_a_page() {
    for (same_site, written) in [
        (SameSite::Unset, ""),
        (SameSite::Lax, "; SameSite=Lax"),
        (SameSite::Strict, "; SameSite=Strict"),
        (SameSite::None, "; SameSite=None"),
    ] {
        let rig = Rig::bare().await;
        let mut settings = rig.settings();
        settings.cookie.same_site = same_site;
        rig.publish(settings);
        let mut browser = rig.browser();
        let answer = {
            let back = browser.provider_answer(APP).await;
            browser.get(&back).await
        };
        let strict = same_site == SameSite::Strict;
        let at_a_page = answer.status == StatusCode::OK && answer.location().is_empty();
        assert_eq!(at_a_page, strict, "{:?}", answer.headers);
        assert!(
            answer.set_cookies()[0].ends_with(&format!("; Secure{written}")),
            "{:?}",
            answer.set_cookies()
        );
        sign_in(&mut browser, APP).await;
        assert!(browser.is_signed_in(APP).await);
    }
}

#[tokio::test]
async fn scripts_may_read_the_session_cookie_alone_and_only_where_that_is_said() {
    let rig = Rig::bare().await;
    let mut settings = rig.settings();
    settings.cookie.http_only = false;
    rig.publish(settings);
    let mut browser = rig.browser();
    let sign_in = browser.get(&format!("{APP}/.pomerium/")).await;
    assert!(sign_in.set_cookies()[0].contains("; HttpOnly"));
    let authorize = browser.get(sign_in.location()).await;
    assert!(authorize.set_cookies()[0].contains("; HttpOnly"));
    let back = rig.idp.log_in(authorize.location(), super::rig::user());
    let answer = browser.get(&back).await;
    let [cookie] = answer.set_cookies()[..] else {
        panic!("{:?}", answer.set_cookies())
    };
    assert!(
        cookie.starts_with("_pomerium_authenticate=") && !cookie.contains("HttpOnly"),
        "{cookie}"
    );
}
