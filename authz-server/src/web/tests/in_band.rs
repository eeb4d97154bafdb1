//! The pages through a check: what comes back is what comes over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use envoy_types::ext_authz::v3::pb::{CheckResponse, HttpResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use prost::Message as _;

use super::rig::{APP, AUTHENTICATE, Answer, Browser, Rig};
use crate::AuthzServer;
use crate::fixture::Ask;
use crate::web::PATHS;

/// Sends `request` as an Envoy does that is not ours and sends whole bodies.
pub(super) async fn by_check(server: &Arc<AuthzServer>, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let mut ask = Ask::new()
        .context(&[])
        .method(parts.method.as_str())
        .host(parts.headers["host"].to_str().unwrap())
        .path(parts.uri.path_and_query().unwrap().as_str());
    ask.headers.clear();
    ask = ask.header("x-envoy-auth-partial-body", "false");
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host") {
        ask = ask.header(name.as_str(), value.as_bytes());
    }
    if !body.is_empty() {
        ask = ask.header("content-length", body.len().to_string());
    }
    by_ask(server, &ask, body).await
}

async fn by_ask(server: &Arc<AuthzServer>, ask: &Ask, body: Vec<u8>) -> Answer {
    let mut check = ask.request();
    let http = check
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut();
    http.unwrap().raw_body = body;
    let reply = crate::check::check(server, &check.encode_to_vec()).await.unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    let response = CheckResponse::decode(&*bytes).unwrap();
    assert_ne!(response.status.unwrap().code, 0, "a page is never an allow");
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else {
        panic!("no page")
    };
    let mut headers = HeaderMap::new();
    for option in denied.headers {
        // With it Envoy drops the header.
        assert_eq!(option.append_action, 0);
        let header = option.header.unwrap();
        let name = HeaderName::from_bytes(header.key.as_bytes()).unwrap();
        headers.append(name, HeaderValue::try_from(header.value).unwrap());
    }
    let status = u16::try_from(denied.status.unwrap().code).unwrap();
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: denied.body,
    }
}

/// What is made anew for each answer is not the same in two.
fn masked(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::new();
    for piece in text.split_inclusive(|c| !is_token(c)) {
        let end = piece.find(|c| !is_token(c)).unwrap_or(piece.len());
        out.push_str(if end >= 20 { "*" } else { &piece[..end] });
        out.push_str(&piece[end..]);
    }
    out
}

/// Status, headers and body, but for what Envoy says of the body itself.
fn comparable(answer: &Answer) -> (u16, BTreeMap<String, Vec<String>>, String) {
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in &answer.headers {
        if name != "content-length" {
            let value = masked(value.to_str().unwrap());
            headers.entry(name.to_string()).or_default().push(value);
        }
    }
    (answer.status.as_u16(), headers, masked(&answer.body))
}

/// A request of `browser`, whose cookies it does not change.
fn request(browser: &Browser<'_>, method: &str, origin: &str, path: &str) -> Request<Body> {
    let authority = origin.strip_prefix("https://").unwrap();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header("host", authority);
    let jar = browser.cookies.get(authority.split(':').next().unwrap());
    let cookies: Vec<String> = jar
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !cookies.is_empty() {
        request = request.header("cookie", cookies.join("; "));
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_page_is_the_same_over_http_and_through_a_check() {
    let rig = Rig::new().await;
    let mut somebody = rig.browser();
    let page = somebody.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, 200);
    let mut compared = 0;
    for (path, _) in PATHS {
        for origin in [APP, AUTHENTICATE, "https://unknown.example"] {
            // There they are whatever the application has.
            let elsewhere = origin != AUTHENTICATE;
            if elsewhere && matches!(*path, "/" | "/robots.txt" | "/oauth2/callback") {
                continue;
            }
            for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
                for browser in [rig.browser(), somebody.clone()] {
                    // It ends the session, after which the other way finds none.
                    let ends = *path == "/.pomerium/sign_out" && !browser.cookies.is_empty();
                    if method == "POST" && ends {
                        continue;
                    }
                    let http = rig.send(request(&browser, method, origin, path)).await;
                    let check = by_check(&rig.server, request(&browser, method, origin, path)).await;
                    let at = format!("{method} {origin}{path}");
                    // What is no text has no way through a check.
                    if path.ends_with("hpke-public-key") && method == "GET" && http.status == 200 {
                        check.refused(501, "not_in_band");
                        continue;
                    }
                    // But an icon can be one.
                    if path.ends_with("favicon.ico") && http.status == 200 {
                        let kinds = [&http, &check].map(|answer| answer.header("content-type"));
                        assert_eq!(kinds, ["image/x-icon", "image/svg+xml"], "{at}");
                        assert_eq!(check.status, 200, "{at}");
                        assert_eq!(check.body.starts_with("<svg "), method == "GET", "{at}");
                        continue;
                    }
                    assert_eq!(comparable(&http), comparable(&check), "{at}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[tokio::test]
async fn a_login_over_an_authenticate_host_goes_through_checks_alone() {
    let mut rig = Rig::new().await;
    rig.by_check = true;
    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(browser.is_signed_in(APP).await);
    assert!(!browser.is_signed_in(super::rig::OTHER).await);
    let page = browser.visit(&format!("{}/.pomerium/", super::rig::OTHER)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let out = browser
        .send(Method::POST, &format!("{AUTHENTICATE}/.pomerium/sign_out"), &[])
        .await;
    assert_eq!(out.status, 303, "{}", out.body);
    assert!(!browser.is_signed_in(APP).await);
    assert!(!browser.is_signed_in(super::rig::OTHER).await);
}

#[tokio::test]
async fn what_needs_a_body_says_so_where_there_is_none() {
    let rig = Rig::new().await;
    let host = "authenticate.example.com";
    let post = |path: &str| Ask::new().context(&[]).method("POST").host(host).path(path);
    let form = b"state=x&code=y".to_vec();
    let length = form.len().to_string();
    for path in ["/oauth2/callback", "/.pomerium/backchannel_logout"] {
        let with = post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", &length);
        let whole = with.clone().header("x-envoy-auth-partial-body", "false");
        let answer = by_ask(&rig.server, &whole, form.clone()).await;
        assert!(
            matches!(answer.status.as_u16(), 303 | 400),
            "{path}: {}",
            answer.status
        );
        for (ask, body) in [
            (with.clone(), Vec::new()),
            (post(path).header("transfer-encoding", "chunked"), Vec::new()),
            // Envoy takes it out before it asks; and of several words none is believed.
            (post(path), Vec::new()),
            (with.clone().header("content-length", "0"), Vec::new()),
            (
                with.clone().header("x-envoy-auth-partial-body", "true"),
                form.clone(),
            ),
            (whole.header("x-envoy-auth-partial-body", "true"), form.clone()),
        ] {
            let answer = by_ask(&rig.server, &ask, body).await;
            answer.refused(405, "body_not_delivered");
            assert_eq!(answer.header("allow"), "GET, HEAD");
            assert!(answer.body.contains("with_request_body"), "{}", answer.body);
        }
    }
    // These do not look at it.
    for path in ["/.pomerium/sign_out", "/.pomerium/sessions/end"] {
        let answer = by_ask(&rig.server, &post(path).header("content-length", "7"), Vec::new()).await;
        assert_ne!(answer.status, 405, "{path}");
    }
}

#[tokio::test]
async fn joined_cookies_are_as_ambiguous_to_a_page_as_to_a_check() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let cookie = browser.cookie("app.example.com", "_pomerium").unwrap().to_owned();
    let ask = Ask::new()
        .context(&[])
        .host("app.example.com")
        .path("/.pomerium/user")
        .joined();
    let clear = ask.clone().header("cookie", format!("a=1; _pomerium={cookie}"));
    assert_eq!(by_ask(&rig.server, &clear, Vec::new()).await.status, 200);
    let unclear = ask.clone().header("cookie", format!("a=1,_pomerium={cookie}"));
    assert_eq!(by_ask(&rig.server, &unclear, Vec::new()).await.status, 401);
    let page = unclear.path("/.pomerium/");
    by_ask(&rig.server, &page, Vec::new())
        .await
        .refused(400, "ambiguous_cookies");
}

#[tokio::test]
async fn what_the_check_names_counts_and_no_header_does() {
    let rig = Rig::new().await;
    let ask = Ask::new()
        .context(&[])
        .host("app.example.com:443")
        .path("/.well-known/pomerium")
        .header("host", "evil.test")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "http")
        .header("forwarded", "host=evil.test;proto=http")
        .header(":path", "/evil");
    let answer = by_ask(&rig.server, &ask, Vec::new()).await;
    assert_eq!(answer.json()["issuer"], format!("{APP}/"));
    assert!(!answer.body.contains("evil"), "{}", answer.body);
}
