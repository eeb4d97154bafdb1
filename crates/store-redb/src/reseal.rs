//! All that is sealed under one secret, sealed under another: in one transaction,
//! so that the file is always under one of them.

use portcullis_store::StoreError;

use crate::file::set_marker;
use crate::seal::{Sealer, Stored};
use crate::tables::Tables;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resealed {
    /// Live records and tombstones that now stand under the new secret.
    pub(crate) records: u64,
    /// What could not be read before either, and is now gone.
    pub(crate) lost: u64,
}

/// Seals everything anew, at the same versions: whoever follows notices nothing.
pub(crate) fn reseal(tables: &mut Tables<'_>, from: &Sealer, to: &Sealer) -> Result<Resealed, StoreError> {
    let mut done = Resealed::default();
    tables.each_anew(|key, blob| {
        let Some(record) = from.open(key, blob) else {
            done.lost = done.lost.saturating_add(1);
            return Ok(None);
        };
        let key = to.key(&record.kind, &record.id);
        let stored = Stored {
            key: &key,
            record: &record,
        };
        let blob = to.seal(&stored)?;
        done.records = done.records.saturating_add(1);
        Ok(Some((key, blob)))
    })?;
    set_marker(tables, to)?;
    Ok(done)
}
