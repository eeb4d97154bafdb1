//! The Envoy binary itself, and the Envoy that a gateway runs.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::client::read_response;
use crate::repository;
use crate::wait::{self, PATIENCE};
use crate::wire::Connection;

/// The Envoy that a running gateway supervises, seen through its admin socket.
pub struct EnvoyProcess {
    /// Its process id.
    pub pid: u32,
    admin: PathBuf,
}

impl EnvoyProcess {
    /// An Envoy whose admin socket is known.
    #[must_use]
    pub fn at(pid: u32, admin: PathBuf) -> Self {
        Self { pid, admin }
    }

    /// Finds the Envoy among the descendants of a process, and its admin socket
    /// in the bootstrap file that it was started with.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn of(parent: u32) -> Self {
        Self::find(parent).unwrap_or_else(|| panic!("process {parent} runs no Envoy with an admin socket"))
    }

    /// [`EnvoyProcess::of`], `None` when there is none at this moment.
    #[must_use]
    pub fn find(parent: u32) -> Option<Self> {
        children(parent).into_iter().find_map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let arguments: Vec<String> = line
                .split(|b| *b == 0)
                .map(|a| String::from_utf8_lossy(a).into_owned())
                .collect();
            let at = arguments.iter().position(|a| a == "-c" || a == "--config-path")?;
            let path = Path::new(&format!("/proc/{pid}/cwd")).join(arguments.get(at + 1)?);
            let bootstrap: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
            let admin = PathBuf::from(bootstrap["admin"]["address"]["pipe"]["path"].as_str()?);
            Some(Self { pid, admin })
        })
    }

    /// Asks the admin interface.
    ///
    /// # Panics
    ///
    /// When it does not answer 200.
    #[must_use]
    #[track_caller]
    pub fn admin(&self, path: &str) -> String {
        // Envoy makes the socket's file before it listens.
        let stream = wait::poll(PATIENCE, || UnixStream::connect(&self.admin).ok())
            .unwrap_or_else(|| panic!("nobody listens on {}", self.admin.display()));
        let mut connection = Connection::new(Box::new(stream));
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        let url = url::Url::parse("http://admin/").expect("a URL");
        let answer = connection
            .write(request.as_bytes())
            .and_then(|()| read_response(&mut connection, "GET", &url));
        let answer = answer.unwrap_or_else(|e| panic!("Envoy's admin interface: {e}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Every counter of a configuration update (`…update_success`,
    /// `…config_reload`, `…update_rejected`), sorted by name.
    #[must_use]
    #[track_caller]
    pub fn update_counters(&self) -> Vec<String> {
        let filter = "/stats?filter=(update_success%7Cupdate_attempt%7Cupdate_rejected%7Cconfig_reload)%24";
        let mut lines: Vec<String> = self.admin(filter).lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| {
            line.split_whitespace()
                .filter_map(|p| p.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// Lets the real Envoy check a bootstrap file.
///
/// # Panics
///
/// When Envoy is not installed.
#[must_use]
#[track_caller]
pub fn validate(bootstrap: &Path) -> Output {
    let envoy = repository::envoy().unwrap_or_else(|e| panic!("{e}"));
    let mut command = Command::new(envoy);
    command.args([
        "--mode",
        "validate",
        "--reject-unknown-dynamic-fields",
        "--disable-hot-restart",
        "-c",
    ]);
    command
        .arg(bootstrap)
        .output()
        .unwrap_or_else(|e| panic!("Envoy does not start: {e}"))
}
