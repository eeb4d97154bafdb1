//! Our own pages inside a check: behind an Envoy that has no route to them.
//!
//! A check is made an HTTP request, which goes through the very service that stands
//! behind the web door; what comes back is the answer to the check, as a denial with a
//! status of its own.

mod request;

use std::sync::Arc;

use axum::body::to_bytes;
use axum::response::Response;
use http::header;
use tower::ServiceExt as _;

use crate::AuthzServer;
use crate::check::answer::Verdict;
use crate::check::intake::Request;
use crate::check::message::Message;
use crate::feed::Active;

/// The largest page, in bytes. The longest of ours lists sessions beside a logo.
const MAX_PAGE: usize = 512 * 1024;
/// What Envoy says of the way of a page itself.
const FRAMING: [http::HeaderName; 3] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

/// One of our own pages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Several of one name are kept apart.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The page that `message` asks for.
///
/// # Errors
///
/// Why there is none; deny.
pub(crate) async fn page(
    server: &Arc<AuthzServer>,
    active: &Active,
    message: &Message<'_>,
    request: &Request<'_>,
) -> Result<Page, Verdict> {
    let request = request::of(active, message, request)?;
    let answered = server.web().oneshot(request).await;
    let response = answered.unwrap_or_else(|never| match never {});
    read(response).await
}

async fn read(response: Response) -> Result<Page, Verdict> {
    let (parts, body) = response.into_parts();
    let mut headers = Vec::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        if FRAMING.contains(name) {
            continue;
        }
        let value = value.to_str().map_err(|_| Verdict::Internal)?;
        headers.push((name.as_str().to_owned(), value.to_owned()));
    }
    let body = to_bytes(body, MAX_PAGE).await.map_err(|_| {
        tracing::error!("a page is too large for an answer to a check");
        Verdict::Internal
    })?;
    let body = String::from_utf8(body.into()).map_err(|_| Verdict::NotInBand)?;
    Ok(Page {
        status: parts.status.as_u16(),
        headers,
        body,
    })
}
