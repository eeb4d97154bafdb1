//! `portcullis authz-server -c` beside a stock Envoy, or one of Istio's shape, whose whole
//! configuration is a file that the test writes: nothing of it is ours but the address in
//! its filter.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::commands::write_identities;
use super::instance::{Instance, START, instance};
use crate::certificates::Authority;
use crate::client::Client;
use crate::envoy::EnvoyProcess;
use crate::gateway::portcullis;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider};
use crate::site::{SHARED_SECRET, claims_headers};
use crate::upstream::Upstream;
use crate::{assertion, ports, repository};

mod access;
mod bootstrap;

pub use access::Access;

/// How Envoy reaches the authz-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TCP on loopback, in clear text.
    Loopback,
    /// A Unix socket.
    Socket,
    /// Mutual TLS.
    MutualTls,
    /// TLS, without showing a certificate to a server that asks for one.
    Anonymous,
}

/// Whose Envoy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Like {
    /// Stock: of the connection manager nothing is set but what must be. No
    /// normalisation, no hops, whatever Envoy's own defaults are.
    Bare,
    /// Istio's, as `examples/istio/envoy.yaml` has it: connection manager, filters and
    /// their order are taken from that file.
    Istio,
}

/// What is started, and how.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// YAML keys of `config.yaml`; `{port}` and `{dir}` as for [`crate::Site`].
    pub globals: &'a str,
    /// YAML, a list; `{port}` and `{upstream}` likewise.
    pub routes: &'a str,
    /// Fields of Envoy's ext_authz filter besides the way to the server: YAML at no
    /// indentation.
    pub filter: &'a str,
    /// Envoy's routes: a YAML list at no indentation.
    pub envoy_routes: &'a str,
    /// Filters in front of all others, and right behind ext_authz: YAML lists at no
    /// indentation.
    pub in_front: &'a str,
    /// See `in_front`.
    pub behind: &'a str,
    /// Whether Envoy's listener asks clients for certificates, and takes any; of a stock
    /// Envoy alone.
    pub asks_for_certificates: bool,
    /// How Envoy reaches the authz-server.
    pub way: Way,
    /// Whose Envoy it is.
    pub like: Like,
}

impl<'a> Beside<'a> {
    /// A filter with nothing but a timeout and a status for errors, and one route for
    /// everything.
    #[must_use]
    pub fn of(routes: &'a str) -> Self {
        Self {
            globals: "",
            routes,
            filter: "status_on_error: {code: ServiceUnavailable}\n",
            envoy_routes: "- {name: everything, match: {prefix: /}, route: {cluster: application}}\n",
            in_front: "",
            behind: "",
            asks_for_certificates: false,
            way: Way::Loopback,
            like: Like::Bare,
        }
    }

    /// The same beside an Envoy of Istio's, whose filter has all of that already.
    #[must_use]
    pub fn istio(routes: &'a str) -> Self {
        Self {
            filter: "",
            like: Like::Istio,
            ..Self::of(routes)
        }
    }
}

/// Both, with a provider and a recording upstream. Hosts are `NAME.example.test`.
pub struct DropIn {
    /// Envoy; first, so that it ends first.
    pub envoy: Instance,
    /// The authz-server.
    pub authz: Instance,
    /// The identity provider; it sends browsers back to each of the hosts `app`,
    /// `other` and `authenticate`.
    pub provider: IdentityProvider,
    /// The application behind every route.
    pub upstream: Upstream,
    authority: Authority,
    port: u16,
    directory: TempDir,
}

impl DropIn {
    /// Starts everything and waits until Envoy accepts connections.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start(beside: &Beside<'_>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let here = directory.path().to_path_buf();
        let authority = Authority::new("Portcullis tests").expect("a key can be made");
        let leaf = authority.issue(&["*.example.test"]).expect("a key can be made");
        leaf.write(&here).expect("a temporary directory is writable");
        write_identities(&authority, &here);
        let (port, health, grpc) = (ports::free(), ports::free(), ports::free());
        let origins: Vec<String> = ["app", "other", "authenticate"]
            .map(|host| format!("https://{host}.example.test:{port}"))
            .to_vec();
        let all =
            |path: &str| -> Vec<String> { origins.iter().map(|origin| format!("{origin}{path}")).collect() };
        let settings = json!({"clients": [{
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": all("/oauth2/callback"),
            "post_logout_redirect_uris": all("/.pomerium/signed_out"),
        }]});
        let provider = IdentityProvider::start_with(&here, &origins[0], &settings);
        let upstream = Upstream::start();
        let claims = claims_headers(beside.globals);
        let config = format!(
            "health_check_addr: 127.0.0.1:{health}
grpc_address: 127.0.0.1:{grpc}
idp_provider: oidc
idp_provider_url: {}
idp_client_id: {CLIENT_ID}
idp_client_secret: {CLIENT_SECRET}
shared_secret: {SHARED_SECRET}
cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=
pass_identity_headers: true
{claims}
{}
routes:
{}",
            provider.issuer(),
            beside.globals,
            beside.routes
        );
        let filled = |text: &str| {
            text.replace("{port}", &port.to_string())
                .replace("{upstream}", &upstream.url())
                .replace("{dir}", &here.display().to_string())
        };
        fs::write(here.join("config.yaml"), filled(&config)).expect("a temporary directory is writable");
        let bootstrap = bootstrap::of(&here, beside, port, grpc, upstream.port());
        fs::write(here.join("envoy.yaml"), filled(&bootstrap)).expect("a temporary directory is writable");
        let mut drop_in = Self {
            envoy: envoy(&here),
            authz: authz(&here, beside.way, health),
            provider,
            upstream,
            authority,
            port,
            directory,
        };
        drop_in.authz.start();
        drop_in.start_envoy();
        drop_in
    }

    #[track_caller]
    fn start_envoy(&mut self) {
        self.envoy.launch();
        let port = self.port;
        let open = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        let process = self.envoy.process.as_mut().expect("it runs");
        process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
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

    /// The port of Envoy's listener.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything in Envoy's access log so far: it writes what it has every few
    /// milliseconds.
    #[must_use]
    pub fn access_log(&self) -> Vec<Access> {
        access::read(self.directory.path())
    }

    /// Envoy, seen through its admin socket.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[must_use]
    #[track_caller]
    pub fn envoy_process(&self) -> EnvoyProcess {
        let pid = self.envoy.pid().expect("Envoy runs");
        EnvoyProcess::at(pid, self.directory.path().join(bootstrap::ADMIN))
    }

    /// The certificate of the authority that the server's is from, DER.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        self.authority.der()
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

fn authz(directory: &Path, way: Way, health: u16) -> Instance {
    instance("authz", directory, Some(health), move || {
        let mut command = portcullis();
        command.args(["authz-server", "-c", "config.yaml", "--log-level", "debug"]);
        match way {
            Way::Loopback => {}
            Way::Socket => {
                // An absolute path, and a short one.
                command.args(["--grpc-address", "unix:///proc/self/cwd/authz.sock"]);
            }
            Way::MutualTls | Way::Anonymous => {
                command.args([
                    "--tls-cert",
                    "authz-server/tls.crt",
                    "--tls-key",
                    "authz-server/tls.key",
                    "--client-ca",
                    "ca.pem",
                ]);
            }
        }
        command
    })
}

fn envoy(directory: &Path) -> Instance {
    instance("envoy", directory, None, || {
        let mut command = Command::new(repository::envoy().unwrap_or_else(|e| panic!("{e}")));
        command.args(["-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--reject-unknown-dynamic-fields", "--log-level", "warning"]);
        command.args(["--file-flush-interval-msec", "20"]);
        command
    })
}
