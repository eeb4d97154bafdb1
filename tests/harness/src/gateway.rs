//! `portcullis run` as a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use crate::client::Client;
use crate::process::Process;
use crate::repository;

/// Envoy's start on a loaded machine is part of it.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(15);

/// A running gateway with a configuration file of its own.
pub struct Gateway {
    process: Process,
    directory: PathBuf,
    health: u16,
}

impl Gateway {
    /// Writes the configuration and starts the gateway in `directory`; returns
    /// when it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready; the message holds its log.
    #[must_use]
    #[track_caller]
    pub fn start(directory: &Path, config: &str, health: u16) -> Self {
        fs::write(directory.join("config.yaml"), config).expect("a temporary directory is writable");
        let mut process = launch(directory);
        let ready = || is_ready(health).then_some(());
        process.wait_for(START, ready).unwrap_or_else(|e| panic!("{e}"));
        Self {
            process,
            directory: directory.to_path_buf(),
            health,
        }
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.directory.join("config.yaml")
    }

    /// Replaces the configuration in one step, as editors and operators do.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn write_config(&self, config: &str) {
        let next = self.directory.join("config.yaml.next");
        fs::write(&next, config).expect("a temporary directory is writable");
        fs::rename(&next, self.config_path()).expect("a temporary directory is writable");
    }

    /// Edits the configuration.
    ///
    /// # Panics
    ///
    /// When `from` is not in it.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let config = fs::read_to_string(self.config_path()).expect("the configuration is there");
        assert!(config.contains(from), "`{from}` is not in the configuration");
        self.write_config(&config.replace(from, to));
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal, for example `libc::SIGSTOP`.
    pub fn signal(&self, signal: i32) {
        self.process.signal(signal);
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        is_ready(self.health)
    }

    /// What `/status` says.
    ///
    /// # Panics
    ///
    /// When it does not answer with JSON.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        plain_client()
            .get(&format!("http://127.0.0.1:{}/status", self.health))
            .json()
    }

    /// What `/metrics` says.
    #[must_use]
    #[track_caller]
    pub fn metrics(&self) -> String {
        plain_client()
            .get(&format!("http://127.0.0.1:{}/metrics", self.health))
            .text()
    }

    /// Ends it as an operator would and says how it ended.
    ///
    /// # Panics
    ///
    /// When it had to be killed.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        let ended = self.process.stop(STOP);
        ended.unwrap_or_else(|| panic!("did not end within {STOP:?} of SIGTERM:\n{}", self.log()))
    }

    /// Ends it and starts it again on the same configuration and state.
    ///
    /// # Panics
    ///
    /// When it does not become ready again.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Starts it after it has been stopped, on the same state.
    ///
    /// # Panics
    ///
    /// When it does not become ready again.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.process = launch(&self.directory);
        let health = self.health;
        self.process
            .wait_for(START, || is_ready(health).then_some(()))
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

#[track_caller]
fn launch(directory: &Path) -> Process {
    let mut command = portcullis();
    command.args(["run", "-c", "config.yaml", "--log-format", "json"]);
    // The suite is run once for each protocol.
    if let Ok(protocol) = std::env::var("PORTCULLIS_TEST_XDS") {
        command.args(["--xds", &protocol]);
    }
    command.current_dir(directory).env(
        "PORTCULLIS_ENVOY",
        repository::envoy().unwrap_or_else(|e| panic!("{e}")),
    );
    // The run directory goes with the test even when the gateway is killed.
    command.env("TMPDIR", directory);
    let log = directory.join("gateway.log");
    Process::spawn("the gateway", command, &log).unwrap_or_else(|e| panic!("the gateway does not start: {e}"))
}

/// A command that is the `portcullis` binary, with a plain environment.
///
/// # Panics
///
/// When the binary is not built.
#[must_use]
#[track_caller]
pub fn portcullis() -> Command {
    let mut command = Command::new(repository::binary("portcullis").unwrap_or_else(|e| panic!("{e}")));
    for name in [
        "CERTIFICATE_FILE",
        "CERTIFICATE_KEY_FILE",
        "PORTCULLIS_ENVOY",
        "PORTCULLIS_ADMIN_SOCKET",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs `portcullis` with arguments to its end, in the repository's root.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
#[track_caller]
pub fn portcullis_output(arguments: &[&str]) -> Output {
    let mut command = portcullis();
    command.args(arguments).current_dir(repository::root());
    command
        .output()
        .unwrap_or_else(|e| panic!("portcullis does not start: {e}"))
}

/// Whether the health endpoints at a port say so.
pub(crate) fn is_ready(port: u16) -> bool {
    let url = url::Url::parse(&format!("http://127.0.0.1:{port}/readyz")).expect("a URL");
    plain_client()
        .try_send("GET", &url, &[], b"")
        .is_ok_and(|answer| answer.status == 200)
}

/// A client for plain HTTP; the authority is never used.
pub(crate) fn plain_client() -> Client {
    static AUTHORITY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        crate::certificates::Authority::new("unused")
            .expect("a key can be made")
            .der()
            .to_vec()
    });
    Client::new(&AUTHORITY)
}
