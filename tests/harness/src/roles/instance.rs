//! One role as a process that can be killed and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::gateway;
use crate::process::Process;

/// How long a role may take to be ready, on a loaded machine.
pub(super) const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(15);

/// One role, which may not run at the moment.
pub struct Instance {
    name: String,
    pub(super) process: Option<Process>,
    command: Box<dyn Fn() -> Command + Send>,
    log: PathBuf,
    health: Option<u16>,
}

impl Instance {
    /// Starts it; it need not be ready.
    ///
    /// # Panics
    ///
    /// When it runs already or cannot be started.
    #[track_caller]
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let process = Process::spawn(&self.name, (self.command)(), &self.log);
        self.process = Some(process.unwrap_or_else(|e| panic!("{} does not start: {e}", self.name)));
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready; the message holds its log.
    #[track_caller]
    pub fn start(&mut self) {
        self.launch();
        self.until_ready();
    }

    /// Waits until it says that it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready; the message holds its log.
    #[track_caller]
    pub fn until_ready(&mut self) {
        let health = self.health;
        let ready = || health.is_none_or(gateway::is_ready).then_some(());
        let process = self.process.as_mut().expect("it runs");
        process.wait_for(START, ready).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Kills it (SIGKILL): nothing is said to anybody.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[track_caller]
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(libc::SIGKILL);
        assert!(process.wait(STOP).is_some(), "{} cannot be killed", self.name);
    }

    /// Ends it as an operator would (SIGTERM).
    ///
    /// # Panics
    ///
    /// When it does not end with success.
    #[track_caller]
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let ended = process.stop(STOP);
        assert!(
            ended.is_some_and(|status| status.success()),
            "{} ended with {ended:?}:\n{}",
            self.name,
            process.log()
        );
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Sends it a signal, for example `libc::SIGSTOP`.
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[track_caller]
    pub fn signal(&self, signal: i32) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    /// Asks it to read its configuration again (SIGHUP).
    ///
    /// # Panics
    ///
    /// When it does not run.
    #[track_caller]
    pub fn hang_up(&self) {
        self.process.as_ref().expect("it runs").signal(libc::SIGHUP);
    }

    /// Everything it has logged, over all its runs.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.health.is_some_and(gateway::is_ready)
    }

    /// What `/status` says.
    ///
    /// # Panics
    ///
    /// When it does not answer with JSON.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        self.ask("status").json()
    }

    /// What `/metrics` says.
    #[must_use]
    #[track_caller]
    pub fn metrics(&self) -> String {
        self.ask("metrics").text()
    }

    #[track_caller]
    fn ask(&self, path: &str) -> crate::Response {
        let port = self.health.expect("it has health endpoints");
        gateway::plain_client().get(&format!("http://127.0.0.1:{port}/{path}"))
    }
}

/// A role that does not run yet; `command` makes its command line at each start.
pub(super) fn instance(
    name: &str,
    directory: &Path,
    health: Option<u16>,
    command: impl Fn() -> Command + Send + 'static,
) -> Instance {
    let (log, here) = (directory.join(format!("{name}.log")), directory.to_path_buf());
    Instance {
        name: name.to_owned(),
        process: None,
        command: Box::new(move || {
            let mut command = command();
            command.current_dir(&here).env("TMPDIR", &here);
            command
        }),
        log,
        health,
    }
}
