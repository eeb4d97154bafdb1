//! HD-11, HD-13 and HD-16: bytes that are no text, programs that are let through
//! elsewhere, and two credentials.

use portcullis_harness::frames;
use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use super::super::support::{ADMIN, ROUTES, USER, each, judged, one_of};
use super::asking::{NOBODY, Who, clean, send, send_frames, told_of};

const STRANGER: Who = Who {
    host: "app",
    user: None,
};

#[test]
fn bytes_that_are_no_text_open_nothing() {
    each("HD-11", |world, seen| {
        let cookie = world.session_cookie("app", USER);
        let session = cookie.as_bytes();
        let line = |name: &str, parts: &[&[u8]]| [name.as_bytes(), b": ", &parts.concat(), b"\r\n"].concat();
        // Beside a session: it is that user, or nobody.
        for (what, lines) in [
            ("a cookie before", line("Cookie", &[b"a=\xff; ", session])),
            ("a cookie behind", line("Cookie", &[session, b"; a=\xff"])),
            ("the session itself", line("Cookie", &[session, b"\xff"])),
            ("its name", line("Cookie", &[b"\xff", session])),
            (
                "a second session",
                line("Cookie", &[session, b"; _pomerium=\xff"]),
            ),
            (
                "a second line",
                [line("Cookie", &[session]), line("Cookie", &[b"a=\xff"])].concat(),
            ),
            (
                "an accept",
                [line("Cookie", &[session]), line("Accept", &[b"\xff"])].concat(),
            ),
            (
                "a user agent",
                [line("Cookie", &[session]), line("User-Agent", &[b"\xff"])].concat(),
            ),
            (
                "an origin",
                [line("Cookie", &[session]), line("Origin", &[b"https://\xff"])].concat(),
            ),
            (
                "a credential",
                [
                    line("Cookie", &[session]),
                    line("Authorization", &[b"Pomerium \xff"]),
                ]
                .concat(),
            ),
            (
                "a header of no meaning",
                [line("Cookie", &[session]), line("X-Name", &[b"J\xf6rg"])].concat(),
            ),
        ] {
            let head = send(world, seen, what, &STRANGER.get(world, "/bytes", &lines));
            if let Some(head) = head {
                told_of(what, &head, USER);
            }
        }
        // Alone: nobody gets in by it, and nobody becomes somebody.
        for name in [
            "Cookie",
            "Authorization",
            "X-Pomerium-Authorization",
            "Accept",
            "Origin",
            "User-Agent",
            "X-Forwarded-For",
            "X-Requested-With",
            "Sec-Fetch-Mode",
            "Content-Type",
            "X-Name",
        ] {
            let lines = line(name, &[b"Pomerium \xff\xfe"]);
            let what = format!("{name} alone");
            assert!(send(world, seen, &what, &STRANGER.get(world, "/bytes", &lines)).is_none());
            if let Some(head) = send(world, seen, &what, &NOBODY.get(world, "/bytes", &lines)) {
                told_of(&what, &head, "");
            }
            let fields = frames::fields(&[(name.to_ascii_lowercase().as_bytes(), b"Pomerium \xff\xfe")]);
            let mut request = STRANGER.frames::<&str, &str>(world, "/bytes", &[]);
            request.fields.extend(fields);
            assert!(send_frames(world, seen, &what, &request).is_none());
        }
        // A policy that refuses preflights refuses one whose headers are no text.
        for (origin, asked) in [
            (&b"https://a.test"[..], &b"GET"[..]),
            (b"\xff", b"GET"),
            (b"https://a.test", b"\xff"),
            (b"\xff\xfe", b"\xff"),
        ] {
            let lines = [
                line("Origin", &[origin]),
                line("Access-Control-Request-Method", &[asked]),
            ]
            .concat();
            let request = STRANGER.request(world, "OPTIONS /nopreflight", lines, b"");
            let head = send(world, seen, &format!("a preflight from {origin:?}"), &request);
            assert!(head.is_none(), "{head:?}");
        }
        let request = STRANGER.request(world, "OPTIONS /nopreflight", "", b"");
        assert!(send(world, seen, "no preflight", &request).is_some());
    });
}

/// With this one setting another's Envoy hands over what ours does: bytes.
#[test]
fn bytes_are_refused_where_they_are_seen() {
    let beside = Beside {
        filter: "status_on_error: {code: ServiceUnavailable}\nencode_raw_headers: true\n",
        ..Beside::of(ROUTES)
    };
    let world = judged(World::start_beside(Shape::Bare, &beside));
    one_of("HD-11", world, |world, seen| {
        for name in ["Cookie", "Authorization", "Accept", "Origin", "User-Agent"] {
            let lines = [name.as_bytes(), b": Pomerium \xff\r\n"].concat();
            for who in [NOBODY, STRANGER] {
                let head = send(world, seen, name, &who.get(world, "/bytes", &lines));
                assert!(head.is_none(), "{name}: {head:?}");
            }
        }
    });
}

#[test]
fn no_program_is_let_through_for_what_it_calls_itself() {
    each("HD-13", |world, seen| {
        for agent in [
            "GoogleHC/1.0",
            "kube-probe/1.29",
            "ELB-HealthChecker/2.0",
            "Amazon-Route53-Health-Check-Service",
            "Prometheus/2.50",
            "curl/8.0 (kubernetes/1.30)",
            "Envoy/HC",
        ] {
            for path in ["/in", "/admin", "/healthz/in", "/ping/in"] {
                let line = format!("User-Agent: {agent}\r\nX-Envoy-Healthchecked-Cluster: a\r\n");
                let head = send(world, seen, agent, &STRANGER.get(world, path, line));
                assert!(head.is_none(), "{agent} {path}: {head:?}");
            }
        }
        // Paths of ours are pages of ours, on every host; what is near them is a route's.
        for path in ["/ping", "/healthz", "/ping?a=/admin", "/robots.txt"] {
            let head = send(world, seen, path, &STRANGER.get(world, path, ""));
            assert!(head.is_none(), "{path}: {head:?}");
        }
        for path in [
            "/PING",
            "/ping/",
            "/pingx",
            "/healthz/",
            "/healthz;x",
            "/ping%2f..%2fin",
            "/ping/../in",
            "/readyz",
            "/startupz",
            "/status",
            "/metrics",
            "/.well-known/pomeriumx",
            "/.pomeriumx",
            "/.pomerium/../in",
            "/.pomerium/%2e%2e/in",
            "/oauth2/callback/../../in",
        ] {
            let head = send(world, seen, path, &STRANGER.get(world, path, ""));
            assert!(head.is_none(), "{path}: {head:?}");
        }
    });
}

#[test]
fn of_two_credentials_none_is_chosen_and_none_goes_on() {
    each("HD-16", |world, seen| {
        let token = token(world, ADMIN);
        let lines = |all: &[&str]| -> String {
            let all = all
                .iter()
                .map(|line| format!("{}\r\n", line.replace('@', &token)));
            all.collect()
        };
        // The token alone is its user's.
        for line in [
            "Authorization: Pomerium @",
            "Authorization: Bearer Pomerium-@",
            "X-Pomerium-Authorization: @",
        ] {
            let head = send(world, seen, line, &STRANGER.get(world, "/two", lines(&[line])));
            let head = head.expect("it went on");
            told_of(line, &head, ADMIN);
            without(&head, &token);
        }
        for all in [
            &["Authorization: Basic YTpi", "Authorization: Pomerium @"][..],
            &["Authorization: Pomerium @", "Authorization: Basic YTpi"],
            &[
                "Authorization: Pomerium @",
                "Authorization: Pomerium forged-by-a-client",
            ],
            &[
                "Authorization: Pomerium forged-by-a-client",
                "Authorization: Pomerium @",
            ],
            &["Authorization: Bearer x, Pomerium @"],
            &["Authorization: Pomerium @, Basic YTpi"],
            &[
                "Authorization: Bearer Pomerium-@",
                "X-Pomerium-Authorization: forged-by-a-client",
            ],
            // Not quite ours, and nobody else's.
            &["Authorization: pomerium @"],
            &["Authorization: POMERIUM @"],
            &["Authorization: Pomerium  @"],
            &["Authorization: Pomerium\t@"],
            &["Authorization: bearer Pomerium-@"],
            &["Authorization: Bearer pomerium-@"],
            &["Authorization: Bearer  Pomerium-@"],
            &["Authorization: Pomerium"],
        ] {
            let what = all.join(" + ");
            // Alone it is nobody.
            let head = send(world, seen, &what, &STRANGER.get(world, "/two", lines(all)));
            assert!(head.is_none(), "{what}: {head:?}");
            // Beside a session it is that of the session, by the cookie alone.
            let who = Who::at("app", USER);
            if let Some(head) = send(
                world,
                seen,
                &format!("session + {what}"),
                &who.get(world, "/two", lines(all)),
            ) {
                told_of(&what, &head, USER);
                without(&head, &token);
            }
            // And where nobody need be somebody, it goes no further.
            if let Some(head) = send(
                world,
                seen,
                &format!("open: {what}"),
                &NOBODY.get(world, "/two", lines(all)),
            ) {
                clean(&what, &head);
                without(&head, &token);
            }
        }
        // Of several lines of this one our own Envoy tells us the first; nobody else does.
        let all = [
            "X-Pomerium-Authorization: @",
            "X-Pomerium-Authorization: forged-by-a-client",
        ];
        let head = send(world, seen, "twice", &STRANGER.get(world, "/two", lines(&all)));
        assert_eq!(head.is_some(), world.shape == Shape::Ours);
        if let Some(head) = head {
            told_of("twice", &head, ADMIN);
            without(&head, &token);
        }
        // What is another party's passes.
        for line in ["Authorization: Basic YTpi", "Authorization: Bearer of-another"] {
            let head = send(
                world,
                seen,
                line,
                &Who::at("app", USER).get(world, "/two", lines(&[line])),
            );
            let head = head.expect("it went on");
            told_of(line, &head, USER);
            assert_eq!(
                head.get("authorization"),
                line.strip_prefix("Authorization: "),
                "{head:?}"
            );
        }
    });
}

#[track_caller]
fn without(head: &portcullis_harness::wire::Head, token: &str) {
    assert!(
        !format!("{head:?}").contains(token),
        "the token goes on: {head:?}"
    );
}

/// The token of a program for which this user has logged in.
#[track_caller]
fn token(world: &World, user: &str) -> String {
    let program = "http://127.0.0.1:1/";
    let ask = world.url(
        "app",
        &format!("/.pomerium/api/v1/login?pomerium_redirect_uri={program}"),
    );
    let address = world.client().get(&ask).text();
    let mut browser = world.signed_in("app", user);
    let begun = browser.get(&address);
    let back = browser.follow_until(begun, |url| url.as_str().starts_with(program));
    let token = back.query_pairs().find(|(name, _)| name == "pomerium_jwt");
    let token = token.expect("a token").1.into_owned();
    world.keep_secret(&token);
    token
}
