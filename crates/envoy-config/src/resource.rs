//! The set of resources that Envoy is served.

use crate::peer::{self, Peer};
use crate::{AUTHZ_CLUSTER, WEB_CLUSTER, cluster, http, listener, route, secret};
use bytes::Bytes;
use core::ops::Deref;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use portcullis_snapshot::{Snapshot, Version};
use prost::{Message, Name};
use std::collections::BTreeMap;

/// The types of resources, in the order in which additions must reach Envoy; a
/// removal goes the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Upstreams.
    Cluster,
    /// Certificates.
    Secret,
    /// Listeners.
    Listener,
    /// Route tables.
    RouteConfiguration,
}

impl ResourceType {
    /// Every type, in order.
    pub const ALL: [Self; 4] = [
        Self::Cluster,
        Self::Secret,
        Self::Listener,
        Self::RouteConfiguration,
    ];

    /// The type URL that xDS requests and responses name.
    #[must_use]
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::RouteConfiguration => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }
}

/// One encoded resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Version of the content that it was made from. Encoded bytes are no measure:
    /// maps make them differ from run to run.
    pub version: String,
    /// The encoded message, which is the `value` of its `Any`.
    pub bytes: Bytes,
}

// The bytes of a secret hold a private key.
impl core::fmt::Debug for Resource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Resource")
            .field("version", &self.version)
            .field("len", &self.bytes.len())
            .finish()
    }
}

/// All resources, by type and name. Every type is present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceSet(pub BTreeMap<ResourceType, BTreeMap<String, Resource>>);

impl Deref for ResourceSet {
    type Target = BTreeMap<ResourceType, BTreeMap<String, Resource>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Where our own services are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// The check service (gRPC).
    pub authz: Peer,
    /// The web handlers (HTTP/1.1 on a Unix socket, HTTP/2 over TCP).
    pub web: Peer,
}

/// Part of every version: a new release may encode the same content otherwise.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The resources of a snapshot. What `previous` has in the same version is taken
/// over and not encoded again.
#[must_use]
pub fn resources(snapshot: &Snapshot, sockets: &Sockets, previous: Option<&ResourceSet>) -> ResourceSet {
    let mut set = ResourceSet(ResourceType::ALL.map(|kind| (kind, BTreeMap::new())).into());
    let mut into = Encoder {
        set: &mut set,
        previous,
    };

    let Sockets { authz, web } = sockets;
    let own = Version::of(&(AUTHZ_CLUSTER, authz.identity()));
    into.add(ResourceType::Cluster, AUTHZ_CLUSTER, &own, || {
        peer::grpc(AUTHZ_CLUSTER, authz)
    });
    let own = Version::of(&(WEB_CLUSTER, web.identity()));
    into.add(ResourceType::Cluster, WEB_CLUSTER, &own, || {
        peer::web(WEB_CLUSTER, web)
    });

    let Snapshot {
        listeners,
        route_tables,
        clusters,
        secrets,
    } = snapshot;
    for (name, part) in clusters {
        into.add::<Cluster>(ResourceType::Cluster, name, &part.version, || {
            cluster::message(name, &part.value)
        });
    }
    for (name, part) in secrets {
        into.add::<Secret>(ResourceType::Secret, name, &part.version, || {
            secret::message(name, &part.value)
        });
    }
    for (name, part) in listeners {
        into.add::<Listener>(ResourceType::Listener, name, &part.version, || {
            listener::message(name, &part.value, http::dynamic_routes(&part.value.route_table))
        });
    }
    for (name, part) in route_tables {
        into.add_encoded(ResourceType::RouteConfiguration, name, &part.version, || {
            route::encoded(name, &part.value)
        });
    }
    set
}

struct Encoder<'a> {
    set: &'a mut ResourceSet,
    previous: Option<&'a ResourceSet>,
}

impl Encoder<'_> {
    fn add<M: Message + Name>(
        &mut self,
        kind: ResourceType,
        name: &str,
        version: &Version,
        message: impl FnOnce() -> M,
    ) {
        self.add_encoded(kind, name, version, || message().encode_to_vec());
    }

    fn add_encoded(
        &mut self,
        kind: ResourceType,
        name: &str,
        version: &Version,
        encode: impl FnOnce() -> Vec<u8>,
    ) {
        let version = format!("{RELEASE}-{version}");
        let known = self
            .previous
            .and_then(|set| set.get(&kind)?.get(name))
            .filter(|r| r.version == version);
        let resource = match known {
            Some(resource) => resource.clone(),
            None => Resource {
                version,
                bytes: encode().into(),
            },
        };
        self.set
            .0
            .entry(kind)
            .or_default()
            .insert(name.to_owned(), resource);
    }
}
