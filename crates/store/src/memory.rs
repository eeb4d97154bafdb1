//! The in-memory store: the default of a single process, and of tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::{Feed, IfVersion, Limits, Position, Record, Store, StoreError, SyncEvent, SyncStream};

/// A bounded store that is lost with the process.
#[derive(Debug)]
pub struct MemoryStore {
    epoch: u64,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    version: u64,
    kinds: BTreeMap<String, BTreeMap<String, Record>>,
    /// Deleted records by the version of their deletion.
    tombstones: BTreeMap<u64, Record>,
    /// Tombstones up to this version have been forgotten.
    horizon: u64,
    records: usize,
    bytes: usize,
    feed: Feed,
}

impl MemoryStore {
    /// An empty store with the default limits. `epoch` must be random: a reader
    /// that knew another data set recognises by it that this is not the same.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self::with_limits(epoch, Limits::default())
    }

    /// An empty store with limits of one's own.
    #[must_use]
    pub fn with_limits(epoch: u64, limits: Limits) -> Self {
        let state = State {
            version: 0,
            kinds: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            horizon: 0,
            records: 0,
            bytes: 0,
            feed: Feed::new(limits.max_behind),
        };
        Self {
            epoch,
            limits,
            state: Mutex::new(state),
        }
    }

    /// Nothing panics while the lock is held, and every change of the state is
    /// whole before the lock goes: a poisoned lock is as good as another.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn live(&self, kind: &str, id: &str) -> Option<&Record> {
        self.kinds.get(kind)?.get(id)
    }

    fn next_version(&mut self) -> u64 {
        self.version = self.version.saturating_add(1);
        self.version
    }

    fn remove(&mut self, kind: &str, id: &str) -> Option<Record> {
        let of_kind = self.kinds.get_mut(kind)?;
        let record = of_kind.remove(id)?;
        if of_kind.is_empty() {
            self.kinds.remove(kind);
        }
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(record.data.len());
        Some(record)
    }

    fn insert(&mut self, record: Record) {
        self.remove(&record.kind, &record.id);
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(record.data.len());
        self.kinds
            .entry(record.kind.clone())
            .or_default()
            .insert(record.id.clone(), record);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.state().live(kind, id).cloned())
    }

    async fn put(
        &self,
        kind: &str,
        id: &str,
        data: Bytes,
        if_version: IfVersion,
    ) -> Result<Record, StoreError> {
        self.limits.check(kind, id, data.len())?;
        let mut state = self.state();
        let old = state.live(kind, id);
        let current = old.map(|record| record.version);
        let met = match if_version {
            IfVersion::Any => true,
            IfVersion::Absent => current.is_none(),
            IfVersion::Is(version) => current == Some(version),
        };
        if !met {
            return Err(StoreError::Conflict { current });
        }
        let old_bytes = old.map_or(0, |record| record.data.len());
        let full = current.is_none() && state.records >= self.limits.max_records
            || state.bytes.saturating_sub(old_bytes).saturating_add(data.len()) > self.limits.max_total;
        if full {
            return Err(StoreError::Unavailable("the store is full".to_owned()));
        }
        let record = Record {
            kind: kind.to_owned(),
            id: id.to_owned(),
            version: state.next_version(),
            // A copy: what was handed in may be a slice that keeps a far larger
            // buffer alive.
            data: Bytes::copy_from_slice(&data),
            deleted: false,
        };
        state.insert(record.clone());
        state.feed.publish(&record);
        Ok(record)
    }

    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(old) = state.remove(kind, id) else {
            return Ok(());
        };
        let version = state.next_version();
        let tombstone = Record {
            version,
            data: Bytes::new(),
            deleted: true,
            ..old
        };
        state.feed.publish(&tombstone);
        state.tombstones.insert(version, tombstone);
        while state.tombstones.len() > self.limits.max_tombstones {
            let Some((forgotten, _)) = state.tombstones.pop_first() else {
                break;
            };
            state.horizon = forgotten;
        }
        Ok(())
    }

    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        let Some(of_kind) = state.kinds.get(kind) else {
            return Ok(Vec::new());
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = of_kind.range::<str, _>((from, Bound::Unbounded));
        Ok(page
            .take(limit.min(self.limits.max_page))
            .map(|(_, record)| record.clone())
            .collect())
    }

    async fn sync(&self, from: Option<Position>) -> Result<SyncStream, StoreError> {
        let mut state = self.state();
        let here = Position {
            epoch: self.epoch,
            version: state.version,
        };
        let resume = from.filter(|position| {
            position.epoch == self.epoch && (state.horizon..=state.version).contains(&position.version)
        });
        let mut events = Vec::new();
        match resume {
            None => {
                events.push(SyncEvent::Snapshot);
                let live = state.kinds.values().flat_map(BTreeMap::values);
                events.extend(live.cloned().map(SyncEvent::Record));
            }
            Some(position) => {
                let live = state.kinds.values().flat_map(BTreeMap::values);
                let mut changed: Vec<Record> = live
                    .filter(|record| record.version > position.version)
                    .cloned()
                    .collect();
                let gone = state
                    .tombstones
                    .range((Bound::Excluded(position.version), Bound::Unbounded));
                // What was deleted and then written anew is live: the reader
                // sees both, in the order in which they happened.
                changed.extend(gone.map(|(_, record)| record.clone()));
                changed.sort_unstable_by_key(|record| record.version);
                events.extend(changed.into_iter().map(SyncEvent::Record));
            }
        }
        events.push(SyncEvent::CaughtUp(here));
        let follower = state.feed.follow();
        Ok(stream::iter(events.into_iter().map(Ok))
            .chain(follower.events())
            .boxed())
    }
}

#[cfg(test)]
mod tests;
