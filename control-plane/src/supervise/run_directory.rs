//! The private directory of one run: sockets and Envoy's bootstrap.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// The longest path of a Unix socket, without its final NUL.
const MAX_SOCKET_PATH: usize = 107;
const LONGEST_NAME: &str = "envoy-admin.sock";

/// A directory that only our own user can enter. It goes when it is dropped.
#[derive(Debug)]
pub struct RunDirectory(TempDir);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RunDirectoryError {
    /// It cannot be made.
    #[error("cannot make a private directory in `{base}`: {error}")]
    Make {
        /// Where.
        base: String,
        /// Why not.
        error: io::Error,
    },
    /// A socket in it would have too long a path.
    #[error("`{0}` is too long a path for sockets; name a shorter directory by `TMPDIR`")]
    TooLong(String),
}

impl RunDirectory {
    /// Makes one in `base`, or in the system's directory for temporary files, or
    /// if its path is too long for sockets in `/tmp`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(base: Option<&Path>) -> Result<Self, RunDirectoryError> {
        let temporary = std::env::temp_dir();
        match base {
            Some(base) => Self::inside(base),
            None => match Self::inside(&temporary) {
                Err(RunDirectoryError::TooLong(_)) => Self::inside(Path::new("/tmp")),
                made => made,
            },
        }
    }

    fn inside(base: &Path) -> Result<Self, RunDirectoryError> {
        let make = || {
            // Envoy may run in another working directory.
            let base = std::path::absolute(base)?;
            let private = fs::Permissions::from_mode(0o700);
            tempfile::Builder::new()
                .prefix("portcullis-")
                .permissions(private)
                .tempdir_in(base)
        };
        let made = make();
        let made = made.map_err(|error| RunDirectoryError::Make {
            base: base.display().to_string(),
            error,
        })?;
        let longest = made.path().join(LONGEST_NAME);
        if longest.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(RunDirectoryError::TooLong(longest.display().to_string()));
        }
        Ok(Self(made))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Socket of the configuration streams.
    #[must_use]
    pub fn xds(&self) -> PathBuf {
        self.path().join("xds.sock")
    }

    /// Socket of the check service.
    #[must_use]
    pub fn authz(&self) -> PathBuf {
        self.path().join("authz.sock")
    }

    /// Socket of the web handlers.
    #[must_use]
    pub fn web(&self) -> PathBuf {
        self.path().join("web.sock")
    }

    /// Socket at which commands reach this process.
    #[must_use]
    pub fn admin(&self) -> PathBuf {
        self.path().join("admin.sock")
    }

    /// Socket of Envoy's own interface, which Envoy makes.
    #[must_use]
    pub fn envoy_admin(&self) -> PathBuf {
        self.path().join(LONGEST_NAME)
    }

    /// Envoy's bootstrap.
    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.path().join("envoy.json")
    }

    /// The user whose directory it is.
    pub(crate) fn owner(&self) -> io::Result<u32> {
        Ok(fs::metadata(self.path())?.uid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_short_and_goes_with_its_owner() {
        let run = RunDirectory::create(None).unwrap();
        assert_eq!(fs::metadata(run.path()).unwrap().mode() & 0o7777, 0o700);
        let sockets = [run.xds(), run.authz(), run.web(), run.admin(), run.envoy_admin()];
        for socket in sockets {
            assert!(socket.is_absolute() && socket.as_os_str().len() <= MAX_SOCKET_PATH);
            drop(std::os::unix::net::UnixListener::bind(socket).unwrap());
        }
        let path = run.path().to_owned();
        drop(run);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_too_long_for_sockets_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let error = RunDirectory::create(Some(&deep)).unwrap_err();
        assert!(matches!(error, RunDirectoryError::TooLong(_)), "{error}");
        let error = RunDirectory::create(Some(&dir.path().join("none"))).unwrap_err();
        assert!(matches!(error, RunDirectoryError::Make { .. }), "{error}");
    }
}
