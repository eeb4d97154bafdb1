//! The listener.

use serde::Serialize;

/// The main listener with what its connection manager needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// IP addresses to listen on, at least one.
    pub addresses: Vec<String>,
    /// The port.
    pub port: u16,
    /// Names of the certificates, keys of `Snapshot::secrets`. Where no server
    /// name fits, the first serves. `None`: the listener speaks plain HTTP.
    pub certificates: Option<Vec<String>>,
    /// What certificates are asked of clients; `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificates: Option<ClientCertificates>,
    /// Name of the route table.
    pub route_table: String,
    /// Request headers that only we may set, besides those that carry one of our
    /// prefixes: the claim headers, lower case, sorted.
    pub protected_headers: Vec<String>,
    /// Names of our cookies, which no upstream may set, the configured one first: all
    /// others begin with it.
    pub own_cookies: Vec<String>,
    /// Headers of answers that Envoy makes itself: name and value.
    pub response_headers: Vec<(String, String)>,
    /// How many proxies stand before it and say in `X-Forwarded-For` whom they speak
    /// for.
    pub trusted_hops: u32,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// What certificates are asked of clients. Any is taken, or none: the check judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCertificates {
    /// The authorities in PEM, of which clients are told the names.
    pub authorities: String,
    /// Whether the check must be shown the intermediates too.
    pub intermediates: bool,
}

/// How long things may take, in milliseconds; 0 means no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// Until a whole request has arrived.
    pub request_ms: u64,
    /// A whole exchange.
    pub exchange_ms: u64,
    /// A connection without a request.
    pub idle_ms: u64,
}
