//! The live half of a sync stream: changes handed to each follower's bounded
//! queue, without ever waiting for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::channel::mpsc;
use futures::{Stream, StreamExt, stream};

use crate::{Record, StoreError, SyncEvent};

/// Hands changes to followers. The store calls it under the lock that orders
/// its writes, so that followers see them in version order.
#[derive(Debug)]
pub struct Feed {
    max_behind: usize,
    followers: Vec<Outlet>,
}

#[derive(Debug)]
struct Outlet {
    queue: mpsc::Sender<Record>,
    lagged: Arc<AtomicBool>,
}

/// The receiving end of one follower.
#[derive(Debug)]
pub struct Follower {
    queue: mpsc::Receiver<Record>,
    lagged: Arc<AtomicBool>,
}

impl Feed {
    /// A feed that lets each follower fall behind by `max_behind` changes.
    #[must_use]
    pub fn new(max_behind: usize) -> Self {
        Self {
            max_behind,
            followers: Vec::new(),
        }
    }

    /// A follower of everything published from now on.
    pub fn follow(&mut self) -> Follower {
        self.followers.retain(|outlet| !outlet.queue.is_closed());
        // The queue holds one more than asked, since each sender has a slot.
        let (sender, receiver) = mpsc::channel(self.max_behind.saturating_sub(1));
        let lagged = Arc::new(AtomicBool::new(false));
        self.followers.push(Outlet {
            queue: sender,
            lagged: Arc::clone(&lagged),
        });
        Follower {
            queue: receiver,
            lagged,
        }
    }

    /// Hands a change to every follower; one whose queue is full is let go.
    pub fn publish(&mut self, record: &Record) {
        self.followers
            .retain_mut(|outlet| match outlet.queue.try_send(record.clone()) {
                Ok(()) => true,
                Err(error) => {
                    if error.is_full() {
                        outlet.lagged.store(true, Ordering::Release);
                    }
                    false
                }
            });
    }

    /// How many follow now.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.followers
            .iter()
            .filter(|outlet| !outlet.queue.is_closed())
            .count()
    }
}

impl Follower {
    /// The changes, then why there are no more of them.
    pub fn events(self) -> impl Stream<Item = Result<SyncEvent, StoreError>> + Send + 'static {
        let Self { queue, lagged } = self;
        let end = stream::once(async move {
            Err(if lagged.load(Ordering::Acquire) {
                StoreError::Lagged
            } else {
                StoreError::Unavailable("the store was closed".to_owned())
            })
        });
        queue.map(|record| Ok(SyncEvent::Record(record))).chain(end)
    }
}
