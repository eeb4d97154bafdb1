//! `portcullis keys` at running instances: keys are replaced under people who are
//! signed in, and what cannot be done is refused in words that help.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "keys/refusals.rs"]
mod refusals;
#[path = "keys/roles.rs"]
mod roles;
#[path = "keys/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use portcullis_harness::gateway::portcullis;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::upstream::Upstream;
use portcullis_harness::{Client, Site};
use serde_json::Value;
use tempfile::TempDir;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

const AT_REST: &str =
    "databroker_storage_type: file\ndatabroker_storage_connection_string: file://{dir}/state.redb";

/// What every site and every authz-server begins with.
const SHARED: &str = "c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=";

const NAMES: [&str; 3] = ["cookie-secret", "shared-secret", "signing-key"];

/// A directory with a file of each key.
struct KeyFiles {
    directory: TempDir,
}

impl KeyFiles {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = Self { directory };
        for name in NAMES {
            let path = files.path(name);
            let made = keys(&["generate", name, "--output", path.to_str().unwrap()]);
            assert!(made.status.success(), "{}", said(&made));
        }
        fs::write(files.path("shared-secret"), SHARED).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The options that name them.
    fn globals(&self) -> String {
        let option = |name: &str| {
            let option = name.replace('-', "_");
            format!("{option}_file: {}\n", self.path(name).display())
        };
        NAMES.map(option).concat() + AT_REST
    }

    /// Every secret text that is in the files now.
    fn secrets(&self) -> Vec<String> {
        let lines = NAMES.map(|name| self.text(name)).join("\n");
        let secret = |line: &&str| line.len() > 20 && !line.starts_with("-----");
        lines
            .split(['\n', ','])
            .filter(secret)
            .map(str::to_owned)
            .collect()
    }
}

/// `portcullis keys` with these arguments.
fn command(arguments: &[&str]) -> Command {
    let mut command = portcullis();
    command.arg("keys").args(arguments);
    command.env_remove("PORTCULLIS_ADMIN_SOCKET");
    command
}

/// Runs it to its end.
fn keys(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// The same at the instance of a socket.
fn keys_at(socket: &str, arguments: &[&str]) -> Output {
    keys(&[arguments, &["--admin-socket", socket]].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All that it has written.
fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    text(&output.stdout)
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

/// What `portcullis keys status` says.
#[track_caller]
fn status(socket: &str) -> Value {
    let output = keys_at(socket, &["status", "--format", "json"]);
    serde_json::from_str(&done(&output)).unwrap()
}

/// The fingerprints of a key in a status, the first one's first.
fn fingerprints(status: &Value, name: &str) -> Vec<String> {
    let keys = status["keys"].as_array().unwrap();
    let of = keys.iter().find(|key| key["name"] == name).unwrap();
    let each = of["keys"].as_array().unwrap().iter();
    each.map(|key| key["fingerprint"].as_str().unwrap().to_owned())
        .collect()
}

fn socket_of(status: &Value) -> String {
    status["admin_socket"].as_str().unwrap().to_owned()
}

fn login(mut client: Client, url: &str) -> Client {
    let page = client.login(url, "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

/// The `kid` of the assertion that the upstream got.
fn kid_of(upstream: &Upstream, mark: &str) -> String {
    let recorded = upstream.one(mark);
    let token = recorded.header("x-pomerium-jwt-assertion").unwrap();
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The published keys.
fn published(client: &mut Client, url: &str) -> Vec<Value> {
    let jwks: Value = client.get(url).json();
    jwks["keys"].as_array().unwrap().clone()
}

fn kids(keys: &[Value]) -> Vec<String> {
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Nothing of these may have been said anywhere.
#[track_caller]
fn show_none_of(secrets: &[String], places: &[String]) {
    assert!(!secrets.is_empty());
    for secret in secrets {
        assert!(
            places.iter().all(|place| !place.contains(secret.as_str())),
            "a key is shown"
        );
    }
}

/// The files of `directory`, in order.
fn listed(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A site whose keys are in files.
fn site(files: &KeyFiles) -> Site {
    Site::start_with(&files.globals(), ROUTES)
}
