//! What becomes of the requests of a route.

use std::path::PathBuf;

use portcullis_model::HeaderName;

use super::Located;
use crate::value::GoUrl;

/// What becomes of a request that the check lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It goes to an upstream.
    Upstream(Upstream),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The client gets a fixed answer.
    Respond(Respond),
}

/// Where requests go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The servers; at least one. Either all have a weight or none.
    pub to: Vec<To>,
    /// `prefix_rewrite`: what replaces the matched prefix, or the whole path where the route matches a path
    /// or a regular expression. Without it the path of the first `to` does, if it has one.
    pub prefix_rewrite: Option<String>,
    /// What the upstream gets as `Host`.
    pub host_rewrite: HostRewrite,
    /// TLS towards the servers whose `to` is `https`.
    pub tls: UpstreamTls,
}

/// `to`: one `http`, `https` or `h2c` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct To {
    /// The text as written, weight included.
    pub raw: String,
    /// Whether the upstream speaks TLS (`https`).
    pub tls: bool,
    /// Whether the upstream speaks HTTP/2 without TLS (`h2c`).
    pub h2c: bool,
    /// The host, without brackets if it is an IPv6 address.
    pub host: String,
    /// The port; 80 or 443 if the URL has none.
    pub port: u16,
    /// The path as written; empty if there is none.
    pub path: String,
    /// The URL in the parts that go into the route id.
    pub url: GoUrl,
    /// The weight after the comma; 0 if there is none.
    pub weight: u32,
}

/// What the upstream gets as `Host`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostRewrite {
    /// The host of `to`, with its port if one is written there.
    #[default]
    Upstream,
    /// The host that the client sent (`preserve_host_header`).
    Preserve,
    /// This text (`host_rewrite`).
    Literal(String),
    /// The value of this request header, where there is one (`host_rewrite_header`).
    Header(HeaderName),
}

/// TLS towards upstreams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamTls {
    /// `tls_skip_verify`: whoever answers is trusted.
    pub skip_verify: bool,
    /// `tls_custom_ca` or `tls_custom_ca_file`: the authorities that are trusted instead of the system's.
    pub ca: Option<Pem>,
    /// `tls_upstream_server_name`: the name to ask for, which the certificate must have, instead of the host
    /// of `to`.
    pub server_name: Option<String>,
}

/// Certificates in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// Given as base64, here decoded and checked.
    Inline(Located<Vec<u8>>),
    /// A file; a relative path is resolved against the working directory, as in Pomerium.
    File(Located<PathBuf>),
}

/// `redirect`: the fields as written, as they go into the route id, and checked. `https_redirect` wins over
/// `scheme_redirect` and `path_redirect` over `prefix_rewrite`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redirect {
    /// To the same URL by https.
    pub https_redirect: Option<bool>,
    /// To this scheme: `http` or `https`.
    pub scheme_redirect: Option<String>,
    /// To this host.
    pub host_redirect: Option<String>,
    /// To this port, from 1 to 65535.
    pub port_redirect: Option<u32>,
    /// To this path, which may have a query.
    pub path_redirect: Option<String>,
    /// To the same path with the matched prefix replaced by this text.
    pub prefix_rewrite: Option<String>,
    /// The status: 301, 302, 303, 307 or 308; 301 if it is `None` or 0.
    pub response_code: Option<i32>,
    /// Whether the query is left out.
    pub strip_query: Option<bool>,
}

/// `response`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// The status, from 200 to 599.
    pub status: u16,
    /// The body, at most 4096 bytes.
    pub body: String,
}
