//! Sans-I/O xDS server state machine: delta, ACK and NACK, order. Pure.
//!
//! [`DeltaStream`] is one aggregated discovery stream of the *delta* xDS
//! protocol. It is fed with what the client says ([`DeltaStream::on_request`])
//! and with what is to be served ([`DeltaStream::on_change`]), and answers
//! with the messages that must leave now. It knows no Envoy type: a resource
//! is a name, a version and opaque bytes.
//!
//! # Order (make before break)
//!
//! The caller names the types in the order in which an update must arrive
//! ([`Stage`]), for Envoy clusters, endpoints, secrets, listeners, routes:
//!
//! 1. A type is sent only once every earlier type has nothing left to send
//!    and its last response was answered, by ACK or by NACK. (Envoy holds the
//!    ACK of clusters back until they are warm, so a route never leaves before
//!    the cluster that it names can take requests.) One response per type is
//!    under way at a time.
//! 2. A [leaf](Stage::leaf) (endpoints, secrets) is what an earlier or later
//!    type waits for: the *first* answer to a name that the client newly asks
//!    for is never held back, or the two would wait for each other.
//! 3. Removals leave last and in reverse order, each after the one before was
//!    answered. They are withheld while the client has not yet asked for a
//!    later type that may refer to what goes, and while a resource of a later
//!    type is refused: the client then still serves its last good version,
//!    which may name what would go.
//!
//! # Rejections
//!
//! A refused version is not sent again until it changes. A refused response
//! with several resources is sent again in halves, until the culprits are
//! alone, because a client may reject a response whole and without saying
//! which resource it minds.

mod kind;
mod message;
mod rejection;
mod stream;

pub use message::{Limits, Request, Resource, Response, Served, Stage, StreamError, TypeUrl};
pub use rejection::{MAX_REASON, Rejection, reason};
pub use stream::{DeltaStream, Reaction};
