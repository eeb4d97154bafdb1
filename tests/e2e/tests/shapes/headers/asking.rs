//! Requests with odd fields, as bytes, and what the upstream saw of them.

use std::io;

use portcullis_harness::frames::{self, Request};
use portcullis_harness::shapes::World;
use portcullis_harness::wire::Head;
use portcullis_harness::{Client, Response};
use url::Url;

use super::super::support::Seen;

/// What every made-up value has in it.
pub(super) const FORGED: &str = "forged-by-a-client";

/// Who asks: a host, and a user who is signed in there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) host: &'static str,
    pub(super) user: Option<&'static str>,
}

/// Nobody, at the host that is open to everybody.
pub(super) const NOBODY: Who = Who {
    host: "open",
    user: None,
};

impl Who {
    pub(super) const fn at(host: &'static str, user: &'static str) -> Self {
        Self {
            host,
            user: Some(user),
        }
    }

    /// The line that says who it is, with its end.
    pub(super) fn cookie(self, world: &World) -> String {
        self.user.map_or_else(String::new, |user| {
            format!("Cookie: {}\r\n", world.session_cookie(self.host, user))
        })
    }

    /// A request with these field lines, each with its end.
    pub(super) fn get(self, world: &World, target: &str, lines: impl AsRef<[u8]>) -> Vec<u8> {
        self.request(world, &format!("GET {target}"), lines, b"")
    }

    /// The same with another method, and what follows the head.
    pub(super) fn request(self, world: &World, start: &str, lines: impl AsRef<[u8]>, rest: &[u8]) -> Vec<u8> {
        let authority = world.authority(self.host);
        let cookie = self.cookie(world);
        let head = format!("{start} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n{cookie}");
        [head.as_bytes(), lines.as_ref(), b"\r\n", rest].concat()
    }

    /// The same over HTTP/2.
    pub(super) fn frames<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        world: &World,
        target: &str,
        fields: &[(N, V)],
    ) -> Request {
        let authority = world.authority(self.host);
        let mut all = frames::fields(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", &authority),
            (":path", target),
            ("accept", "application/json"),
        ]);
        if let Some(user) = self.user {
            all.push((
                b"cookie".to_vec(),
                world.session_cookie(self.host, user).into_bytes(),
            ));
        }
        all.extend(frames::fields(fields));
        Request {
            fields: all,
            ..Request::default()
        }
    }
}

/// Sends these bytes and notes what came of it. Returns what the upstream saw.
#[track_caller]
pub(super) fn send(world: &World, seen: &mut Seen, what: &str, bytes: &[u8]) -> Option<Head> {
    noted(world, seen, what, || world.try_raw(bytes))
}

/// The same over HTTP/2.
#[track_caller]
pub(super) fn send_frames(world: &World, seen: &mut Seen, what: &str, request: &Request) -> Option<Head> {
    noted(world, seen, what, || world.frames(request))
}

#[track_caller]
fn noted(
    world: &World,
    seen: &mut Seen,
    what: &str,
    ask: impl FnOnce() -> io::Result<Response>,
) -> Option<Head> {
    let begun = world.upstream.begun();
    let answer = ask();
    let outcome = seen.result(what, &answer);
    let heads = world.upstream.heads_since(begun);
    assert!(heads.len() <= 1, "{what}: two requests went on: {heads:?}");
    assert_eq!(
        outcome.ends_with("upstream"),
        !heads.is_empty(),
        "{what}: {outcome}, and the upstream saw {heads:?}"
    );
    heads.into_iter().next()
}

/// Nothing that was made up has come through.
#[track_caller]
pub(super) fn clean(what: &str, head: &Head) {
    let text = format!("{head:?}").to_ascii_lowercase();
    assert!(
        !text.contains(FORGED),
        "{what}: a made-up value came through: {head:?}"
    );
}

/// The upstream was told of exactly this user: in each header one value. What is said of
/// them the judge compares with the session.
#[track_caller]
pub(super) fn told_of(what: &str, head: &Head, email: &str) {
    clean(what, head);
    for (name, wanted) in [("x-email", Some(email)), ("x-pomerium-jwt-assertion", None)] {
        let values: Vec<&str> = head.all(name).collect();
        assert_eq!(values.len(), 1, "{what}: `{name}`: {head:?}");
        assert!(
            wanted.is_none_or(|wanted| wanted == values[0]),
            "{what}: `{name}`: {head:?}"
        );
    }
}

/// Everything that comes over one connection until it ends, as text.
pub(super) fn whole(client: &Client, url: &str, bytes: &[u8]) -> io::Result<String> {
    let mut connection = client.connect(&Url::parse(url).expect("a URL"))?;
    // Who has had enough closes, whatever is still written.
    let _ = connection.write(bytes);
    let rest = connection.read_rest()?;
    Ok(String::from_utf8_lossy(&rest).into_owned())
}
