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
    /// Whether a request of a user that is under way at the client may still
    /// need what later types name no more (clusters): its removal waits for two
    /// ticks of the stream, so for at least the time between them.
    pub lingers: bool,
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

/// What follows from a request, with responses `R` of either protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction<R> {
    /// Responses to send now, in this order.
    pub responses: Vec<R>,
    /// The request was a NACK of this type. The resources that it leads to are
    /// found among the stream's rejections, once they are alone.
    pub refused: Option<TypeUrl>,
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
