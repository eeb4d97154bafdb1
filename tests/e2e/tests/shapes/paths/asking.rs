//! One path over both protocols, as it is written.

use std::io;

use portcullis_harness::Response;
use portcullis_harness::frames::{self, Request};
use portcullis_harness::shapes::World;

use super::super::support::{ADMIN, Seen, USER, outcome};

/// Who asks. What is seen of users says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    User,
    Admin,
}

impl Who {
    /// The line of the request that says it, with its end.
    fn cookie(self, world: &World) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::User => Some(world.session_cookie("app", USER)),
            Self::Admin => Some(world.session_cookie("app", ADMIN)),
        }
    }
}

/// Asks for these targets over HTTP/1.1 and HTTP/2, and notes what came of it: an answer,
/// or `200 unchanged` where the application saw the path as it was sent, or ``200 as
/// `/other` ``.
pub(super) fn ask<T: AsRef<[u8]>>(world: &World, seen: &mut Seen, who: Who, targets: &[T]) {
    for target in targets {
        let target = target.as_ref();
        first(world, seen, who, target);
        second(world, seen, who, target);
    }
}

/// Over HTTP/1.1 alone.
pub(super) fn first(world: &World, seen: &mut Seen, who: Who, target: &[u8]) {
    let request = request(world, who, "GET", target);
    noted(world, seen, who, target, &world.try_raw(&request));
}

/// Over HTTP/2 alone.
pub(super) fn second(world: &World, seen: &mut Seen, who: Who, target: &[u8]) {
    let answer = world.frames(&framed(world, who, target));
    noted(world, seen, who, target, &answer);
}

/// The same of targets of nobody's that get nowhere, at once: an Envoy that ends a
/// connection of HTTP/2 waits a second for the other end.
pub(super) fn refused<T: AsRef<[u8]>>(world: &World, seen: &mut Seen, targets: &[T]) {
    let requests: Vec<Request> = targets
        .iter()
        .map(|target| framed(world, Who::Nobody, target.as_ref()))
        .collect();
    for (target, answer) in targets.iter().zip(world.frames_at_once(&requests)) {
        noted(world, seen, Who::Nobody, target.as_ref(), &answer);
    }
}

/// A request of HTTP/2.
fn framed(world: &World, who: Who, target: &[u8]) -> Request {
    let authority = world.authority("app");
    let mut fields = frames::fields(&[
        (&b":method"[..], &b"GET"[..]),
        (b":scheme", b"https"),
        (b":authority", authority.as_bytes()),
        (b":path", target),
    ]);
    if let Some(cookie) = who.cookie(world) {
        fields.push((b"cookie".to_vec(), cookie.into_bytes()));
    }
    Request {
        fields,
        ..Request::default()
    }
}

/// A request of HTTP/1.1.
pub(super) fn request(world: &World, who: Who, method: &str, target: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} ").into_bytes();
    request.extend(target);
    request.extend(format!(" HTTP/1.1\r\nHost: {}\r\n", world.authority("app")).into_bytes());
    if let Some(cookie) = who.cookie(world) {
        request.extend(format!("Cookie: {cookie}\r\n").into_bytes());
    }
    request.extend(b"\r\n");
    request
}

/// Notes an answer.
pub(super) fn noted(world: &World, seen: &mut Seen, who: Who, target: &[u8], answer: &io::Result<Response>) {
    let what: String = String::from_utf8_lossy(target).chars().take(60).collect();
    let whose = match who {
        Who::Nobody => "",
        Who::User => "user: ",
        Who::Admin => "administrator: ",
    };
    let Ok(response) = answer else {
        seen.result(&what, answer);
        return;
    };
    let text = outcome(response);
    if text != "200 upstream" {
        let text = elsewhere(response).unwrap_or(text);
        seen.answer_as(&what, &format!("{whose}{text}"), response);
        return;
    }
    let last = world
        .upstream
        .heads_since(world.upstream.begun().saturating_sub(1));
    let went = last.first().and_then(|head| head.start.split(' ').nth(1));
    let went = went.unwrap_or_default();
    let text = if went.as_bytes() == target {
        format!("{whose}200 unchanged")
    } else {
        format!("{whose}200 as `{went}`")
    };
    seen.note(&what, &text);
}

/// Where a redirect of a route leads: a path of the host that was asked, or another
/// host.
fn elsewhere(response: &Response) -> Option<String> {
    let to = response.location()?;
    // Not of a login.
    if response.status != 301 {
        return None;
    }
    let place = match to.host_str() {
        Some("app.example.test") => "a path of the same host",
        _ => to.as_str(),
    };
    Some(format!("{} to {place}", response.status))
}
