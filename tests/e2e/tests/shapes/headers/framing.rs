//! HD-09, HD-10, HD-12 and HD-14: messages that two readers could take for two things,
//! and too much of one.

use std::thread;

use portcullis_harness::frames;
use portcullis_harness::wait::until;

use super::super::support::{USER, each};
use super::asking::{FORGED, NOBODY, Who, clean, send, send_frames, told_of, whole};

const STRANGER: Who = Who {
    host: "app",
    user: None,
};

#[test]
fn no_second_request_hides_in_a_first() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: app\r\nX-Hidden: 1\r\n\r\n";
    let chunked = format!("0\r\n\r\n{hidden}");
    let cases: Vec<(&str, &str)> = vec![
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &chunked),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked),
        ("Content-Length: 0\r\nContent-Length: 5\r\n", hidden),
        ("Content-Length: 0\r\nContent-Length: 0\r\n", hidden),
        ("Content-Length: 0, 5\r\n", hidden),
        ("Content-Length: +0\r\n", hidden),
        ("Content-Length: -1\r\n", hidden),
        ("Content-Length: 0x0\r\n", hidden),
        ("Content-Length: 99999999999999999999\r\n", hidden),
        ("Content-Length:\r\n", hidden),
        ("Content-Length : 0\r\n", hidden),
        ("Transfer-Encoding : chunked\r\n", &chunked),
        ("Transfer-Encoding: chunked, identity\r\n", &chunked),
        ("Transfer-Encoding: identity, chunked\r\n", &chunked),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            &chunked,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            &chunked,
        ),
        ("Transfer-Encoding: identity\r\n", hidden),
        ("Transfer-Encoding: xchunked\r\n", &chunked),
        ("Transfer-Encoding: \x0bchunked\r\n", &chunked),
        ("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", &chunked),
        (
            "Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 0\r\n",
            "",
        ),
        ("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\n",
            "5;\nhello\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: app\r\n\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\n",
            "5;\"\r\n\"\r\nhello\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "5 \r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n"),
        ("Transfer-Encoding: chunked\r\n", "\r\n5\r\nhello\r\n0\r\n\r\n"),
    ];
    each("HD-09", |world, seen| {
        let before = world.upstream.begun();
        let all: Vec<(Who, &str, &str)> = [NOBODY, STRANGER]
            .into_iter()
            .flat_map(|who| cases.iter().map(move |(fields, body)| (who, *fields, *body)))
            .collect();
        // Envoy takes a second to close what it refused: all at the same time.
        let texts: Vec<String> = thread::scope(|scope| {
            let asked: Vec<_> = all
                .iter()
                .map(|(who, fields, body)| {
                    let fields = format!("Connection: close\r\n{fields}");
                    let request = who.request(world, "POST /first", fields, body.as_bytes());
                    let (client, url) = (world.client(), world.url("app", "/"));
                    scope.spawn(move || whole(&client, &url, &request).unwrap_or_default())
                })
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().expect("no panic"))
                .collect()
        });
        let mut upstream = 0;
        for ((_, fields, body), text) in all.iter().zip(&texts) {
            let what = format!("{fields:?} {:?}", body.chars().take(24).collect::<String>());
            let answers = text.matches("HTTP/1.1 ").count();
            assert!(answers <= 1, "{what}: two answers:\n{text}");
            let status = text.split(' ').nth(1).unwrap_or("closed").to_owned();
            let by = if text.contains("hello from the upstream") {
                upstream += 1;
                " upstream"
            } else if text.contains("\"code\":\"login_required\"") {
                " `login_required`"
            } else if answers == 1 {
                " Envoy"
            } else {
                ""
            };
            seen.note(&what, &format!("{status}{by}"));
        }
        let heads = world.upstream.heads_since(before);
        assert_eq!(heads.len(), upstream, "{heads:?}");
        for head in heads {
            assert!(head.start.starts_with("POST /first "), "{head:?}");
            assert_eq!(head.get("x-route"), Some("open"), "{head:?}");
            // As one message has it: a length or chunks.
            let framed = head.all("content-length").count() + head.all("transfer-encoding").count();
            assert!(framed <= 1, "{head:?}");
            for name in ["transfer_encoding", "upgrade", "http2-settings"] {
                assert_eq!(head.get(name), None, "{head:?}");
            }
        }
        // The connections to the upstream are as good as before.
        for turn in 0..8 {
            let path = format!("/afterwards/{turn}");
            let head = send(world, seen, "afterwards", &NOBODY.get(world, &path, ""));
            assert_eq!(head.expect("it went on").start, format!("GET {path} HTTP/1.1"));
        }
    });
}

#[test]
fn a_line_is_one_field_or_none() {
    let forged = |text: &str| text.replace('@', FORGED).into_bytes();
    let lines: Vec<Vec<u8>> = [
        // Folded lines (RFC 9112, section 5.2).
        "X-A: b\r\n c\r\n",
        "X-A: b\r\n\tX-Email: @\r\n",
        "X-A: b\r\n X-Email: @\r\n",
        "X-A:\r\n X-Email: @\r\n",
        " X-Email: @\r\n",
        "X-Email\r\n : @\r\n",
        "Cookie: a=1\r\n ; _pomerium=@\r\n",
        // Bare line feeds and carriage returns.
        "X-A: b\nX-Email: @\r\n",
        "X-A: b\rX-Email: @\r\n",
        "X-A: b\r\rX-Email: @\r\n",
        "X-A: b\n\rX-Email: @\r\n",
        "X-A: b\r X-Email: @\r\n",
        "\nX-Email: @\r\n",
        // Control characters, in values and names.
        "X-A: b\0X-Email: @\r\n",
        "X-A\0: @\r\n",
        "X-A: \x01@\r\n",
        "X-A: @\x7f\r\n",
        "X-\x01A: @\r\n",
        // Names that are none.
        ": @\r\n",
        " : @\r\n",
        "X-Email @\r\n",
        "X Email: @\r\n",
        "X-Email(: @\r\n",
        // Pseudo-headers, which HTTP/1.1 does not have.
        ":path: /@\r\n",
        ":authority: @\r\n",
        ":method: @\r\n",
        ":x: @\r\n",
    ]
    .map(forged)
    .into();
    each("HD-10", |world, seen| {
        for line in &lines {
            let what = format!("{:?}", String::from_utf8_lossy(line).replace(FORGED, "…"));
            for who in [NOBODY, Who::at("app", USER)] {
                let request = who.get(world, "/pub/line", line);
                let Some(head) = send(world, seen, &what, &request) else {
                    continue;
                };
                // Who joins lines may; nothing of it is a name of ours, or a cookie.
                for (name, value) in &head.fields {
                    let ours = name.to_ascii_lowercase().replace('_', "-");
                    let said =
                        ["x-email", "x-pomerium-jwt-assertion", "cookie", "host"].contains(&ours.as_str());
                    assert!(!said || !value.contains(FORGED), "{what}: {head:?}");
                    assert!(!value.contains(['\r', '\n', '\0']), "{what}: {head:?}");
                }
                // What was folded into the line of the cookie is no session.
                let told = head.get("x-email");
                let folded = [&b" "[..], b"\n", b"Cookie"]
                    .iter()
                    .any(|start| line.starts_with(start));
                assert!(
                    told == Some(who.user.unwrap_or_default()) || (folded && told == Some("")),
                    "{what}: {head:?}"
                );
                assert_eq!(head.start, "GET /pub/line HTTP/1.1", "{what}");
            }
        }
    });
}

#[test]
fn http2_takes_only_what_is_well_formed() {
    each("HD-12", |world, seen| {
        let authority = world.authority("open");
        let pseudo = |name: &str, value: &str| {
            let mut request = NOBODY.frames::<&str, &str>(world, "/two", &[]);
            for field in request.fields.iter_mut().filter(|(n, _)| n == name.as_bytes()) {
                field.1 = value.as_bytes().to_vec();
            }
            request
        };
        for scheme in [
            "HTTPS",
            "HttpS",
            "http",
            "ftp",
            "javascript",
            "",
            "https ",
            "https, http",
            "https\0",
        ] {
            let request = pseudo(":scheme", scheme);
            if let Some(head) = send_frames(world, seen, &format!("scheme {scheme:?}"), &request) {
                let told = head.get("x-forwarded-proto").unwrap_or_default();
                seen.note(scheme, &format!("the upstream is told `{told}`"));
            }
        }
        // Twice, last, unknown, missing.
        for (name, value) in [
            (":method", "GET"),
            (":path", "/two"),
            (":authority", authority.as_str()),
            (":scheme", "https"),
            (":path", "/other"),
            (":authority", "app.example.test"),
            (":method", "DELETE"),
            (":status", "200"),
            (":x", "1"),
            (":protocol", "websocket"),
            (":", "1"),
        ] {
            let last = NOBODY.frames(world, "/two", &[(name, value)]);
            assert!(send_frames(world, seen, &format!("{name} after the others"), &last).is_none());
            let mut first = NOBODY.frames::<&str, &str>(world, "/two", &[]);
            first.fields.splice(0..0, frames::fields(&[(name, value)]));
            assert!(send_frames(world, seen, &format!("{name} before the others"), &first).is_none());
        }
        for name in [":method", ":scheme", ":path", ":authority"] {
            let mut request = NOBODY.frames::<&str, &str>(world, "/two", &[]);
            request.fields.retain(|(field, _)| field != name.as_bytes());
            assert!(send_frames(world, seen, &format!("no {name}"), &request).is_none());
        }
        for (name, value) in [
            ("X-Email", FORGED),
            ("x-Email", FORGED),
            ("COOKIE", "a=1"),
            ("connection", "x-email"),
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "x-email"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("te", "trailers, x-email"),
            ("", FORGED),
            ("x email", FORGED),
            ("x-email ", FORGED),
            ("x-a", "b\r\nx-email: forged-by-a-client"),
            ("x-a", "b\nx-email: forged-by-a-client"),
            ("x-a", "b\0c"),
            ("x-email:", FORGED),
        ] {
            let what = format!("{name:?}: {value:?}");
            let head = send_frames(
                world,
                seen,
                &what,
                &NOBODY.frames(world, "/two", &[(name, value)]),
            );
            if let Some(head) = head {
                clean(&what, &head);
                told_of(&what, &head, "");
                assert!(head.get("transfer-encoding").is_none() && head.get("connection").is_none());
            }
        }
        // Crumbs of cookies are one header again, without ours.
        let session = world.session_cookie("app", USER);
        let crumbs = [("cookie", "a=1"), ("cookie", session.as_str()), ("cookie", "b=2")];
        let head = send_frames(world, seen, "crumbs", &STRANGER.frames(world, "/crumbs", &crumbs));
        let head = head.expect("it went on");
        told_of("crumbs", &head, USER);
        assert_eq!(head.all("cookie").collect::<Vec<_>>(), ["a=1; b=2"]);
    });
}

#[test]
fn too_many_headers_or_too_large_ones_are_no_question_to_us() {
    each("HD-14", |world, seen| {
        let lines = |count: usize| -> String { (0..count).map(|n| format!("x-h{n}: v\r\n")).collect() };
        let large = |kib: usize| format!("x-big: {}\r\n", "a".repeat(kib << 10));
        let mut asked = Vec::new();
        for (what, fields) in [
            ("90 lines", lines(90)),
            ("97 lines", lines(97)),
            ("990 lines", lines(990)),
            ("1001 lines", lines(1001)),
            ("10000 lines", lines(10_000)),
            ("55 KiB", large(55)),
            ("59 KiB", large(59)),
            ("61 KiB", large(61)),
            ("127 KiB", large(127)),
            ("129 KiB", large(129)),
            ("1 MiB", large(1024)),
        ] {
            for who in [NOBODY, Who::at("app", USER)] {
                let path = format!("/much/{}/{}", what.replace(' ', "-"), who.host);
                let answer = world.try_raw(&who.get(world, &path, &fields));
                let outcome = seen.result(what, &answer);
                if outcome == "431 Envoy" || outcome == "closed" {
                    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.body.len() < 64));
                    asked.push(path);
                }
            }
        }
        // Of what Envoy refused we were not asked.
        let last = "/much/last";
        assert!(send(world, seen, "last", &NOBODY.get(world, last, "")).is_some());
        until("the last decision is logged", || {
            world.decisions().iter().any(|decision| decision.path == last)
        });
        let decisions = world.decisions();
        assert!(!asked.is_empty());
        for path in asked {
            let ours = decisions.iter().find(|decision| decision.path == path);
            assert!(ours.is_none(), "we were asked: {ours:?}");
        }
    });
}
