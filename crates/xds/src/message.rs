//! What goes in and out of a stream, in types of our own.

use core::fmt;
use std::collections::BTreeMap;

use bytes::Bytes;

/// The type URL of a kind of resource. The set is small and known when the
/// program is written, so it is a static text.
pub type TypeUrl = &'static str;

/// One resource as it is served. `Debug` does not show the content, which may
/// be a private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Changes exactly when the content changes. Opaque to this crate.
    pub version: String,
    /// The encoded resource; opaque to this crate. A clone shares the memory.
    pub bytes: Bytes,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, bytes } = self;
        f.debug_struct("Resource")
            .field("version", version)
            .field("bytes", &bytes.len())
            .finish()
    }
}

/// Everything that is to be served at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Names this state as a whole; sent as the system version of a response.
    pub version: String,
    /// The resources by type and name.
    pub resources: BTreeMap<TypeUrl, BTreeMap<String, Resource>>,
}

/// One type of resource and its place in the order of updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The type.
    pub type_url: TypeUrl,
    /// Whether a client may subscribe to all of the type, by `*` or by a
    /// first request without names. Elsewhere such a request subscribes to
    /// nothing.
    pub wildcard: bool,
    /// Whether the type refers to no other type while others need it to
    /// become ready (endpoints, secrets). First answers to new names of a leaf
    /// are never held back.
    pub leaf: bool,
}

/// What a client may ask of one stream. Beyond it the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Names in one request: subscribed, unsubscribed and initial versions.
    pub names_per_request: usize,
    /// Names that one type may be subscribed to, or held, at a time.
    pub subscriptions: usize,
    /// Bytes in one name or version.
    pub name_bytes: usize,
}

impl Default for Limits {
    /// 200,000 names a request and a type (100,000 routes and a reserve), 4 KiB a name.
    fn default() -> Self {
        Self {
            names_per_request: 200_000,
            subscriptions: 200_000,
            name_bytes: 4096,
        }
    }
}

/// A delta discovery request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The type that the request is about.
    pub type_url: String,
    /// Names to be told about from now on; `*` is all of the type.
    pub subscribe: Vec<String>,
    /// Names to be told about no more.
    pub unsubscribe: Vec<String>,
    /// What the client still holds from an earlier stream, name to version.
    /// Heeded in the first request of a type only.
    pub initial_versions: Vec<(String, String)>,
    /// The nonce of the response that is being answered; empty when none is.
    pub nonce: String,
    /// Why that response was refused; `None` is an ACK.
    pub error: Option<String>,
}

/// A delta discovery response. `Debug` shows names and versions alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The type that the response is about.
    pub type_url: TypeUrl,
    /// To be repeated by the answer. Unique in the stream.
    pub nonce: String,
    /// The version of the state that the response was taken from.
    pub system_version: String,
    /// New and changed resources: name, version, encoded content.
    pub resources: Vec<(String, String, Bytes)>,
    /// Names that exist no more, or that were asked for and do not exist.
    pub removed: Vec<String>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_url,
            nonce,
            system_version,
            resources,
            removed,
        } = self;
        let names: Vec<_> = resources
            .iter()
            .map(|(name, version, _)| (name, version))
            .collect();
        f.debug_struct("Response")
            .field("type_url", type_url)
            .field("nonce", nonce)
            .field("system_version", system_version)
            .field("resources", &names)
            .field("removed", removed)
            .finish()
    }
}

/// Why a stream must be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The client asked for a type that is not served here.
    #[error("the resource type `{0}` is not served here")]
    UnknownType(String),
    /// One request holds too many names.
    #[error("a request holds {found} names, more than {limit}")]
    TooManyNames {
        /// How many there were.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// One type would be subscribed to too many names.
    #[error("more than {limit} subscriptions to `{type_url}`")]
    TooManySubscriptions {
        /// The type.
        type_url: TypeUrl,
        /// How many there may be.
        limit: usize,
    },
    /// A name or version is too long.
    #[error("a resource name of {found} bytes, more than {limit}")]
    NameTooLong {
        /// Its length.
        found: usize,
        /// The bound.
        limit: usize,
    },
}

/// A text of a client in an error: bounded, without control characters.
pub(crate) fn quoted(text: &str) -> String {
    text.chars()
        .take(100)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
