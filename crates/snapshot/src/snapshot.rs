//! The whole of what Envoy must have.

use crate::{Certificate, Cluster, Listener, Part, Route, RouteTable, VirtualHost};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What Envoy must have, by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Listeners.
    pub listeners: BTreeMap<String, Arc<Part<Listener>>>,
    /// Route tables.
    pub route_tables: BTreeMap<String, Arc<Part<RouteTable>>>,
    /// Upstreams.
    pub clusters: BTreeMap<String, Arc<Part<Cluster>>>,
    /// Certificates with their keys. Serialised without the keys.
    pub secrets: BTreeMap<String, Arc<Part<Certificate>>>,
}

impl Snapshot {
    /// Name of the HTTPS listener.
    pub const LISTENER: &'static str = "https-ingress";
    /// Name of its route table.
    pub const ROUTE_TABLE: &'static str = "main";

    /// Every virtual host, in table order.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Part<VirtualHost>>> {
        self.route_tables.values().flat_map(|table| &table.value.hosts)
    }

    /// Every route of every host, in matching order; shared ones once a host.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Part<Route>>> {
        self.hosts().flat_map(|host| &host.value.routes)
    }
}
