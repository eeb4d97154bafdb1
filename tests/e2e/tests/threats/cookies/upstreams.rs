//! An application that sets cookies of ours.

use std::sync::LazyLock;

use portcullis_harness::{Client, Site};

use crate::support::setter::Setter;
use crate::support::{ADMIN, signed_in};

static SETTER: LazyLock<Setter> = LazyLock::new(Setter::start);

fn site() -> Site {
    let to = SETTER.url();
    Site::start(&format!(
        "
- {{from: 'https://app.example.test:{{port}}', to: '{to}', allow_public_unauthenticated_access: true, allow_websockets: true}}
- {{from: 'https://mine.example.test:{{port}}', to: '{to}', allow_any_authenticated_user: true}}
"
    ))
}

/// The `Set-Cookie` values that reach the browser.
#[track_caller]
fn set(client: &Client, url: &str) -> Vec<String> {
    let answer = client.clone().get(url);
    assert_eq!(answer.status, 200);
    answer.head.all("set-cookie").map(str::to_owned).collect()
}

#[test]
fn ck_14_an_upstream_sets_its_own_cookies_and_none_of_ours() {
    let site = site();
    let client = site.client();
    let through = |cookies: &[&str]| set(&client, &site.url("app", &SETTER.setting(cookies)));

    // However it is written, browsers would take it for ours.
    let long = format!("_pomerium={}", "A".repeat(8_000));
    for cookie in [
        "_pomerium=planted-value",
        "_pomerium=planted-value; Path=/; Secure; HttpOnly",
        "_pomerium=planted-value; Domain=example.test",
        "_pomerium=planted-value; DOMAIN=.example.test; PATH=/deep",
        "_pomerium=planted-value;domain=app.example.test;max-age=9",
        "_pomerium_authenticate=planted-value",
        "_pomerium_csrf=planted-value; Domain=example.test",
        "_pomerium_binding=planted-value",
        "_pomerium=",
        "_pomerium",
        "_pomerium; Path=/",
        "_pomerium=; Max-Age=0",
        "_pomerium =planted-value",
        "_pomerium\t=\tplanted-value",
        "   _pomerium  =  planted-value",
        "\t_pomerium=planted-value",
        // Without a name a cookie is what its value looks like.
        "=_pomerium=planted-value",
        " = _pomerium=planted-value",
        "==_pomerium=planted-value",
        "_POMERIUM=planted-value",
        "_Pomerium_Csrf=planted-value",
        "\"_pomerium\"=planted-value",
        "\"_pomerium=planted-value\"",
        "__Host-_pomerium=planted-value; Path=/; Secure",
        "__Secure-_pomerium=planted-value; Secure",
        "__hOST-_pomerium_authenticate=planted-value",
        "a=1,_pomerium=planted-value",
        "_pomerium=\u{e4}\u{f6}",
        &long,
    ] {
        assert_eq!(through(&[cookie]), Vec::<String>::new(), "{cookie:.60}");
        assert_eq!(
            through(&["a=1; Path=/", cookie, "b=2; Secure", cookie, "a=3"]),
            ["a=1; Path=/", "b=2; Secure", "a=3"],
            "{cookie:.60}"
        );
    }
    // What is not ours passes as it is, also beside what only looks like it.
    let others = [
        "a=1",
        "b=2; Domain=example.test; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT; SameSite=Lax",
        "_pomerium2=x",
        "x_pomerium=x",
        "_pomeriu=x",
        "_pomerium_other=x",
        "a=_pomerium",
        "a=x; Path=/_pomerium",
        "a=x; Domain=_pomerium=",
        "quoted=\"x y\"",
        "a=2",
        "=nameless",
        "empty=",
        "a=\u{e4}\u{f6}",
    ];
    assert_eq!(through(&others), others);
    let with_ours = [&others[..], &["_pomerium=planted-value"]].concat();
    assert_eq!(through(&with_ours), others);
    assert_eq!(through(&[]), Vec::<String>::new());

    let log = site.gateway.log();
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("tried to set the cookie"))
        .collect();
    assert!(said.len() > 50, "{} lines", said.len());
    assert!(
        said.iter().all(|line| line.contains("the upstream of `policy-")),
        "{}",
        said[0]
    );
    for name in [
        "_pomerium",
        "_pomerium_authenticate",
        "_pomerium_csrf",
        "_pomerium_binding",
    ] {
        assert!(
            said.iter().any(|line| line.contains(&format!("cookie `{name}`"))),
            "{name}"
        );
    }
    assert!(!log.contains("planted-value"), "a value is in the log");
}

#[test]
fn ck_14_no_other_kind_of_answer_carries_them() {
    let site = site();
    let client = site.client();
    let ask = |answer: &str, fields: &str| {
        let path = SETTER.at(answer);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: app.example.test:{}\r\n{fields}\r\n",
            site.port()
        );
        client.raw(&site.url("app", &path), request.as_bytes())
    };
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let bad = "Set-Cookie: _pomerium=planted-value\r\nSET-COOKIE: b=2\r\nset-cookie: _pomerium_csrf=planted-value\r\n";
    for (what, fields, status, answer) in [
        (
            "a websocket",
            upgrade,
            101,
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{bad}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            ),
        ),
        (
            "a redirect",
            "",
            302,
            format!("HTTP/1.1 302 Found\r\nLocation: /\r\n{bad}Content-Length: 0\r\n\r\n"),
        ),
        (
            "an error",
            "",
            500,
            format!("HTTP/1.1 500 Oh\r\n{bad}Content-Length: 0\r\n\r\n"),
        ),
        (
            "no content",
            "",
            204,
            format!("HTTP/1.1 204 No Content\r\n{bad}\r\n"),
        ),
        (
            "not modified",
            "",
            304,
            format!("HTTP/1.1 304 Not Modified\r\n{bad}\r\n"),
        ),
        (
            "after an early hint",
            "",
            200,
            format!(
                "HTTP/1.1 103 Early Hints\r\n{bad}Link: </a>\r\n\r\nHTTP/1.1 200 OK\r\n{bad}Content-Length: 0\r\n\r\n"
            ),
        ),
        (
            "with trailers",
            "TE: trailers\r\n",
            200,
            format!(
                "HTTP/1.1 200 OK\r\n{bad}Transfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n2\r\nok\r\n0\r\n{bad}\r\n"
            ),
        ),
    ] {
        let answer = ask(&answer, fields);
        assert_eq!(answer.status, status, "{what}");
        let whole = format!("{:?} {}", answer.head.fields, answer.text());
        assert!(!whole.contains("planted-value"), "{what}: {whole}");
        let set: Vec<&str> = answer.head.all("set-cookie").collect();
        assert_eq!(set, ["b=2"], "{what}");
    }
}

/// What the check and our own pages set beside an upstream is ours and stays.
#[test]
fn ck_14_our_own_answers_keep_their_cookies() {
    let site = site();
    let mut client = signed_in(&site, "mine", ADMIN);
    let path = SETTER.setting(&[
        "_pomerium=planted-value; Path=/",
        "_pomerium_binding=planted-value; Path=/",
        "app=1",
    ]);
    let answer = client.get(&site.url("mine", &path));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.head.all("set-cookie").collect::<Vec<_>>(), ["app=1"]);
    // The session is still the one that we gave.
    assert_eq!(client.get(&site.url("mine", "/")).status, 200);
    let first = site.client().get(&site.url("mine", "/"));
    assert!(
        first
            .head
            .all("set-cookie")
            .any(|set| set.starts_with("_pomerium_binding=")),
        "{:?}",
        first.head
    );
    let asked = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")];
    let signed_out = client.get_with(&site.url("mine", "/.pomerium/sign_out"), &asked);
    assert!(
        signed_out
            .head
            .all("set-cookie")
            .any(|set| set.starts_with("_pomerium=;")),
        "{:?}",
        signed_out.head
    );
}

/// Names that browsers guard themselves are guarded as all others are.
#[test]
fn ck_14_a_name_with_a_prefix_is_kept_too() {
    let to = SETTER.url();
    let routes = format!(
        "- {{from: 'https://app.example.test:{{port}}', to: '{to}', allow_public_unauthenticated_access: true}}"
    );
    let site = Site::start_with("cookie_name: __Host-Mine\n", &routes);
    let through = |cookies: &[&str]| set(&site.client(), &site.url("app", &SETTER.setting(cookies)));
    for ours in [
        "__Host-Mine=planted-value; Path=/; Secure",
        "__host-mine=planted-value",
        "__Host-Mine_csrf=planted-value",
        "=__Host-Mine=planted-value",
    ] {
        assert_eq!(through(&["a=1", ours, "b=2"]), ["a=1", "b=2"], "{ours}");
    }
    for other in ["_pomerium=theirs", "__Host-Minetoo=x", "__Host-theirs=x"] {
        assert_eq!(through(&[other]), [other]);
    }
}
