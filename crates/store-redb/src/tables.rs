//! The tables of the file, and the two ways of using them.

use std::ops::Bound;

use portcullis_store::StoreError;
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition,
    WriteTransaction,
};

use crate::{seal, unavailable};

/// Live records: key → blob.
pub(crate) const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// Live records in the order of their versions: version → key.
const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");
/// Deleted records: version of the deletion → key, blob.
const TOMBSTONES: TableDefinition<'_, u64, (&[u8], &[u8])> = TableDefinition::new("tombstones");
/// Numbers of the whole store.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// Where a sealed text stands that only the right key opens.
const MARKER: TableDefinition<'_, (), &[u8]> = TableDefinition::new("marker");

/// The format of this file.
pub(crate) const FORMAT: &str = "format";
/// The data set's number.
pub(crate) const EPOCH: &str = "epoch";
/// The last version given out.
const VERSION: &str = "version";
/// Tombstones up to this version are forgotten.
const HORIZON: &str = "horizon";

/// The tables in a write transaction.
pub(crate) struct Tables<'t> {
    records: Table<'t, &'static [u8], &'static [u8]>,
    changes: Table<'t, u64, &'static [u8]>,
    tombstones: Table<'t, u64, (&'static [u8], &'static [u8])>,
    numbers: Table<'t, &'static str, u64>,
    marker: Table<'t, (), &'static [u8]>,
}

impl<'t> Tables<'t> {
    /// Opens the tables, made if they are not there yet.
    pub(crate) fn new(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            records: transaction.open_table(RECORDS).map_err(unavailable)?,
            changes: transaction.open_table(CHANGES).map_err(unavailable)?,
            tombstones: transaction.open_table(TOMBSTONES).map_err(unavailable)?,
            numbers: transaction.open_table(NUMBERS).map_err(unavailable)?,
            marker: transaction.open_table(MARKER).map_err(unavailable)?,
        })
    }

    pub(crate) fn record(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let blob = self.records.get(key).map_err(unavailable)?;
        Ok(blob.map(|blob| blob.value().to_vec()))
    }

    pub(crate) fn records(&self) -> Result<u64, StoreError> {
        self.records.len().map_err(unavailable)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self
            .numbers
            .get(name)
            .map_err(unavailable)?
            .map(|number| number.value()))
    }

    pub(crate) fn set_number(&mut self, name: &str, number: u64) -> Result<(), StoreError> {
        self.numbers.insert(name, number).map_err(unavailable)?;
        Ok(())
    }

    pub(crate) fn marker(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .marker
            .get(())
            .map_err(unavailable)?
            .map(|blob| blob.value().to_vec()))
    }

    pub(crate) fn set_marker(&mut self, blob: &[u8]) -> Result<(), StoreError> {
        self.marker.insert((), blob).map_err(unavailable)?;
        Ok(())
    }

    pub(crate) fn next_version(&mut self) -> Result<u64, StoreError> {
        let version = self.number(VERSION)?.unwrap_or(0).saturating_add(1);
        self.set_number(VERSION, version)?;
        Ok(version)
    }

    /// Writes a live record over the `old` blob.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        version: u64,
        blob: &[u8],
        old: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        self.forget_change(key, old)?;
        self.changes.insert(version, key).map_err(unavailable)?;
        self.records.insert(key, blob).map_err(unavailable)?;
        Ok(())
    }

    /// Puts a tombstone in the place of the `old` blob, and forgets the oldest tombstones beyond `max`.
    pub(crate) fn bury(
        &mut self,
        key: &[u8],
        version: u64,
        blob: &[u8],
        old: Option<&[u8]>,
        max: usize,
    ) -> Result<(), StoreError> {
        self.forget_change(key, old)?;
        self.records.remove(key).map_err(unavailable)?;
        self.tombstones
            .insert(version, (key, blob))
            .map_err(unavailable)?;
        while self.tombstones.len().map_err(unavailable)? > max as u64 {
            let oldest = self
                .tombstones
                .pop_first()
                .map_err(unavailable)?
                .map(|(version, _)| version.value());
            let Some(oldest) = oldest else { break };
            self.set_number(HORIZON, oldest)?;
        }
        Ok(())
    }

    /// Puts what `anew` makes of each key and blob in their place, of live records
    /// and of tombstones, in the order of their versions; nothing where it makes
    /// nothing.
    pub(crate) fn each_anew(
        &mut self,
        mut anew: impl FnMut(&[u8], &[u8]) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some((version, key)) = next(&self.changes, after, |key| key.to_vec())? {
            after = version;
            let blob = self.records.remove(key.as_slice()).map_err(unavailable)?;
            let blob = blob.map(|blob| blob.value().to_vec()).unwrap_or_default();
            match anew(&key, &blob)? {
                Some((key, blob)) => {
                    let (key, blob) = (key.as_slice(), blob.as_slice());
                    self.records.insert(key, blob).map_err(unavailable)?;
                    self.changes.insert(version, key).map_err(unavailable)?;
                }
                None => {
                    self.changes.remove(version).map_err(unavailable)?;
                }
            }
        }
        let mut after = 0;
        let copy = |(key, blob): (&[u8], &[u8])| (key.to_vec(), blob.to_vec());
        while let Some((version, (key, blob))) = next(&self.tombstones, after, copy)? {
            after = version;
            match anew(&key, &blob)? {
                Some((key, blob)) => {
                    let stored = (key.as_slice(), blob.as_slice());
                    self.tombstones.insert(version, stored).map_err(unavailable)?;
                }
                None => {
                    self.tombstones.remove(version).map_err(unavailable)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a record out of the order of versions.
    fn forget_change(&mut self, key: &[u8], old: Option<&[u8]>) -> Result<(), StoreError> {
        let Some(blob) = old else { return Ok(()) };
        if let Some(version) = seal::version(blob) {
            let entry = self.changes.get(version).map_err(unavailable)?;
            let ours = entry.is_some_and(|entry| entry.value() == key);
            if ours {
                self.changes.remove(version).map_err(unavailable)?;
                return Ok(());
            }
        }
        // A damaged blob: where it says that it stands is another's place, or
        // none. Rare enough to look through everything.
        self.changes.retain(|_, other| other != key).map_err(unavailable)
    }
}

/// The entry with the lowest version after one.
fn next<V: redb::Value + 'static, T>(
    table: &Table<'_, u64, V>,
    after: u64,
    read: impl FnOnce(V::SelfType<'_>) -> T,
) -> Result<Option<(u64, T)>, StoreError> {
    let mut range = table
        .range((Bound::Excluded(after), Bound::Unbounded))
        .map_err(unavailable)?;
    match range.next() {
        None => Ok(None),
        Some(entry) => {
            let (version, value) = entry.map_err(unavailable)?;
            Ok(Some((version.value(), read(value.value()))))
        }
    }
}

/// The tables in a read transaction: one state of the store.
pub(crate) struct Reader {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
    changes: ReadOnlyTable<u64, &'static [u8]>,
    tombstones: ReadOnlyTable<u64, (&'static [u8], &'static [u8])>,
    numbers: ReadOnlyTable<&'static str, u64>,
}

impl Reader {
    pub(crate) fn new(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            records: transaction.open_table(RECORDS).map_err(unavailable)?,
            changes: transaction.open_table(CHANGES).map_err(unavailable)?,
            tombstones: transaction.open_table(TOMBSTONES).map_err(unavailable)?,
            numbers: transaction.open_table(NUMBERS).map_err(unavailable)?,
        })
    }

    pub(crate) fn record(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let blob = self.records.get(key).map_err(unavailable)?;
        Ok(blob.map(|blob| blob.value().to_vec()))
    }

    /// The last version, and up to where deletions are forgotten.
    pub(crate) fn extent(&self) -> Result<(u64, u64), StoreError> {
        let number = |name| -> Result<u64, StoreError> {
            Ok(self
                .numbers
                .get(name)
                .map_err(unavailable)?
                .map_or(0, |number| number.value()))
        };
        Ok((number(VERSION)?, number(HORIZON)?))
    }

    /// Shows the records of a kind after a key, until told to stop.
    pub(crate) fn each_of_kind(
        &self,
        kind: &[u8],
        after: Option<&[u8]>,
        mut each: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let from = after.map_or(Bound::Included(kind), Bound::Excluded);
        let range = self
            .records
            .range::<&[u8]>((from, Bound::Unbounded))
            .map_err(unavailable)?;
        for entry in range {
            let (key, blob) = entry.map_err(unavailable)?;
            if !key.value().starts_with(kind) || !each(key.value(), blob.value()) {
                break;
            }
        }
        Ok(())
    }

    /// Keys and blobs of the next live records after a version, in the order of
    /// their versions.
    pub(crate) fn changes(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let range = self
            .changes
            .range((Bound::Excluded(after), Bound::Unbounded))
            .map_err(unavailable)?;
        let mut entries = Vec::new();
        for entry in range.take(limit) {
            let (version, key) = entry.map_err(unavailable)?;
            let key = key.value().to_vec();
            let blob = self.record(&key)?.unwrap_or_default();
            entries.push(Entry {
                version: version.value(),
                key,
                blob,
            });
        }
        Ok(entries)
    }

    /// The same of tombstones.
    pub(crate) fn tombstones(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let range = self
            .tombstones
            .range((Bound::Excluded(after), Bound::Unbounded))
            .map_err(unavailable)?;
        let mut entries = Vec::new();
        for entry in range.take(limit) {
            let (version, stored) = entry.map_err(unavailable)?;
            let (key, blob) = stored.value();
            entries.push(Entry {
                version: version.value(),
                key: key.to_vec(),
                blob: blob.to_vec(),
            });
        }
        Ok(entries)
    }
}

/// A stored record at its place in the history.
pub(crate) struct Entry {
    pub(crate) version: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) blob: Vec<u8>,
}
