//! `/.well-known/pomerium` and the public keys beside it, open to every origin.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use portcullis_bundle::Authenticate;
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::public::cacheable;
use super::{Page, backchannel_logout};
use crate::AuthzServer;
use crate::feed::{Active, authority};

/// The document as Pomerium writes it, and where the identity provider says that
/// somebody has signed out there; `origin` is `https://host[:port]`.
pub(super) fn document(active: &Active, origin: &str) -> Response {
    let mut document = Map::new();
    document.insert("issuer".to_owned(), json!(format!("{origin}/")));
    let callback = match &active.settings().authenticate {
        Authenticate::Own { host, port } => Some(format!(
            "https://{}/oauth2/callback",
            authority(host.as_str(), *port)
        )),
        Authenticate::Hosted { url } => Some(format!("{}/oauth2/callback", url.trim_end_matches('/'))),
        Authenticate::EachHost => Some(format!("{origin}/oauth2/callback")),
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
    let at = match &active.settings().authenticate {
        Authenticate::Own { host, port } => Some(format!("https://{}", authority(host.as_str(), *port))),
        Authenticate::EachHost => Some(origin.to_owned()),
        Authenticate::Hosted { .. } | Authenticate::None => None,
    };
    if let Some(at) = at {
        let uri = format!("{at}{}", backchannel_logout::PATH);
        document.insert("backchannel_logout_uri".to_owned(), json!(uri));
    }
    open(axum::Json(Value::Object(document)).into_response())
}

/// The public halves of the assertion keys.
pub(super) fn keys(active: &Active, headers: &HeaderMap) -> Result<Response, Fault> {
    cacheable(headers, "application/json", active.jwks.clone()).map(open)
}

/// The same to a request whose host counts for nothing; what is not asked for them is
/// refused.
pub(super) fn keys_alone(server: &AuthzServer, request: &Request) -> Result<Response, Fault> {
    let page = Page::at(request.uri().path()).filter(|page| *page == Page::Keys);
    let (methods, allow) = page.ok_or_else(Fault::not_found)?.methods();
    if !methods.contains(request.method()) {
        return Err(Fault::method_not_allowed(allow));
    }
    if request.method() == Method::OPTIONS {
        return Ok(preflight());
    }
    let active = server.feed().active().ok_or_else(Fault::not_ready)?;
    keys(&active, request.headers())
}

/// The public key of Pomerium's hosted sign-in, 32 bytes.
pub(super) fn hpke_public_key(active: &Active, headers: &HeaderMap) -> Result<Response, Fault> {
    let key = active.hpke_public_key.clone();
    cacheable(headers, "application/octet-stream", key).map(open)
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
