//! The three children.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portcullis_harness::process::Process;
use portcullis_harness::{ports, provider, repository};

use crate::certificates::Certificates;
use crate::{DemoError, HOSTS, io_error};

/// Where browsers come in; `config.yaml` says the same.
pub(crate) const GATEWAY_PORT: u16 = 8443;
/// The identity provider; `config.yaml` and `examples/idp/demo.json` say the same.
pub(crate) const PROVIDER_PORT: u16 = 9080;
/// The application; `config.yaml` says the same.
const UPSTREAM_PORT: u16 = 9081;
/// The gateway's health endpoints (its default).
const HEALTH_PORT: u16 = 28080;

/// The gateway is to drain; the whole end is to take less than ten seconds.
const GATEWAY_GRACE: Duration = Duration::from_secs(7);
const OTHER_GRACE: Duration = Duration::from_secs(1);

/// The running children, the gateway first.
pub(crate) struct Parts {
    children: Vec<Process>,
    log: PathBuf,
}

/// Finds out early what would otherwise be a puzzle in the log.
pub(crate) fn check_ports() -> Result<(), DemoError> {
    let wanted = [GATEWAY_PORT, PROVIDER_PORT, UPSTREAM_PORT, HEALTH_PORT];
    wanted
        .into_iter()
        .find(|port| !ports::is_free(*port))
        .map_or(Ok(()), |port| Err(DemoError::PortInUse(port)))
}

impl Parts {
    /// Starts all of them.
    pub(crate) fn start(directory: &Path, certificates: &Certificates) -> Result<Self, DemoError> {
        let log = directory.join("demo.log");
        File::create(&log).map_err(io_error(format!("`{}`", log.display())))?;
        let root = repository::root();
        let gateway = repository::binary("portcullis").map_err(DemoError::Missing)?;
        let envoy = repository::envoy().map_err(DemoError::Missing)?;
        provider::install(&log).map_err(DemoError::Missing)?;

        let mut parts = Self {
            children: Vec::new(),
            log,
        };
        let mut command = Command::new(gateway);
        command
            .args(["run", "-c", "examples/demo/config.yaml"])
            .current_dir(&root);
        command
            .env("CERTIFICATE_FILE", &certificates.certificate)
            .env("CERTIFICATE_KEY_FILE", &certificates.key);
        command.env("PORTCULLIS_ENVOY", envoy);
        parts.spawn("portcullis", command)?;

        let mut command = Command::new("node");
        command
            .arg(root.join("examples/idp/server.mjs"))
            .arg(root.join("examples/idp/demo.json"));
        parts.spawn("the identity provider", command)?;

        let mut command = Command::new("node");
        command.arg(root.join("examples/upstream/server.mjs"));
        command
            .args(["--port", &UPSTREAM_PORT.to_string(), "--ca"])
            .arg(&certificates.authority);
        command.arg("--jwks-url");
        command.arg(format!(
            "https://verify.localhost:{GATEWAY_PORT}/.well-known/pomerium/jwks.json"
        ));
        for host in HOSTS {
            command.args(["--audience", host]);
        }
        parts.spawn("the upstream", command)?;
        Ok(parts)
    }

    fn spawn(&mut self, name: &str, command: Command) -> Result<(), DemoError> {
        let child =
            Process::spawn(name, command, &self.log).map_err(io_error(format!("{name} does not start")))?;
        self.children.push(child);
        Ok(())
    }

    /// Where the children write.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// An error when one of them has ended.
    pub(crate) fn check(&mut self) -> Result<(), DemoError> {
        for child in &mut self.children {
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
        let mut grace = GATEWAY_GRACE;
        for child in &mut self.children {
            child.stop(grace);
            grace = OTHER_GRACE;
        }
    }
}
