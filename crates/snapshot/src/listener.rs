//! The listener.

use serde::Serialize;

/// The HTTPS listener with what its connection manager needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// IP addresses to listen on, at least one.
    pub addresses: Vec<String>,
    /// The port.
    pub port: u16,
    /// Names of the certificates, keys of `Snapshot::secrets`. Where no server
    /// name fits, the first serves.
    pub certificates: Vec<String>,
    /// Name of the route table.
    pub route_table: String,
    /// Request headers that only we may set, besides those that carry one of our
    /// prefixes: the claim headers, lower case, sorted.
    pub protected_headers: Vec<String>,
    /// Headers of answers that Envoy makes itself: name and value.
    pub response_headers: Vec<(String, String)>,
}
