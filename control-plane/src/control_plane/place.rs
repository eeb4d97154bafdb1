//! Whom a control plane serves, and how its Envoys reach the authz-servers.

use std::sync::Arc;

use portcullis_config::Config;
use portcullis_envoy_config::{Peer, PeerTls, ResourceSet, Sockets, XdsProtocol};
use portcullis_snapshot::Snapshot;

use crate::{
    grpc::Grpc,
    supervise::{EnvoyOptions, RunDirectory},
};

/// Where authz-servers are when the configuration does not say.
const DEFAULT_AUTHZ: (&str, u16) = ("127.0.0.1", 5444);

/// Whom a control plane serves.
pub enum Place {
    /// An Envoy beside it, over the sockets of a private directory.
    Beside {
        /// Where the sockets are.
        run_directory: Arc<RunDirectory>,
        /// The Envoy to supervise; `None` leaves that to somebody else.
        envoy: Option<EnvoyOptions>,
        /// What the supervised Envoy speaks.
        xds: XdsProtocol,
    },
    /// Envoys and authz-servers that are processes of their own.
    Apart(Apart),
    /// An authz-server of this process alone: the Envoys that ask it have their routes
    /// from somebody else.
    Alone,
}

/// A control plane of its own.
pub struct Apart {
    /// Where Envoys and authz-servers come to.
    pub grpc: Grpc,
    /// The authorities by which Envoys verify authz-servers, PEM; `None` for
    /// their system's.
    pub authorize_ca: Option<String>,
}

/// What the encoding of resources needs of a [`Place`].
#[derive(Clone)]
pub(super) enum Reach {
    Beside(Arc<RunDirectory>),
    Apart { ca: Option<String> },
    Alone,
}

impl Reach {
    pub(super) fn of(place: &Place) -> Self {
        match place {
            Place::Beside { run_directory, .. } => Self::Beside(Arc::clone(run_directory)),
            Place::Apart(Apart { authorize_ca, .. }) => Self::Apart {
                ca: authorize_ca.clone(),
            },
            Place::Alone => Self::Alone,
        }
    }

    /// The resources of a snapshot; what `previous` has is taken over.
    pub(super) fn encode(
        &self,
        config: Option<&Config>,
        snapshot: &Snapshot,
        previous: Option<&ResourceSet>,
    ) -> ResourceSet {
        let sockets = match self {
            Self::Beside(run) => Sockets {
                authz: run.authz().into(),
                web: run.web().into(),
            },
            Self::Apart { ca } => authz_servers(config, ca.as_ref()),
            // There is nobody to give them to.
            Self::Alone => return ResourceSet::default(),
        };
        portcullis_envoy_config::resources(snapshot, &sockets, previous)
    }
}

/// Checks and pages have one address.
fn authz_servers(config: Option<&Config>, ca: Option<&String>) -> Sockets {
    let urls = config.map_or(&[][..], |config| &config.global.authorize_service_urls);
    // All over TLS if one is: a server in clear text among them is then not reached.
    let tls = urls
        .iter()
        .any(|url| url.tls)
        .then(|| PeerTls { ca: ca.cloned() });
    let mut endpoints: Vec<(String, u16)> = urls.iter().map(|url| (url.host.clone(), url.port)).collect();
    if endpoints.is_empty() {
        let (host, port) = DEFAULT_AUTHZ;
        endpoints.push((host.to_owned(), port));
    }
    let peer = Peer::Tcp { tls, endpoints };
    Sockets {
        authz: peer.clone(),
        web: peer,
    }
}
