//! HD-04 to HD-08: headers of the way, and what they may do to ours.

use portcullis_harness::frames::Request;
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wait::until;

use super::super::support::{ROUTES, Seen, USER, each, each_of};
use super::asking::{FORGED, NOBODY, Who, clean, send, send_frames, told_of};

/// At a host where routes go by the address, not by the user.
const STRANGER: Who = Who {
    host: "app",
    user: None,
};

#[test]
fn no_header_of_the_connection_takes_ours_away() {
    let ours = "x-email, x-department, x-pomerium-jwt-assertion, x-route";
    let lines = [
        format!("Connection: {ours}\r\n"),
        format!("Connection: close, {ours}\r\n"),
        format!("cOnNeCtIoN: {ours}\r\n"),
        format!("Connection: x-email\r\nConnection: {ours}\r\n"),
        format!("Keep-Alive: {ours}\r\n"),
        format!("Proxy-Connection: {ours}\r\n"),
        format!("TE: trailers, {ours}\r\n"),
        "Connection: cookie\r\n".to_owned(),
        "Connection: close, cookie, authorization, x-pomerium-authorization\r\n".to_owned(),
        "Connection: x-request-id, x-forwarded-for, x-forwarded-proto\r\n".to_owned(),
        "Connection: te, upgrade, keep-alive\r\n".to_owned(),
        "Connection: host, content-length, :path\r\n".to_owned(),
    ];
    each("HD-04", |world, seen| {
        for who in [NOBODY, Who::at("app", USER)] {
            for line in &lines {
                let forged = format!("{line}X-Email: {FORGED}\r\nAuthorization: Pomerium {FORGED}\r\n");
                for fields in [line, &forged] {
                    let what = format!("{}: {}", who.host, fields.trim_end());
                    let Some(head) = send(world, seen, &what, &who.get(world, "/pub/hop", fields)) else {
                        continue;
                    };
                    let route = if who.host == "open" { "open" } else { "pub" };
                    assert_eq!(head.get("x-route"), Some(route), "{what}: {head:?}");
                    // Whoever takes out the cookie is nobody.
                    let nobody = line.contains("cookie") || who.user.is_none();
                    let told = head.get("x-email").unwrap_or_default().to_owned();
                    assert!(told.is_empty() || !nobody || told == USER, "{what}: {head:?}");
                    told_of(&what, &head, if told.is_empty() && nobody { "" } else { USER });
                }
            }
        }
        // Who takes out their own session has none.
        for line in ["Connection: cookie\r\n", "Connection: close, cookie\r\n"] {
            let request = Who::at("app", USER).get(world, "/in", line);
            if let Some(head) = send(world, seen, line.trim_end(), &request) {
                told_of(line, &head, USER);
            }
        }
    });
}

#[test]
fn trailers_carry_nothing_in() {
    let names = [
        "x-email",
        "x_email",
        "x-pomerium-jwt-assertion",
        "x_pomerium_jwt_assertion",
        "x-pomerium-made-up",
        "authorization",
        "x-pomerium-authorization",
        "x-forwarded-for",
        "x-envoy-original-path",
        "host",
        "content-length",
        "transfer-encoding",
    ];
    each("HD-05", |world, seen| {
        let trailers: String = names.iter().map(|name| format!("{name}: {FORGED}\r\n")).collect();
        let cookie = Who::at("app", USER).cookie(world);
        for announced in ["", "TE: trailers\r\nTrailer: x-email, cookie\r\n"] {
            for (who, last) in [(NOBODY, trailers.as_str()), (STRANGER, &cookie)] {
                let fields = format!("{announced}Transfer-Encoding: chunked\r\n");
                let body = format!("5\r\nhello\r\n0\r\n{last}\r\n");
                let request = who.request(world, "POST /trailers", &fields, body.as_bytes());
                let head = send(world, seen, who.host, &request);
                arrived_bare(world, who, head.is_some());
            }
        }
        for name in names.into_iter().chain([":path", "X-Email", "connection"]) {
            let mut request = NOBODY.frames(world, "/trailers", &[("te", "trailers")]);
            request.body = b"hello".to_vec();
            request.trailers = vec![(name.as_bytes().to_vec(), FORGED.as_bytes().to_vec())];
            let head = send_frames(world, seen, &format!("HTTP/2: {name}"), &request);
            arrived_bare(world, NOBODY, head.is_some());
        }
        let signed = cookie.trim_start_matches("Cookie: ").trim_end();
        let request = Request {
            body: b"hello".to_vec(),
            trailers: vec![(b"cookie".to_vec(), signed.as_bytes().to_vec())],
            ..STRANGER.frames::<&str, &str>(world, "/trailers", &[])
        };
        let head = send_frames(world, seen, "HTTP/2: a session", &request);
        assert!(head.is_none(), "a session in a trailer: {head:?}");
    });
}

/// The last request arrived without trailers and with its body, or not at all.
#[track_caller]
fn arrived_bare(world: &World, who: Who, arrived: bool) {
    if !arrived {
        return;
    }
    assert_eq!(who.host, "open", "a session in a trailer counts");
    let last = world.upstream.recorded().pop().expect("it arrived");
    assert!(last.trailers.is_empty(), "{:?}", last.trailers);
    assert_eq!(last.body, b"hello", "{}", last.text());
    told_of("trailers", &last.head, "");
}

/// Lines, each of which says that the client is 192.0.2.7.
const CLAIMED: [&str; 12] = [
    "X-Forwarded-For: 192.0.2.7\r\n",
    "X-Forwarded-For: ::ffff:192.0.2.7\r\n",
    "X-Forwarded-For: 192.0.2.7, 192.0.2.7, 192.0.2.7\r\n",
    "X-Forwarded-For: 192.0.2.7, 127.0.0.1\r\n",
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.7\r\n",
    "X-Forwarded-For: nonsense, 192.0.2.7\r\n",
    "X-Forwarded-For: 192.0.2.7, nonsense\r\n",
    "X-Forwarded-For: ,,,\r\n",
    "Forwarded: for=192.0.2.7\r\n",
    "X-Real-IP: 192.0.2.7\r\nTrue-Client-IP: 192.0.2.7\r\n",
    "X-Envoy-External-Address: 192.0.2.7\r\n",
    "X-Client-IP: 192.0.2.7\r\nCF-Connecting-IP: 192.0.2.7\r\nFastly-Client-IP: 192.0.2.7\r\n",
];

#[test]
fn a_client_says_nothing_of_its_own_address() {
    each("HD-06", |world, seen| {
        for line in CLAIMED {
            let head = send(
                world,
                seen,
                line.trim_end(),
                &STRANGER.get(world, "/office", line),
            );
            assert!(head.is_none(), "{line}: {head:?}");
            // Nor does it lose its own.
            let head = send(world, seen, line.trim_end(), &STRANGER.get(world, "/local", line));
            assert!(head.is_some(), "{line}");
        }
    });
}

#[test]
fn of_the_addresses_that_proxies_say_the_first_trusted_one_counts() {
    // As the last proxy sends it. That proxy is on Envoy's own machine here: our Envoy is
    // known to put an address of it behind, another's is not, and nobody is believed.
    let cases = [
        (1, "192.0.2.7", true),
        (1, "::ffff:192.0.2.7", true),
        (1, "203.0.113.9, 192.0.2.7", true),
        (1, "192.0.2.7, 203.0.113.9", false),
        (1, "192.0.2.7, ", false),
        (1, "192.0.2.7:4711", false),
        (1, "unknown", false),
        (2, "192.0.2.7, 203.0.113.9", true),
        (2, "192.0.2.7, nonsense", true),
        (2, "203.0.113.9, 192.0.2.7, ::1", true),
        (2, "192.0.2.7", false),
        (2, "192.0.2.7, 203.0.113.9, 203.0.113.10", false),
    ];
    for hops in [1, 2] {
        let globals = format!("xff_num_trusted_hops: {hops}\n");
        each_of("HD-06", &globals, ROUTES, |world, seen| {
            for (_, addresses, believed) in cases.iter().filter(|(of, _, _)| *of == hops) {
                let line = format!("X-Forwarded-For: {addresses}\r\n");
                let what = format!("{hops} hops: {addresses}");
                let head = send(world, seen, &what, &STRANGER.get(world, "/office/hops", &line));
                let told = world.shape == Shape::Ours;
                assert_eq!(head.is_some(), told && *believed, "{what}");
            }
            for line in ["", "X-Real-IP: 192.0.2.7\r\n"] {
                let head = send(world, seen, "no proxy", &STRANGER.get(world, "/office", line));
                assert!(head.is_none(), "{head:?}");
            }
            if world.shape == Shape::Ours {
                until("the log says whose request it was", || {
                    let lines = world.decisions();
                    let of_us = lines.iter().filter(|decision| decision.path == "/office/hops");
                    of_us.clone().any(|decision| decision.line["ip"] == "192.0.2.7")
                });
            }
        });
    }
}

#[test]
fn no_client_says_which_scheme_it_came_by() {
    each("HD-06", |world, seen| {
        for scheme in ["http", "https", "HTTP", "wss", "javascript", "", "http, https"] {
            let line = format!(
                "X-Forwarded-Proto: {scheme}\r\nX-Forwarded-Scheme: http\r\nFront-End-Https: off\r\n"
            );
            let what = format!("proto {scheme}");
            if let Some(head) = send(world, seen, &what, &NOBODY.get(world, "/scheme", &line)) {
                let told = head.get("x-forwarded-proto").unwrap_or_default();
                seen.note(&what, &format!("the upstream is told `{told}`"));
            }
            // A browser is sent back by https alone.
            let lines = format!("{line}User-Agent: Mozilla\r\nAccept: text/html\r\n");
            let request = STRANGER.get(world, "/scheme?back", &lines);
            let request = String::from_utf8(request)
                .expect("text")
                .replace("Accept: application/json\r\n", "");
            let answer = world.try_raw(request.as_bytes());
            seen.result(&what, &answer);
            let to = answer.map(|answer| answer.header("location").unwrap_or_default().to_owned());
            if let Ok(to) = to
                && !to.is_empty()
            {
                assert!(
                    to.starts_with("https://authenticate.example.test:"),
                    "{what}: {to}"
                );
                assert!(
                    !to.contains("http%3A") && to.contains("https%3A%2F%2Fapp.example.test"),
                    "{what}: {to}"
                );
            }
        }
    });
}

#[test]
fn no_header_names_another_request() {
    let lines = "X-Original-URL: /pub/in\r\nX-Rewrite-URL: /pub/in\r\nX-Forwarded-Uri: /pub/in\r\n\
                 X-Forwarded-Method: OPTIONS\r\nX-Forwarded-Prefix: /pub\r\nX-Forwarded-Port: 1\r\n\
                 X-Forwarded-Path: /pub/in\r\nX-Original-Method: OPTIONS\r\nX-Original-Host: open\r\n\
                 X-Forwarded-Host: open.example.test\r\nX-Host: open.example.test\r\n\
                 X-HTTP-Method-Override: OPTIONS\r\nX-HTTP-Method: OPTIONS\r\nX-Method-Override: OPTIONS\r\n";
    each("HD-07", |world, seen| {
        // What is closed stays closed.
        for (who, path) in [
            (STRANGER, "/admin/in"),
            (Who::at("app", USER), "/admin/in"),
            (STRANGER, "/in"),
            (STRANGER, "/office"),
        ] {
            let head = send(world, seen, path, &who.get(world, path, lines));
            assert!(head.is_none(), "{path}: {head:?}");
        }
        // What is open is asked for by its own path and method.
        let request = NOBODY.request(world, "POST /in", format!("{lines}Content-Length: 0\r\n"), b"");
        let head = send(world, seen, "open", &request).expect("it went on");
        assert_eq!(head.start, "POST /in HTTP/1.1");
        // And where a route takes them out, they are gone.
        let head = send(world, seen, "strip", &STRANGER.get(world, "/strip/in", lines)).expect("it went on");
        for name in [
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-uri",
            "x-forwarded-prefix",
            "x-http-method-override",
        ] {
            assert_eq!(head.get(name), None, "{name}: {head:?}");
        }
        assert_eq!(head.get("x-forwarded-path"), Some("/pub/in"), "{head:?}");
    });
}

/// What an Envoy says to those behind it, or goes by itself.
const ENVOYS: [&str; 20] = [
    "x-envoy-internal",
    "x-envoy-original-path",
    "x-envoy-original-host",
    "x-envoy-original-method",
    "x-envoy-original-dst-host",
    "x-envoy-auth-partial-body",
    "x-envoy-decorator-operation",
    "x-envoy-attempt-count",
    "x-envoy-ip-tags",
    "x-envoy-force-trace",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-max-retries",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-envoy-external-address",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
];

#[test]
fn no_client_speaks_as_an_envoy() {
    each("HD-08", |world, seen| {
        for from in ["10.1.2.3", "127.0.0.1", "8.8.8.8", "10.1.2.3, 10.1.2.4"] {
            let mut lines = format!("X-Forwarded-For: {from}\r\n");
            for name in ENVOYS {
                lines.push_str(&format!("{name}: {FORGED}\r\n"));
            }
            for who in [NOBODY, Who::at("app", USER)] {
                let head = send(world, seen, from, &who.get(world, "/envoy", &lines)).expect("it went on");
                for name in ENVOYS {
                    let there = head.all(name).any(|value| value.contains(FORGED));
                    seen.note(
                        name,
                        &if there {
                            format!("`{name}` passes")
                        } else {
                            "gone".to_owned()
                        },
                    );
                }
                for (name, value) in &head.fields {
                    let known = ENVOYS.iter().any(|known| known.eq_ignore_ascii_case(name));
                    assert!(known || !value.contains(FORGED), "{name}: {head:?}");
                }
            }
            steered(world, seen, from);
        }
    });
}

/// Nor does one steer it: the upstream is waited for.
fn steered(world: &World, seen: &mut Seen, from: &str) {
    for name in [
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-upstream-stream-duration-ms",
    ] {
        let lines = format!("X-Forwarded-For: {from}\r\n{name}: 1\r\n");
        let target = "/envoy?wait=150";
        for who in [NOBODY, Who::at("app", USER)] {
            let before = world.upstream.begun();
            let answer = world.try_raw(&who.get(world, target, &lines));
            seen.result(name, &answer);
            let heads = world.upstream.heads_since(before);
            let head = heads.first().expect("it went on");
            clean(name, head);
            let told = head.get(name).unwrap_or_default();
            assert!(name.contains("expected") || told != "1", "{name}: {head:?}");
        }
    }
}
