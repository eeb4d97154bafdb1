//! Every host logs in for itself: no authenticate host, and nothing but checks.

use http::Method;
use portcullis_bundle::{Authenticate, RedirectHosts, Route, Settings};
use portcullis_model::{HostPattern, RouteId};
use url::Url;

use super::rig::{APP, Browser, OTHER, Rig};
use crate::fixture;

fn each_host(rig: &Rig) -> Settings {
    let host = |name: &str| HostPattern::parse(name).unwrap();
    Settings {
        authenticate: Authenticate::EachHost,
        redirect_hosts: RedirectHosts::from_iter([
            (host("app.example.com"), 443),
            (host("other.example.com"), 8443),
        ]),
        ..rig.settings()
    }
}

async fn rig() -> Rig {
    let mut rig = Rig::bare().await;
    rig.by_check = true;
    let route = |id, host: &str, port| Route {
        id: RouteId(id),
        host: HostPattern::parse(host).unwrap(),
        port,
        ..fixture::route(&fixture::any_user())
    };
    let routes = [
        route(1, "app.example.com", None),
        route(2, "other.example.com", Some(8443)),
    ];
    rig.publish_routes(each_host(&rig), routes);
    rig
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn a_host_logs_in_for_itself() {
    let rig = rig().await;
    for origin in [APP, OTHER] {
        let mut browser = rig.browser();
        let sign_in = browser.sign_in_url(origin).await;
        assert!(
            sign_in.starts_with(&format!("{origin}/.pomerium/sign_in?")),
            "{sign_in}"
        );
        let authorize = browser.get(&sign_in).await;
        let back = parameter(authorize.location(), "redirect_uri");
        assert_eq!(back, format!("{origin}/oauth2/callback"));
        let page = browser.visit(&format!("{origin}/.pomerium/")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("user@example.com"));
        let host = Url::parse(origin).unwrap().host_str().unwrap().to_owned();
        assert_eq!(
            browser.cookies.keys().collect::<Vec<_>>(),
            [&host],
            "no second host"
        );
        assert!(browser.cookie(&host, "_pomerium").is_some());
        let other = if origin == APP { OTHER } else { APP };
        assert!(!browser.is_signed_in(other).await, "cookies are of one host");
    }
}

#[tokio::test]
async fn the_answer_to_one_host_is_nothing_on_another() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let answer = browser.provider_answer(APP).await;
    // The csrf cookie of this browser, as if hosts shared it.
    let cookies = browser.cookies["app.example.com"].clone();
    browser.cookies.insert("other.example.com".to_owned(), cookies);
    browser
        .get(&answer.replace(APP, OTHER))
        .await
        .refused(400, "state_invalid");
    let mut stranger = rig.browser();
    stranger.get(&answer).await.refused(400, "other_browser");
    let landed = browser.get(&answer).await;
    assert_eq!(
        (landed.status.as_u16(), landed.location()),
        (302, &*format!("{APP}/.pomerium/"))
    );
}

async fn signed_in(rig: &Rig) -> Browser<'_> {
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    assert!(browser.is_signed_in(APP).await);
    browser
}

#[tokio::test]
async fn a_sign_out_ends_the_session_of_the_host() {
    let rig = rig().await;
    let mut browser = signed_in(&rig).await;
    let stolen = browser.clone();
    let asked = browser.get(&format!("{APP}/.pomerium/sign_out")).await;
    assert_eq!(asked.status, 200, "somebody else may have sent the link");
    assert!(browser.is_signed_in(APP).await);
    let out = browser
        .send(
            Method::POST,
            &format!("{APP}/.pomerium/sign_out"),
            &[("origin", APP)],
        )
        .await;
    assert_eq!(out.status, 303, "{}", out.body);
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
    assert!(!stolen.clone().is_signed_in(APP).await);
    let after = browser.get(&format!("{APP}/.pomerium/signed_out")).await;
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn the_document_names_the_host_itself() {
    let rig = rig().await;
    let document = rig
        .browser()
        .get(&format!("{OTHER}/.well-known/pomerium"))
        .await
        .json();
    assert_eq!(
        document["authentication_callback_endpoint"],
        format!("{OTHER}/oauth2/callback")
    );
    let logout = document["backchannel_logout_uri"].as_str().unwrap();
    assert!(logout.starts_with(OTHER), "{logout}");
}

#[tokio::test]
async fn a_host_that_is_not_ours_logs_nobody_in() {
    let rig = rig().await;
    for path in ["/.pomerium/", "/.pomerium/sign_in", "/oauth2/callback"] {
        let answer = rig.browser().get(&format!("https://evil.example{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.set_cookies().is_empty() && answer.location().is_empty());
    }
}
