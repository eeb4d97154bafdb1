//! The children: what decides and carries, the identity provider, the upstream.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portcullis_harness::process::Process;
use portcullis_harness::{ports, provider, repository};

use crate::certificates::Certificates;
use crate::mesh::Mesh;
use crate::shape::Shape;
use crate::{DemoError, io_error};

/// Where browsers come in; `config.yaml` says the same.
pub(crate) const GATEWAY_PORT: u16 = 8443;
/// The identity provider; `config.yaml` and `examples/idp/demo.json` say the same.
pub(crate) const PROVIDER_PORT: u16 = 9080;
/// The application; `config.yaml` says the same.
const UPSTREAM_PORT: u16 = 9081;
/// The health endpoints of what decides (their default).
pub(crate) const HEALTH_PORT: u16 = 28080;
/// Where a stock Envoy asks; its file and `config.yaml` beside it say the same.
pub(crate) const CHECK_PORT: u16 = 5444;
/// Where the second Envoy of the mesh finds the public keys; its file says the same.
pub(crate) const KEYS_PORT: u16 = 5445;
/// Where the first finds the second; the files of both say the same.
pub(crate) const SIDECAR_PORT: u16 = 15006;

/// The gateway is to drain; the whole end is to take less than ten seconds.
const GATEWAY_GRACE: Duration = Duration::from_secs(7);
const OTHER_GRACE: Duration = Duration::from_secs(1);

/// The running children, what browsers reach first.
pub(crate) struct Parts {
    /// Each with the time that it has to end.
    children: Vec<(Process, Duration)>,
    log: PathBuf,
}

/// Finds out early what would otherwise be a puzzle in the log.
pub(crate) fn check_ports(shape: Shape) -> Result<(), DemoError> {
    let wanted = [GATEWAY_PORT, PROVIDER_PORT, UPSTREAM_PORT, HEALTH_PORT];
    let beside: &[u16] = match shape {
        Shape::Gateway => &[],
        Shape::PlainEnvoy => &[CHECK_PORT],
        Shape::Istio => &[CHECK_PORT, KEYS_PORT, SIDECAR_PORT],
    };
    wanted
        .iter()
        .chain(beside)
        .find(|port| !ports::is_free(**port))
        .map_or(Ok(()), |port| Err(DemoError::PortInUse(*port)))
}

impl Parts {
    /// Starts all of them.
    pub(crate) fn start(
        shape: Shape,
        directory: &Path,
        certificates: &Certificates,
    ) -> Result<Self, DemoError> {
        let log = directory.join(format!("{}.log", shape.name()));
        File::create(&log).map_err(io_error(format!("`{}`", log.display())))?;
        let root = repository::root();
        let portcullis = repository::binary("portcullis").map_err(DemoError::Missing)?;
        let envoy = repository::envoy().map_err(DemoError::Missing)?;
        provider::install(&log).map_err(DemoError::Missing)?;

        let mut parts = Self {
            children: Vec::new(),
            log,
        };
        let mut decides = Command::new(portcullis);
        decides.current_dir(&root);
        match shape {
            Shape::Gateway => {
                decides.args(["run", "-c", "examples/demo/config.yaml"]);
                decides
                    .env("CERTIFICATE_FILE", &certificates.certificate)
                    .env("CERTIFICATE_KEY_FILE", &certificates.key)
                    .env("PORTCULLIS_ENVOY", envoy);
            }
            Shape::PlainEnvoy => {
                // The file names the certificate as it is seen from here.
                let mut command = stock(&envoy, &root);
                command.args(["-c", "examples/plain-envoy/envoy.yaml"]);
                parts.spawn("Envoy", command, OTHER_GRACE)?;
                decides.args(["authz-server", "-c", "examples/plain-envoy/config.yaml"]);
            }
            Shape::Istio => {
                let mesh = Mesh::write(directory)?;
                for (name, file) in [("Envoy", "envoy.yaml"), ("the second Envoy", "second-envoy.yaml")] {
                    let mut command = stock(&envoy, directory);
                    mesh.envoy(file, &mut command);
                    parts.spawn(name, command, OTHER_GRACE)?;
                }
                mesh.portcullis(&mut decides);
            }
        }
        parts.spawn("portcullis", decides, GATEWAY_GRACE)?;

        let mut command = Command::new("node");
        command
            .arg(root.join("examples/idp/server.mjs"))
            .arg(root.join("examples/idp/demo.json"));
        parts.spawn("the identity provider", command, OTHER_GRACE)?;

        let mut command = Command::new("node");
        command.arg(root.join("examples/upstream/server.mjs"));
        command
            .args(["--port", &UPSTREAM_PORT.to_string(), "--ca"])
            .arg(&certificates.authority);
        for host in shape.hosts() {
            command.args(["--audience", host]);
        }
        if let Some(host) = shape.hosts().first() {
            command.arg("--jwks-url");
            command.arg(format!(
                "https://{host}:{GATEWAY_PORT}/.well-known/pomerium/jwks.json"
            ));
        }
        parts.spawn("the upstream", command, OTHER_GRACE)?;
        Ok(parts)
    }

    fn spawn(&mut self, name: &str, command: Command, grace: Duration) -> Result<(), DemoError> {
        let child =
            Process::spawn(name, command, &self.log).map_err(io_error(format!("{name} does not start")))?;
        self.children.push((child, grace));
        Ok(())
    }

    /// Where the children write.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// An error when one of them has ended.
    pub(crate) fn check(&mut self) -> Result<(), DemoError> {
        for (child, _) in &mut self.children {
            if let Some(status) = child.exited() {
                let (name, log) = (child.name().to_owned(), self.log.display().to_string());
                return Err(DemoError::Ended {
                    name,
                    status: status.to_string(),
                    log,
                });
            }
        }
        Ok(())
    }

    /// Ends all of them in order.
    pub(crate) fn stop(mut self) {
        for (child, grace) in &mut self.children {
            child.stop(*grace);
        }
    }
}

/// An Envoy that is not ours, in this directory.
fn stock(envoy: &Path, directory: &Path) -> Command {
    let mut command = Command::new(envoy);
    command
        .args(["--disable-hot-restart", "--log-level", "warning"])
        .current_dir(directory);
    command
}
