//! `portcullis keys`: new ones, those that serve, and the step from one to the other.

mod generate;
mod instance;
mod rotate;
mod status;

use std::process::ExitCode;

use crate::admin;
use crate::args::Keys;
use crate::check::fail;
use crate::process::Failure;

pub(crate) use instance::InstanceKeys;

/// Exits 0 when it was done and 1 when it was not.
pub(crate) fn keys(command: &Keys) -> ExitCode {
    match try_keys(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn try_keys(command: &Keys) -> Result<(), Failure> {
    let instance = match command {
        Keys::Generate(arguments) => return generate::generate(arguments),
        Keys::Status(arguments) => &arguments.instance,
        Keys::Rotate(arguments) => &arguments.instance,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = admin::instance(&instance.wanted()).await?.client;
        match command {
            Keys::Generate(_) => Ok(()),
            Keys::Status(arguments) => status::status(&client, arguments).await,
            Keys::Rotate(arguments) => rotate::rotate(&client, arguments).await,
        }
    })
}

/// `80s`, `1m 20s`: seconds for people.
fn span(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m {seconds}s"),
    }
}
