//! `/.well-known/pomerium` and the public keys beside it, open to every origin.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis_bundle::Authenticate;
use serde_json::{Map, Value, json};

use super::fault::Fault;
use crate::feed::{Active, authority};

/// The document as Pomerium writes it; `origin` is `https://host[:port]`.
pub(super) fn document(active: &Active, origin: &str) -> Response {
    let mut document = Map::new();
    document.insert("issuer".to_owned(), json!(format!("{origin}/")));
    let callback = match &active.settings().authenticate {
        Authenticate::Own { host, port } => Some(format!(
            "https://{}/oauth2/callback",
            authority(host.as_str(), *port)
        )),
        Authenticate::Hosted { url } => Some(format!("{}/oauth2/callback", url.trim_end_matches('/'))),
        Authenticate::None => None,
    };
    if let Some(callback) = callback {
        document.insert("authentication_callback_endpoint".to_owned(), json!(callback));
    }
    document.insert(
        "jwks_uri".to_owned(),
        json!(format!("{origin}/.well-known/pomerium/jwks.json")),
    );
    document.insert(
        "frontchannel_logout_uri".to_owned(),
        json!(format!("{origin}/.pomerium/sign_out")),
    );
    open(axum::Json(Value::Object(document)).into_response())
}

/// The public halves of the assertion keys.
pub(super) fn keys(active: &Active, headers: &HeaderMap) -> Result<Response, Fault> {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &active.jwks);
    let tag: String = hash
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == tag || value == "*");
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(active.jwks.clone()));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let tag = HeaderValue::from_str(&tag).map_err(|_| Fault::internal("an etag is no header value"))?;
    response.headers_mut().insert(header::ETAG, tag);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    Ok(open(response))
}

/// The answer to a CORS preflight.
pub(super) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    open(response)
}

/// Any origin, without credentials: everything here is public.
fn open(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
