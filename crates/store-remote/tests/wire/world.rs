//! A control plane's store behind a socket, and what goes wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_control_plane::store_service::StoreService;
use portcullis_proto::channel::{ClientOptions, Connection, connect};
use portcullis_proto::credential::{Key, Verify};
use portcullis_proto::listener::Incoming;
use portcullis_proto::store::{MAX_MESSAGE, RecordStoreServer};
use portcullis_store::Store;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use url::Url;

/// The shared secret of everybody here.
pub(crate) const SECRET: [u8; 32] = [3; 32];

/// A store that is served, until it is stopped.
pub(crate) struct Door {
    directory: TempDir,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Door {
    pub(crate) fn open(store: Arc<dyn Store>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grpc.sock");
        let (serving, stop) = serve(&path, store);
        Self {
            directory,
            stop,
            serving,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("grpc.sock")
    }

    pub(crate) fn channel(&self) -> Connection {
        channel(&self.path(), Some(Key::derive(&SECRET.into())))
    }

    /// As if the process had been killed: every connection breaks.
    pub(crate) async fn kill(&mut self) {
        self.stop.cancel();
        self.serving.abort();
        let _ = (&mut self.serving).await;
        std::fs::remove_file(self.path()).unwrap();
    }

    pub(crate) fn reopen(&mut self, store: Arc<dyn Store>) {
        (self.serving, self.stop) = serve(&self.path(), store);
    }
}

pub(crate) fn channel(path: &Path, key: Option<Key>) -> Connection {
    connect(&ClientOptions {
        url: Url::parse(&format!("unix://{}", path.display())).unwrap(),
        ca_pem: None,
        identity: None,
        key: key.map(Arc::new),
        plaintext: false,
    })
    .unwrap()
}

fn serve(path: &Path, store: Arc<dyn Store>) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    let service = StoreService::new(store).ending_with(stop.clone());
    let service = RecordStoreServer::new(service).max_decoding_message_size(MAX_MESSAGE);
    let verify = Verify::new(Arc::new(Key::derive(&SECRET.into())));
    let incoming = Incoming::unix(UnixListener::bind(path).unwrap());
    let serving = Server::builder()
        .add_service(InterceptedService::new(service, verify))
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let serving = tokio::spawn(async move { serving.await.unwrap() });
    (serving, stop)
}

/// Waits until it is so, `within` at most.
pub(crate) async fn until(within: Duration, what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(within, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "not within {within:?}: {what}");
}
