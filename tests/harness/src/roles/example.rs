//! An example of Portcullis beside Envoys that it does not configure: the example's own
//! files, on ports and with a certificate of the test's.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::instance::{Instance, START, instance};
use crate::certificates::{Authority, Leaf};
use crate::client::Client;
use crate::gateway::portcullis;
use crate::provider::{CLIENT_SECRET, IdentityProvider};
use crate::site::SHARED_SECRET;
use crate::upstream::Upstream;
use crate::{ports, repository};

/// The ports that the files of examples name; each becomes one of the test's.
const PUBLIC: &str = "8443";
const CHECKS: &str = "5444";
const KEYS: &str = "5445";
const UPSTREAM: &str = "9081";
const SIDECAR: &str = "15006";

/// Which files, and what is said in them. Paths are from the repository's root.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// What `portcullis authz-server -c` reads.
    pub config: &'a str,
    /// Its further arguments; ports in them become the test's too.
    pub arguments: &'a [&'a str],
    /// Of Envoys; browsers come to the first.
    pub envoys: &'a [&'a str],
    /// The hosts that browsers open.
    pub hosts: &'a [&'a str],
    /// The client at the identity provider, and its secret where the file has it.
    pub client: (&'a str, Option<&'a str>),
    /// The identity provider.
    pub issuer: &'a str,
    /// YAML keys to add to the configuration.
    pub globals: &'a str,
}

/// All of it running, with a provider and a recording upstream.
pub struct Example {
    /// The Envoys; first, so that they end first.
    pub envoys: Vec<Instance>,
    /// The authz-server.
    pub authz: Instance,
    /// The identity provider.
    pub provider: IdentityProvider,
    /// The application behind every route.
    pub upstream: Upstream,
    /// The server certificate.
    pub leaf: Leaf,
    authority: Authority,
    port: u16,
    sidecar: u16,
    directory: TempDir,
}

impl Example {
    /// Starts everything and waits until the Envoys accept connections.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    #[must_use]
    #[track_caller]
    pub fn start(files: &Files<'_>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let here = directory.path().to_path_buf();
        let authority = Authority::new("Portcullis tests").expect("a key can be made");
        let leaf = authority.issue(files.hosts).expect("a key can be made");
        leaf.write(&here).expect("a temporary directory is writable");
        write(&here, "ca.pem", authority.pem());
        let [port, sidecar, checks, keys, health] = core::array::from_fn(|_| ports::free());
        let all = |path: &str| -> Vec<String> {
            let hosts = files.hosts.iter();
            hosts.map(|host| format!("https://{host}:{port}{path}")).collect()
        };
        let (client, secret) = files.client;
        let settings = json!({"clients": [{
            "client_id": client,
            "client_secret": secret.unwrap_or(CLIENT_SECRET),
            "redirect_uris": all("/oauth2/callback"),
            "post_logout_redirect_uris": all("/.pomerium/signed_out"),
        }]});
        let provider = IdentityProvider::start_with(&here, "https://unused.invalid", &settings);
        let upstream = Upstream::start();

        // What a Secret would hold.
        for (name, secret) in [
            ("shared-secret", SHARED_SECRET),
            ("cookie-secret", SHARED_SECRET),
            ("idp-client-secret", CLIENT_SECRET),
        ] {
            write(&here, name, secret);
        }
        let ports = [
            (CHECKS, checks),
            (KEYS, keys),
            (UPSTREAM, upstream.port()),
            (SIDECAR, sidecar),
            (PUBLIC, port),
        ];
        let with_ports = |text: String| {
            // All are marked before any is set: one may be a part of another.
            let marked = ports.iter().fold(text, |text, (named, _)| {
                text.replace(named, &format!("{{port {named}}}"))
            });
            ports.iter().fold(marked, |text, (named, port)| {
                text.replace(&format!("{{port {named}}}"), &port.to_string())
            })
        };
        let of_test = |path: &str| {
            let text = fs::read_to_string(repository::root().join(path))
                .unwrap_or_else(|e| panic!("`{path}` cannot be read: {e}"));
            let text = text
                .replace(".cache/demo/", "")
                .replace("/etc/portcullis/secrets/", &format!("{}/", here.display()));
            with_ports(text)
        };
        let mut config = of_test(files.config).replace(files.issuer, provider.issuer());
        for host in files.hosts {
            // In production the port is the usual one, and not written.
            config = config.replace(&format!("https://{host}\n"), &format!("https://{host}:{port}\n"));
        }
        write(&here, "config.yaml", &format!("{config}\n{}\n", files.globals));
        let envoys = files.envoys.iter().enumerate().map(|(number, path)| {
            let name = format!("envoy-{number}");
            write(&here, &format!("{name}.yaml"), &of_test(path));
            envoy(&name, &here)
        });
        let envoys = envoys.collect();
        let arguments = files.arguments.iter();
        let arguments: Vec<String> = arguments.map(|text| with_ports((*text).to_owned())).collect();
        let authz = instance("authz", &here, Some(health), move || {
            let mut command = portcullis();
            command
                .args(["authz-server", "-c", "config.yaml"])
                .args(["--health-check-addr", &format!("127.0.0.1:{health}")])
                .args(&arguments);
            command
        });
        let mut example = Self {
            envoys,
            authz,
            provider,
            upstream,
            leaf,
            authority,
            port,
            sidecar,
            directory,
        };
        example.authz.start();
        for (envoy, port) in example.envoys.iter_mut().zip([port, sidecar]) {
            envoy.launch();
            let open = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
            let process = envoy.process.as_mut().expect("it runs");
            process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
        }
        example
    }

    /// Rewrites the file of the first Envoy and starts that Envoy again.
    ///
    /// # Panics
    ///
    /// When `from` is not in it, or it does not start with what is there then.
    #[track_caller]
    pub fn edit_envoy(&mut self, from: &str, to: &str) {
        let text = fs::read_to_string(self.directory.path().join("envoy-0.yaml")).expect("it was written");
        assert!(text.contains(from), "`{from}` is not in Envoy's file");
        write(self.directory.path(), "envoy-0.yaml", &text.replace(from, to));
        let (envoy, port) = (&mut self.envoys[0], self.port);
        envoy.stop();
        envoy.launch();
        let open = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        let process = envoy.process.as_mut().expect("it runs");
        process.wait_for(START, open).unwrap_or_else(|e| panic!("{e}"));
    }

    /// The URL of a path on one of the hosts.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    /// The second Envoy's own door, past the first.
    #[must_use]
    pub fn sidecar(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.sidecar)
    }

    /// The certificate of the authority that the server's is from, DER.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        self.authority.der()
    }

    /// A client without cookies, like a fresh browser profile.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.authority.der())
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).expect("a temporary directory is writable");
}

fn envoy(name: &str, directory: &Path) -> Instance {
    let file = format!("{name}.yaml");
    instance(name, directory, None, move || {
        let mut command = Command::new(repository::envoy().unwrap_or_else(|e| panic!("{e}")));
        command.args(["-c", &file, "--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--reject-unknown-dynamic-fields", "--log-level", "warning"]);
        command
    })
}
