//! What a policy asks of Envoy beside the request's head: the client's certificate and
//! the body, as our own Envoy and somebody else's hand them over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[cfg(test)]
#[path = "attributes/bodies.rs"]
mod bodies;
#[cfg(test)]
#[path = "attributes/certificates.rs"]
mod certificates;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_harness::certificates::Authority;
use portcullis_harness::roles::DropIn;

/// Whether the log of a decision on a path names a setting of Envoy's.
#[must_use]
pub fn names(site: &DropIn, path: &str, setting: &str) -> bool {
    let log = site.authz.log();
    let mut decisions = log.lines().filter(|line| line.contains("authorize check"));
    decisions.any(|line| line.contains(path) && line.contains(setting))
}

/// `downstream_mtls` with an authority and further parts.
#[must_use]
pub fn downstream_mtls(authority: &Authority, more: &str) -> String {
    format!(
        "downstream_mtls: {{ca: {}{more}}}\n",
        STANDARD.encode(authority.pem())
    )
}
