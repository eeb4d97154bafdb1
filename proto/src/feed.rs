//! Bundles on the wire.
//!
//! A bundle may hold tens of thousands of routes, and an edit changes one of
//! them: [`updates`] makes messages of the difference to what the peer holds,
//! in parts of at most 1 MiB, and an [`Assembler`] puts the bundle together
//! again. Programs are named by their content, so that one that ten thousand
//! routes share travels once. The receiver computes the version anew from what
//! it has put together: whatever went wrong on the way, a bundle that is not
//! the sender's never decides. The cure for every error is the whole bundle.
//!
//! Updates hold the root keys; see the crate's documentation.

mod answer;
mod assembler;
mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use assembler::Assembler;
pub use encode::updates;

pub use crate::generated::feed::bundle_feed_client::BundleFeedClient;
pub use crate::generated::feed::bundle_feed_server::{BundleFeed, BundleFeedServer};
pub use crate::generated::feed::follow_request::Kind;
pub use crate::generated::feed::{Ack, FollowRequest, Hello, Nack, Update};

/// Bytes of one part's content.
pub const MAX_PART: usize = 1024 * 1024;
/// Bytes of one message, which a decoder must let in: a part, or one setting or
/// route that is larger by itself.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Bytes of one program.
pub const MAX_PROGRAM: usize = 16 * 1024 * 1024;
/// Bytes of all parts of one update.
pub const MAX_UPDATE: usize = 512 * 1024 * 1024;
/// Routes in one bundle.
pub const MAX_ROUTES: usize = 250_000;

/// Why an update was not taken. What was held before is held on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field that cannot be what it must be.
    #[error("the update has a malformed {0}")]
    Malformed(&'static str),
    /// Over a bound.
    #[error("the update has too many or too large {0}")]
    TooLarge(&'static str),
    /// A part is missing, or came twice or too late.
    #[error("a part of the update is missing or out of order")]
    OutOfOrder,
    /// It starts from a bundle that is not held.
    #[error("the update starts from a version that is not held")]
    UnknownBase,
    /// A route names a program that neither the base nor the update has.
    #[error("a route names a program that is not there")]
    UnknownProgram,
    /// What came out is not what the sender has.
    #[error("the bundle does not have the version that was announced")]
    Version,
}
