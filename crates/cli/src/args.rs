//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portcullis_control_plane::{FileSource, SourceError};
use portcullis_envoy_config::XdsProtocol;

use crate::environment;

mod admin;
mod keys;
mod policy;
mod roles;

pub(crate) use admin::{Instance, Sessions, SessionsFormat, SessionsList, SessionsRevoke, SessionsShow};
pub(crate) use keys::{Keys, KeysFormat, KeysGenerate, KeysRotate, KeysStatus};
pub(crate) use policy::{Explain, ExplainFormat, Test};
pub(crate) use roles::{AuthzServer, ControlPlane, DynamicEnvoy};

/// An identity-aware proxy: Envoy carries the traffic, Portcullis decides every request.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve: both roles in one process, with Envoy supervised
    Run(Run),
    /// Serve the control plane alone: configuration for Envoys and authz-servers elsewhere
    ControlPlane(ControlPlane),
    /// Serve the decisions and the login pages alone: by the word of a control plane, or beside any Envoy with -c
    AuthzServer(AuthzServer),
    /// Check a configuration: every problem at once, as FILE:LINE:COL
    Check(Check),
    /// Say what would become of a request, and why: which route, which rule, which criterion
    Explain(Explain),
    /// Run cases of your own against policies, or a file of conformance vectors
    Test(Test),
    /// Print what Envoy would be given; with --dynamic, what an Envoy starts with that asks a control plane
    EnvoyConfig(EnvoyConfig),
    /// See and end the sessions of a running instance
    #[command(subcommand)]
    Sessions(Sessions),
    /// Make, see and replace secrets and signing keys
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// The configuration file: YAML, or JSON or TOML by its extension; may be left out where the environment has
    /// the routes (ROUTES or POLICY)
    #[arg(short = 'c', long = "config", value_name = "FILE", required = !environment::has_routes())]
    pub(crate) config: Option<PathBuf>,
}

impl Config {
    /// The source of the configuration under the environment.
    pub(crate) fn source(&self) -> Result<FileSource, SourceError> {
        let source = match &self.config {
            Some(file) => FileSource::new(file),
            None => FileSource::without_file(),
        };
        source.map(|source| source.with_environment(environment::variables()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Envoy's binary; without it PORTCULLIS_ENVOY, PATH, then .cache/envoy/1.40.0/envoy
    #[arg(long, value_name = "PATH")]
    pub(crate) envoy: Option<PathBuf>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub(crate) log_format: LogFormat,
    /// What Envoy speaks on its configuration stream
    #[arg(long, value_enum, default_value_t = Xds::Delta)]
    pub(crate) xds: Xds,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: Config,
    /// The command that is to read it: what serves one may be too little for another
    #[arg(long = "for", value_name = "COMMAND", value_enum, default_value_t = Reader::Run)]
    pub(crate) reader: Reader,
    /// How diagnostics look
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct EnvoyConfig {
    #[command(flatten)]
    pub(crate) config: Config,
    /// How it is printed; Envoy reads both
    #[arg(long, value_enum, default_value_t = ConfigFormat::Json)]
    pub(crate) format: ConfigFormat,
    #[command(flatten)]
    pub(crate) dynamic: DynamicEnvoy,
}

/// The xDS protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Xds {
    /// Only what changes is told
    Delta,
    /// Every change of clusters or listeners repeats all of them
    Sotw,
}

impl From<Xds> for XdsProtocol {
    fn from(xds: Xds) -> Self {
        match xds {
            Xds::Delta => Self::Delta,
            Xds::Sotw => Self::Sotw,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// A command that reads a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reader {
    /// `portcullis run`
    Run,
    /// `portcullis control-plane`, which makes no secrets up
    ControlPlane,
    /// `portcullis authz-server -c`, where each host may log in for itself
    AuthzServer,
}

impl Reader {
    /// The source as this command reads it.
    pub(crate) fn of(self, source: FileSource) -> FileSource {
        match self {
            Self::Run => source,
            Self::ControlPlane => source.requiring_secrets(),
            Self::AuthzServer => source.for_any_envoy(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFormat {
    Json,
    Yaml,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_run_needs_a_configuration() {
        assert!(Arguments::try_parse_from(["portcullis", "run"]).is_err());
        assert!(Arguments::try_parse_from(["portcullis", "run", "-c", "config.yaml"]).is_ok());
    }
}
