//! The binary `portcullis`: the only crate that sees both servers.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod check;
mod environment;
mod envoy_config;
mod logging;
mod run;

/// A quarter less time for a Check than with the system's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exits 0 when the command did its work, 1 when it found or met an error,
/// and 2 (clap's own) for a wrong command line.
fn main() -> ExitCode {
    match args::Arguments::parse().command {
        args::Command::Run(arguments) => run::run(&arguments),
        args::Command::Check(arguments) => check::check(&arguments),
        args::Command::EnvoyConfig(arguments) => envoy_config::print(&arguments),
    }
}
