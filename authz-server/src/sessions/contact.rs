//! How this server stands with the store.

use core::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

/// How far apart the questions to a store are that does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Before the first contact.
const NEVER: i64 = i64::MIN;

/// Whether memory follows the store, and how long it may be believed when it
/// does not.
pub(super) struct Contact {
    /// Whether the change stream is connected and has caught up.
    connected: AtomicBool,
    /// When the stream was last known to be connected, in milliseconds since 1970.
    last: AtomicI64,
    max_staleness: Duration,
    /// While the store is known to be away: when to ask it again.
    ask_again: Mutex<Option<Instant>>,
}

impl Contact {
    pub(super) fn new(max_staleness: Duration) -> Self {
        Self {
            connected: AtomicBool::new(false),
            last: AtomicI64::new(NEVER),
            max_staleness,
            ask_again: Mutex::new(None),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Whether the store is in another process and away.
    pub(super) fn is_cut_off(&self) -> bool {
        !self.max_staleness.is_zero() && !self.is_connected()
    }

    pub(super) fn connect(&self) {
        self.answered();
        self.connected.store(true, Ordering::Release);
    }

    /// Whether it was connected until now.
    pub(super) fn disconnect(&self, now: Timestamp) -> bool {
        // Before the flag falls: who sees it down must find the time.
        if self.is_connected() {
            self.last.store(now.as_millisecond(), Ordering::Release);
        }
        self.connected.swap(false, Ordering::AcqRel)
    }

    /// Whether what memory holds may stand for the answer of a store that does
    /// not give one.
    pub(super) fn memory_stands(&self, now: Timestamp) -> bool {
        let last = self.last.load(Ordering::Acquire);
        if last == NEVER || self.max_staleness.is_zero() {
            return false;
        }
        // A clock that went back tells nothing of how long it has been: refuse.
        u64::try_from(now.as_millisecond().saturating_sub(last))
            .is_ok_and(|elapsed| Duration::from_millis(elapsed) <= self.max_staleness)
    }

    /// Whether to ask the store. While it is away only one request a second does,
    /// so that the others are not held up by it. A store of this process is
    /// always asked.
    pub(super) fn may_ask(&self) -> bool {
        if !self.is_cut_off() {
            return true;
        }
        let mut ask_again = self.ask_again.lock().unwrap_or_else(PoisonError::into_inner);
        match *ask_again {
            None => true,
            Some(at) if Instant::now() < at => false,
            Some(_) => {
                *ask_again = Some(Instant::now() + PAUSE);
                true
            }
        }
    }

    pub(super) fn failed(&self) {
        *self.ask_again.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
    }

    pub(super) fn answered(&self) {
        *self.ask_again.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
