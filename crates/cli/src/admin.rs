//! The admin socket of this process, and the way of a command to that of another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use portcullis_admin::find::{self, FindError, Wanted};
use portcullis_admin::keys::Keys;
use portcullis_admin::protocol::About;
use portcullis_admin::server::{self, Admin};
use portcullis_control_plane::supervise::RunDirectory;
use portcullis_store::Store;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The admin socket of this process, closed at first.
pub(crate) struct AdminSocket {
    /// None where no directory can be made for it.
    place: Option<Arc<RunDirectory>>,
    admin: Admin,
    stop: CancellationToken,
    serving: TaskTracker,
}

impl AdminSocket {
    /// For the process of `role`, whose sessions are in `store`, in `place`.
    pub(crate) fn new(
        role: &str,
        config: Option<&Path>,
        store: Arc<dyn Store>,
        keys: Option<Arc<dyn Keys>>,
        place: Option<Arc<RunDirectory>>,
    ) -> Self {
        let about = About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: role.to_owned(),
            config: config.and_then(|config| std::path::absolute(config).ok()),
            pid: std::process::id(),
        };
        Self {
            place,
            admin: Admin {
                store,
                clock: Arc::new(Timestamp::now),
                keys,
                about,
            },
            stop: CancellationToken::new(),
            serving: TaskTracker::new(),
        }
    }

    /// A directory for it alone. A process that has no other use for one serves
    /// without, on a file system that cannot be written to for instance.
    pub(crate) fn own_place() -> Option<Arc<RunDirectory>> {
        RunDirectory::create(None)
            .map(Arc::new)
            .inspect_err(|error| tracing::warn!(%error, "there is no admin socket"))
            .ok()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.place.as_ref().map(|place| place.admin())
    }

    /// As log lines name it.
    pub(crate) fn shown(&self) -> Option<String> {
        self.path().map(|path| path.display().to_string())
    }

    /// `status` with its path.
    pub(crate) fn in_status(&self, mut status: Value) -> Value {
        if let Some(members) = status.as_object_mut() {
            members.insert("admin_socket".to_owned(), self.shown().into());
        }
        status
    }

    /// Answers from now on.
    pub(crate) fn open(&self) {
        let Some(path) = self.path() else {
            return;
        };
        let listener = match server::bind(&path) {
            Ok(listener) => listener,
            Err(error) => {
                // No reason to let nobody in any more.
                let path = path.display();
                tracing::error!(%error, "the admin socket `{path}` cannot be made");
                return;
            }
        };
        let serving = server::serve(listener, self.admin.clone(), self.stop.clone());
        self.serving.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the admin socket does not answer");
            }
        });
    }

    /// Finishes what is under way, and answers no more.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.serving.close();
        self.serving.wait().await;
    }
}

/// The instance that a command is meant for.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) async fn instance(wanted: &Wanted) -> Result<find::Instance, FindError> {
    find::find(wanted, &find::directories()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_store::MemoryStore;

    fn socket(place: Option<Arc<RunDirectory>>) -> AdminSocket {
        let store = Arc::new(MemoryStore::new(1));
        AdminSocket::new("run", Some(Path::new("config.yaml")), store, None, place)
    }

    #[tokio::test]
    async fn an_instance_is_where_commands_look_for_it_from_open_to_close() {
        let base = tempfile::tempdir().unwrap();
        let places = [base.path().to_owned()];
        let place = RunDirectory::create(Some(base.path())).unwrap();
        let admin = socket(Some(Arc::new(place)));
        assert!(find::find(&Wanted::default(), &places).await.is_err());
        admin.open();
        let found = find::find(&Wanted::default(), &places).await.unwrap();
        let path = admin.path().unwrap();
        assert_eq!(found.client.socket().file_name(), path.file_name());
        let about = found.about;
        assert_eq!((about.role.as_str(), about.pid), ("run", std::process::id()));
        assert_eq!(
            about.config,
            Some(std::env::current_dir().unwrap().join("config.yaml"))
        );
        let status = admin.in_status(serde_json::json!({"ready": true}));
        assert_eq!(
            status,
            serde_json::json!({"ready": true, "admin_socket": path.to_str().unwrap()})
        );
        admin.close().await;
        assert!(find::find(&Wanted::default(), &places).await.is_err());
        drop(admin);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn without_a_place_there_is_none() {
        let admin = socket(None);
        admin.open();
        assert_eq!(admin.shown(), None);
        admin.close().await;
    }
}
