//! The files of `examples/istio` as this machine can run them.
//!
//! None of them is a copy: each is read and written anew at every start, with nothing
//! changed but the names of the hosts, which browsers know only as `*.localhost`. What a
//! cluster has otherwise (addresses, provider, secrets) is given beside the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_harness::repository;

use crate::parts::{CHECK_PORT, GATEWAY_PORT, HEALTH_PORT, KEYS_PORT, PROVIDER_PORT};
use crate::{DemoError, io_error};

/// What becomes of each host.
const HOSTS: [(&str, &str); 2] = [
    ("wiki.example.com", crate::shape::WIKI),
    ("admin.example.com", crate::shape::ADMIN),
];
/// What the Secret of the examples holds, here public: for this machine alone.
const SECRETS: [(&str, &str); 3] = [
    ("shared-secret", "ZGVtby1vbmx5LXNoYXJlZC1zZWNyZXQtMzItYnl0ZXM="),
    ("cookie-secret", "ZGVtby1vbmx5LWNvb2tpZS1zZWNyZXQtMzItYnl0ZXM="),
    ("idp-client-secret", "for-the-demo-only"),
];

/// The files, written.
pub(crate) struct Mesh {
    directory: PathBuf,
}

impl Mesh {
    /// Writes them below `directory`, where the certificates are.
    pub(crate) fn write(directory: &Path) -> Result<Self, DemoError> {
        let mesh = Self {
            directory: directory.join("istio"),
        };
        let (from, to) = (repository::root().join("examples/istio"), &mesh.directory);
        fs::create_dir_all(to).map_err(io_error(format!("`{}`", to.display())))?;
        let write = |name: &str, text: &str| {
            let path = to.join(name);
            fs::write(&path, text).map_err(io_error(format!("`{}`", path.display())))
        };
        for (path, name, is_ours) in [
            ("portcullis/config.yaml", "config.yaml", true),
            ("envoy.yaml", "envoy.yaml", false),
            ("second-envoy.yaml", "second-envoy.yaml", false),
        ] {
            let path = from.join(path);
            let text = fs::read_to_string(&path).map_err(io_error(format!("`{}`", path.display())))?;
            write(name, &here(text, is_ours))?;
        }
        for (name, secret) in SECRETS {
            write(name, secret)?;
        }
        Ok(mesh)
    }

    /// The arguments for an Envoy that has certificates in its directory.
    pub(crate) fn envoy(&self, name: &str, command: &mut Command) {
        command.arg("-c").arg(self.directory.join(name));
    }

    /// The arguments for `portcullis`: those of the Deployment, on this machine alone.
    pub(crate) fn portcullis(&self, command: &mut Command) {
        command
            .args(["authz-server", "-c"])
            .arg(self.directory.join("config.yaml"))
            .args(["--grpc-address", &format!("127.0.0.1:{CHECK_PORT}")])
            .args(["--jwks-address", &format!("127.0.0.1:{KEYS_PORT}")])
            .args(["--health-check-addr", &format!("127.0.0.1:{HEALTH_PORT}")])
            .env("IDP_PROVIDER_URL", format!("http://127.0.0.1:{PROVIDER_PORT}"))
            .env("IDP_CLIENT_ID", "portcullis-demo");
        for (name, _) in SECRETS {
            let option = format!("{name}-file").to_ascii_uppercase().replace('-', "_");
            command.env(option, self.directory.join(name));
        }
    }
}

/// Hosts of this machine in place of the example's. A configuration of ours names the port
/// in `from`, an Envoy nowhere.
fn here(text: String, is_ours: bool) -> String {
    HOSTS
        .into_iter()
        .fold(text, |text, (named, local)| match is_ours {
            true => text.replace(
                &format!("https://{named}"),
                &format!("https://{local}:{GATEWAY_PORT}"),
            ),
            false => text.replace(named, local),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_hosts_is_changed() {
        let config =
            "# `https://HOST/` of each\n- from: https://wiki.example.com\n  policy: {domain: example.com}\n";
        assert_eq!(
            here(config.to_owned(), true),
            "# `https://HOST/` of each\n- from: https://wiki.localhost:8443\n  policy: {domain: example.com}\n"
        );
        let envoy = "- name: admin.example.com:443\n  domains: [admin.example.com]\n";
        assert_eq!(
            here(envoy.to_owned(), false),
            "- name: admin.localhost:443\n  domains: [admin.localhost]\n"
        );
    }
}
