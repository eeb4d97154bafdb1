//! What becomes of a request that the check lets pass.

use portcullis_bundle::Redirect;
use serde::Serialize;

/// What becomes of a request that the check lets pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes to an upstream.
    Upstream(Upstream),
    /// It goes to our own web handlers.
    ControlPlane {
        /// The longest time for the whole answer, in milliseconds.
        timeout_ms: u64,
    },
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// It is answered with this.
    Respond {
        /// The HTTP status.
        status: u16,
        /// The body; empty means none.
        #[serde(skip_serializing_if = "String::is_empty")]
        body: String,
    },
}

impl Action {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Respond {
            status,
            body: String::new(),
        }
    }
}

/// How requests go to an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// Name of the cluster, a key of `Snapshot::clusters`.
    pub cluster: String,
    /// What replaces the matched prefix, or the whole path where the route matches
    /// a path or a regular expression.
    pub prefix_rewrite: Option<String>,
    /// What the upstream gets as `Host`.
    #[serde(skip_serializing_if = "HostRewrite::is_default")]
    pub host: HostRewrite,
    /// Whether the host that the client sent goes into `X-Forwarded-Host`.
    pub forwarded_host: bool,
    /// The longest time for the whole answer, in milliseconds; 0 means no end.
    pub timeout_ms: u64,
    /// The longest time in which nothing is sent either way, in milliseconds; 0
    /// means no end, `None` Envoy's five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
}

/// What an upstream gets as `Host`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRewrite {
    /// The host name of the server that was chosen.
    #[default]
    Endpoint,
    /// What the client sent.
    Preserve,
    /// This text.
    Literal(String),
    /// The value of this request header, where there is one.
    Header(String),
}

impl HostRewrite {
    fn is_default(&self) -> bool {
        *self == Self::Endpoint
    }
}
