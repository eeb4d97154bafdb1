//! Where an instance's socket may stand.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::{PREFIX, SOCKET};

/// Entries of a directory that are looked at.
const MAX_ENTRIES: usize = 100_000;
/// Sockets that are asked.
const MAX_SOCKETS: usize = 256;

/// Where run directories are made: the system's directory for temporary files and
/// `/tmp`, which an instance takes when the other has too long a path.
#[must_use]
pub fn directories() -> Vec<PathBuf> {
    vec![std::env::temp_dir(), PathBuf::from("/tmp")]
}

/// The sockets in run directories of the user `own` in `places`, each once.
pub(super) fn sockets(places: &[PathBuf], own: u32) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut sockets = Vec::new();
    for place in places {
        let Ok(place) = fs::canonicalize(place) else {
            continue;
        };
        if !seen.insert(place.clone()) {
            continue;
        }
        let Ok(entries) = fs::read_dir(&place) else {
            continue;
        };
        let named = entries.take(MAX_ENTRIES).flatten().filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
        });
        let found = named
            .map(|entry| entry.path())
            .filter(|directory| is_private(directory, own))
            .map(|directory| directory.join(SOCKET))
            .filter(|socket| is_own_socket(socket, own));
        sockets.extend(found);
    }
    sockets.sort();
    sockets.truncate(MAX_SOCKETS);
    sockets
}

/// A directory, not a link to one, that nobody but `own` can enter or change.
fn is_private(directory: &Path, own: u32) -> bool {
    fs::symlink_metadata(directory)
        .is_ok_and(|it| it.is_dir() && it.uid() == own && it.mode() & 0o7777 == 0o700)
}

fn is_own_socket(socket: &Path, own: u32) -> bool {
    fs::symlink_metadata(socket).is_ok_and(|it| it.file_type().is_socket() && it.uid() == own)
}
