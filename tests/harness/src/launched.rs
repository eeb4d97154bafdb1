//! An example as its `run.sh` starts it once everything is built: with the ports that its
//! files name, and the facts on standard output.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Process;
use crate::{ports, repository};

/// How long an example may take until it is ready.
const READY: Duration = Duration::from_secs(120);
/// How long it may take to end.
const END: Duration = Duration::from_secs(10);

/// A running example.
pub struct Launched {
    process: Process,
    ports: Vec<u16>,
    directory: TempDir,
}

impl Launched {
    /// Starts `shape`, which listens on `ports`, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When a port is in use, or it does not become ready.
    #[must_use]
    #[track_caller]
    pub fn start(shape: &str, ports: &[u16]) -> Self {
        for port in ports {
            assert!(
                ports::is_free(*port),
                "port {port} is in use: the example cannot be tested"
            );
        }
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let log = directory.path().join("out");
        let binary = repository::binary("portcullis-demo").unwrap_or_else(|e| panic!("{e}"));
        let mut command = Command::new(binary);
        command.arg(shape);
        let mut process = Process::spawn("the example", command, &log).expect("it can be started");
        let ready = || {
            std::fs::read_to_string(&log)
                .is_ok_and(|out| out.ends_with("\nready\n"))
                .then_some(())
        };
        process.wait_for(READY, ready).unwrap_or_else(|e| panic!("{e}"));
        Self {
            process,
            ports: ports.to_vec(),
            directory,
        }
    }

    /// Everything that it has printed.
    #[must_use]
    pub fn out(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("out")).expect("it was written")
    }

    /// The values of a fact, in the order in which they were printed.
    #[must_use]
    pub fn values(&self, fact: &str) -> Vec<String> {
        let out = self.out();
        let lines = out
            .lines()
            .filter_map(|line| line.strip_prefix(fact)?.strip_prefix(' '));
        lines.map(ToOwned::to_owned).collect()
    }

    /// The one path that a fact tells.
    ///
    /// # Panics
    ///
    /// When there is none, or several.
    #[must_use]
    #[track_caller]
    pub fn path(&self, fact: &str) -> PathBuf {
        let values = self.values(fact);
        let [path] = &values[..] else {
            panic!("one `{fact}`, not {values:?}")
        };
        PathBuf::from(path)
    }

    /// Presses Ctrl-C.
    ///
    /// # Panics
    ///
    /// When anything of it is left after ten seconds, or it calls that a failure.
    #[track_caller]
    pub fn end(mut self) {
        self.process.signal(libc::SIGINT);
        let status = self.process.wait(END);
        let status = status.expect("everything ends within 10 s of Ctrl-C");
        assert!(status.success(), "{status}: {}", self.out());
        for port in &self.ports {
            assert!(ports::is_free(*port), "something still listens on {port}");
        }
    }
}

/// What `bash examples/EXAMPLE/run.sh` says, and how it ends.
///
/// # Panics
///
/// When there is no bash.
#[must_use]
pub fn run_sh(example: &str) -> Output {
    let script = repository::root().join("examples").join(example).join("run.sh");
    Command::new("bash")
        .arg(script)
        .output()
        .expect("bash can be started")
}
