//! What an allowed request looks like to the upstream: who it is, said by us
//! alone, what the route sets besides, and none of our credentials.

mod reserved;
mod templates;

#[cfg(test)]
mod tests;

use super::assertions::{ASSERTION, AssertionError};
use super::response::{Upstream, is_sendable};
use crate::check::identify::{Identity, cookie_lines, session_parameters};
use crate::check::intake::Request;
use crate::feed::Active;
use crate::state::AuthzServer;
use jiff::Timestamp;
use portcullis_bundle::Route;
use portcullis_policy::Allowed;
use portcullis_session::{assertion, cookies};

pub(crate) use reserved::Reserved;

/// The assertion of a proxy before us, passed on once our own keys verified it.
const ASSERTION_FOR: &str = "x-pomerium-jwt-assertion-for";
/// Longest assertion that is looked at.
const MAX_ASSERTION: usize = 8 * 1024;
/// What a request that is let in at the very end of its session may still take; less
/// would be an error of the gateway in the place of an answer.
const LAST_REQUEST_MS: i128 = 1_000;
/// How long Envoy lets the stream live, whatever it carries: a websocket or an
/// event stream too.
const STREAM_DURATION: &str = "x-envoy-upstream-stream-duration-ms";

/// The changes to an allowed request, in Pomerium's order: the assertion, the
/// claims, what the route sets, the assertion of a proxy before us.
pub(super) fn headers(
    server: &AuthzServer,
    active: &Active,
    request: &Request<'_>,
    route: &Route,
    identity: &Identity,
    allowed: &Allowed,
    now: Timestamp,
) -> Result<Upstream, AssertionError> {
    let session = identity.session.as_deref();
    let wants_jwt = route.pass_identity_headers || templates::want_jwt(route);
    let made = match wants_jwt {
        true => {
            Some(
                server
                    .assertions()
                    .headers(server, active, route, &request.host, session, allowed, now)?,
            )
        }
        false => None,
    };
    let mut upstream = Upstream::beginning_with(made.clone().filter(|_| route.pass_identity_headers));
    if !route.set_request_headers.is_empty() {
        let jwt = made.as_ref().and_then(|made| made.value(ASSERTION));
        let values = templates::FromRequest {
            request,
            active,
            session,
            jwt: jwt.unwrap_or_default(),
        };
        templates::set(&mut upstream, server, route, &values);
    }
    if route.pass_identity_headers
        && let Some(token) = verified_for(active, request, now)
    {
        upstream.join(ASSERTION_FOR, token);
    }
    if let Some(session) = session {
        let left = session.session.expires_at.duration_since(now).as_millis();
        let left = left.max(LAST_REQUEST_MS);
        upstream.replace(STREAM_DURATION, &left.to_string());
    }
    reserved::remove(&mut upstream, active, request, route.pass_identity_headers);
    if request.context.is_foreign() {
        // Ours removes them by its route, which only says this.
        let removed = route.remove_request_headers.iter();
        upstream
            .remove
            .extend(removed.map(|name| name.as_str().to_owned()));
    }
    if identity.credentials.authorization && !upstream.sets("authorization") {
        upstream.remove.push("authorization".to_owned());
    }
    if request.headers.referer_shows_token && !upstream.sets("referer") {
        upstream.remove.push("referer".to_owned());
    }
    // Where they are too many nobody has got here.
    let spellings = request.query.and_then(session_parameters).unwrap_or_default();
    upstream
        .remove_query
        .extend(spellings.into_iter().map(str::to_owned));
    // A cookie that the route sets, if only to nothing, is in place of the client's.
    if !upstream.sets("cookie") && !upstream.remove.iter().any(|name| name == "cookie") {
        strip_cookies(&mut upstream, active, request);
    }
    Ok(upstream)
}

/// Header lines of a request that our listener takes to an upstream.
const MAX_LINES: usize = 1000;
/// Bytes of them: 128 KiB, less what Envoy counts besides.
const MAX_BYTES: usize = 127 * 1024;

/// Whether the request still fits with what we set. Envoy answers with an empty
/// 500 where it does not.
pub(super) fn fits(request: &Request<'_>, upstream: &Upstream) -> bool {
    let (lines, bytes) = upstream.all().fold((0, 0), |(lines, bytes), header| {
        (lines + 1, bytes + header.key.len() + header.value.len())
    });
    request.headers.lines + lines <= MAX_LINES && request.headers.bytes + bytes <= MAX_BYTES
}

/// Takes our cookies out. `cookie` is removed where nothing is left, because Envoy
/// would send an empty line.
fn strip_cookies(upstream: &mut Upstream, active: &Active, request: &Request<'_>) {
    let lines = cookie_lines(request, active).map(str::as_bytes);
    if !cookies::has_any(lines, &active.cookies.all()) {
        return;
    }
    match foreign_cookies(active, request) {
        Some(rest) => {
            let rest = rest.trim();
            if is_sendable(rest) {
                upstream.add("cookie", rest);
            } else {
                upstream.remove.push("cookie".to_owned());
            }
        }
        None => upstream.remove.push("cookie".to_owned()),
    }
}

/// The request's cookies that are not ours, as one line.
fn foreign_cookies(active: &Active, request: &Request<'_>) -> Option<String> {
    let lines = cookie_lines(request, active).map(str::as_bytes);
    cookies::strip(lines, &active.cookies.all())
}

/// The incoming assertion, if our own keys signed it and it is still valid.
fn verified_for<'a>(active: &Active, request: &Request<'a>, now: Timestamp) -> Option<&'a str> {
    let headers = &request.headers;
    let token = headers
        .in_assertion_for
        .filter(|token| !token.is_empty())
        .or(headers.in_assertion)?;
    let short = !token.is_empty() && token.len() <= MAX_ASSERTION;
    (short && assertion::verify(&active.signing, token, now).is_ok()).then_some(token)
}
