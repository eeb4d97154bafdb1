//! `portcullis envoy-config`: what Envoy would be given, to be looked at.

mod yaml;

use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_config::Severity;
use portcullis_control_plane::FileSource;
use portcullis_envoy_config::Sockets;

use crate::args::{ConfigFormat, EnvoyConfig};
use crate::check::{fail, write};
use crate::environment;

/// Where the sockets of a running instance would be; `run` makes a private directory for them.
const RUN_DIRECTORY: &str = "/run/portcullis";

/// Prints the static bootstrap, or the errors that stand in its way.
pub(crate) fn print(arguments: &EnvoyConfig) -> ExitCode {
    let source = match FileSource::new(&arguments.config.config) {
        Ok(source) => source.with_environment(environment::variables()),
        Err(error) => return fail(&error.to_string()),
    };
    let loaded = source.load();
    let Some(snapshot) = &loaded.snapshot else {
        for problem in loaded
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
        {
            fail(&problem.to_string());
        }
        return ExitCode::FAILURE;
    };
    let directory = PathBuf::from(RUN_DIRECTORY);
    let sockets = Sockets {
        authz: directory.join("authz.sock"),
        web: directory.join("web.sock"),
    };
    match portcullis_envoy_config::static_bootstrap(snapshot, &sockets) {
        Ok(bootstrap) => {
            let text = match arguments.format {
                ConfigFormat::Json => format!("{bootstrap:#}\n"),
                ConfigFormat::Yaml => yaml::document(&bootstrap),
            };
            match write(&text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(error) => fail(&error.to_string()),
    }
}
