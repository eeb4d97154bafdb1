//! The route table: hosts and, in the order in which they are tried, their routes.

mod action;

use crate::{Part, Version};
use portcullis_model::RouteId;
use serde::Serialize;
use std::sync::Arc;

pub use action::{Action, HostRewrite, Upstream};
pub use portcullis_bundle::{PathRedirect, Redirect, SchemeRedirect};

/// One table of virtual hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteTable {
    /// Response headers that every route sets unless it says otherwise: name and
    /// value.
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
    /// Where a host has stars its routes stand in the catch-all, and this is the
    /// regular expression (RE2) that the whole `Host` header must match besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// What becomes of them once the check has let them pass.
    pub action: Action,
    /// What the check is told about the route.
    pub context: Context,
    /// Whether the check reads the body, which is then held back until it is whole.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub reads_body: bool,
    /// Request headers that the upstream does not get, lower case. They are
    /// removed last: also those that the check set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_request_headers: Vec<String>,
    /// What the route sets on responses.
    #[serde(skip_serializing_if = "ResponseHeaders::is_inherited")]
    pub response_headers: ResponseHeaders,
}

impl Route {
    /// A route with nothing out of the ordinary.
    #[must_use]
    pub fn plain(name: String, matcher: Match, action: Action, context: Context) -> Self {
        Self {
            name,
            matcher,
            authority: None,
            action,
            context,
            reads_body: false,
            remove_request_headers: Vec::new(),
            response_headers: ResponseHeaders::Inherit(Vec::new()),
        }
    }
}

/// What a route sets on responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseHeaders {
    /// Those of the table, and over them these: name and value.
    Inherit(Vec<(String, String)>),
    /// None at all.
    None,
}

impl ResponseHeaders {
    fn is_inherited(&self) -> bool {
        matches!(self, Self::Inherit(own) if own.is_empty())
    }
}

/// Which requests a route takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The path starts with this text.
    Prefix(String),
    /// The path is this text.
    Path(String),
    /// This regular expression (RE2) matches the whole path, without the query.
    Regex(String),
    /// CONNECT requests, which have no path.
    Connect,
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
