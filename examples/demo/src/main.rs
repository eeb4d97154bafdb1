//! Runs the demo: certificates, identity provider, upstream and the gateway; or, as
//! `portcullis-demo plain-envoy` and `portcullis-demo istio`, Portcullis beside Envoys that
//! it does not configure (`examples/plain-envoy`, `examples/istio`).
//!
//! Standard output is made for programs as well as for people: one fact a line,
//! and `ready` last, when every URL answers. What the children say goes to the
//! log file alone. All of them end with this process, however it ends.

mod certificates;
mod mesh;
mod parts;
mod probe;
mod shape;
mod stop;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use portcullis_harness::repository;
use shape::Shape;

const USERS: [&str; 2] = ["admin@example.com", "user@example.com"];
const PASSWORD: &str = "portcullis";

/// Why the demo ended before it was asked to.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("`{0}` is not known: nothing, `plain-envoy` or `istio`")]
    Usage(String),
    #[error("port {0} is in use; end what listens on it (an earlier demo?) and try again")]
    PortInUse(u16),
    #[error("{0}")]
    Missing(String),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("the certificates cannot be made: {0}")]
    Certificates(#[from] rcgen::Error),
    #[error("{name} ended ({status}); its last words are at the end of {log}")]
    Ended {
        name: String,
        status: String,
        log: String,
    },
    #[error("not every page answered within {limit:?} (the last to be missing: {url}); see {log}")]
    NotReady {
        url: String,
        limit: Duration,
        log: String,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> DemoError {
    let what = what.into();
    move |source| DemoError::Io { what, source }
}

fn main() -> ExitCode {
    stop::listen();
    let wanted = std::env::args().nth(1);
    let (name, ended) = match Shape::named(wanted.as_deref()) {
        Some(shape) => (shape.name(), run(shape)),
        None => ("demo", Err(DemoError::Usage(wanted.unwrap_or_default()))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Asked to stop while starting: whatever failed then is no failure.
        Err(_) if stop::asked() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(shape: Shape) -> Result<(), DemoError> {
    // One authority for all shapes: whoever has imported it need not do so again.
    let directory = repository::root().join(".cache/demo");
    std::fs::create_dir_all(&directory).map_err(io_error(format!("`{}`", directory.display())))?;
    parts::check_ports(shape)?;
    let certificates = certificates::ensure(&directory)?;
    let mut parts = parts::Parts::start(shape, &directory, &certificates)?;

    let mut out = io::stdout().lock();
    let mut say = |line: String| {
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(io_error("standard output"))
    };
    for host in shape.hosts() {
        say(format!("url https://{host}:{}", parts::GATEWAY_PORT))?;
    }
    for user in USERS {
        say(format!("user {user} {PASSWORD}"))?;
    }
    say(format!("ca {}", certificates.authority.display()))?;
    say(format!("log {}", parts.log().display()))?;
    probe::wait(shape, &mut parts, &certificates)?;
    if !stop::asked() {
        say("ready".to_owned())?;
    }
    while !stop::asked() {
        parts.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    parts.stop();
    Ok(())
}
