//! Streams end with the session that let them in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Echo, Site};

/// How long a session lives here.
const SESSION: Duration = Duration::from_secs(6);

#[test]
fn a_websocket_ends_when_its_session_does() {
    let echo = Echo::start();
    let routes = format!(
        "- {{from: 'https://chat.example.test:{{port}}', path: /chat, to: '{}', allow_websockets: true, allow_any_authenticated_user: true}}
- {{from: 'https://chat.example.test:{{port}}', to: '{{upstream}}', allow_any_authenticated_user: true}}",
        echo.url()
    );
    let site = Site::start_with("cookie_expire: 6s\n", &routes);
    let mut client = site.client();
    let before = Instant::now();
    let page = client.login(&site.url("chat", "/page"), "admin@example.com", PASSWORD);
    assert_eq!(page.status, 200);
    let after = Instant::now();
    let page = site.upstream.recorded();
    let page = page
        .iter()
        .find(|request| request.target().contains("/page"))
        .unwrap();
    assert_eq!(
        page.header("x-envoy-upstream-stream-duration-ms"),
        None,
        "said to Envoy and to nobody else"
    );

    let mut socket = client
        .websocket(&site.url("chat", "/chat"))
        .unwrap_or_else(|answer| panic!("{} {}", answer.status, answer.text()));
    while let Ok(answer) = socket.echo("still here") {
        assert_eq!(answer, "still here");
        let late = SESSION + Duration::from_secs(3);
        assert!(after.elapsed() < late, "open though the session has ended");
        thread::sleep(Duration::from_millis(100));
    }
    let lived = before.elapsed();
    assert!(
        lived >= SESSION - Duration::from_millis(100),
        "cut after {lived:?}"
    );
    let refused = client
        .websocket(&site.url("chat", "/chat"))
        .err()
        .expect("opened again");
    assert_eq!(refused.status, 401);
}
