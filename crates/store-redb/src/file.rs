//! Opening the file: who may read it, whether it is ours, whether the key fits.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use portcullis_model::Secrets;
use portcullis_store::StoreError;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, StorageError};

use crate::reseal::reseal;
use crate::seal::Sealer;
use crate::tables::{EPOCH, FORMAT, Tables};
use crate::unavailable;

/// The format that this version writes and reads.
const FORMAT_NUMBER: u64 = 1;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const MARKER_KEY: &[u8] = b"marker";
const MARKER_TEXT: &[u8] = b"portcullis store";

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system says no.
    #[error("the store `{path}` cannot be opened: {source}")]
    File {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the store `{0}` is in use by another process")]
    InUse(PathBuf),
    /// It was sealed with another key.
    #[error(
        "the store `{0}` was written with another shared secret; \
         set the former one beside the new one, or remove the file, which signs everybody out"
    )]
    WrongKey(PathBuf),
    /// It was written by a version that this one does not understand.
    #[error("the store `{path}` has format {found}, and this version reads {FORMAT_NUMBER}")]
    UnknownFormat {
        /// The store's file.
        path: PathBuf,
        /// The format found there.
        found: u64,
    },
    /// It is no store, or a damaged one.
    #[error("the store `{path}` is damaged or no store: {reason}")]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The cryptographic library gave no keys or random numbers.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Opens the file, or makes it; in either case only its owner can read it
/// afterwards.
pub(crate) fn open(path: &Path) -> Result<Database, OpenError> {
    let file = open_private(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let backend = FileBackend::new(file).map_err(|error| database_error(path, error))?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend);
    database.map_err(|error| database_error(path, error))
}

fn open_private(path: &Path) -> io::Result<File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    if new {
        // So that the file itself, and not only what is in it, survives a power
        // cut.
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(file)
}

fn database_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() != io::ErrorKind::InvalidData => {
            OpenError::File { path, source }
        }
        error => OpenError::Damaged {
            path,
            reason: error.to_string(),
        },
    }
}

/// Seals the text that only the right key opens.
pub(crate) fn set_marker(tables: &mut Tables<'_>, sealer: &Sealer) -> Result<(), StoreError> {
    let marker = sealer.seal_bytes(MARKER_KEY, 0, MARKER_TEXT.to_vec())?;
    tables.set_marker(&marker)
}

/// What is to be known of an opened file.
pub(crate) struct Prepared {
    pub(crate) epoch: u64,
    /// What it stands under: always the first secret.
    pub(crate) sealer: Sealer,
    /// Records that were lost when it was sealed anew.
    pub(crate) lost: u64,
}

/// Makes the tables of a new file, or checks format and key of an old one. One
/// under another secret than the first is sealed anew.
pub(crate) fn prepare(database: &Database, secrets: &Secrets, path: &Path) -> Result<Prepared, OpenError> {
    let first = Sealer::new(secrets.first()).map_err(|_| OpenError::Crypto)?;
    let mut lost = 0;
    let damaged = |reason: String| OpenError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let failed = |error: StoreError| damaged(error.to_string());
    let transaction = database
        .begin_write()
        .map_err(|error| failed(unavailable(error)))?;
    let mut tables = Tables::new(&transaction).map_err(failed)?;
    let epoch = match tables.number(FORMAT).map_err(failed)? {
        Some(FORMAT_NUMBER) => {
            let marker = tables.marker().map_err(failed)?;
            let marker = marker.ok_or_else(|| damaged("its marker is missing".to_owned()))?;
            let fits =
                |sealer: &Sealer| sealer.open_bytes(MARKER_KEY, &marker).as_deref() == Some(MARKER_TEXT);
            if !fits(&first) {
                let mut others = secrets
                    .all()
                    .skip(1)
                    .filter_map(|secret| Sealer::new(secret).ok());
                let former = others.find(fits);
                let former = former.ok_or_else(|| OpenError::WrongKey(path.to_owned()))?;
                let done = reseal(&mut tables, &former, &first).map_err(failed)?;
                lost = done.lost;
                tracing::info!(
                    records = done.records,
                    lost,
                    "the store was sealed with another of the shared secrets; it is now sealed with the first"
                );
            }
            let epoch = tables.number(EPOCH).map_err(failed)?;
            epoch.ok_or_else(|| damaged("its epoch is missing".to_owned()))?
        }
        Some(found) => {
            return Err(OpenError::UnknownFormat {
                path: path.to_owned(),
                found,
            });
        }
        None if tables.records().map_err(failed)? == 0 => {
            let mut epoch = [0; 8];
            rand::fill(&mut epoch).map_err(|_| OpenError::Crypto)?;
            let epoch = u64::from_be_bytes(epoch);
            set_marker(&mut tables, &first).map_err(failed)?;
            tables.set_number(EPOCH, epoch).map_err(failed)?;
            tables.set_number(FORMAT, FORMAT_NUMBER).map_err(failed)?;
            epoch
        }
        None => return Err(damaged("its format is missing".to_owned())),
    };
    drop(tables);
    transaction.commit().map_err(|error| failed(unavailable(error)))?;
    Ok(Prepared {
        epoch,
        sealer: first,
        lost,
    })
}
