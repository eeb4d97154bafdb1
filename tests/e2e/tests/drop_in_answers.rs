//! Routes that lead to no upstream, beside a stock Envoy that knows nothing of them: the
//! check answers as the gateway's Envoy does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use portcullis_harness::roles::{Beside, DropIn};
use portcullis_harness::{Client, Response, Site};
use url::Url;

const GLOBALS: &str = "
set_response_headers: {X-Global: '100%', X-Both: global}
";

/// What each route does, in the format of a configuration.
const ANSWERS: &[&str] = &[
    "prefix: /internal, response: {status: 404}",
    "path: /page, response: {status: 200, body: 'a page'}",
    "path: /json, response: {status: 410, body: '{}'}, set_response_headers: {Content-Type: application/json, X-Both: own}",
    "path: /created, response: {status: 201, body: made}",
    "path: /nothing, response: {status: 204}",
    "path: /reset, response: {status: 205}",
    "path: /unchanged, response: {status: 304}",
    "path: /many, response: {status: 300, body: choose}",
    "path: /found, response: {status: 302}",
    "path: /odd, response: {status: 599, body: odd}",
    "path: /teapot, response: {status: 418, body: \"\\u00e9\"}, set_response_headers: {Location: /kettle}",
    "path: /bare, response: {status: 200, body: bare}, set_response_headers: {disable: true}",
    "path: /unset, response: {status: 200, body: unset}, set_response_headers: {X-Global: ''}",
    "path: /typed, response: {status: 404}, set_response_headers: {Content-Type: text/html}",
    "path: /to-host, redirect: {host_redirect: other.example.test}",
    "path: /to-host-and-port, redirect: {host_redirect: 'other.example.test:1', response_code: 302}",
    "path: /to-https, redirect: {https_redirect: true, path_redirect: /x, response_code: 303}",
    "path: /to-no-https, redirect: {https_redirect: false, path_redirect: /x}",
    "path: /to-http, redirect: {scheme_redirect: http, response_code: 307}",
    "path: /to-port, redirect: {port_redirect: 9000, response_code: 308}",
    "path: /to-path, redirect: {path_redirect: /there}",
    "path: /to-query, redirect: {path_redirect: '/there?own=1', strip_query: true}",
    "path: /to-fragment, redirect: {path_redirect: '/there#here'}",
    "path: /stripped, redirect: {host_redirect: other.example.test, strip_query: true}",
    "prefix: /old, redirect: {prefix_rewrite: /new}",
    "path: /exact, redirect: {prefix_rewrite: /new}",
    "regex: '/item/[0-9]+', redirect: {prefix_rewrite: /items}",
    "path: /prefixed-query, redirect: {prefix_rewrite: '/new?a=b', strip_query: true}",
    "path: /all, redirect: {scheme_redirect: https, host_redirect: other.example.test, port_redirect: 1, path_redirect: /there, strip_query: true}",
    "path: /here, redirect: {}",
    "path: /headed, redirect: {path_redirect: /there}, set_response_headers: {X-Both: own, Location: /elsewhere}",
];

const PATHS: &[&str] = &[
    "/internal",
    "/internal/secret-path?a=b",
    "/page?a=b",
    "/json",
    "/created?a=b",
    "/nothing",
    "/reset",
    "/unchanged",
    "/many",
    "/found?a=b",
    "/odd",
    "/teapot",
    "/bare",
    "/unset",
    "/typed",
    "/to-host?a=b&c=%2f",
    "/to-host?pomerium_session=token",
    "/to-host?a=b&pomerium_session=token",
    "/to-host-and-port",
    "/to-https?a=b",
    "/to-no-https",
    "/to-http",
    "/to-port?a",
    "/to-path?a=b?c",
    "/to-path?",
    "/to-query?a=b",
    "/to-fragment?a=b",
    "/stripped?a=b",
    "/old",
    "/older/path%20x?a=/old",
    "/old/",
    "/exact?a=b",
    "/item/7?a=b",
    "/prefixed-query?c=d",
    "/all?a=b",
    "/here?a=b",
    "/headed",
];

/// All of them for everybody, and behind them the application.
fn routes() -> String {
    let line = |answer: &&str| {
        format!(
            "- {{from: 'https://app.example.test:{{port}}', {answer}, allow_public_unauthenticated_access: true}}\n"
        )
    };
    let answers: String = ANSWERS.iter().map(line).collect();
    format!(
        "\n{answers}- {{from: 'https://app.example.test:{{port}}', path: /members, response: {{status: 200, body: for members}}, allow_any_authenticated_user: true}}
- {{from: 'https://app.example.test:{{port}}', path: /nobody, response: {{status: 200, body: for nobody}}}}
- {{from: 'https://app.example.test:{{port}}', path: /socket, response: {{status: 200, body: no socket}}, allow_websockets: true, allow_public_unauthenticated_access: true}}
- {{from: 'https://app.example.test:{{port}}', to: '{{upstream}}', timeout: 20s, allow_public_unauthenticated_access: true}}
"
    )
}

/// What an answer says, without what is of the moment or the place.
fn shown(response: &Response, port: u16) -> (u16, BTreeMap<String, Vec<String>>, Vec<u8>) {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &response.head.fields {
        let value = value.replace(&format!(":{port}"), ":PORT");
        headers.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    // The gateway says it to clients, and so may any Envoy.
    for name in ["date", "x-request-id"] {
        headers.remove(name);
    }
    (response.status, headers, response.body.clone())
}

fn ask(client: &mut Client, method: &str, url: &str, fields: &[(&str, &str)]) -> Response {
    client.send(method, &Url::parse(url).unwrap(), fields, b"")
}

#[test]
fn a_closed_path_stays_closed_beside_a_stock_envoy() {
    let site = DropIn::start(&Beside::of(&routes()));
    for path in [
        "/internal",
        "/internal/secret-path",
        "/page",
        "/to-host",
        "/old/x",
        "/here",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = ask(&mut site.client(), method, &site.url("app", path), &[]);
            assert!(
                matches!(answer.status, 404 | 301) || path == "/page",
                "{path}: {}",
                answer.status
            );
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    assert_eq!(site.upstream.recorded().len(), 0, "it reached the application");
    assert_eq!(site.client().get(&site.url("app", "/application")).status, 200);
    assert!(site.upstream.saw("/application"));
    let log = site.authz.log();
    let warned = log.matches(r#""code":"no_effect""#).count();
    assert_eq!(warned, 1, "of the application's `timeout` alone: {log}");
    for status in [404, 301] {
        let answered = format!(r#""outcome":"answered","status":{status}"#);
        portcullis_harness::wait::until(&answered, || site.authz.log().contains(&answered));
    }
    assert!(
        site.authz.metrics().contains(r#"outcome="answered""#),
        "{}",
        site.authz.metrics()
    );
}

#[test]
fn the_answers_are_those_of_the_gateway() {
    let routes = routes();
    let gateway = Site::start_with(GLOBALS, &routes);
    let beside = DropIn::start(&Beside {
        globals: GLOBALS,
        ..Beside::of(&routes)
    });
    let grpc = [("Content-Type", "application/grpc"), ("TE", "trailers")];
    for path in PATHS {
        for (method, fields) in [("GET", &[][..]), ("HEAD", &[]), ("POST", &[]), ("POST", &grpc)] {
            let wanted = ask(&mut gateway.client(), method, &gateway.url("app", path), fields);
            let seen = ask(&mut beside.client(), method, &beside.url("app", path), fields);
            assert_eq!(
                shown(&seen, beside.port()),
                shown(&wanted, gateway.port()),
                "{method} {path} {fields:?}"
            );
        }
    }
    assert!(beside.upstream.recorded().is_empty() && gateway.upstream.recorded().is_empty());
}

#[test]
fn the_policy_comes_before_the_answer() {
    let site = DropIn::start(&Beside::of(&routes()));
    assert_eq!(site.client().get(&site.url("app", "/nobody")).status, 403);
    let begun = site.client().get(&site.url("app", "/members"));
    assert_eq!(begun.status, 302);
    assert!(!begun.text().contains("for members"));
    let mut client = site.client();
    let page = client.login(
        &site.url("app", "/members"),
        "user@example.com",
        portcullis_harness::provider::PASSWORD,
    );
    assert_eq!((page.status, page.text().as_str()), (200, "for members"));
    for name in ["x-email", "x-pomerium-jwt-assertion", "set-cookie"] {
        assert_eq!(page.header(name), None, "{name}");
    }
    assert!(site.upstream.recorded().is_empty());
}

#[test]
fn no_answer_opens_a_socket_or_a_tunnel() {
    let site = DropIn::start(&Beside::of(&routes()));
    let app = format!("app.example.test:{}", site.port());
    let upgrade = format!(
        "GET /socket HTTP/1.1\r\nHost: {app}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    let connect = format!("CONNECT {app} HTTP/1.1\r\nHost: {app}\r\n\r\n");
    for request in [upgrade, connect] {
        let answer = site.client().raw(&site.url("app", "/"), request.as_bytes());
        assert!((400..500).contains(&answer.status), "{request}{}", answer.status);
    }
    assert!(site.upstream.recorded().is_empty());
}
