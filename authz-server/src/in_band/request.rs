//! A check as the HTTP request that it is about.
//!
//! Host, path and method are those that the check names, whatever a header says; of the
//! client's headers those stay that say something to a page.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, header};

use crate::check::answer::Verdict;
use crate::check::identify::cookie_lines;
use crate::check::intake::Request;
use crate::check::message::Message;
use crate::client;
use crate::feed::Active;
use crate::web;

/// How the filter says whether it sends the whole body (`with_request_body`).
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// Headers that the check names itself, or that are of the connection alone.
const LEFT_OUT: [HeaderName; 8] = [
    header::HOST,
    header::COOKIE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::EXPECT,
];

pub(super) fn of(
    active: &Active,
    message: &Message<'_>,
    request: &Request<'_>,
) -> Result<http::Request<Body>, Verdict> {
    let bad = || Verdict::BadRequest;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| bad())?;
    if method == Method::CONNECT {
        return Err(Verdict::NoRoute);
    }
    let path = request.target.split('?').next().unwrap_or_default();
    let body = match web::reads_body(path, &method) {
        true => Body::from(whole_body(message, request)?.to_vec()),
        false => Body::empty(),
    };
    let mut made = http::Request::builder()
        .method(method)
        .uri(request.target)
        .extension(web::InBand)
        .extension(client::OfCheck(request.source_ip))
        .header(header::HOST, message.host)
        .body(body)
        .map_err(|_| bad())?;
    let headers = made.headers_mut();
    for (name, value) in request.headers.all.iter() {
        // Pseudo-headers are no names of headers; no page looks at a name that is none.
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        if LEFT_OUT.contains(&name) {
            continue;
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| bad())?;
        headers.try_append(name, value).map_err(|_| bad())?;
    }
    for line in cookies(active, request) {
        let line = HeaderValue::try_from(line).map_err(|_| bad())?;
        headers.try_append(header::COOKIE, line).map_err(|_| bad())?;
    }
    Ok(made)
}

/// The cookie lines. Where Envoy joined several by commas and nobody can tell where each
/// began, every cookie of ours among them gets an empty double, so that it is as
/// ambiguous to a page as it is to a check.
fn cookies(active: &Active, request: &Request<'_>) -> Vec<String> {
    let mut lines: Vec<String> = cookie_lines(request, active).map(str::to_owned).collect();
    if lines.len() > request.headers.cookie.len() {
        lines.extend(active.cookies.all().iter().map(|name| format!("{name}=")));
    }
    lines
}

/// The body, if the check holds all of it.
///
/// Nothing says that there is one: Envoy takes `transfer-encoding` out before it asks, and
/// HTTP/2 needs no length. So that there is none must be said, by a length of 0 or by the
/// filter, which says of every body that it sends whether that is all of it.
fn whole_body<'a>(message: &Message<'a>, request: &Request<'_>) -> Result<&'a [u8], Verdict> {
    let lines = request.headers.all;
    let all = |name: &str, wanted: &[u8]| {
        let mut values = lines.of(name).peekable();
        values
            .peek()
            .is_some()
            .then(|| values.all(|value| value == wanted))
    };
    let whole = all(PARTIAL, b"false");
    let body = message.body();
    let none = whole == Some(true) || all("content-length", b"0") == Some(true);
    if whole == Some(false) || (body.is_empty() && !none) {
        return Err(Verdict::BodyNotDelivered);
    }
    Ok(body)
}
