//! What was found of a certificate, for as long as the same would be found again:
//! reading and verifying a chain costs more than all the rest of a check.
//!
//! It is kept beside the bundle by whose authorities it was found, and goes with it.

use super::certificate::Presented;
use aws_lc_rs::digest::{Context, SHA256};
use core::ops::Range;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// Entries of one generation; there are two.
const MAX_YOUNG: usize = 512;

/// SHA-256 of all that the client presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Of texts, each with its length, so that no two lists are alike.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Context::new(&SHA256);
        for text in texts {
            hash.update(&text.len().to_be_bytes());
            hash.update(text.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        Self(key)
    }
}

struct Entry {
    /// For which time it holds, in seconds of Unix time.
    holds: Range<i64>,
    found: Presented,
}

/// What was found of the last certificates.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Generations>);

/// What is used stays young. The old are let go of together, which needs no order.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
}

impl Remembered {
    /// What was found of `key`, if that holds at `now`; otherwise what `find` finds now,
    /// and for which time.
    pub(super) fn found_or(
        &self,
        key: Key,
        now: Timestamp,
        find: impl FnOnce() -> (Presented, Range<i64>),
    ) -> Presented {
        if let Some(found) = self.find(&key, now) {
            return found;
        }
        // Without the lock: others need not wait for it.
        let (found, holds) = find();
        let kept = found.clone();
        self.with(|all| all.keep(key, Entry { holds, found: kept }));
        found
    }

    fn find(&self, key: &Key, now: Timestamp) -> Option<Presented> {
        self.with(|all| {
            if !all.young.contains_key(key) {
                let old = all.old.remove(key)?;
                all.keep(*key, old);
            }
            let entry = all.young.get(key)?;
            let holds = entry.holds.contains(&now.as_second());
            holds.then(|| entry.found.clone())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Generations) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn keep(&mut self, key: Key, entry: Entry) {
        if self.young.len() >= MAX_YOUNG && !self.young.contains_key(&key) {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}
