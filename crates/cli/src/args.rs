//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Check a configuration: every problem at once, as FILE:LINE:COL
    Check(Check),
    /// Print what Envoy would be given, as a static bootstrap without private keys
    EnvoyConfig(EnvoyConfig),
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// The configuration file
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(crate) config: PathBuf,
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
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: Config,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Text,
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
