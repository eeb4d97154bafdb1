//! How a command comes to the instance that it is meant for.
//!
//! Its socket is named, or it is the one instance of this user that runs on the
//! machine. Run directories of others are never asked: whoever can make a directory
//! in a shared place could answer in an instance's name.

mod candidates;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::client::{Client, ClientError};
use crate::peer;
use crate::printable::printable;
use crate::protocol::About;

pub use candidates::directories;

/// The name of the socket in a run directory.
pub const SOCKET: &str = "admin.sock";
/// How the name of a run directory begins.
pub const PREFIX: &str = "portcullis-";

/// What the command line says of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its socket.
    pub socket: Option<PathBuf>,
    /// The configuration file that it runs.
    pub config: Option<PathBuf>,
}

/// An instance that has said who it is.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The way to it.
    pub client: Client,
    /// Who it is.
    pub about: About,
}

/// As a list of several shows it.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, about } = self;
        write!(f, "pid {}, {}", about.pid, printable(&about.role))?;
        match &about.config {
            Some(config) => write!(f, ", {}", shown(config))?,
            None => write!(f, ", no configuration file")?,
        }
        write!(f, ": {}", client.socket().display())
    }
}

/// Why there is no one instance.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// None that is meant.
    #[error("{}", none(.config.as_deref(), .others, .silent))]
    None {
        /// The file that it should run.
        config: Option<PathBuf>,
        /// Those that run, and are not meant.
        others: Vec<Instance>,
        /// Sockets at which something is wrong.
        silent: Vec<ClientError>,
    },
    /// More than one.
    #[error(
        "{} instances of this user run here; name one by --admin-socket, or by -c the file that it runs{}",
        .0.len(),
        lines(.0)
    )]
    Several(Vec<Instance>),
    /// The socket that is named leads to another one.
    #[error(
        "the instance at `{}` does not run `{}` but {}",
        .found.client.socket().display(),
        .config.display(),
        match &.found.about.config {
            Some(other) => format!("`{}`", shown(other)),
            None => "no configuration file".to_owned(),
        }
    )]
    Other {
        /// The file that it should run.
        config: PathBuf,
        /// The one that was named.
        found: Box<Instance>,
    },
    /// The configuration file that is named is not there.
    #[error("`{}` cannot be found: {error}", .config.display())]
    Config {
        /// The file.
        config: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The socket that is named does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It cannot be learnt who we are.
    #[error("the kernel does not say whose process this is: {0}")]
    Own(std::io::Error),
}

/// A path that an instance has said.
fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

fn none(config: Option<&Path>, others: &[Instance], silent: &[ClientError]) -> String {
    let mut text = match config {
        Some(config) => format!("no instance of this user runs `{}` here", config.display()),
        None => "no instance of this user runs here".to_owned(),
    };
    text.push_str(
        "; name its socket by --admin-socket or PORTCULLIS_ADMIN_SOCKET: the instance logs it as `admin_socket` when it is ready",
    );
    if !others.is_empty() {
        text.push_str("\nthere run");
        text.push_str(&lines(others));
    }
    for error in silent {
        text.push_str(&format!("\n{error}"));
    }
    text
}

fn lines(instances: &[Instance]) -> String {
    instances
        .iter()
        .map(|instance| format!("\n  {instance}"))
        .collect()
}

/// Finds the instance that is meant: at the socket that is named, else in the run
/// directories of our own user in `places`.
///
/// # Errors
/// [`FindError`], when there is none or more than one.
pub async fn find(wanted: &Wanted, places: &[PathBuf]) -> Result<Instance, FindError> {
    let file = match &wanted.config {
        Some(config) => Some(std::fs::canonicalize(config).map_err(|error| FindError::Config {
            config: config.clone(),
            error,
        })?),
        None => None,
    };
    let runs = |instance: &Instance| {
        file.as_ref().is_none_or(|file| {
            // Where a link has been set anew, both have to be looked up now.
            let config = instance.about.config.as_ref();
            config.is_some_and(|config| std::fs::canonicalize(config).is_ok_and(|config| config == *file))
        })
    };
    if let Some(socket) = &wanted.socket {
        let found = introduced(socket).await?;
        return match &wanted.config {
            Some(config) if !runs(&found) => Err(FindError::Other {
                config: config.clone(),
                found: Box::new(found),
            }),
            _ => Ok(found),
        };
    }
    let own = peer::own_uid().map_err(FindError::Own)?;
    let (mut meant, mut others, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for socket in candidates::sockets(places, own) {
        match introduced(&socket).await {
            Ok(instance) if runs(&instance) => meant.push(instance),
            Ok(instance) => others.push(instance),
            // Of a process that has ended without a chance to tidy up.
            Err(ClientError::Unreachable { .. }) => {}
            Err(error) => silent.push(error),
        }
    }
    match (meant.pop(), meant.is_empty()) {
        (Some(instance), true) => Ok(instance),
        (Some(last), false) => {
            meant.push(last);
            Err(FindError::Several(meant))
        }
        (None, _) => Err(FindError::None {
            config: wanted.config.clone(),
            others,
            silent,
        }),
    }
}

async fn introduced(socket: &Path) -> Result<Instance, ClientError> {
    let client = Client::new(socket);
    let about = client.about().await?;
    Ok(Instance { client, about })
}

#[cfg(test)]
mod tests;
