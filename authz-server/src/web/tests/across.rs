//! Signed addresses of the authenticate host: who reads them from another origin, and
//! the way back that one brings.

use http::{Method, StatusCode};
use portcullis_session::signed_url;
use url::Url;

use super::rig::{APP, AUTHENTICATE, OTHER, Rig, SHARED_SECRET};

fn signed(rig: &Rig, path: &str, redirect: &str) -> String {
    let mut url = Url::parse(&format!("{AUTHENTICATE}{path}")).unwrap();
    url.query_pairs_mut()
        .append_pair("pomerium_redirect_uri", redirect);
    signed_url::sign(&SHARED_SECRET.into(), &url, rig.now()).into()
}

#[tokio::test]
async fn an_application_of_ours_reads_a_signed_address_and_nobody_else() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let sign_in = browser.sign_in_url(APP).await;
    let page = signed(&rig, "/.pomerium/", &format!("{APP}/x"));
    for url in [&sign_in, &page] {
        for origin in [APP, OTHER] {
            let answer = browser.send(Method::GET, url, &[("origin", origin)]).await;
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
            assert_eq!(answer.header("vary"), "Origin");
            let preflight = [("origin", origin), ("access-control-request-method", "GET")];
            let answer = browser.send(Method::OPTIONS, url, &preflight).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD");
        }
        // What the script is told when it cannot go on, it can read too.
        let headers = [("origin", APP), ("sec-fetch-mode", "cors")];
        let answer = rig.browser().send(Method::GET, &sign_in, &headers).await;
        answer.refused(401, "login_required");
        assert_eq!(answer.header("access-control-allow-origin"), APP);

        let altered = format!("{url}&x=1");
        let expired = {
            rig.advance(400);
            let kept = (*url).clone();
            rig.advance(-400);
            kept
        };
        for (url, origin) in [
            (url, "https://evil.example"),
            (url, "null"),
            (url, "http://app.example.com"),
            (url, "https://app.example.com:8443"),
            (url, "https://app.example.com/"),
            (url, "https://app.example.com@evil.example"),
            (url, ""),
            (&altered, APP),
            (&format!("{AUTHENTICATE}/.pomerium/"), APP),
        ] {
            let preflight = [("origin", origin), ("access-control-request-method", "GET")];
            for method in [Method::GET, Method::OPTIONS] {
                let answer = browser.send(method, url, &preflight).await;
                assert_eq!(answer.header("access-control-allow-origin"), "", "{url} {origin}");
                assert_eq!(answer.header("access-control-allow-credentials"), "");
            }
        }
        rig.advance(400);
        let answer = browser.send(Method::GET, &expired, &[("origin", APP)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
        rig.advance(-400);
        // No preflight is no preflight.
        let answer = browser.send(Method::OPTIONS, url, &[("origin", APP)]).await;
        answer.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn a_signed_way_back_is_kept_and_shown() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let wanted = format!("{APP}/a?b=c&d=%22%3B,e");
    let answer = browser.get(&signed(&rig, "/.pomerium/", &wanted)).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::FOUND, "/.pomerium/")
    );
    assert!(answer.set_cookies()[0].starts_with("pomerium_redirect_uri=https%3A%2F%2F"));
    let page = browser.visit(&format!("{AUTHENTICATE}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK);
    let (_, link) = page.body.split_once("id=\"way-back\" href=\"").unwrap();
    let (href, link) = link.split_once('"').unwrap();
    assert_eq!(href.replace("&#38;", "&").replace("&amp;", "&"), wanted);
    assert!(link.starts_with(">Back to app.example.com<"), "{link}");
    // There alone.
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert!(!page.body.contains("way-back"));

    // Whatever somebody else put into the cookie.
    for value in [
        "https%3A%2F%2Fevil.example%2F",
        "javascript%3Aalert(1)",
        "%ff",
        "",
    ] {
        let jar = browser.cookies.get_mut("authenticate.example.com").unwrap();
        jar.insert("pomerium_redirect_uri".to_owned(), value.to_owned());
        let page = browser.get(&format!("{AUTHENTICATE}/.pomerium/")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains("way-back"), "{value}");
    }
}

#[tokio::test]
async fn a_way_back_without_our_signature_or_elsewhere_is_refused() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    for query in [
        format!("pomerium_redirect_uri={APP}"),
        "pomerium_signature=x".to_owned(),
    ] {
        let answer = browser.get(&format!("{AUTHENTICATE}/.pomerium/?{query}")).await;
        answer.refused(400, "signature_invalid");
    }
    let elsewhere = signed(&rig, "/.pomerium/", "https://evil.example/");
    browser.get(&elsewhere).await.refused(400, "redirect_not_allowed");
    let old = signed(&rig, "/.pomerium/", APP);
    rig.advance(400);
    let late = browser.get(&old).await;
    late.refused(400, "link_expired");
    assert!(
        late.body.contains(&format!("href=\"{AUTHENTICATE}/.pomerium/\"")),
        "{}",
        late.body
    );
}

/// The link of an error page to the page that tells who is signed in.
fn session_link(page: &str) -> Option<String> {
    let (_, link) = page.split_once("id=\"session\" href=\"")?;
    let (href, _) = link.split_once('"')?;
    Some(href.replace("&#38;", "&").replace("&amp;", "&"))
}

/// From a refusal to one's own session and back.
#[tokio::test]
async fn a_page_of_4xx_leads_to_the_session_and_from_there_back() {
    let rig = Rig::new().await;
    let mut route = crate::fixture::route_of("allow: {or: [email: {is: boss@example.com}]}");
    route.host = portcullis_model::HostPattern::parse("app.example.com").unwrap();
    rig.publish_routes(rig.settings(), [route]);
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let cookie = browser.cookie("app.example.com", "_pomerium").unwrap().to_owned();
    let check = |host: &'static str, accept: &'static str| {
        let ask = crate::fixture::Ask::new()
            .host(host)
            .path("/a/b?secret=c")
            .header("accept", accept)
            .session(&cookie);
        let server = std::sync::Arc::clone(&rig.server);
        async move {
            let check = prost::Message::encode_to_vec(&ask.request());
            let reply = crate::check::check(&server, &check);
            let mut bytes = Vec::new();
            reply.await.unwrap().encode(&mut bytes);
            let told = crate::fixture::Told(prost::Message::decode(&*bytes).unwrap());
            (told.status(), told.body().to_owned())
        }
    };
    let (status, refused) = check("app.example.com", "text/html").await;
    assert_eq!(status, 403);
    let fault = browser
        .get(&format!("{APP}/.pomerium/callback/?portcullis_callback=x"))
        .await;
    assert_eq!(fault.status, StatusCode::BAD_REQUEST);
    for (page, back) in [(refused, format!("{APP}/a/b")), (fault.body, format!("{APP}/"))] {
        let link = session_link(&page).unwrap();
        assert!(
            link.starts_with(&format!("{AUTHENTICATE}/.pomerium/?")) && link.contains("pomerium_signature="),
            "{link}"
        );
        assert!(!link.contains("secret"), "{link}");
        let session = browser.visit(&link).await;
        assert_eq!(session.status, StatusCode::OK, "{}", session.body);
        assert!(
            session.body.contains(&format!("id=\"way-back\" href=\"{back}\"")),
            "{}",
            session.body
        );
    }
    let there = browser.get(&format!("{AUTHENTICATE}/.pomerium/nothing")).await;
    assert_eq!(session_link(&there.body).as_deref(), Some("/.pomerium/"));
    // Where nothing is ours, or nobody reads it, there is none.
    let unknown = browser.get("https://unknown.example/.pomerium/").await;
    assert_eq!(session_link(&unknown.body), None);
    let (_, json) = check("app.example.com", "application/json").await;
    assert!(!json.contains("redirect_uri"), "{json}");
    let mut settings = rig.settings();
    settings.authenticate = portcullis_bundle::Authenticate::None;
    rig.publish(settings);
    let fault = browser.get(&format!("{APP}/.pomerium/nothing")).await;
    assert_eq!(session_link(&fault.body), None);
}
