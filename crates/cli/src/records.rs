//! Where sessions are kept, as the configuration says.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_config::Storage;
use portcullis_model::Secrets;
use portcullis_store::{MemoryStore, Store};
use portcullis_store_redb::RedbStore;
use tokio::sync::watch;

use crate::process::Failure;

/// How long after a failure the store is sealed anew.
const PAUSE: Duration = Duration::from_secs(10);

/// The store, and its file where it has one.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) at_rest: Option<RedbStore>,
}

/// Opens the store. It is opened once for the life of the process: what a reload
/// says of its place takes effect at the next start.
pub(crate) fn open(storage: &Storage, secrets: Option<&Secrets>) -> Result<Opened, Failure> {
    match storage {
        Storage::Memory => Ok(Opened {
            store: Arc::new(MemoryStore::new(epoch())),
            at_rest: None,
        }),
        Storage::File(path) => {
            let secrets = secrets.ok_or("the store at rest needs `shared_secret`")?;
            let store = open_file(path, secrets)?;
            Ok(Opened {
                store: Arc::new(store.clone()),
                at_rest: Some(store),
            })
        }
    }
}

fn open_file(path: &Path, secrets: &Secrets) -> Result<RedbStore, Failure> {
    Ok(RedbStore::open(path, secrets)?)
}

/// Keeps the store sealed with the first of the shared secrets as they change:
/// once a secret is dropped, the next start could not open what is under it. Ends
/// with the control plane.
pub(crate) async fn follow(at_rest: RedbStore, mut secrets: watch::Receiver<Secrets>) {
    loop {
        let wanted = secrets.borrow_and_update().clone();
        let ended = match at_rest.use_secrets(&wanted).await {
            Ok(()) => secrets.changed().await.is_err(),
            Err(error) => {
                tracing::error!(
                    %error,
                    "the store stays under its former shared secret, without which the next start cannot open it"
                );
                let changed = tokio::time::timeout(PAUSE, secrets.changed()).await;
                matches!(changed, Ok(Err(_)))
            }
        };
        if ended {
            return;
        }
    }
}

/// Another number for every start, so that whoever followed a former store begins anew.
fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
