//! Who may read our pages from another origin: an application of ours, by an address
//! that we signed. (Pomerium lets any origin in that has such an address.)
//!
//! The well-known documents, which are public, let everybody in without cookies.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::login::verify_signature;
use super::visit::{Role, Visit};

/// The origin that may read the answer to this request, with the user's cookies.
pub(super) fn reader(visit: &Visit) -> Option<HeaderValue> {
    let mut lines = visit.parts.headers.get_all(header::ORIGIN).iter();
    let (origin, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let text = origin.to_str().ok()?;
    let ours = visit.destination(&format!("{text}/")).ok()?;
    let is_one = ours.url().origin().ascii_serialization() == text;
    let signed = visit.role == Role::Authenticate && verify_signature(visit).is_ok();
    (is_one && signed).then(|| origin.clone())
}

/// Lets this origin read the answer.
pub(super) fn allow(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to a preflight of such a request; `None` for what is none.
pub(super) fn preflight(request: &HeaderMap) -> Option<Response> {
    request.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("accept, content-type, x-requested-with"),
    );
    Some(response)
}
