//! A control plane without an Envoy on a configuration in a temporary directory.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use portcullis_control_plane::{
    BundlePort, ControlPlane, FileSource, Handle, Options, Place, RunError, supervise::RunDirectory,
};
use portcullis_envoy_config::XdsProtocol;
use prometheus_client::registry::Registry;
use tokio::{task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, LINGER, Protocol, channel},
    ports::Port,
    sotw::Translation,
    timeline::Timeline,
};

pub(crate) struct World {
    pub(crate) timeline: Timeline,
    protocol: Protocol,
    pub(crate) handle: Handle,
    pub(crate) run: Arc<RunDirectory>,
    directory: tempfile::TempDir,
    running: JoinHandle<Result<(), RunError>>,
    shutdown: CancellationToken,
}

/// A configuration: one route each, host `NAME.example.com`, upstream port, e-mail.
pub(crate) fn config(routes: &[(&str, u16, &str)]) -> String {
    let mut text = "address: 127.0.0.1:8443\nroutes:\n".to_owned();
    for (name, port, email) in routes {
        text += &format!(
            "  - from: https://{name}.example.com\n    to: http://127.0.0.1:{port}\n    \
             policy: [{{allow: {{or: [{{email: {{is: {email}}}}}]}}}}]\n"
        );
    }
    text
}

impl World {
    pub(crate) fn start(text: &str, ports: &[Arc<Port>], timeline: &Timeline) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        fs::write(&path, text).unwrap();
        let source = FileSource::new(&path).unwrap();
        let first = source.load();
        assert!(first.is_usable(), "{:#?}", first.diagnostics);
        let run = Arc::new(RunDirectory::create(None).unwrap());
        let ports = ports
            .iter()
            .map(|port| Arc::clone(port) as Arc<dyn BundlePort>)
            .collect();
        let options = Options {
            ports,
            place: Place::Beside {
                run_directory: Arc::clone(&run),
                envoy: None,
                xds: XdsProtocol::default(),
            },
            clusters_linger: LINGER,
        };
        let control_plane = ControlPlane::new(options, source, first).unwrap();
        let handle = control_plane.handle();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(control_plane.run(shutdown.clone()));
        Self {
            timeline: timeline.clone(),
            protocol: Protocol::Delta,
            handle,
            run,
            directory,
            running,
            shutdown,
        }
    }

    /// The same, whose clients speak `protocol`.
    pub(crate) fn speaking(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("config.yaml")
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.run.xds(), self.protocol, self.timeline.clone()).await
    }

    /// A client of the state of the world that held this on a former stream.
    pub(crate) async fn client_again(&self, held: Translation) -> Client {
        Client::sotw(channel(self.run.xds()).await, held, self.timeline.clone())
    }

    /// A client that holds everything, and an empty timeline.
    pub(crate) async fn settled_client(&self) -> Client {
        let mut client = self.client().await;
        client.take_all().await;
        self.until(|| self.handle.is_ready()).await;
        self.timeline.take();
        client
    }

    /// Waits for what must come within ten seconds.
    pub(crate) async fn until(&self, done: impl Fn() -> bool) {
        for _ in 0..1000 {
            if done() {
                return;
            }
            time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "it does not come; {:#?}\n{:#?}",
            self.handle.status(),
            self.timeline.take()
        );
    }

    /// The value of a metric line such as `portcullis_xds_nack_total{type="Cluster"}`.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let mut registry = Registry::default();
        self.handle.metrics().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
        line.split(' ').nth(1)?.parse().ok()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let ended = time::timeout(Duration::from_secs(5), self.running).await;
        ended.expect("it does not end").unwrap().unwrap();
    }
}
