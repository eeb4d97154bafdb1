//! What is the same for everybody and may be kept for a minute: keys, style, icon.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::InBand;
use super::fault::Fault;
use super::visit::Visit;

/// Our icon, where none is configured.
const ICON: &[u8] = include_bytes!("../../templates/favicon.ico");
/// The same as text, for an answer that must be one.
const ICON_AS_TEXT: &[u8] = include_bytes!("../../templates/favicon.svg");

/// `/.pomerium/favicon.ico`. The answer to a check is text, so there it is an SVG; what it
/// is its type says, and browsers go by that.
pub(super) fn icon(visit: &Visit) -> Result<Response, Fault> {
    let (kind, icon) = match visit.parts.extensions.get::<InBand>() {
        None => ("image/x-icon", ICON),
        Some(InBand) => ("image/svg+xml", ICON_AS_TEXT),
    };
    cacheable(&visit.parts.headers, kind, Bytes::from_static(icon))
}

/// `/.pomerium/index.css`: the style of our pages, which they also have in them.
pub(super) fn style(visit: &Visit) -> Result<Response, Fault> {
    let style = Bytes::from(visit.look().style);
    cacheable(&visit.parts.headers, "text/css; charset=utf-8", style)
}

/// A body with an entity tag, or the word that the client's own is still good.
pub(super) fn cacheable(request: &HeaderMap, kind: &'static str, body: Bytes) -> Result<Response, Fault> {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
    let tag: String = hash
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == tag || value == "*");
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(body));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    let tag = HeaderValue::from_str(&tag).map_err(|_| Fault::internal("an etag is no header value"))?;
    response.headers_mut().insert(header::ETAG, tag);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    Ok(response)
}
