//! `POST /oauth2/callback`: the provider's answer as a form (OAuth 2.0 Form Post
//! Response Mode), which the browser brings from the provider's page.
//!
//! It is read no further here: a form of another site comes without the cookies
//! that a login is tied to, so that the browser is sent on to the same page by GET,
//! which has them.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use url::form_urlencoded;

use super::fault::Fault;
use super::query::Query;
use super::redirect;

/// The longest form that is read, in bytes: more does not fit into an address.
const MAX_BYTES: usize = 16 * 1024;
/// What an answer says; the rest is left out.
const PARAMETERS: [&str; 4] = ["code", "state", "iss", "error"];

pub(super) async fn answer(headers: &HeaderMap, body: Body) -> Result<Response, Fault> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Fault::not_a_form());
    }
    let bytes = to_bytes(body, MAX_BYTES)
        .await
        .map_err(|_| Fault::query_too_long())?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Fault::not_a_form())?;
    let form = Query::parse(text)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in PARAMETERS {
        if let Some(value) = form.get(name)? {
            query.append_pair(name, value);
        }
    }
    redirect(
        StatusCode::SEE_OTHER,
        &format!("/oauth2/callback?{}", query.finish()),
        [],
    )
}
