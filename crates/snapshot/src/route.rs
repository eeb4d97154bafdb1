//! The route table: hosts and, in the order in which they are tried, their routes.

use crate::{Part, Version};
use portcullis_model::RouteId;
use serde::Serialize;
use std::sync::Arc;

/// One table of virtual hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteTable {
    /// Response headers that every route sets: name and value.
    pub response_headers: Vec<(String, String)>,
    /// The hosts; the catch-all is the last.
    pub hosts: Vec<Arc<Part<VirtualHost>>>,
}

impl RouteTable {
    pub(crate) fn into_part(self) -> Part<Self> {
        let versions: Vec<&Version> = self.hosts.iter().map(|host| &host.version).collect();
        let version = Version::of(&(&self.response_headers, versions));
        Part::with_version(version, self)
    }
}

/// The routes of a set of domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualHost {
    /// Unique in its table: the host, with the port where it is bound to one.
    pub name: String,
    /// What the `Host` header is compared with, without regard to case: a host, a
    /// `host:port`, `host:*` for any port, or `*` for the catch-all.
    pub domains: Vec<String>,
    /// Tried in this order; the first that matches serves. The last two are
    /// always the terminal routes, so that no request goes unchecked.
    pub routes: Vec<Arc<Part<Route>>>,
}

impl VirtualHost {
    pub(crate) fn into_part(self) -> Part<Self> {
        let versions: Vec<&Version> = self.routes.iter().map(|route| &route.version).collect();
        let version = Version::of(&(&self.name, &self.domains, versions));
        Part::with_version(version, self)
    }
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// For logs and statistics.
    pub name: String,
    /// Which requests it takes.
    #[serde(rename = "match")]
    pub matcher: Match,
    /// What becomes of them once the check has let them pass.
    pub action: Action,
    /// What the check is told about the route.
    pub context: Context,
}

/// Which requests a route takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The path starts with this text.
    Prefix(String),
    /// The path is this text.
    Path(String),
    /// CONNECT requests, which have no path.
    Connect,
}

/// What becomes of a request that the check lets pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes to an upstream.
    Upstream {
        /// Name of the cluster, a key of `Snapshot::clusters`.
        cluster: String,
        /// What replaces the matched prefix or path.
        prefix_rewrite: Option<String>,
        /// The longest time for the whole answer, in milliseconds.
        timeout_ms: u64,
    },
    /// It goes to our own web handlers.
    ControlPlane {
        /// The longest time for the whole answer, in milliseconds.
        timeout_ms: u64,
    },
    /// It is answered with this status and no body.
    Respond {
        /// The HTTP status.
        status: u16,
    },
}

/// What the check is told about a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// A route of the configuration: its policy decides.
    Policy(RouteId),
    /// One of our own endpoints, whose handlers check for themselves.
    Internal,
    /// No route matched; the check answers with a page of ours.
    NoRoute,
}
