//! Envoy as a child process: found, started, watched, restarted, drained.
//!
//! A thread of its own runs the supervision, because the kernel ends a child
//! with `PR_SET_PDEATHSIG` when the *thread* that started it ends, and a thread
//! of a pool may end at any time. That thread starts every Envoy and outlives it.

mod admin;
mod backoff;
mod child;
mod death_signal;
mod find;
mod log_lines;
mod run_directory;
mod supervisor;

pub use find::{ENVOY_VERSION, EnvoyNotFound, find_envoy};
pub use run_directory::{RunDirectory, RunDirectoryError};
pub(crate) use supervisor::{EnvoyState, Supervisor};

use std::path::PathBuf;

/// Which Envoy, and how.
#[derive(Clone, Debug)]
pub struct EnvoyOptions {
    /// The binary, from [`find_envoy`].
    pub binary: PathBuf,
    /// Envoy's `--log-level`: `info`, `debug` and so on.
    pub log_level: String,
    /// Envoy's `--concurrency`; `None` is one worker a hardware thread.
    pub concurrency: Option<u32>,
}

impl EnvoyOptions {
    /// `binary` with its own defaults.
    #[must_use]
    pub fn new(binary: PathBuf) -> Self {
        Self {
            binary,
            log_level: "info".to_owned(),
            concurrency: None,
        }
    }
}
