//! The login of a program, from its first question to the token and its end.

use http::{Method, StatusCode};
use portcullis_bundle::Authenticate;
use portcullis_model::Host;
use prost::Message as _;
use url::Url;

use super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig, user};
use crate::fixture::{Ask, ROUTE, Told, route_of};

pub(super) const LISTENER: &str = "http://127.0.0.1:45678";

fn login(listener: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("pomerium_redirect_uri", listener)
        .finish();
    format!("{APP}/.pomerium/api/v1/login?{query}")
}

/// The sign-in URL that the program opens.
pub(super) async fn sign_in(rig: &Rig, listener: &str) -> String {
    let answer = rig.browser().get(&login(listener)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.set_cookies().is_empty());
    answer.body
}

/// Where a browser ends that opens `url`, outside of our hosts.
pub(super) async fn delivered(rig: &Rig, browser: &mut Browser<'_>, url: &str) -> Url {
    let mut next = url.to_owned();
    for _ in 0..10 {
        let answer = browser.get(&next).await;
        assert!(answer.status.is_redirection(), "{next}: {}", answer.body);
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        let location = Url::parse(&next).unwrap().join(answer.location()).unwrap();
        if location.as_str().starts_with(&rig.idp.issuer()) {
            next = rig.idp.log_in(location.as_str(), user());
        } else if location.as_str().starts_with(AUTHENTICATE) {
            next = location.into();
        } else {
            return location;
        }
    }
    panic!("the browser goes round in circles at {next}");
}

pub(super) fn token_of(url: &Url) -> String {
    let mut tokens = url.query_pairs().filter(|(name, _)| name == "pomerium_jwt");
    let token = tokens.next().unwrap().1.into_owned();
    assert!(tokens.next().is_none());
    token
}

pub(super) async fn check(rig: &Rig, host: &str, token: &str) -> Told {
    let ask = Ask::new()
        .host(host)
        .header("authorization", format!("Bearer Pomerium-{token}"));
    let reply = crate::check::check(&rig.server, &ask.request().encode_to_vec())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    Told(prost::Message::decode(&*bytes).unwrap())
}

/// A rig with a route on the host of [`APP`].
pub(super) async fn rig() -> Rig {
    let rig = Rig::new().await;
    let mut route = route_of("allow: {or: [authenticated_user: true]}");
    route.id = ROUTE;
    route.host = portcullis_model::HostPattern::parse("app.example.com").unwrap();
    rig.publish_routes(rig.settings(), [route]);
    rig
}

#[tokio::test]
async fn a_program_gets_a_token_of_the_browsers_session() {
    let rig = rig().await;
    let address = sign_in(&rig, &format!("{LISTENER}/cb?x=1&y=%2F")).await;
    assert!(address.starts_with(&format!("{AUTHENTICATE}/.pomerium/sign_in?")));
    assert!(!address.ends_with('\n'));
    let parameters: Vec<(String, String)> =
        Url::parse(&address).unwrap().query_pairs().into_owned().collect();
    let value = |name: &str| parameters.iter().find(|(key, _)| key == name).unwrap().1.as_str();
    assert_eq!(value("pomerium_programmatic"), "true");
    assert_eq!(
        value("pomerium_callback_uri"),
        format!("{APP}/.pomerium/callback/")
    );
    assert_eq!(value("pomerium_redirect_uri"), format!("{LISTENER}/cb?x=1&y=%2F"));

    let mut browser = rig.browser();
    let end = delivered(&rig, &mut browser, &address).await;
    assert!(
        end.as_str()
            .starts_with(&format!("{LISTENER}/cb?x=1&y=%2F&pomerium_jwt="))
    );
    let token = token_of(&end);
    assert!(check(&rig, "app.example.com", &token).await.passes());
    // The route's host got no cookie by a login that did not begin there.
    assert_eq!(browser.cookie("app.example.com", "_pomerium"), None);
    // The next one needs no login, and is the same session.
    let again = sign_in(&rig, LISTENER).await;
    let end = delivered(&rig, &mut browser, &again).await;
    assert!(end.as_str().starts_with(&format!("{LISTENER}/?pomerium_jwt=")));
    assert_eq!(rig.idp.logins(), 1);
    let second = token_of(&end);
    assert!(check(&rig, "app.example.com", &second).await.passes());

    // With the browser's session both end.
    browser.get(&format!("{AUTHENTICATE}/.pomerium/")).await;
    let out = [("origin", AUTHENTICATE)];
    let url = format!("{AUTHENTICATE}/.pomerium/sign_out");
    browser.send(Method::POST, &url, &out).await;
    for token in [&token, &second] {
        assert_eq!(check(&rig, "app.example.com", token).await.status(), 401);
    }
}

#[tokio::test]
async fn our_own_answers_for_programs_take_the_token_too() {
    let rig = rig().await;
    let address = sign_in(&rig, LISTENER).await;
    let token = token_of(&delivered(&rig, &mut rig.browser(), &address).await);
    let bearer = format!("Bearer Pomerium-{token}");
    let direct = format!("Pomerium {token}");
    for path in ["/.pomerium/user", "/.pomerium/api/v1/routes"] {
        let url = format!("{APP}{path}");
        for headers in [
            [("authorization", bearer.as_str())],
            [("authorization", &direct)],
            [("x-pomerium-authorization", &token)],
        ] {
            let answer = rig.browser().send(Method::GET, &url, &headers).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert!(!answer.body.contains(&token));
            // It is a token of that host alone.
            let elsewhere = format!("{OTHER}{path}");
            let answer = rig.browser().send(Method::GET, &elsewhere, &headers).await;
            answer.refused(401, "login_required");
            // A cookie that is of no use ends the search.
            let mut with_cookie = headers.to_vec();
            with_cookie.push(("cookie", "_pomerium=x"));
            let answer = rig.browser().send(Method::GET, &url, &with_cookie).await;
            answer.refused(401, "login_required");
        }
        let answer = rig
            .browser()
            .get(&format!("{url}?pomerium_session={token}"))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        let two = [
            ("authorization", bearer.as_str()),
            ("x-pomerium-authorization", "x"),
        ];
        let answer = rig.browser().send(Method::GET, &url, &two).await;
        answer.refused(400, "two_tokens");
    }
    // Pages are for people, who have cookies.
    let headers = [("authorization", bearer.as_str())];
    let url = format!("{APP}/.pomerium/");
    let answer = rig.browser().send(Method::GET, &url, &headers).await;
    answer.refused(401, "login_required");
    let url = format!("{APP}/.pomerium/sessions/end");
    let answer = rig.browser().send(Method::POST, &url, &headers).await;
    answer.refused(401, "login_required");
}

/// OI-11; the shapes themselves have a test beside the reader.
#[tokio::test]
async fn a_login_leads_to_named_hosts_alone() {
    let rig = rig().await;
    for bad in [
        "https://evil.example/",
        "http://localhost@evil.example/",
        "http://localhost\\@evil.example/",
        "http://localhost.evil.example/",
        "//localhost/",
        "javascript://localhost/",
        "http://[::ffff:127.0.0.1]/",
        APP,
        AUTHENTICATE,
        "",
    ] {
        let answer = rig.browser().get(&login(bad)).await;
        answer.refused(400, "redirect_not_allowed");
        assert!(!answer.body.contains("sign_in?"), "{bad}");
    }
    let bare = format!("{APP}/.pomerium/api/v1/login");
    rig.browser().get(&bare).await.refused(404, "not_found");
    let twice = format!("{}&pomerium_redirect_uri={LISTENER}", login(LISTENER));
    rig.browser()
        .get(&twice)
        .await
        .refused(400, "duplicate_parameter");

    let settings = || {
        let mut settings = rig.settings();
        settings.pages.programmatic_redirects = vec![Host::parse("tools.example.com").unwrap()];
        settings
    };
    rig.publish(settings());
    rig.browser()
        .get(&login(LISTENER))
        .await
        .refused(400, "redirect_not_allowed");
    assert!(
        sign_in(&rig, "https://tools.example.com/cb")
            .await
            .contains("tools.example.com")
    );
    let mut settings = settings();
    settings.authenticate = Authenticate::None;
    rig.publish(settings);
    let answer = rig.browser().get(&login("https://tools.example.com/")).await;
    answer.refused(501, "login_not_configured");
}

/// OI-12: the address is good as we wrote it, for a while.
#[tokio::test]
async fn the_address_of_a_login_is_signed() {
    let rig = rig().await;
    let address = sign_in(&rig, LISTENER).await;
    let mut browser = rig.browser();
    for (from, to) in [
        ("127.0.0.1%3A45678", "127.0.0.1%3A1"),
        ("app.example.com", "other.example.com%3A8443"),
        ("pomerium_programmatic=true", "pomerium_programmatic=tru"),
        ("&pomerium_programmatic=true", ""),
        ("pomerium_idp_id=", "pomerium_idp_id=0"),
    ] {
        assert!(address.contains(from), "{address}");
        let altered = address.replace(from, to);
        browser.get(&altered).await.refused(400, "signature_invalid");
    }
    rig.advance(400);
    let answer = browser.get(&address).await;
    answer.refused(400, "link_expired");
    assert!(answer.body.contains("Try again"));
    rig.advance(-400);
    // Hosts may go from the configuration while somebody logs in.
    let mut settings = rig.settings();
    settings.pages.programmatic_redirects.clear();
    rig.publish(settings);
    browser.get(&address).await.refused(400, "redirect_not_allowed");
}

#[tokio::test]
async fn only_a_person_brings_the_token() {
    let rig = rig().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let address = sign_in(&rig, LISTENER).await;
    for header in [
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-mode", "cors"),
        ("x-requested-with", "XMLHttpRequest"),
    ] {
        let answer = browser.send(Method::GET, &address, &[header]).await;
        answer.refused(401, "login_required");
        assert!(!answer.body.contains("pomerium_jwt"));
    }
    let navigation = [("sec-fetch-mode", "navigate")];
    let answer = browser.send(Method::GET, &address, &navigation).await;
    assert!(answer.location().contains("pomerium_jwt="));
}

#[tokio::test]
async fn a_login_that_fails_can_be_tried_again() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let address = sign_in(&rig, LISTENER).await;
    let authorize = browser.get(&address).await.location().to_owned();
    let authorize = Url::parse(&authorize).unwrap();
    let state = authorize
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    let refused = format!("{AUTHENTICATE}/oauth2/callback?error=access_denied&state={state}");
    let answer = browser.get(&refused).await;
    answer.refused(401, "idp_denied");
    let (_, link) = answer.body.split_once("class=\"way\" href=\"").unwrap();
    let link = link.split_once('"').unwrap().0;
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let end = delivered(&rig, &mut browser, &link).await;
    assert!(check(&rig, "app.example.com", &token_of(&end)).await.passes());
}
