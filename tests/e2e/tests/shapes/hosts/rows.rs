//! Requests with any authority, and what must become of each.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_harness::frames::{self, Request};
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::upstream::Recorded;
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Response};
use serde_json::Value;
use url::Url;

use super::super::support::Seen;

/// What must become of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Must {
    /// It is served by this route, for this host `NAME.example.test`.
    Serve(&'static str, &'static str),
    /// It is answered with this status and goes nowhere.
    Refuse(u16),
}

/// A path of its own for every request, so that none is taken for another.
pub(super) fn mark() -> String {
    static MARKS: AtomicUsize = AtomicUsize::new(0);
    format!("/host-{}-", MARKS.fetch_add(1, Ordering::Relaxed))
}

/// A GET over HTTP/1.1 with this first line and these lines, each without its end.
pub(super) fn lines(start: &str, lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("{start}\r\nAccept: application/json\r\n").into_bytes();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A GET over HTTP/1.1 with this `Host`.
pub(super) fn http1(host: impl AsRef<[u8]>, target: &str) -> Vec<u8> {
    let host = [b"Host: ", host.as_ref()].concat();
    lines(&format!("GET {target} HTTP/1.1"), &[&host])
}

/// A GET over HTTP/2 with these fields before `:path`, each a name and a value.
pub(super) fn http2(fields: &[(&str, &[u8])], target: &str) -> Request {
    let mut all: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET"), (b":scheme", b"https")];
    let (pseudo, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| name.starts_with(':'));
    all.extend(pseudo.iter().map(|(name, value)| (name.as_bytes(), *value)));
    all.push((b":path", target.as_bytes()));
    all.extend(rest.iter().map(|(name, value)| (name.as_bytes(), *value)));
    all.push((b"accept", b"application/json"));
    Request {
        fields: frames::fields(&all),
        ..Request::default()
    }
}

/// A request and what must become of it.
pub(super) struct Row {
    what: String,
    path: String,
    sent: Sent,
    must: Must,
}

enum Sent {
    Http1(Vec<u8>),
    Http2(Request),
}

impl Row {
    /// Over HTTP/1.1: the first line, where `MARK` stands for the path, and the others.
    pub(super) fn lines(what: &str, start: &str, with: &[&[u8]], must: Must) -> Self {
        let path = mark();
        Self {
            what: what.to_owned(),
            sent: Sent::Http1(lines(&start.replace("MARK", &path), with)),
            path,
            must,
        }
    }

    /// Over HTTP/2, with these fields besides.
    pub(super) fn fields(what: &str, fields: &[(&str, &[u8])], must: Must) -> Self {
        let path = mark();
        Self {
            what: what.to_owned(),
            sent: Sent::Http2(http2(fields, &path)),
            path,
            must,
        }
    }
}

/// Sends a request to each of these authorities, over HTTP/1.1 and over HTTP/2.
#[track_caller]
pub(super) fn authorities<A: AsRef<[u8]>>(world: &World, seen: &mut Seen, rows: &[(A, Must)]) {
    let both = |(authority, must): &(A, Must)| {
        let authority = authority.as_ref();
        let name = String::from_utf8_lossy(authority);
        let name: String = name.chars().take(60).collect();
        let host = [b"Host: ", authority].concat();
        [
            Row::lines(&format!("Host: {name}"), "GET MARK HTTP/1.1", &[&host], *must),
            Row::fields(&format!(":authority {name}"), &[(":authority", authority)], *must),
        ]
    };
    all(world, seen, &rows.iter().flat_map(both).collect::<Vec<_>>());
}

/// How many requests are under way together: Envoy takes a second to close a
/// connection on which it found HTTP/2 that is none.
const AT_ONCE: usize = 32;

/// Sends every request; each must end as it must, and be in the log.
#[track_caller]
pub(super) fn all(world: &World, seen: &mut Seen, rows: &[Row]) {
    let mut refused = Vec::new();
    for some in rows.chunks(AT_ONCE) {
        for (row, answer) in some.iter().zip(at_once(world, some)) {
            refused.extend(judged(world, seen, &row.what, &answer, &row.path, row.must));
        }
    }
    reasons(world, &refused);
}

/// The answers, in the order of the requests.
fn at_once(world: &World, rows: &[Row]) -> Vec<io::Result<Response>> {
    let url = Url::parse(&world.url("app", "/")).expect("a URL");
    let send = |client: &Client, sent: &Sent| match sent {
        Sent::Http1(bytes) => client.try_raw(&url, bytes),
        Sent::Http2(request) => frames::send(client, &url, request),
    };
    thread::scope(|scope| {
        let running: Vec<_> = rows
            .iter()
            .map(|row| {
                let (client, send) = (world.client(), &send);
                scope.spawn(move || send(&client, &row.sent))
            })
            .collect();
        let ended = running.into_iter().map(|one| one.join().expect("no panic"));
        ended.collect()
    })
}

/// Holds one answer against what must be; returns path and code of a refusal of ours.
#[track_caller]
pub(super) fn judged(
    world: &World,
    seen: &mut Seen,
    what: &str,
    answer: &io::Result<Response>,
    path: &str,
    must: Must,
) -> Option<(String, String)> {
    let outcome = seen.result(what, answer);
    let who = format!("`{what}` in the shape `{}`", world.shape.name());
    match (must, answer) {
        (Must::Serve(route, host), Ok(answer)) => {
            assert_eq!(answer.status, 200, "{who}: {}", answer.text());
            served(&who, &world.upstream.one(path), route, host);
            None
        }
        (Must::Serve(..), Err(error)) => panic!("{who}: {error}"),
        (Must::Refuse(status), Ok(answer)) => {
            assert_eq!(answer.status, status, "{who}: {}", answer.text());
            goes_nowhere(&who, world, answer, path);
            let code = outcome.split('`').nth(1)?;
            Some((path.to_owned(), code.to_owned()))
        }
        // Envoy's codec ends a stream or a connection that it cannot read, without a word.
        (Must::Refuse(_), Err(_)) => {
            assert!(!world.upstream.saw(path), "{who} went on");
            None
        }
    }
}

/// No upstream, no cookie, no redirect.
#[track_caller]
pub(super) fn goes_nowhere(who: &str, world: &World, answer: &Response, path: &str) {
    assert!(!world.upstream.saw(path), "{who} went on");
    for name in ["set-cookie", "location", "refresh"] {
        assert_eq!(answer.header(name), None, "{who}: `{name}`");
    }
}

#[track_caller]
pub(super) fn served(who: &str, recorded: &Recorded, route: &str, host: &str) {
    assert_eq!(recorded.header("x-route"), Some(route), "{who}");
    let token = recorded.header("x-pomerium-jwt-assertion");
    let claims = claims(token.unwrap_or_else(|| panic!("{who}: no assertion")));
    let host = format!("{host}.example.test");
    assert_eq!(
        (&claims["aud"], &claims["iss"]),
        (&host.as_str().into(), &host.into()),
        "{who}"
    );
}

pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("claims")
}

/// The host that the upstream was told of: its own name stands in `Host` behind our
/// gateway, and the client's in `X-Forwarded-Host`.
pub(super) fn told(world: &World, recorded: &Recorded) -> String {
    let name = match world.shape {
        Shape::Ours => "x-forwarded-host",
        Shape::Istio | Shape::Bare => "host",
    };
    recorded.header(name).unwrap_or_default().to_owned()
}

/// Whose request it is, as the application is told; empty: nobody's.
pub(super) fn email(recorded: &Recorded) -> &str {
    recorded.header("x-email").unwrap_or_default()
}

/// Each refusal of ours is in the log, and where the request could not be read the
/// reason with it.
#[track_caller]
pub(super) fn reasons(world: &World, refused: &[(String, String)]) {
    let decisions = || {
        let all = world.decisions();
        let found: Vec<_> = refused
            .iter()
            .map(|(path, _)| all.iter().find(|decision| decision.path == *path).cloned())
            .collect();
        found.into_iter().collect::<Option<Vec<_>>>()
    };
    until("each refusal is in the log", || decisions().is_some());
    for (decision, (path, code)) in decisions().unwrap().iter().zip(refused) {
        assert_eq!(decision.outcome, *code, "{path}: {}", decision.line);
        if matches!(code.as_str(), "bad_request" | "ambiguous_request") {
            assert!(!decision.ambiguity.is_empty(), "no reason: {}", decision.line);
        }
    }
}
