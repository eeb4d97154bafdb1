//! The database, which is opened anew after the disk has failed.
//!
//! A write that fails, because the disk is full for a moment, leaves a state in
//! memory that redb trusts no more: it refuses everything until the file has been
//! opened again.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use portcullis_store::StoreError;
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, StorageError, TransactionError, WriteTransaction,
};

use crate::file::OpenError;
use crate::unavailable;

/// How far apart the tries to open it again are. Each may read the whole file.
const PAUSE: Duration = Duration::from_secs(5);

/// How a file is opened.
pub(crate) type Opener = fn(&Path) -> Result<Database, OpenError>;

pub(crate) struct Opened {
    path: PathBuf,
    by: Opener,
    state: RwLock<State>,
}

struct State {
    /// None while the last try to open it has failed.
    database: Option<Database>,
    /// When it was last tried.
    tried: Option<Instant>,
}

impl Opened {
    pub(crate) fn new(database: Database, path: &Path, by: Opener) -> Self {
        let state = State {
            database: Some(database),
            tried: None,
        };
        Self {
            path: path.to_owned(),
            by,
            state: RwLock::new(state),
        }
    }

    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.begin(|database| database.begin_read())
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.begin(Database::begin_write)
    }

    fn begin<T>(&self, begin: impl Fn(&Database) -> Result<T, TransactionError>) -> Result<T, StoreError> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = &state.database {
                match begin(database) {
                    Err(TransactionError::Storage(
                        StorageError::PreviousIo | StorageError::DatabaseClosed,
                    )) => {}
                    other => return other.map_err(unavailable),
                }
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return Err(StoreError::Unavailable("the disk has failed".to_owned()));
        }
        state.tried = Some(Instant::now());
        // Before it is opened: nobody else may have it.
        state.database = None;
        match (self.by)(&self.path) {
            Ok(database) => {
                tracing::warn!("the store has been opened again after the disk had failed");
                begin(state.database.insert(database)).map_err(unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot be opened again after the disk has failed");
                Err(StoreError::Unavailable("the disk has failed".to_owned()))
            }
        }
    }
}
