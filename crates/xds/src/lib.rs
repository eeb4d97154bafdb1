//! Sans-I/O xDS server state machine: delta and state of the world, ACK and
//! NACK, order. Pure.
//!
//! [`DeltaStream`] and [`SotwStream`] are one aggregated discovery stream each,
//! of the *delta* and of the *state-of-the-world* variant of xDS. A stream is
//! fed with what the client says (`on_request`) and with what is to be served
//! (`on_change`), and answers with the messages that must leave now. It knows
//! no Envoy type: a resource is a name, a version and opaque bytes. What
//! follows holds for both; how they differ stands at [`SotwStream`].
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
//! 4. What [lingers](Stage::lingers) is removed only once it was due through a
//!    whole interval between two ticks (`on_tick`): the client's ACK of routes
//!    says nothing of the requests that were routed before, and a cluster that
//!    goes under them is their 503. It does not keep a state from being
//!    acknowledged.
//!
//! # Rejections
//!
//! A refused version is not sent again until it changes. A refused response
//! with several resources is sent again in parts, until the culprits are
//! alone, because a client may reject a response whole and without saying
//! which resource it minds. If its words name some of them, first come all the
//! others and then those; else it is halves.

mod delta;
mod kind;
mod machine;
mod message;
mod rejection;
mod sotw;

pub use delta::{DeltaRequest, DeltaResponse, DeltaStream};
pub use message::{Limits, Reaction, Resource, Served, Stage, StreamError, TypeUrl};
pub use rejection::{MAX_REASON, Rejection, reason};
pub use sotw::{Former, SotwRequest, SotwResponse, SotwStream};
