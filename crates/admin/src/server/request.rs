//! What a handler takes from a request.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// The user at the other end of the connection, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(
    /// The user's number.
    pub u32,
);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        let peer = parts.extensions.get::<Self>().copied();
        peer.ok_or_else(|| {
            Fault::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "it is not known who asks".to_owned(),
            )
        })
    }
}

/// The body, JSON.
#[derive(Clone, Copy, Debug)]
pub struct Asked<T>(
    /// What it says.
    pub T,
);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let body = Bytes::from_request(request, state).await.map_err(|error| {
            let code = match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "too_large",
                _ => "bad_request",
            };
            Fault::new(error.status(), code, "the request's body cannot be read")
        })?;
        match serde_json::from_slice(&body) {
            Ok(asked) => Ok(Self(asked)),
            Err(error) => Err(Fault::bad_request(format!(
                "the request cannot be understood: {error}"
            ))),
        }
    }
}
