//! Where sessions are kept, as the configuration says.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_config::Storage;
use portcullis_store::{MemoryStore, Store};
use portcullis_store_redb::RedbStore;
use secrecy::SecretBox;

use crate::process::Failure;

/// Opens the store. It is opened once for the life of the process: what a reload
/// says of it takes effect at the next start.
pub(crate) fn open(
    storage: &Storage,
    secret: Option<&SecretBox<[u8; 32]>>,
) -> Result<Arc<dyn Store>, Failure> {
    match storage {
        Storage::Memory => Ok(Arc::new(MemoryStore::new(epoch()))),
        Storage::File(path) => {
            let secret = secret.ok_or("the store at rest needs `shared_secret`")?;
            Ok(Arc::new(open_file(path, secret)?))
        }
    }
}

fn open_file(path: &Path, secret: &SecretBox<[u8; 32]>) -> Result<RedbStore, Failure> {
    Ok(RedbStore::open(path, secret)?)
}

/// Another number for every start, so that whoever followed a former store begins anew.
fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
