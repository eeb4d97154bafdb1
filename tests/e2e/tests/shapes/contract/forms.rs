//! XA-09: header lines one by one, or those of one name as one.

use std::cell::RefCell;
use std::collections::HashMap;

use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use portcullis_harness::wait::until;

use super::super::support::{USER, judged, one_of, outcome};
use super::asked::ROUTES;

/// The same fields, as they come.
fn requests(cookie: &str) -> Vec<(&'static str, String)> {
    let line = |fields: &str| fields.replace("COOKIE", cookie);
    vec![
        ("none", String::new()),
        ("one cookie", line("Cookie: COOKIE\r\n")),
        ("among others", line("Cookie: a=1; COOKIE; b=2\r\n")),
        ("in two lines", line("Cookie: a=1\r\nCookie: COOKIE\r\n")),
        (
            "in two lines, ours first",
            line("Cookie: COOKIE\r\nCookie: a=1\r\n"),
        ),
        ("twice", line("Cookie: COOKIE\r\nCookie: COOKIE\r\n")),
        ("after a comma", line("Cookie: a=1,COOKIE\r\n")),
        ("and nothing", line("Cookie: COOKIE\r\nCookie: _pomerium=\r\n")),
        (
            "two tokens",
            "Authorization: Pomerium x\r\nAuthorization: Pomerium y\r\n".to_owned(),
        ),
        (
            "a token and a basic",
            "Authorization: Basic eA==\r\nAuthorization: Bearer Pomerium-x\r\n".to_owned(),
        ),
        (
            "two forms",
            "Accept: text/html\r\nAccept: application/json\r\n".to_owned(),
        ),
        (
            "an assertion twice",
            line("Cookie: COOKIE\r\nX-Pomerium-Jwt-Assertion: a\r\nX-Pomerium-Jwt-Assertion: b\r\n"),
        ),
    ]
}

#[test]
fn both_forms_of_headers_are_decided_alike_or_denied() {
    for shape in [Shape::Istio, Shape::Bare] {
        let plain = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let filter = format!("{}encode_raw_headers: true\n", plain.filter);
        let raw = Beside {
            filter: &filter,
            ..plain
        };
        let of_lines: RefCell<HashMap<String, String>> = RefCell::default();
        for (beside, is_raw) in [(raw, true), (plain, false)] {
            one_of(
                "XA-09",
                judged(World::start_beside(shape, &beside)),
                |world, seen| {
                    let cookie = world.session_cookie("app", USER);
                    for (what, fields) in requests(&cookie) {
                        for path in ["/x", "/pub/x"] {
                            let host = world.authority("app");
                            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
                            let name = format!("{what} {path}");
                            let outcome = seen.answer(&name, &world.raw(request.as_bytes()));
                            if is_raw {
                                of_lines.borrow_mut().insert(name, outcome);
                            } else if outcome.ends_with("upstream") {
                                assert_eq!(
                                    of_lines.borrow()[&name],
                                    outcome,
                                    "{name}: only the joined form passes"
                                );
                            }
                        }
                    }
                },
            );
        }
        assert_eq!(
            of_lines.borrow()["in two lines /x"],
            "200 upstream",
            "lines are told apart"
        );
    }
}

/// What a filter does not show goes on all the same, so that it is taken out unseen.
#[test]
fn what_a_filter_hides_is_not_said_in_our_name() {
    for shape in [Shape::Istio, Shape::Bare] {
        let plain = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        for hides in [
            "allowed_headers: {patterns: [{exact: cookie}, {exact: accept}]}",
            "allowed_headers: {patterns: [{exact: cookie}, {exact: ':path'}]}\nencode_raw_headers: true",
            "disallowed_headers: {patterns: [{prefix: ':'}, {prefix: x}]}",
        ] {
            let filter = format!("{}{hides}\n", plain.filter);
            let beside = Beside {
                filter: &filter,
                ..plain
            };
            let world = World::start_beside(shape, &beside);
            let host = world.authority("app");
            let forged: String = [
                "X-Pomerium-Jwt-Assertion",
                "x_pomerium-jwt_assertion",
                "X-Pomerium-Jwt-Assertion-For",
                "X-Email",
                "X_Email",
                "X-Envoy-Original-Path",
            ]
            .map(|name| format!("{name}: made-up\r\n"))
            .concat();
            let answer = world.raw(format!("GET /pub/x HTTP/1.1\r\nHost: {host}\r\n{forged}\r\n").as_bytes());
            assert_eq!(outcome(&answer), "200 upstream", "{hides}");
            let seen = world.upstream.one("/pub/x").text();
            assert!(!seen.contains("made-up"), "{hides}: {seen}");
            until("the log says that there was more", || {
                let mut decisions = world.decisions().into_iter();
                decisions.any(|decision| decision.line["headers_hidden"] == true)
            });
        }
    }
}
