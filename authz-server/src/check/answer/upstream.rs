//! What an allowed request looks like to the upstream: who it is, said by us
//! alone, and none of our credentials.

use super::assertions::{ASSERTION, AssertionError, claim_headers};
use super::response::{Upstream, overwrite};
use crate::check::identify::{Identity, cookie_lines, session_parameters};
use crate::check::intake::Request;
use crate::feed::Active;
use crate::state::AuthzServer;
use jiff::Timestamp;
use portcullis_bundle::Route;
use portcullis_policy::Allowed;
use portcullis_session::{assertion, cookies};

/// The assertion of a proxy before us, passed on once our own keys verified it.
const ASSERTION_FOR: &str = "x-pomerium-jwt-assertion-for";
/// Longest assertion that is looked at.
const MAX_ASSERTION: usize = 8 * 1024;

/// The changes to an allowed request.
pub(super) fn headers(
    server: &AuthzServer,
    active: &Active,
    request: &Request<'_>,
    route: &Route,
    identity: &Identity,
    allowed: &Allowed,
    now: Timestamp,
) -> Result<Upstream, AssertionError> {
    let mut upstream = Upstream::default();
    if route.pass_identity_headers {
        let session = identity.session.as_deref();
        let made = server
            .assertions()
            .headers(server, active, route, session, allowed, now)?;
        upstream.set.reserve(made.len() + 2);
        upstream.set.extend(made.iter().cloned());
        if let Some(token) = verified_for(active, request, now) {
            upstream.set.push(overwrite(ASSERTION_FOR, token).0);
        }
    }
    remove_reserved(&mut upstream, active, request, route.pass_identity_headers);
    if identity.credentials.authorization {
        upstream.remove.push("authorization".to_owned());
    }
    for name in request.query.into_iter().flat_map(session_parameters) {
        if !upstream.remove_query.iter().any(|known| known == name) {
            upstream.remove_query.push(name.to_owned());
        }
    }
    strip_cookies(&mut upstream, active, request);
    Ok(upstream)
}

/// Header lines of a request that our listener takes to an upstream.
const MAX_LINES: usize = 1000;
/// Bytes of them: 128 KiB, less what Envoy counts besides.
const MAX_BYTES: usize = 127 * 1024;

/// Whether the request still fits with what we set. Envoy answers with an empty
/// 500 where it does not.
pub(super) fn fits(request: &Request<'_>, upstream: &Upstream) -> bool {
    let set = upstream.set.iter().filter_map(|set| set.header.as_ref());
    let bytes = set
        .map(|header| header.key.len() + header.value.len())
        .sum::<usize>();
    request.headers.lines + upstream.set.len() <= MAX_LINES && request.headers.bytes + bytes <= MAX_BYTES
}

/// Removes every header that only we may say: what the client sent under such a
/// name, also with `_` for `-`, which some upstreams read alike.
fn remove_reserved(upstream: &mut Upstream, active: &Active, request: &Request<'_>, identity_passed: bool) {
    if !identity_passed {
        upstream
            .remove
            .extend([ASSERTION.to_owned(), ASSERTION_FOR.to_owned()]);
        upstream
            .remove
            .extend(claim_headers(active).map(|(name, _)| name.to_owned()));
    }
    for name in &request.headers.names {
        let reserved = folded_prefix(name, "x-pomerium-")
            || folded_prefix(name, "x-portcullis-")
            || claim_headers(active).any(|(claim_header, _)| folded_eq(name, claim_header));
        // What is overwritten must not be removed: Envoy removes last.
        let known = reserved
            && (upstream.set.iter().any(|set| {
                set.header
                    .as_ref()
                    .is_some_and(|header| header.key.eq_ignore_ascii_case(name))
            }) || upstream
                .remove
                .iter()
                .any(|removed| removed.eq_ignore_ascii_case(name)));
        if reserved && !known {
            upstream.remove.push((*name).to_owned());
        }
    }
}

/// Takes our cookies out. `cookie` is removed where nothing is left, because Envoy
/// would send an empty line.
fn strip_cookies(upstream: &mut Upstream, active: &Active, request: &Request<'_>) {
    let names = active.cookies.all();
    let ours = request
        .headers
        .cookie
        .iter()
        .any(|line| names.iter().any(|name| line.contains(name)));
    if !ours {
        return;
    }
    let lines = cookie_lines(request, active).map(str::as_bytes);
    match cookies::strip(lines, &names) {
        Some(rest) => {
            let (header, sent) = overwrite("cookie", rest.trim());
            if sent {
                upstream.set.push(header);
            } else {
                upstream.remove.push("cookie".to_owned());
            }
        }
        None => upstream.remove.push("cookie".to_owned()),
    }
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

fn folded_prefix(name: &str, prefix: &str) -> bool {
    name.as_bytes()
        .get(..prefix.len())
        .is_some_and(|start| folded(start, prefix.as_bytes()))
}

fn folded_eq(name: &str, other: &str) -> bool {
    name.len() == other.len() && folded(name.as_bytes(), other.as_bytes())
}

fn folded(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: &u8| {
        if *byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    a.iter().map(fold).eq(b.iter().map(fold))
}
