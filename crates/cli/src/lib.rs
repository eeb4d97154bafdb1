//! The command line of `portcullis`, the only crate that sees both servers. A
//! library with one door, so that the benchmarks run the program that is
//! shipped in a profile of their own.

use std::process::ExitCode;

use clap::Parser;

mod admin;
mod args;
mod check;
mod environment;
mod envoy_config;
mod explain;
mod health;
mod keys;
mod logging;
mod process;
mod records;
mod roles;
mod run;
mod sessions;
mod signals;
mod test;

/// Reads the command line and does what it says.
///
/// Exits 0 when the command did its work, 1 when it found or met an error,
/// and 2 (clap's own) for a wrong command line.
#[must_use]
pub fn main() -> ExitCode {
    match args::Arguments::parse().command {
        args::Command::Run(arguments) => run::run(&arguments),
        args::Command::ControlPlane(arguments) => roles::control_plane(&arguments),
        args::Command::AuthzServer(arguments) => roles::authz_server(&arguments),
        args::Command::Check(arguments) => check::check(&arguments),
        args::Command::Explain(arguments) => explain::explain(&arguments),
        args::Command::Test(arguments) => test::test(&arguments),
        args::Command::EnvoyConfig(arguments) => envoy_config::print(&arguments),
        args::Command::Keys(command) => keys::keys(&command),
        args::Command::Sessions(command) => sessions::sessions(&command),
    }
}
