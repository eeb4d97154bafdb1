//! Whether a file is still the one that was read.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::Path, path::PathBuf};

/// What the file system says of a file without reading it. Symbolic links are
/// followed, so that the swap of a link (a mounted ConfigMap) is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    /// Of the file at `path`; `None` where there is none that can be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self {
            file: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

/// The files of one reading and what each was then.
pub(crate) type Fingerprints = BTreeMap<PathBuf, Option<Fingerprint>>;

/// What the same files are now.
pub(crate) fn now(of: &Fingerprints) -> Fingerprints {
    of.keys()
        .map(|path| (path.clone(), Fingerprint::of(path)))
        .collect()
}
