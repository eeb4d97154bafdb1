//! A file with other content in one step: whoever reads it sees the old one or the
//! new one, never a part, also after a crash.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use secrecy::zeroize::Zeroizing;

use super::edit::Text;
use crate::source::read::{self, MAX_REFERENCED};

/// A new file is called so until it takes its place, with letters and digits between.
const PREFIX: &str = ".portcullis-key-";
const SUFFIX: &str = ".new";
const LETTERS: usize = 12;
/// Entries of a directory that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Why a file of keys cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Its directory takes no new file, or it is a mount of its own.
    #[error("it cannot be replaced: {0}")]
    ReadOnly(String),
    /// Kubernetes keeps it, and would put its own content back.
    #[error("it cannot be replaced: Kubernetes keeps it, and would put its own content back")]
    Mounted,
    /// Another name leads to it, and would go on leading to what it holds now.
    #[error("it cannot be replaced: it has a second name (a hard link), which would keep the old content")]
    Linked,
    /// Its owner would be another one afterwards.
    #[error("it cannot be replaced: a new file could not be given its owner and group")]
    Owner,
    /// Somebody else has just changed it.
    #[error("somebody else has just changed it")]
    Changed,
    /// The disk failed.
    #[error("it cannot be written: {0}")]
    Failed(String),
}

/// A file as it was read.
pub(crate) struct Original {
    /// Where it really lies, behind symbolic links.
    path: PathBuf,
    pub(crate) text: Text,
    /// The last time that anything about it changed. Nobody can set it back.
    pub(crate) changed: SystemTime,
}

impl Original {
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable = |error: io::Error| FileError::Unreadable(read::in_words(&error));
        let path = fs::canonicalize(path).map_err(unreadable)?;
        let text = text(&path)?;
        let changed = changed(&fs::metadata(&path).map_err(unreadable)?);
        Ok(Self { path, text, changed })
    }

    /// Puts `text` in its place, with the owner and the mode of the file; access lists
    /// and other attributes it loses. It must still be what was read. What an attempt
    /// that was killed has left beside it is removed.
    pub(crate) fn replace(self, text: Text) -> Result<Self, FileError> {
        let Self { path, text: old, .. } = self;
        if is_mounted(&path) {
            return Err(FileError::Mounted);
        }
        let failed = |error: io::Error| FileError::Failed(read::in_words(&error));
        let directory = path.parent().unwrap_or(Path::new("/"));
        let meta = fs::metadata(&path).map_err(failed)?;
        if meta.nlink() > 1 {
            return Err(FileError::Linked);
        }
        let mut made = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .rand_bytes(LETTERS)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(directory)
            .map_err(|error| refused(&error, directory))?;
        let file = made.as_file_mut();
        // Ends with us, however that is. Where there are no locks nothing is swept.
        let _ = file.try_lock();
        sweep(directory, &[file.metadata().map_err(failed)?.uid(), meta.uid()]);
        file.write_all(text.as_bytes()).map_err(failed)?;
        own(file, &meta)?;
        file.sync_all().map_err(failed)?;
        if *self::text(&path)? != *old {
            return Err(FileError::Changed);
        }
        made.persist(&path)
            .map_err(|error| refused(&error.error, directory))?;
        // The name, too, must be on the disk.
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed)?;
        let changed = changed(&fs::metadata(&path).map_err(failed)?);
        Ok(Self { path, text, changed })
    }
}

fn text(path: &Path) -> Result<Text, FileError> {
    let bytes = read::bounded(path, MAX_REFERENCED).map_err(FileError::Unreadable)?;
    String::from_utf8(bytes).map(Text::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        FileError::Unreadable("not text".to_owned())
    })
}

/// Whether the file stands in a volume of a Kubernetes secret or the like: what is
/// named there leads by links through `..data` to a directory of a date.
fn is_mounted(resolved: &Path) -> bool {
    let kept = |name: &OsStr| name.as_encoded_bytes().starts_with(b"..");
    let mut parts = resolved.components();
    parts.any(|part| matches!(part, Component::Normal(name) if kept(name)))
}

/// Removes the new files of `owners` that never took their place: whoever wrote them was
/// killed, and keys are in them. One that is still being written is locked.
fn sweep(directory: &Path, owners: &[u32]) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.take(MAX_ENTRIES).flatten() {
        let path = entry.path();
        let is_left = is_new(&entry.file_name())
            && fs::symlink_metadata(&path).is_ok_and(|it| it.is_file() && owners.contains(&it.uid()))
            && File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if !is_left {
            continue;
        }
        let path = path.display();
        match fs::remove_file(entry.path()) {
            Ok(()) => tracing::warn!("`{path}` was left over by a rotation that was killed, and is removed"),
            Err(error) => tracing::warn!(%error, "`{path}` was left over by a rotation that was killed"),
        }
    }
}

/// Whether a new file of ours is called so.
fn is_new(name: &OsStr) -> bool {
    let name = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    let letters = name.and_then(|name| name.strip_suffix(SUFFIX));
    letters.is_some_and(|it| it.len() == LETTERS && it.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Gives a new file the owner and the mode of the old one.
fn own(file: &File, old: &Metadata) -> Result<(), FileError> {
    let owner = |_| FileError::Owner;
    let new = file.metadata().map_err(owner)?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid())).map_err(owner)?;
    }
    let mode = Permissions::from_mode(old.mode() & 0o7777);
    file.set_permissions(mode).map_err(owner)
}

fn refused(error: &io::Error, directory: &Path) -> FileError {
    let directory = directory.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            FileError::ReadOnly(format!("this process may not write in `{directory}`"))
        }
        io::ErrorKind::ReadOnlyFilesystem => FileError::ReadOnly(format!("`{directory}` is read-only")),
        // A file that is mounted alone, as containers do it.
        io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
            FileError::ReadOnly("it is mounted as a single file".to_owned())
        }
        _ => FileError::Failed(read::in_words(error)),
    }
}

/// The later of the two times: that of the content may be set at will, so a copy of
/// an old file would look old.
fn changed(meta: &Metadata) -> SystemTime {
    let since = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))
    };
    let times = [since(meta.mtime()), since(meta.ctime())];
    times
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
