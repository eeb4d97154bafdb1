//! Well-known documents, and what holds for every page.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode};
use portcullis_bundle::Authenticate;
use serde_json::json;

use super::rig::{APP, AUTHENTICATE, OTHER, Rig};

#[tokio::test]
async fn well_known_document_is_pomeriums() {
    let rig = Rig::new().await;
    for path in [
        "/.well-known/pomerium",
        "/.well-known/pomerium/",
        "//.well-known/pomerium",
    ] {
        let answer = rig.browser().get(&format!("{OTHER}{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(
            answer.json(),
            json!({
                "issuer": "https://other.example.com:8443/",
                "authentication_callback_endpoint": "https://authenticate.example.com/oauth2/callback",
                "jwks_uri": "https://other.example.com:8443/.well-known/pomerium/jwks.json",
                "frontchannel_logout_uri": "https://other.example.com:8443/.pomerium/sign_out",
                "backchannel_logout_uri": "https://authenticate.example.com/.pomerium/backchannel_logout",
            })
        );
    }
}

#[tokio::test]
async fn keys_are_public_cacheable_and_only_public() {
    let rig = Rig::new().await;
    let url = format!("{APP}/.well-known/pomerium/jwks.json");
    let answer = rig.browser().get(&url).await;
    assert_eq!(answer.header("cache-control"), "max-age=60");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let key = &answer.json()["keys"][0];
    assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
    assert!(key.get("d").is_none());
    let tag = answer.header("etag").to_owned();
    let again = |value: String| {
        let url = url.clone();
        let rig = &rig;
        async move {
            rig.browser()
                .send(Method::GET, &url, &[("if-none-match", value.as_str())])
                .await
        }
    };
    for value in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let answer = again(value).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::NOT_MODIFIED, "")
        );
        assert_eq!(answer.header("etag"), tag);
    }
    assert_eq!(again("\"other\"".to_owned()).await.status, StatusCode::OK);
    let preflight = rig
        .browser()
        .send(Method::OPTIONS, &url, &[("origin", "https://x.example")])
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn small_pages() {
    let rig = Rig::new().await;
    for url in [
        format!("{APP}/ping"),
        format!("{APP}/healthz"),
        "https://unknown.example/ping".to_owned(),
    ] {
        let answer = rig.browser().get(&url).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "OK\n"));
    }
    let robots = rig.browser().get(&format!("{AUTHENTICATE}/robots.txt")).await;
    assert_eq!(robots.body, "User-agent: *\nDisallow: /\n");
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    for url in [
        format!("{APP}/.pomerium/"),
        format!("{APP}/.pomerium/user"),
        format!("{APP}/.pomerium/routes"),
        format!("{APP}/.pomerium/api/v1/routes"),
        format!("{APP}/.pomerium/nothing"),
        format!("{OTHER}/.pomerium/"),
        format!("{AUTHENTICATE}/.pomerium/sign_out"),
        format!("{AUTHENTICATE}/.pomerium/signed_out"),
        format!("{AUTHENTICATE}/oauth2/callback"),
        "https://unknown.example/".to_owned(),
    ] {
        let answer = browser.get(&url).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{url}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{url}: {policy}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{url}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{url}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{url}");
        assert!(
            matches!(answer.header("referrer-policy"), "no-referrer" | "same-origin"),
            "{url}"
        );
        if let Some((_, rest)) = answer.body.split_once("<style>") {
            let style = rest.split_once("</style>").unwrap().0;
            let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
            assert!(
                policy.contains(&format!("style-src 'sha256-{hash}'")),
                "{url}: {policy}"
            );
        }
        let body = answer.body.replace(&format!("href=\"{AUTHENTICATE}/"), "");
        for banned in ["<script", "src=", "href=\"http", "@import", "url("] {
            assert!(!body.contains(banned), "{banned} at {url}");
        }
    }
}

#[tokio::test]
async fn pages_stand_only_where_they_belong() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    for url in [
        format!("{APP}/"),
        format!("{APP}/robots.txt"),
        format!("{APP}/oauth2/callback"),
        format!("{APP}/.pomerium/sign_in"),
        format!("{APP}/.pomerium/signed_out"),
        format!("{APP}/.pomerium/nothing"),
        format!("{AUTHENTICATE}/nothing"),
        format!("{APP}/.pomerium/user/"),
        format!("{APP}/.POMERIUM/"),
    ] {
        browser.get(&url).await.refused(404, "not_found");
    }
    browser
        .get("https://unknown.example/.pomerium/")
        .await
        .refused(404, "unknown_host");
}

#[tokio::test]
async fn other_methods_are_refused_by_name() {
    let rig = Rig::new().await;
    for (url, allow) in [
        (format!("{APP}/.pomerium/"), "GET, HEAD"),
        (format!("{APP}/.pomerium/user"), "GET, HEAD"),
        (format!("{APP}/.pomerium/callback/"), "GET, HEAD"),
        (format!("{APP}/.pomerium/routes"), "GET, HEAD"),
        (format!("{APP}/.pomerium/api/v1/routes"), "GET, HEAD"),
        (format!("{APP}/.pomerium/jwt"), "GET, HEAD"),
        (format!("{APP}/.pomerium/depends_on"), "GET, HEAD"),
        (format!("{APP}/.well-known/pomerium"), "GET, HEAD, OPTIONS"),
    ] {
        let answer = rig.browser().send(Method::POST, &url, &[]).await;
        answer.refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow);
    }
    let ends = format!("{APP}/.pomerium/sessions/end");
    let answer = rig.browser().get(&ends).await;
    answer.refused(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = rig
        .browser()
        .send(Method::DELETE, &format!("{APP}/.pomerium/sign_out"), &[])
        .await;
    answer.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn host_must_be_one_and_readable() {
    let rig = Rig::new().await;
    for hosts in [
        &[][..],
        &["a b"],
        &["app.example.com", "app.example.com"],
        &["app.example.com:x"],
        &["u@app"],
    ] {
        let mut request = Request::builder().uri("/.pomerium/");
        for host in hosts {
            request = request.header("host", *host);
        }
        rig.send(request.body(Body::empty()).unwrap())
            .await
            .refused(400, "bad_host");
    }
    // As in HTTP/2, in another spelling, and with a port that only the client made up.
    for uri in [
        "https://app.example.com/.pomerium/",
        "https://APP.example.com.:9/.pomerium/",
    ] {
        let answer = rig
            .send(Request::builder().uri(uri).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert!(
            answer
                .location()
                .contains("https%3A%2F%2Fapp.example.com%2F.pomerium%2F&"),
            "{}",
            answer.location()
        );
    }
}

#[tokio::test]
async fn queries_are_bounded() {
    let rig = Rig::new().await;
    for query in ["x".repeat(20_000), "a&".repeat(100)] {
        let answer = rig
            .browser()
            .get(&format!("{AUTHENTICATE}/oauth2/callback?{query}"))
            .await;
        answer.refused(414, "query_too_long");
    }
}

#[tokio::test]
async fn refusals_speak_json_to_scripts_and_repeat_the_request_id() {
    let rig = Rig::new().await;
    let url = format!("{APP}/.pomerium/nothing");
    let headers = [("accept", "application/json"), ("x-request-id", "req-1")];
    let answer = rig.browser().send(Method::GET, &url, &headers).await;
    assert_eq!(
        answer.json(),
        json!({"error": "Page not found", "code": "not_found", "request_id": "req-1"})
    );
    let headers = [("accept", "text/html"), ("x-request-id", "req-<2>")];
    let answer = rig.browser().send(Method::GET, &url, &headers).await;
    assert!(
        answer.body.contains("req-&") && !answer.body.contains("req-<"),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("x-pomerium-intercepted-response"), "true");
}

#[tokio::test]
async fn without_an_authenticate_service_the_page_says_so() {
    let rig = Rig::new().await;
    let hosted = Authenticate::Hosted {
        url: "https://authenticate.pomerium.app".to_owned(),
    };
    for authenticate in [hosted, Authenticate::None] {
        let mut settings = rig.settings();
        settings.authenticate = authenticate;
        rig.publish(settings);
        let answer = rig.browser().get(&format!("{APP}/.pomerium/")).await;
        answer.refused(501, "login_not_configured");
        assert!(answer.body.contains("authenticate_service_url"));
        let document = rig.browser().get(&format!("{APP}/.well-known/pomerium")).await;
        assert_eq!(document.status, StatusCode::OK);
    }
    let mut settings = rig.settings();
    settings.provider = None;
    rig.publish(settings);
    rig.browser()
        .get(&format!("{AUTHENTICATE}/.pomerium/"))
        .await
        .refused(501, "login_not_configured");
}

#[tokio::test]
async fn without_any_configuration_there_is_a_503() {
    let rig = Rig::bare().await;
    let answer = rig.browser().get(&format!("{APP}/.pomerium/")).await;
    answer.refused(503, "not_ready");
    assert_eq!(answer.header("retry-after"), "5");
}
