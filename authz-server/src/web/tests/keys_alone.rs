//! The public keys for whatever host they are asked.

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::rig::{APP, Answer, Rig};
use crate::web::{PATHS, Page};

const KEYS: &str = "/.well-known/pomerium/jwks.json";

async fn ask(rig: &Rig, method: Method, host: Option<&str>, path: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = rig.server.keys().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into()).unwrap(),
    }
}

#[tokio::test]
async fn they_are_those_of_the_hosts_of_routes() {
    let rig = Rig::new().await;
    let ours = rig.browser().get(&format!("{APP}{KEYS}")).await;
    let service = Some("portcullis.portcullis.svc.cluster.local:5445");
    for host in [service, Some("app.example.com"), Some("not a host"), None] {
        let answer = ask(&rig, Method::GET, host, KEYS).await;
        assert_eq!(
            (answer.status, &answer.body),
            (ours.status, &ours.body),
            "{host:?}"
        );
        assert_eq!(answer.headers, ours.headers, "{host:?}");
    }
    let head = ask(&rig, Method::HEAD, service, KEYS).await;
    assert_eq!(
        (head.status.as_u16(), head.header("etag")),
        (200, ours.header("etag"))
    );
    let preflight = ask(&rig, Method::OPTIONS, service, KEYS).await;
    assert_eq!(preflight.status, 204);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::CONNECT] {
        let answer = ask(&rig, method, service, KEYS).await;
        answer.refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    }
    // On the hosts' own pages it still is the host that counts.
    let foreign = rig.browser().get(&format!("https://unknown.example{KEYS}")).await;
    foreign.refused(404, "unknown_host");
}

#[tokio::test]
async fn nothing_else_stands_there_whatever_the_host() {
    let rig = Rig::new().await;
    let others = PATHS.iter().filter(|(_, page)| *page != Page::Keys);
    let mut asked = 0;
    for (path, _) in others {
        for host in ["app.example.com", "authenticate.example.com", "unknown.example"] {
            for method in [Method::GET, Method::POST] {
                let answer = ask(&rig, method, Some(host), path).await;
                answer.refused(404, "not_found");
                assert!(!answer.body.contains("example"), "{}", answer.body);
                asked += 1;
            }
        }
    }
    assert!(asked > 100, "{asked}");
}

#[tokio::test]
async fn without_a_configuration_there_are_none_yet() {
    let rig = Rig::bare().await;
    let answer = ask(&rig, Method::GET, Some("a.example"), KEYS).await;
    answer.refused(503, "not_ready");
    assert_eq!(answer.header("retry-after"), "5");
}
