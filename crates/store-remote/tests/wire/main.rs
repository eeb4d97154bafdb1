//! The remote store against the control plane's service, over real sockets.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

mod broken;
mod conformance;
mod revocation;
mod world;
