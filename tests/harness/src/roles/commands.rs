//! The command lines of the roles, as an operator would write them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Plan;
use super::instance::{Instance, instance};
use crate::certificates::{Authority, Leaf};
use crate::gateway::portcullis;
use crate::repository;
use crate::site::SHARED_SECRET;

/// One certificate for each role, in a directory of its own, and the authority's.
pub(super) fn write_identities(authority: &Authority, directory: &Path) {
    fs::write(directory.join("ca.pem"), authority.pem()).expect("a temporary directory is writable");
    for role in ["control-plane", "authz-server", "envoy"] {
        let own = directory.join(role);
        fs::create_dir(&own).expect("a temporary directory is writable");
        let leaf: Leaf = authority
            .issue_peer(&["127.0.0.1", &format!("{role}.example.test")])
            .expect("a key can be made");
        leaf.write(&own).expect("a temporary directory is writable");
    }
}

pub(super) fn control_plane(directory: &Path, health: u16, mutual_tls: bool) -> Instance {
    instance("control-plane", directory, Some(health), move || {
        let mut command = portcullis();
        command.args(["control-plane", "-c", "config.yaml"]);
        if mutual_tls {
            command.args([
                "--tls-cert",
                "control-plane/tls.crt",
                "--tls-key",
                "control-plane/tls.key",
            ]);
            command.args(["--client-ca", "ca.pem", "--authorize-ca", "ca.pem"]);
        }
        command
    })
}

pub(super) fn authz_server(
    directory: &Path,
    plan: &Plan<'_>,
    number: usize,
    (grpc, health): (u16, u16),
    upwards: u16,
) -> Instance {
    let name = format!("authz-{number}");
    let mutual_tls = plan.mutual_tls;
    let further: Vec<String> = plan.authz_arguments.iter().map(ToString::to_string).collect();
    instance(&name.clone(), directory, Some(health), move || {
        let mut command = portcullis();
        let scheme = if mutual_tls { "https" } else { "http" };
        command.arg("authz-server").args(&further);
        command.args(["--control-plane", &format!("{scheme}://127.0.0.1:{upwards}")]);
        command.args(["--grpc-address", &format!("127.0.0.1:{grpc}")]);
        command.args(["--health-check-addr", &format!("127.0.0.1:{health}")]);
        command.args(["--instance", &name, "--log-level", "debug"]);
        if mutual_tls {
            command.args([
                "--tls-cert",
                "authz-server/tls.crt",
                "--tls-key",
                "authz-server/tls.key",
            ]);
            command.args(["--ca", "ca.pem"]);
        } else {
            command.env("SHARED_SECRET", SHARED_SECRET);
        }
        command
    })
}

/// Envoy, with the bootstrap that the product prints.
pub(super) fn envoy(name: &str, directory: &Path, plan: &Plan<'_>, grpc: u16) -> Instance {
    let (here, xds, mutual_tls) = (directory.to_path_buf(), plan.xds.to_owned(), plan.mutual_tls);
    let bootstrap = format!("{name}.json");
    let admin = directory.join(format!("{name}-admin.sock"));
    instance(name, directory, None, move || {
        let mut print = portcullis();
        print.args(["envoy-config", "-c", "config.yaml", "--dynamic", "--xds", &xds]);
        print.arg("--admin-socket").arg(&admin).current_dir(&here);
        if mutual_tls {
            print.args([
                "--control-plane",
                &format!("https://127.0.0.1:{grpc}"),
                "--ca",
                "ca.pem",
            ]);
            print.args(["--tls-cert", "envoy/tls.crt", "--tls-key", "envoy/tls.key"]);
        }
        let printed = print.output().expect("portcullis starts");
        assert!(
            printed.status.success(),
            "{}",
            String::from_utf8_lossy(&printed.stderr)
        );
        fs::write(here.join(&bootstrap), printed.stdout).expect("a temporary directory is writable");
        let mut command = Command::new(repository::envoy().unwrap_or_else(|e| panic!("{e}")));
        command.args([
            "-c",
            &bootstrap,
            "--disable-hot-restart",
            "--reject-unknown-dynamic-fields",
        ]);
        // One worker: two authz-servers then take their turns.
        command.args(["--concurrency", "1", "--log-level", "warning"]);
        command
    })
}
