//! The roles apart: a control plane, authz-servers and an Envoy, each a process of
//! its own that can be killed and started again.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::certificates::Authority;
use crate::client::Client;
use crate::envoy::EnvoyProcess;
use crate::provider::IdentityProvider;
use crate::site::{Places, configuration};
use crate::upstream::Upstream;
use crate::wait::until;
use crate::{assertion, ports};

mod commands;
mod drop_in;
mod example;
pub mod grpc;
mod instance;
mod relay;

use commands::{authz_server, control_plane, envoy, write_identities};
pub use drop_in::{Access, Beside, DropIn, Like, Way};
pub use example::{Example, Files};
pub use instance::Instance;
use instance::START;
pub use relay::Relay;

/// What is started, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// YAML keys beside those that every site has.
    pub globals: &'a str,
    /// YAML, a list; `{port}` and `{upstream}` as for [`crate::Site`].
    pub routes: &'a str,
    /// How many authz-servers.
    pub authz_servers: usize,
    /// What Envoy speaks: `delta` or `sotw`.
    pub xds: &'a str,
    /// Further arguments of every authz-server.
    pub authz_arguments: &'a [&'a str],
    /// Whether every connection between the roles is mutual TLS, and no
    /// authz-server knows the shared secret.
    pub mutual_tls: bool,
    /// Whether each authz-server reaches the control plane over a relay of its
    /// own ([`Roles::relays`]), which a test can cut.
    pub relayed: bool,
    /// How many Envoys; all accept connections on the one port.
    pub envoys: usize,
    /// The issuer of a provider that stands in for [`Roles::provider`].
    pub issuer: Option<&'a str>,
    /// Further settings of [`Roles::provider`]: a JSON object.
    pub provider: &'a str,
}

impl<'a> Plan<'a> {
    /// One authz-server, the delta protocol, no TLS between the roles, and state
    /// in a file.
    #[must_use]
    pub fn of(routes: &'a str) -> Self {
        Self {
            globals: "databroker_storage_type: file\ndatabroker_storage_connection_string: file://{dir}/state.redb",
            routes,
            authz_servers: 1,
            xds: "delta",
            authz_arguments: &[],
            mutual_tls: false,
            relayed: false,
            envoys: 1,
            issuer: None,
            provider: "{}",
        }
    }
}

/// All of them, with a provider and a recording upstream. Hosts are
/// `NAME.example.test`.
pub struct Roles {
    /// Envoy; first, so that it ends first.
    pub envoy: Instance,
    /// The other Envoys, where the plan says so.
    pub more_envoys: Vec<Instance>,
    /// The authz-servers.
    pub authz: Vec<Instance>,
    /// The control plane.
    pub control_plane: Instance,
    /// Between each authz-server and the control plane, where the plan says so.
    pub relays: Vec<Relay>,
    /// The identity provider.
    pub provider: IdentityProvider,
    /// The application behind every route.
    pub upstream: Upstream,
    authority: Authority,
    port: u16,
    grpc: u16,
    directory: TempDir,
}

impl Roles {
    /// Starts everything and waits until Envoy accepts connections.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start(plan: &Plan<'_>) -> Self {
        let mut roles = Self::prepare(plan);
        roles.control_plane.start();
        for authz in &mut roles.authz {
            authz.start();
        }
        roles.start_envoy();
        roles
    }

    /// Writes all files and starts the provider and the upstream alone.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn prepare(plan: &Plan<'_>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let here = directory.path().to_path_buf();
        let authority = Authority::new("Portcullis tests").expect("a key can be made");
        let leaf = authority.issue(&["*.example.test"]).expect("a key can be made");
        leaf.write(&here).expect("a temporary directory is writable");
        if plan.mutual_tls {
            write_identities(&authority, &here);
        }
        let (port, health, grpc) = (ports::free(), ports::free(), ports::free());
        let servers: Vec<(u16, u16)> = (0..plan.authz_servers)
            .map(|_| (ports::free(), ports::free()))
            .collect();
        let authenticate = format!("https://authenticate.example.test:{port}");
        let settings = serde_json::from_str(plan.provider).expect("settings are JSON");
        let provider = IdentityProvider::start_with(&here, &authenticate, &settings);
        let upstream = Upstream::start();
        let scheme = if plan.mutual_tls { "https" } else { "http" };
        let urls: Vec<String> = servers
            .iter()
            .map(|(grpc, _)| format!("{scheme}://127.0.0.1:{grpc}"))
            .collect();
        let globals = format!(
            "grpc_address: 127.0.0.1:{grpc}\nauthorize_service_urls: [{}]\n{}",
            urls.join(", "),
            plan.globals
        );
        let places = Places {
            port,
            health,
            authenticate: &authenticate,
            issuer: plan.issuer.unwrap_or_else(|| provider.issuer()),
            upstream: &upstream.url(),
            directory: &here,
        };
        fs::write(
            here.join("config.yaml"),
            configuration(&places, &globals, plan.routes),
        )
        .expect("a temporary directory is writable");
        let relays: Vec<Relay> = servers
            .iter()
            .filter(|_| plan.relayed)
            .map(|_| Relay::start(grpc))
            .collect();
        let upwards = |n: usize| relays.get(n).map_or(grpc, Relay::port);
        let authz = servers.iter().enumerate();
        let authz = authz.map(|(n, server)| authz_server(&here, plan, n, *server, upwards(n)));
        Self {
            envoy: envoy("envoy", &here, plan, grpc),
            more_envoys: (1..plan.envoys)
                .map(|n| envoy(&format!("envoy-{n}"), &here, plan, grpc))
                .collect(),
            authz: authz.collect(),
            control_plane: control_plane(&here, health, plan.mutual_tls),
            relays,
            provider,
            upstream,
            authority,
            port,
            grpc,
            directory,
        }
    }

    /// Starts Envoy and waits until it accepts connections.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn start_envoy(&mut self) {
        self.envoy.launch();
        let port = self.port;
        let open = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        let process = self.envoy.process.as_mut().expect("it runs");
        process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
        for n in 0..self.more_envoys.len() {
            self.more_envoys[n].launch();
            until("another Envoy listens", || {
                let admin = self.admin_socket(n + 1);
                admin.exists()
                    && self.envoy_processes()[n + 1]
                        .admin("/listeners")
                        .contains(&port.to_string())
            });
        }
    }

    /// Envoy, seen through its admin socket.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[must_use]
    #[track_caller]
    pub fn envoy_process(&self) -> EnvoyProcess {
        self.envoy_processes().swap_remove(0)
    }

    /// All that run.
    ///
    /// # Panics
    ///
    /// When the first does not run.
    #[must_use]
    #[track_caller]
    pub fn envoy_processes(&self) -> Vec<EnvoyProcess> {
        let first = self.envoy.process.as_ref().expect("Envoy runs");
        let others = self.more_envoys.iter().map_while(|envoy| envoy.process.as_ref());
        std::iter::once(first)
            .chain(others)
            .enumerate()
            .map(|(n, process)| EnvoyProcess::at(process.id(), self.admin_socket(n)))
            .collect()
    }

    fn admin_socket(&self, number: usize) -> PathBuf {
        let name = if number == 0 {
            "envoy-admin.sock".to_owned()
        } else {
            format!("envoy-{number}-admin.sock")
        };
        self.directory.path().join(name)
    }

    /// Edits the configuration, in one step.
    ///
    /// # Panics
    ///
    /// When `from` is not in it.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.directory.path().join("config.yaml");
        let config = fs::read_to_string(&path).expect("the configuration is there");
        assert!(config.contains(from), "`{from}` is not in the configuration");
        let next = self.directory.path().join("config.yaml.next");
        fs::write(&next, config.replace(from, to)).expect("a temporary directory is writable");
        fs::rename(&next, &path).expect("a temporary directory is writable");
    }

    /// The URL of a path on one of the hosts.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}.example.test:{}{path}", self.port)
    }

    /// The port of the control plane's gRPC.
    #[must_use]
    pub fn grpc(&self) -> u16 {
        self.grpc
    }

    /// The directory with the configuration and all logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A client without cookies, like a fresh browser profile.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.authority.der())
    }

    /// Verifies the assertion of a recorded request to `host`; returns its claims.
    ///
    /// # Panics
    ///
    /// When there is none or it is not genuine.
    #[must_use]
    #[track_caller]
    pub fn assertion(&self, host: &str, mark: &str) -> serde_json::Value {
        let recorded = self.upstream.one(mark);
        let token = recorded
            .header("x-pomerium-jwt-assertion")
            .expect("an assertion reached the upstream");
        assertion::verify(&mut self.client(), &self.url(host, ""), token)
    }
}
