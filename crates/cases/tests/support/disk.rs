//! Files of the repository, for cases that name them.

use std::path::{Path, PathBuf};

use portcullis_cases::Files;

/// Reads whatever is there.
pub(crate) struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }
}

/// A folder of the repository.
#[must_use]
pub(crate) fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
