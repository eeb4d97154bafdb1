//! The identity provider of `examples/idp`, as a process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::Process;
use crate::wait::PATIENCE;
use crate::{ports, repository};

/// Node reads some thousand files first, on a cold disk one by one.
const START: Duration = Duration::from_secs(30);

/// The client id at the provider.
pub const CLIENT_ID: &str = "portcullis-tests";
/// The client's secret at the provider.
pub const CLIENT_SECRET: &str = "for-the-tests-only";
/// The password of every user.
pub const PASSWORD: &str = "portcullis";

/// A running provider; its users are [`users`].
pub struct IdentityProvider {
    process: Process,
    issuer: String,
    directory: PathBuf,
}

impl IdentityProvider {
    /// Starts a provider for a gateway whose authenticate service is `authenticate`
    /// (`https://host:port`), keeping its files in `directory`.
    ///
    /// # Panics
    ///
    /// When it cannot be installed or does not start.
    #[must_use]
    #[track_caller]
    pub fn start(directory: &Path, authenticate: &str) -> Self {
        Self::start_with(directory, authenticate, &json!({}))
    }

    /// The same with further settings, for instance `access_token_seconds`, or the
    /// client's `backchannel_logout_uri`.
    ///
    /// # Panics
    ///
    /// When it cannot be installed or does not start.
    #[must_use]
    #[track_caller]
    pub fn start_with(directory: &Path, authenticate: &str, settings: &Value) -> Self {
        let log = directory.join("idp.log");
        install(&log).unwrap_or_else(|e| panic!("{e}"));
        let port = ports::free();
        let mut config = json!({
            "port": port,
            "clients": [{
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [format!("{authenticate}/oauth2/callback")],
                "post_logout_redirect_uris": [format!("{authenticate}/.pomerium/signed_out")],
            }],
            "users": users(),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            if name == "backchannel_logout_uri" {
                config["clients"][0][name] = value.clone();
            } else {
                config[name] = value.clone();
            }
        }
        let path = directory.join("idp.json");
        fs::write(&path, config.to_string()).expect("a temporary directory is writable");
        let issuer = format!("http://127.0.0.1:{port}");
        Self {
            process: launch(directory, &issuer, 1),
            issuer,
            directory: directory.to_path_buf(),
        }
    }

    /// Ends it.
    ///
    /// # Panics
    ///
    /// When it does not end by itself.
    #[track_caller]
    pub fn stop(&mut self) {
        assert!(
            self.process.stop(PATIENCE).is_some(),
            "the provider had to be killed"
        );
    }

    /// Starts it once more after [`IdentityProvider::stop`]. It has forgotten every
    /// login and every token.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[track_caller]
    pub fn start_again(&mut self) {
        let before = self.log().matches("listening ").count();
        self.process = launch(&self.directory, &self.issuer, before + 1);
    }

    /// Its issuer URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether a URL is of this provider.
    #[must_use]
    pub fn owns(&self, url: &url::Url) -> bool {
        url.as_str().starts_with(&self.issuer)
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// Starts the provider that is configured in `directory` and waits until it has
/// listened so many times.
#[track_caller]
fn launch(directory: &Path, issuer: &str, times: usize) -> Process {
    let log = directory.join("idp.log");
    let line = format!("listening {issuer}");
    let ready = || {
        fs::read_to_string(&log)
            .is_ok_and(|text| text.matches(&line).count() >= times)
            .then_some(())
    };
    let attempt = || {
        let mut command = Command::new("node");
        command
            .arg(repository::root().join("examples/idp/server.mjs"))
            .arg(directory.join("idp.json"));
        let mut process = Process::spawn("the identity provider", command, &log).expect("node starts");
        process.wait_for(START, ready).map(|()| process)
    };
    // Node 20 itself hangs in one start of some hundreds, before it listens.
    attempt().or_else(|_| attempt()).unwrap_or_else(|e| panic!("{e}"))
}

/// The address of the user of whom there is much to say.
pub const LONG_EMAIL: &str =
    "maximiliane.featherstonehaugh-wolfeschlegelsteinhausen@research.subsidiary.international.example.com";

/// The address of the user of whom nothing is said but who they are.
pub const PLAIN_EMAIL: &str = "plain@example.com";
/// The address of the user whose claims are made to hurt, each under a name of its own.
pub const HOSTILE_EMAIL: &str = "hostile@example.com";

/// What is said of [`HOSTILE_EMAIL`] beside the department: claim and value.
pub const HOSTILE_CLAIMS: [(&str, &str); 7] = [
    (
        "crlf",
        "a\r\nx-email: forged@example.com\r\n\r\nGET /hidden HTTP/1.1",
    ),
    ("newline", "a\nx-email: forged@example.com"),
    ("nul", "a\0b"),
    ("text", "J\u{f6}rg \u{202e}\u{1f600}"),
    ("comma", "a,admin@example.com"),
    ("blank", " \t "),
    ("formatter", "%REQ(cookie)%${pomerium.access_token}"),
];

/// The users of every test: an administrator, an ordinary user of the same
/// domain, a guest of another domain, one of whom there is much to say, one of whom
/// there is little, and one of whom there is nothing good. The password is
/// [`PASSWORD`].
#[must_use]
pub fn users() -> Value {
    let user = |sub: &str, email: &str, name: &str, groups: &[&str], department: &str| {
        json!({"sub": sub, "email": email, "name": name, "groups": groups, "password": PASSWORD,
               "claims": {"department": department}})
    };
    let groups: Vec<String> = (1..=70)
        .map(|group| format!("region-{group}/department-of-everything-else"))
        .collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    json!([
        user(
            "f81d4fae7dec11d0a76500a0c91e6bf6f81d4fae7dec11d0a76500a0c91e6bf6",
            LONG_EMAIL,
            "Maximiliane Alexandrina von Featherstonehaugh-Wolfeschlegelsteinhausen",
            &groups,
            "research-and-development-and-quality-and-everything-that-has-no-other-place"
        ),
        user(
            "id-of-admin",
            "admin@example.com",
            "Ada Admin",
            &["admins", "staff"],
            "engineering"
        ),
        user("id-of-user", "user@example.com", "Uma User", &["staff"], "sales"),
        user(
            "id-of-guest",
            "guest@elsewhere.test",
            "Gus Guest",
            &[],
            "visitors"
        ),
        {"sub": "id-of-plain", "email": PLAIN_EMAIL, "name": "Pat Plain", "groups": [], "password": PASSWORD,
         "claims": {}},
        {"sub": "id-of-hostile", "email": HOSTILE_EMAIL, "name": "Hal Hostile", "groups": [],
         "password": PASSWORD, "claims": hostile_claims()},
    ])
}

fn hostile_claims() -> Value {
    let mut claims = json!({"department": "sales", "long": "a".repeat(4096)});
    for (name, value) in HOSTILE_CLAIMS {
        claims[name] = value.into();
    }
    claims
}

/// Installs the provider's packages by its lock file, once.
///
/// # Errors
///
/// A message that says what is missing; details are in `log`.
pub fn install(log: &Path) -> Result<(), String> {
    let directory = repository::root().join("examples/idp");
    let cache = repository::root().join(".cache");
    let say = |what: &str, error: std::io::Error| format!("{what}: {error}");
    fs::create_dir_all(&cache).map_err(|e| say("the cache directory cannot be made", e))?;
    // Several test processes may get here at the same time.
    let lock = File::create(cache.join("idp-install.lock"))
        .map_err(|e| say("the install lock cannot be made", e))?;
    lock.lock()
        .map_err(|e| say("the install lock cannot be taken", e))?;
    let (wanted, installed) = (
        directory.join("package-lock.json"),
        directory.join("node_modules/.package-lock.json"),
    );
    let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    if matches!((changed(&wanted), changed(&installed)), (Ok(wanted), Ok(installed)) if installed >= wanted) {
        return Ok(());
    }
    let out = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|e| say("the log cannot be written", e))?;
    let errors = out.try_clone().map_err(|e| say("the log cannot be written", e))?;
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&directory)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .status()
        .map_err(|e| format!("`npm` cannot be started ({e}): install Node 20 or newer"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "`npm ci` in {} failed, see {}",
            directory.display(),
            log.display()
        ))
    }
}
