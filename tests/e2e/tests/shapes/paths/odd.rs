//! PA-08, PA-13, PA-14 and PA-18: targets that are no paths, and too much of one.

use portcullis_harness::frames::{self, Request};
use portcullis_harness::shapes::Shape;

use super::super::support::each;
use super::asking::Who::{Admin, Nobody, User};
use super::asking::{ask, first, noted, refused, request};

#[test]
fn what_no_path_has_is_refused() {
    each("PA-08", |world, seen| {
        ask(
            world,
            seen,
            Nobody,
            &[
                "/pub/%00",
                "/pub/%",
                "/pub/%zz",
                "/pub/%%0000",
                "/pub/%4",
                "/pub/%0a%0d",
            ],
        );
        let bytes = [0, 0x7f, b'\r', b'\n', b'\t', b' ', 1, 0x1b];
        let targets = bytes.map(|byte| [&b"/pub/a"[..], &[byte], b"b"].concat());
        for target in &targets {
            let answer = world.try_raw(&request(world, Nobody, "GET", target));
            noted(world, seen, Nobody, target, &answer);
            let closes = answer.unwrap().header("connection") == Some("close");
            assert!(closes, "{}", String::from_utf8_lossy(target));
        }
        refused(world, seen, &targets);
    });
}

#[test]
fn a_target_of_another_form_has_the_same_rules() {
    each("PA-13", |world, seen| {
        let of = |scheme: &str, path: &str| format!("{scheme}://{}{path}", world.authority("app"));
        for who in [Nobody, User, Admin] {
            // The authority of the target counts, and its path.
            for target in [of("http", "/admin"), of("https", "/admin")] {
                first(world, seen, who, target.as_bytes());
            }
        }
        let targets = ["", "?x", "?x=/pub", "*", "pub", "admin", "pub/../admin"];
        for target in targets {
            first(world, seen, Nobody, target.as_bytes());
        }
        refused(world, seen, &targets);
        for method in ["GET", "OPTIONS"] {
            let answer = world.try_raw(&request(world, Nobody, method, b"*"));
            noted(world, seen, Nobody, b"*", &answer);
        }
    });
}

#[test]
fn a_tunnel_is_denied() {
    each("PA-14", |world, seen| {
        let authority = world.authority("app");
        for target in [authority.as_str(), "app.example.test", "/pub", "127.0.0.1:80"] {
            let answer = world.try_raw(&request(world, Nobody, "CONNECT", target.as_bytes()));
            noted(world, seen, Nobody, target.as_bytes(), &answer);
        }
        let usual = [
            (":scheme", "https"),
            (":authority", &authority),
            (":path", "/pub"),
        ];
        let mut tunnels = vec![
            ("CONNECT", vec![(":method", "CONNECT"), usual[1]]),
            (
                "CONNECT with a path",
                [&[(":method", "CONNECT")][..], &usual].concat(),
            ),
            (
                ":protocol without CONNECT",
                [&[(":method", "GET"), (":protocol", "websocket")][..], &usual].concat(),
            ),
        ];
        for protocol in [
            "websocket",
            "bytestream",
            "connect-udp",
            "h2c",
            "",
            "websocket, x",
        ] {
            let extended = [(":method", "CONNECT"), (":protocol", protocol)];
            tunnels.push((protocol, [&extended[..], &usual].concat()));
        }
        let requests: Vec<Request> = tunnels
            .iter()
            .map(|(_, fields)| Request {
                fields: frames::fields(fields),
                ..Request::default()
            })
            .collect();
        for ((what, _), answer) in tunnels.iter().zip(world.frames_at_once(&requests)) {
            noted(world, seen, Nobody, what.as_bytes(), &answer);
        }
    });
}

/// The kinds of lengths: below, near and beyond what an Envoy takes (60 KiB unless it
/// is told otherwise, 128 KiB ours).
#[test]
fn a_path_without_end_is_refused() {
    each("PA-18", |world, seen| {
        let limit = if world.shape == Shape::Ours { 128 } else { 60 };
        let of = |kib: usize| format!("/pub/{}", "a".repeat(kib << 10));
        let (within, beyond): (Vec<usize>, Vec<usize>) = [8, 32, 56, 64, 96, 127, 129, 192]
            .iter()
            .partition(|kib| **kib < limit);
        ask(
            world,
            seen,
            Nobody,
            &within.iter().map(|kib| of(*kib)).collect::<Vec<_>>(),
        );
        let beyond: Vec<String> = beyond.iter().map(|kib| of(*kib)).collect();
        for target in &beyond {
            first(world, seen, Nobody, target.as_bytes());
        }
        refused(world, seen, &beyond);
        let many = format!("/pub{}", "/s".repeat(10_000));
        let dots = format!("/pub{}/admin", "/..".repeat(10_000));
        let escapes = format!("/pub/{}", "%c3%a4".repeat(3_000));
        ask(world, seen, Nobody, &[many, dots, escapes]);
    });
}
