//! `portcullis envoy-config`: what Envoy would be given, to be looked at, or what
//! an Envoy of its own starts with.

mod dynamic;
mod yaml;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_config::Severity;
use portcullis_envoy_config::Sockets;

use crate::args::{ConfigFormat, EnvoyConfig};
use crate::check::{fail, write};

/// Where the sockets of a running instance would be; `run` makes a private directory for them.
const RUN_DIRECTORY: &str = "/run/portcullis";

/// Prints the bootstrap, or the errors that stand in its way.
pub(crate) fn print(arguments: &EnvoyConfig) -> ExitCode {
    let source = match arguments.config.source() {
        Ok(source) => source,
        Err(error) => return fail(&error.to_string()),
    };
    let source = if arguments.dynamic.dynamic {
        // The token derives from the secret that the control plane has too.
        source.requiring_secrets()
    } else {
        source
    };
    let loaded = source.load();
    let Some(snapshot) = &loaded.snapshot else {
        for problem in loaded
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
        {
            // It begins with its severity.
            let _ = writeln!(std::io::stderr(), "{problem}");
        }
        return ExitCode::FAILURE;
    };
    let bootstrap = if arguments.dynamic.dynamic {
        dynamic::bootstrap(&loaded, &arguments.dynamic)
    } else {
        let directory = PathBuf::from(RUN_DIRECTORY);
        let sockets = Sockets {
            authz: directory.join("authz.sock").into(),
            web: directory.join("web.sock").into(),
        };
        portcullis_envoy_config::static_bootstrap(snapshot, &sockets).map_err(|error| error.to_string())
    };
    let bootstrap = match bootstrap {
        Ok(bootstrap) => bootstrap,
        Err(error) => return fail(&error),
    };
    let text = match arguments.format {
        ConfigFormat::Json => format!("{bootstrap:#}\n"),
        ConfigFormat::Yaml => yaml::document(&bootstrap),
    };
    match write(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
