//! Content-addressed parts.

use aws_lc_rs::digest::{SHA256, digest};
use core::fmt;
use serde::Serialize;

/// SHA-256 of a part's canonical content as 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// The version of some content. The canonical form is its JSON: every type
    /// hashed here is made of structs, lists, strings and numbers, whose order is
    /// that of their definition.
    #[must_use]
    pub fn of<T: Serialize + ?Sized>(content: &T) -> Self {
        // As one text, since it comes in pieces of a few bytes and hashing each is
        // slow. Room for most contents.
        let mut json = Vec::with_capacity(512);
        // Cannot fail: the writer never does, and JSON refuses nothing but maps
        // whose keys are no strings, which no hashed type has.
        let _ = serde_json::to_writer(&mut json, content);
        Self(hex::encode(digest(&SHA256, &json)))
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first `digits` of them, for names.
    pub(crate) fn short(&self, digits: usize) -> &str {
        self.0.get(..digits).unwrap_or(&self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value and the version of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part<T> {
    /// The hash of `value`.
    pub version: Version,
    /// The content.
    pub value: T,
}

impl<T: Serialize> Part<T> {
    /// Wraps a value and computes its version.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            version: Version::of(&value),
            value,
        }
    }
}

impl<T> Part<T> {
    /// Wraps a value whose version is computed from its parts' versions.
    pub(crate) fn with_version(version: Version, value: T) -> Self {
        Self { version, value }
    }
}
