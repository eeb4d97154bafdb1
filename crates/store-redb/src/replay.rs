//! The first half of a sync stream: one state of the store, read page by page,
//! while the changes since wait in the follower's queue.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use portcullis_store::{Follower, Position, Record, StoreError, SyncEvent, SyncStream};
use redb::ReadTransaction;

use crate::seal::Sealer;
use crate::tables::{Entry, Reader};
use crate::{Inner, RedbStore};

/// Records read at once.
pub(crate) const PAGE: usize = 256;

pub(crate) struct Replay {
    store: RedbStore,
    state: Arc<ReadTransaction>,
    /// What this state stands under, whatever later ones do.
    sealer: Arc<Sealer>,
    /// Where to begin; none for all live records.
    from: Option<u64>,
    end: Position,
}

/// A state of the store, and a follower of everything after it.
pub(crate) fn begin(inner: &Arc<Inner>, from: Option<Position>) -> Result<(Replay, Follower), StoreError> {
    // Nothing can be written between the two while the feed is locked.
    let mut feed = inner.feed();
    let (state, sealer) = inner.view()?;
    let follower = feed.follow();
    drop(feed);

    let (version, horizon) = Reader::new(&state)?.extent()?;
    let known = |position: &Position| {
        position.epoch == inner.epoch && (horizon..=version).contains(&position.version)
    };
    let replay = Replay {
        store: RedbStore {
            inner: Arc::clone(inner),
        },
        state: Arc::new(state),
        sealer,
        from: from.filter(known).map(|position| position.version),
        end: Position {
            epoch: inner.epoch,
            version,
        },
    };
    Ok((replay, follower))
}

impl Replay {
    pub(crate) fn then_follow(self, follower: Follower) -> SyncStream {
        let Self {
            store,
            state,
            sealer,
            from,
            end,
        } = self;
        let with_tombstones = from.is_some();
        let begin = stream::iter(from.is_none().then_some(Ok(SyncEvent::Snapshot)));
        let pages = stream::try_unfold(from.unwrap_or(0), move |after| {
            let (store, state, sealer) = (store.clone(), Arc::clone(&state), Arc::clone(&sealer));
            async move {
                let read = store.blocking(move |inner| page(inner, &state, &sealer, after, with_tombstones));
                let (records, last) = read.await?;
                Ok(last.map(|last| (records, last)))
            }
        });
        let records = pages
            .map_ok(|records| stream::iter(records.into_iter().map(|record| Ok(SyncEvent::Record(record)))))
            .try_flatten();
        let all = begin
            .chain(records)
            .chain(stream::iter([Ok(SyncEvent::CaughtUp(end))]));
        // The stream ends after its first error, wherever that comes from.
        all.chain(follower.events())
            .scan(false, |failed, event| {
                let ended = *failed;
                *failed = event.is_err();
                future::ready((!ended).then_some(event))
            })
            .boxed()
    }
}

/// The next records after a version, and the last version looked at; no version
/// at the end.
fn page(
    inner: &Inner,
    state: &ReadTransaction,
    sealer: &Sealer,
    after: u64,
    with_tombstones: bool,
) -> Result<(Vec<Record>, Option<u64>), StoreError> {
    let tables = Reader::new(state)?;
    let mut entries = tables.changes(after, PAGE)?;
    if with_tombstones {
        entries.extend(tables.tombstones(after, PAGE)?);
        // The first page of both together is among the first pages of each.
        entries.sort_unstable_by_key(|entry| entry.version);
        entries.truncate(PAGE);
    }
    let last = entries.last().map(|entry| entry.version);
    let read = |entry: &Entry| inner.unseal(sealer, &entry.key, &entry.blob);
    Ok((entries.iter().filter_map(read).collect(), last))
}
