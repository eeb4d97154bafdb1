//! Bounds of a store: nothing in it grows without one.

use crate::StoreError;

/// Bounds of a store. A write over one of them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record's data.
    pub max_data: usize,
    /// Bytes of a kind or an id.
    pub max_name: usize,
    /// Live records of all kinds together (the in-memory store alone: it is the
    /// one that a flood of logins could bring down).
    pub max_records: usize,
    /// Bytes of all live data together (the in-memory store alone).
    pub max_total: usize,
    /// Tombstones kept for readers that resume; older ones are forgotten and
    /// such a reader gets a snapshot.
    pub max_tombstones: usize,
    /// Records in one page of a query.
    pub max_page: usize,
    /// Changes that wait for one reader before it counts as lagging.
    pub max_behind: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_data: 512 * 1024,
            max_name: 512,
            max_records: 1_000_000,
            max_total: 1024 * 1024 * 1024,
            max_tombstones: 10_000,
            max_page: 1_000,
            max_behind: 4_096,
        }
    }
}

impl Limits {
    /// Whether one record's parts are within bounds.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub fn check(&self, kind: &str, id: &str, data: usize) -> Result<(), StoreError> {
        let fits = data <= self.max_data && kind.len() <= self.max_name && id.len() <= self.max_name;
        if fits { Ok(()) } else { Err(StoreError::TooLarge) }
    }
}
