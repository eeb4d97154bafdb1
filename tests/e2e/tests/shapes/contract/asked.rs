//! The three shapes with a server that is a process of its own, which something else can
//! take the place of: behind our own Envoy those are the roles apart.

use portcullis_harness::roles::{Beside, DropIn, Instance, Plan, Roles, Way};
use portcullis_harness::shapes::Shape;
use portcullis_harness::{Client, EnvoyProcess, Upstream};

/// Somebody may everywhere, everybody under `/pub`.
pub(super) const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true}
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

/// One shape.
pub(super) enum Asked {
    /// The roles apart, Envoy as our control plane says.
    Apart(Box<Roles>),
    /// Beside another's Envoy.
    Beside(Box<DropIn>),
}

impl Asked {
    /// Envoy asks in clear text, or over mutual TLS.
    #[track_caller]
    pub(super) fn start(shape: Shape, mutual_tls: bool) -> Self {
        let beside = match shape {
            Shape::Ours => {
                return Self::Apart(Box::new(Roles::start(&Plan {
                    mutual_tls,
                    ..Plan::of(ROUTES)
                })));
            }
            Shape::Istio => Beside::istio(ROUTES),
            Shape::Bare => Beside::of(ROUTES),
        };
        let way = if mutual_tls { Way::MutualTls } else { Way::Loopback };
        Self::Beside(Box::new(DropIn::start(&Beside {
            way,
            globals: "databroker_storage_type: file\ndatabroker_storage_connection_string: file://{dir}/state.redb",
            ..beside
        })))
    }

    pub(super) fn url(&self, path: &str) -> String {
        match self {
            Self::Apart(roles) => roles.url("app", path),
            Self::Beside(drop_in) => drop_in.url("app", path),
        }
    }

    pub(super) fn client(&self) -> Client {
        match self {
            Self::Apart(roles) => roles.client(),
            Self::Beside(drop_in) => drop_in.client(),
        }
    }

    pub(super) fn upstream(&self) -> &Upstream {
        match self {
            Self::Apart(roles) => &roles.upstream,
            Self::Beside(drop_in) => &drop_in.upstream,
        }
    }

    pub(super) fn server(&mut self) -> &mut Instance {
        match self {
            Self::Apart(roles) => &mut roles.authz[0],
            Self::Beside(drop_in) => &mut drop_in.authz,
        }
    }

    pub(super) fn envoy(&self) -> EnvoyProcess {
        match self {
            Self::Apart(roles) => roles.envoy_process(),
            Self::Beside(drop_in) => drop_in.envoy_process(),
        }
    }

    /// Where Envoy asks.
    #[track_caller]
    pub(super) fn port(&self) -> u16 {
        let (directory, key) = match self {
            Self::Apart(roles) => (roles.directory(), "authorize_service_urls: ["),
            Self::Beside(drop_in) => (drop_in.directory(), "grpc_address: "),
        };
        let config = std::fs::read_to_string(directory.join("config.yaml")).unwrap();
        let line = config.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let port = line.trim_end_matches(']').rsplit(':').next().unwrap();
        port.parse().unwrap()
    }

    /// Checks that Envoy waits for an answer to.
    pub(super) fn waiting(&self) -> u64 {
        let stats = self
            .envoy()
            .admin("/stats?filter=^cluster.portcullis(-authz)?.upstream_rq_active$");
        let counts = stats
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum()
    }
}
