//! The embedded store: redb, records encrypted at rest.
//!
//! One file, one process. What is written has reached the disk when a call
//! returns, and survives the process at any point. The file shows how many
//! records there are, how large and in which order they were written; kinds,
//! ids and contents are sealed (see `seal.rs`).

mod file;
mod opened;
mod replay;
mod reseal;
mod seal;
mod tables;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_model::Secrets;
use portcullis_store::{Feed, IfVersion, Limits, Position, Record, Store, StoreError, SyncStream};
use redb::{ReadTransaction, WriteTransaction};

pub use file::OpenError;
use file::Prepared;
use opened::{Opened, Opener};
use seal::{Sealer, Stored};
use tables::Tables;

/// A store in a file.
#[derive(Clone)]
pub struct RedbStore {
    inner: Arc<Inner>,
}

struct Inner {
    database: Opened,
    /// What the records stand under. It changes with the file, while both locks
    /// are held: this one, so that no reader takes the one for the other's, and
    /// the feed's, so that nothing is written meanwhile.
    sealer: RwLock<Arc<Sealer>>,
    limits: Limits,
    epoch: u64,
    /// Its lock orders the writes: what is published is in version order.
    feed: Mutex<Feed>,
    corrupt: AtomicU64,
}

impl core::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RedbStore")
            .field("epoch", &self.inner.epoch)
            .finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens the store in this file, which is made (mode 0600) if there is none.
    /// Blocks on the disk. The keys derive from the first secret; a file under
    /// another one of them is sealed anew, one under none of them is refused.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, secrets: &Secrets) -> Result<Self, OpenError> {
        Self::open_with_limits(path, secrets, Limits::default())
    }

    /// Like [`RedbStore::open`], with limits of one's own.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with_limits(path: &Path, secrets: &Secrets, limits: Limits) -> Result<Self, OpenError> {
        Self::open_by(path, secrets, limits, file::open)
    }

    fn open_by(path: &Path, secrets: &Secrets, limits: Limits, by: Opener) -> Result<Self, OpenError> {
        let database = by(path)?;
        let Prepared { epoch, sealer, lost } = file::prepare(&database, secrets, path)?;
        let inner = Inner {
            database: Opened::new(database, path, by),
            sealer: RwLock::new(Arc::new(sealer)),
            limits,
            epoch,
            feed: Mutex::new(Feed::new(limits.max_behind)),
            corrupt: AtomicU64::new(lost),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Seals everything under the first of these secrets, if it is under another
    /// one, while reads go on and writes wait. The next start then needs the new
    /// secret, and not the former one.
    ///
    /// # Errors
    /// [`StoreError`]; the former secret then stays in use.
    pub async fn use_secrets(&self, secrets: &Secrets) -> Result<(), StoreError> {
        let secrets = secrets.clone();
        self.blocking(move |inner| inner.use_secret(secrets.first()))
            .await
    }

    /// Whether everything in the file stands under this secret. While a
    /// [`RedbStore::use_secrets`] is under way it does not yet.
    #[must_use]
    pub fn is_sealed_with(&self, secret: &[u8; 32]) -> bool {
        Sealer::new(secret).is_ok_and(|sealer| sealer.is_same(&self.inner.sealer()))
    }

    /// How often a record was met that could not be read, since the start. Such
    /// a record counts as absent.
    #[must_use]
    pub fn corrupt_records(&self) -> u64 {
        self.inner.corrupt.load(Ordering::Relaxed)
    }

    /// Disk work, off the threads that serve requests.
    async fn blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<Inner>) -> Result<T, StoreError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Unavailable(
                "the storage task did not finish".to_owned(),
            )),
        }
    }
}

/// What redb reports. Its texts speak of the file, never of contents.
fn unavailable(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(text) => StoreError::Corrupt(text),
        error => StoreError::Unavailable(error.to_string()),
    }
}

impl Inner {
    /// A panic below leaves a transaction that is rolled back: the lock itself
    /// guards nothing that could be half changed.
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A state of the store, and what its records stand under.
    fn view(&self) -> Result<(ReadTransaction, Arc<Sealer>), StoreError> {
        let sealer = self.sealer.read().unwrap_or_else(PoisonError::into_inner);
        Ok((self.database.begin_read()?, Arc::clone(&sealer)))
    }

    fn use_secret(&self, secret: &[u8; 32]) -> Result<(), StoreError> {
        let failed = |_| StoreError::Unavailable("no keys can be derived".to_owned());
        let sealer = Sealer::new(secret).map_err(failed)?;
        let mut feed = self.feed();
        let former = self.sealer();
        if sealer.is_same(&former) {
            return Ok(());
        }
        let transaction = self.begin_write(&mut feed)?;
        let mut tables = Tables::new(&transaction)?;
        let reseal::Resealed { records, lost } = reseal::reseal(&mut tables, &former, &sealer)?;
        drop(tables);
        let mut current = self.sealer.write().unwrap_or_else(PoisonError::into_inner);
        self.commit(transaction, &mut feed)?;
        *current = Arc::new(sealer);
        drop(current);
        self.corrupt.fetch_add(lost, Ordering::Relaxed);
        tracing::info!(
            records,
            lost,
            "the store is now sealed with another shared secret"
        );
        Ok(())
    }

    fn begin_write(&self, feed: &mut Feed) -> Result<WriteTransaction, StoreError> {
        // redb's default durability: on disk before `commit` returns.
        self.database.begin_write().inspect_err(|_| self.lose(feed))
    }

    fn commit(&self, transaction: WriteTransaction, feed: &mut Feed) -> Result<(), StoreError> {
        let committed = transaction.commit().map_err(unavailable);
        committed.inspect_err(|error| {
            tracing::error!(%error, "the store cannot be written");
            self.lose(feed);
        })
    }

    /// Lets every follower go: after a failure nobody knows what has reached the
    /// disk. They begin again from where they stand, and read what has.
    fn lose(&self, feed: &mut Feed) {
        *feed = Feed::new(self.limits.max_behind);
    }

    /// The record in a stored blob; none, and counted, if it cannot be read.
    fn unseal(&self, sealer: &Sealer, key: &[u8], blob: &[u8]) -> Option<Record> {
        let record = sealer.open(key, blob);
        if record.is_none() {
            self.corrupt.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                version = seal::version(blob),
                "a stored record cannot be read and counts as absent"
            );
        }
        record
    }

    fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let (state, sealer) = self.view()?;
        let key = sealer.key(kind, id);
        let blob = tables::Reader::new(&state)?.record(&key)?;
        Ok(blob.and_then(|blob| self.unseal(&sealer, &key, &blob)))
    }

    fn put(&self, kind: &str, id: &str, data: Bytes, if_version: IfVersion) -> Result<Record, StoreError> {
        self.limits.check(kind, id, data.len())?;
        let mut feed = self.feed();
        let sealer = self.sealer();
        let key = sealer.key(kind, id);
        let transaction = self.begin_write(&mut feed)?;
        let mut tables = Tables::new(&transaction)?;
        let old = tables.record(&key)?;
        let current = old
            .as_deref()
            .and_then(|blob| self.unseal(&sealer, &key, blob))
            .map(|record| record.version);
        let met = match if_version {
            IfVersion::Any => true,
            IfVersion::Absent => current.is_none(),
            IfVersion::Is(version) => current == Some(version),
        };
        if !met {
            return Err(StoreError::Conflict { current });
        }
        if old.is_none() && tables.records()? >= self.limits.max_records as u64 {
            return Err(StoreError::Unavailable("the store is full".to_owned()));
        }
        let version = tables.next_version()?;
        let record = Record {
            kind: kind.to_owned(),
            id: id.to_owned(),
            version,
            data,
            deleted: false,
        };
        let blob = sealer.seal(&Stored {
            key: &key,
            record: &record,
        })?;
        tables.insert(&key, version, &blob, old.as_deref())?;
        drop(tables);
        self.commit(transaction, &mut feed)?;
        feed.publish(&record);
        Ok(record)
    }

    fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        let mut feed = self.feed();
        let sealer = self.sealer();
        let key = sealer.key(kind, id);
        let transaction = self.begin_write(&mut feed)?;
        let mut tables = Tables::new(&transaction)?;
        let Some(old) = tables.record(&key)? else {
            return Ok(());
        };
        let version = tables.next_version()?;
        let tombstone = Record {
            kind: kind.to_owned(),
            id: id.to_owned(),
            version,
            data: Bytes::new(),
            deleted: true,
        };
        let blob = sealer.seal(&Stored {
            key: &key,
            record: &tombstone,
        })?;
        tables.bury(&key, version, &blob, Some(&old), self.limits.max_tombstones)?;
        drop(tables);
        self.commit(transaction, &mut feed)?;
        feed.publish(&tombstone);
        Ok(())
    }

    fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let (state, sealer) = self.view()?;
        let tables = tables::Reader::new(&state)?;
        let after = after.map(|id| sealer.key(kind, id));
        let mut page = Vec::new();
        let limit = limit.min(self.limits.max_page);
        tables.each_of_kind(&sealer.kind(kind), after.as_deref(), |key, blob| {
            // What cannot be read is passed over here, so that a page is empty
            // only at the end.
            if page.len() < limit {
                page.extend(self.unseal(&sealer, key, blob));
            }
            page.len() < limit
        })?;
        Ok(page)
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.blocking(move |inner| inner.get(&kind, &id)).await
    }

    async fn put(
        &self,
        kind: &str,
        id: &str,
        data: Bytes,
        if_version: IfVersion,
    ) -> Result<Record, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.blocking(move |inner| inner.put(&kind, &id, data, if_version))
            .await
    }

    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.blocking(move |inner| inner.delete(&kind, &id)).await
    }

    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let (kind, after) = (kind.to_owned(), after.map(str::to_owned));
        self.blocking(move |inner| inner.query(&kind, after.as_deref(), limit))
            .await
    }

    async fn sync(&self, from: Option<Position>) -> Result<SyncStream, StoreError> {
        let (replay, follower) = self.blocking(move |inner| replay::begin(inner, from)).await?;
        Ok(replay.then_follow(follower))
    }
}

#[cfg(test)]
mod tests;
