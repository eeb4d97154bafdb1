//! HD-01 to HD-03, HD-15 and HD-17: what the upstream is told of the user.

use portcullis_harness::provider::{HOSTILE_CLAIMS, HOSTILE_EMAIL, PLAIN_EMAIL};
use portcullis_harness::shapes::World;
use portcullis_harness::wire::Head;

use super::super::support::{ADMIN, ROUTES, Seen, USER, each, each_of};
use super::asking::{FORGED, NOBODY, Who, clean, send, send_frames, told_of};

/// At a route that passes no identity.
const UNNAMED: Who = Who::at("unnamed", USER);
const CLAIMS: &str = "jwt_claims_headers: {X-Email: email, X-Department: department, Remote-User: email, \
                      X-Made-Up: no_such_claim}\n";

#[test]
fn made_up_identity_never_arrives() {
    let names = [
        "x-pomerium-jwt-assertion",
        "x-pomerium-jwt-assertion-for",
        "x-pomerium-claim-email",
        "x-pomerium-claim-groups",
        "x-pomerium-authorization-",
        "x-pomerium-anything",
        "x-email",
        "x-department",
        "remote-user",
        "x-made-up",
        "x-portcullis-in-jwt-assertion",
        "x-portcullis-in-jwt-assertion-for",
        "x-portcullis-scope",
    ];
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, FORGED)).collect();
    let lines: String = names.iter().map(|name| format!("{name}: {FORGED}\r\n")).collect();
    each_of("HD-01", CLAIMS, ROUTES, |world, seen| {
        for who in [NOBODY, Who::at("app", USER), Who::at("app", PLAIN_EMAIL), UNNAMED] {
            let what = format!("{who:?}");
            let target = "/made-up";
            for head in [
                send(world, seen, &what, &who.get(world, target, &lines)),
                send_frames(world, seen, &what, &who.frames(world, target, &fields)),
            ] {
                let head = head.expect("it went on");
                if who.host == "unnamed" {
                    nothing_said(&what, &head);
                } else {
                    told_of(&what, &head, who.user.unwrap_or_default());
                    assert_eq!(
                        head.get("remote-user"),
                        Some(who.user.unwrap_or_default()),
                        "{what}"
                    );
                    assert_eq!(head.get("x-made-up"), Some(""), "{what}");
                }
            }
            // As a credential it is worth nothing, and it goes no further either.
            let credential = format!("x-pomerium-authorization: {FORGED}\r\n");
            if let Some(head) = send(world, seen, &what, &who.get(world, target, credential)) {
                clean(&what, &head);
            }
        }
    });
}

#[track_caller]
fn nothing_said(what: &str, head: &Head) {
    clean(what, head);
    for name in [
        "x-email",
        "x-department",
        "x-pomerium-jwt-assertion",
        "remote-user",
        "x-made-up",
    ] {
        assert_eq!(head.get(name), None, "{what}: {head:?}");
    }
    assert!(!format!("{head:?}").contains(USER), "{what}: {head:?}");
}

#[test]
fn no_other_spelling_of_a_name_arrives() {
    let names: [&[u8]; 20] = [
        b"X-EMAIL",
        b"x-eMaIl",
        b"X-Pomerium-JWT-Assertion",
        b"X_Email",
        b"x_email",
        b"X_EMAIL",
        b"x_pomerium_jwt_assertion",
        b"X-Pomerium_Jwt-Assertion",
        b"x_pomerium-claim_email",
        b"X-Pomerium-Jwt_Assertion",
        b"x_portcullis_in_jwt_assertion",
        b"X_Department",
        // Marks that CGI takes for the same letter.
        b"X.Email",
        b"x~email",
        b"x!pomerium!claim!email",
        // What is no name.
        b"X-Email ",
        b"X-Email\t",
        b"X-Email\x0b",
        b"X-Email\xa0",
        b"\"X-Email\"",
    ];
    each("HD-02", |world, seen| {
        for who in [NOBODY, Who::at("app", USER), UNNAMED] {
            for name in names {
                let lines = [name, b": ", FORGED.as_bytes(), b"\r\n"].concat();
                let what = String::from_utf8_lossy(name).into_owned();
                let head = send(world, seen, &what, &who.get(world, "/spelled", lines));
                match head {
                    Some(head) if who.host == "unnamed" => nothing_said(&what, &head),
                    Some(head) => told_of(&what, &head, who.user.unwrap_or_default()),
                    None => {}
                }
            }
        }
    });
}

#[test]
fn of_several_lines_exactly_one_of_ours_arrives() {
    let many = format!("X-Email: {FORGED}\r\n").repeat(20);
    let cases = [
        format!("X-Email:\r\nX-Email: {FORGED}\r\n"),
        format!("X-Email: {FORGED}\r\nx-email: {ADMIN}, {FORGED}\r\n"),
        format!("X-Email: {ADMIN},{FORGED}\r\n"),
        "X-Email:\r\n".to_owned(),
        format!("X-Email: ,\r\nX-Department: ,{FORGED}\r\n"),
        format!("X-Pomerium-Jwt-Assertion:\r\nX-Pomerium-Jwt-Assertion: {FORGED}.a.b\r\n"),
        format!("X-Pomerium-Claim-Email: {FORGED}\r\nX-Pomerium-Claim-Email:\r\n"),
        many,
    ];
    each("HD-03", |world, seen| {
        for who in [NOBODY, Who::at("app", USER), UNNAMED] {
            for lines in &cases {
                let what = lines.lines().next().unwrap_or_default();
                let head = send(world, seen, what, &who.get(world, "/repeated", lines));
                let head = head.expect("it went on");
                if who.host == "unnamed" {
                    nothing_said(what, &head);
                } else {
                    told_of(what, &head, who.user.unwrap_or_default());
                }
            }
        }
    });
}

#[test]
fn a_claim_stays_inside_its_header() {
    let mut headers =
        "jwt_claims_headers: {X-Email: email, X-Department: department, X-Long: long".to_owned();
    for (claim, _) in HOSTILE_CLAIMS {
        headers.push_str(&format!(", X-Claim-{claim}: {claim}"));
    }
    headers.push_str("}\n");
    each_of("HD-15", &headers, ROUTES, |world, seen| {
        let who = Who::at("app", HOSTILE_EMAIL);
        let before = world.upstream.recorded().len();
        let head = send(world, seen, "a page", &who.get(world, "/claims", "")).expect("it went on");
        told_of("hostile claims", &head, HOSTILE_EMAIL);
        for (claim, value) in HOSTILE_CLAIMS {
            // What cannot stand in a header is not sent, nor what would look like two
            // values; all else is sent as it is.
            let sent = !matches!(claim, "crlf" | "newline" | "nul" | "blank" | "comma");
            let wanted = if sent { value } else { "" };
            let name = format!("x-claim-{claim}");
            let found: Vec<&str> = head.all(&name).collect();
            seen.note(claim, if wanted.is_empty() { "empty" } else { "as it is" });
            assert_eq!(found, [wanted], "{claim}: {head:?}");
        }
        assert_eq!(head.get("x-long").map(str::len), Some(4096));
        let recorded = world.upstream.recorded();
        let text = recorded[before].text();
        assert!(
            !text.contains("forged@example.com") && !text.contains("/hidden"),
            "{text}"
        );
        // What we say of them ourselves.
        for path in ["/.pomerium/user", "/.pomerium/"] {
            let answer = world.try_raw(&who.get(world, path, ""));
            seen.result(path, &answer);
            let answer = answer.expect("an answer");
            assert!(answer.header("x-email").is_none(), "{:?}", answer.head);
        }
    });
}

#[test]
fn no_route_may_set_what_is_reserved() {
    let names = [
        "Host",
        "':path'",
        "':authority'",
        "X-Pomerium-Jwt-Assertion",
        "X-Pomerium-Claim-Email",
        "X_Pomerium_Claim_Email",
        "X-Portcullis-In-Jwt-Assertion",
        "X-Email",
        "X_Email",
        "X.Department",
        "Cookie",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "X-Envoy-Original-Path",
    ];
    let mut routes = String::new();
    for (n, name) in names.iter().enumerate() {
        routes.push_str(&format!(
            "- {{name: bad{n}, from: 'https://app.example.test:{{port}}', prefix: /bad/{n}/, to: '{{upstream}}', \
             allow_public_unauthenticated_access: true, set_request_headers: {{{name}: {FORGED}}}}}\n"
        ));
    }
    let routes = format!("{routes}{}", ROUTES.trim_start());
    each_of("HD-17", "", &routes, |world: &mut World, seen: &mut Seen| {
        seen.expects_errors();
        for (n, name) in names.iter().enumerate() {
            let who = Who {
                host: "app",
                user: None,
            };
            let head = send(world, seen, name, &who.get(world, &format!("/bad/{n}/x"), ""));
            assert!(head.is_none(), "{name}: {head:?}");
        }
        // The others serve.
        let head = send(world, seen, "another route", &NOBODY.get(world, "/other", ""));
        told_of("another route", &head.expect("it went on"), "");
    });
}
