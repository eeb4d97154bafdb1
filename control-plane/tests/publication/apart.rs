//! Two-phase publication over the wire: authz-servers and Envoys elsewhere.

use std::{fs, sync::Arc, time::Duration};

use portcullis_control_plane::{
    Apart, ControlPlane, FileSource, Grpc, Handle, Options, Place, RunError, Status,
};
use portcullis_proto::{
    channel::{ClientOptions, Connection, connect},
    credential::Key,
    listener::{Incoming, ServerTls},
};
use portcullis_store::MemoryStore;
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, transport::Endpoint};
use url::Url;

use crate::{
    HELD, ads,
    client::{CDS, Client, LDS, LINGER, RDS},
    follower::{Follower, Word},
    timeline::{Event, Timeline},
    world::config,
};

const SECRETS: &str = "shared_secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\ncookie_secret: ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n";

/// A control plane of its own, on a loopback port.
pub(crate) struct World {
    pub(crate) handle: Handle,
    pub(crate) key: Arc<Key>,
    pub(crate) port: u16,
    pub(crate) timeline: Timeline,
    directory: tempfile::TempDir,
    running: JoinHandle<Result<(), RunError>>,
    shutdown: CancellationToken,
}

impl World {
    pub(crate) async fn start(text: &str, tls: Option<&ServerTls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = tls.map(|tls| tls.config(&[b"h2"]).unwrap());
        Self::behind(text, Incoming::tcp(listener, tls), None, port)
    }

    pub(crate) fn behind(text: &str, incoming: Incoming, owner: Option<u32>, port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        fs::write(&path, format!("{SECRETS}{text}")).unwrap();
        let source = FileSource::new(&path).unwrap().requiring_secrets();
        let first = source.load();
        assert!(first.is_usable(), "{:#?}", first.diagnostics);
        let key = Arc::new(Key::derive(&(*b"0123456789abcdef0123456789abcdef").into()));
        let grpc = Grpc {
            incoming,
            owner,
            key: Arc::clone(&key),
            store: Arc::new(MemoryStore::new(1)),
        };
        let place = Place::Apart(Apart {
            grpc,
            authorize_ca: None,
        });
        let options = Options {
            ports: Vec::new(),
            place,
            clusters_linger: LINGER,
        };
        let control_plane = ControlPlane::new(options, source, first).unwrap();
        let handle = control_plane.handle();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(control_plane.run(shutdown.clone()));
        Self {
            handle,
            key,
            port,
            timeline: Timeline::default(),
            directory,
            running,
            shutdown,
        }
    }

    pub(crate) fn write(&self, text: &str) {
        self.write_with(SECRETS, text);
    }

    pub(crate) fn write_with(&self, secrets: &str, text: &str) {
        let path = self.directory.path().join("config.yaml");
        fs::write(path, format!("{secrets}{text}")).unwrap();
    }

    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            url: Url::parse(&format!("http://127.0.0.1:{}", self.port)).unwrap(),
            ca_pem: None,
            identity: None,
            key: Some(Arc::clone(&self.key)),
            plaintext: false,
        }
    }

    pub(crate) fn channel(&self) -> Connection {
        connect(&self.options()).unwrap()
    }

    fn follower(&self, instance: &str, word: Word) -> Follower {
        Follower::start(self.channel(), instance, None, word, &self.timeline)
    }

    /// An Envoy that shows the token of configuration streams.
    async fn envoy(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Client::over(channel, Some(self.key.xds_token()), self.timeline.clone())
    }

    pub(crate) async fn until(&self, done: impl Fn(&Status) -> bool) {
        for _ in 0..1000 {
            if done(&self.handle.status()) {
                return;
            }
            time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not come; {:#?}", self.handle.status());
    }

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

fn one(port: u16) -> String {
    config(&[("a", port, "x@example.com")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_wire_envoy_is_told_after_the_acknowledgement_and_pruned_after_its_own() {
    let world = World::start(&one(9001), None).await;
    let follower = world.follower("one", Word::After(HELD));
    let mut envoy = world.envoy().await;
    envoy.take_all().await;
    let expected = [
        Event::Given(1),
        Event::Acknowledged(1),
        ads(CDS),
        ads(LDS),
        ads(RDS),
    ];
    assert_eq!(world.timeline.take(), expected, "the first publication");

    world.write(&one(9002));
    // Phase 2 begins once the slow one has acknowledged both ids.
    let clusters = envoy.next().await;
    let before = world.timeline.take();
    assert_eq!(before, [Event::Given(2), Event::Acknowledged(2), ads(CDS)]);
    assert_eq!(world.handle.status().bundle.acknowledged, 1);
    envoy.ack(&clusters).await;
    let routes = envoy.next().await;
    assert_eq!(routes.type_url, RDS);
    // It has not taken the routes yet: the old id stays known.
    time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.timeline.take(), [ads(RDS)]);
    assert_eq!(follower.bundle().unwrap().routes.len(), 2);
    envoy.ack(&routes).await;
    let gone = envoy.next().await;
    envoy.ack(&gone).await;
    world.until(|status| !status.bundle.holds_former_ids).await;
    let after = world.timeline.take();
    assert_eq!(after, [ads(CDS), Event::Given(1), Event::Acknowledged(1)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nobody_there_envoy_waits_for_the_first_that_decides() {
    let world = World::start(&one(9001), None).await;
    assert!(world.handle.is_ready(), "whoever comes is answered");
    let mut envoy = world.envoy().await;
    envoy.subscribe(CDS, &[]).await;
    time::sleep(Duration::from_millis(300)).await;
    assert!(envoy.is_quiet().await);
    assert_eq!(world.handle.status().bundle.servers.len(), 0);

    let follower = world.follower("one", Word::Refusal);
    world
        .until(|status| {
            status
                .bundle
                .servers
                .iter()
                .any(|server| server.problem.is_some())
        })
        .await;
    let problem = world.handle.status().bundle.servers.remove(0).problem.unwrap();
    assert_eq!(problem, "the authz-server refuses the bundle: nokey");
    assert!(envoy.is_quiet().await, "nobody decides by it");
    follower.say(Word::Ack);
    let clusters = envoy.next().await;
    assert_eq!(clusters.type_url, CDS);
    envoy.ack(&clusters).await;
    let server = world.handle.status().bundle.servers.remove(0);
    assert_eq!(
        (server.name.as_str(), server.software.as_deref()),
        ("one", Some("1.2.3"))
    );
    assert!(server.acknowledged && server.problem.is_none() && server.version.is_some());

    // All are gone: what is new waits again.
    drop(follower.vanish());
    world.until(|status| status.bundle.authz_servers == 0).await;
    world.write(&one(9002));
    world.until(|status| status.config.reloads == 1).await;
    assert!(envoy.is_quiet().await);
    let _follower = world.follower("two", Word::Ack);
    assert_eq!(envoy.next().await.type_url, CDS);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_changed_travels_and_who_comes_back_goes_on_from_what_it_holds() {
    let world = World::start(
        &config(&[("a", 9001, "x@example.com"), ("b", 9002, "x@example.com")]),
        None,
    )
    .await;
    let follower = world.follower("one", Word::Ack);
    world.until(|status| status.bundle.acknowledged == 1).await;
    assert_eq!(follower.updates(), [(String::new(), 2, 0)]);
    let first = follower.bundle().unwrap().version.to_string();

    let edited = config(&[("a", 9001, "y@example.com"), ("b", 9002, "x@example.com")]);
    world.write(&edited);
    world
        .until(|status| status.config.reloads == 1 && status.bundle.acknowledged == 1)
        .await;
    assert_eq!(
        follower.updates(),
        [(first.clone(), 1, 0)],
        "the edited route alone"
    );

    let held = follower.vanish();
    world.until(|status| status.bundle.authz_servers == 0).await;
    let version = held.as_ref().unwrap().version.to_string();
    let back = Follower::start(world.channel(), "one", held, Word::Ack, &world.timeline);
    world
        .until(|status| status.bundle.acknowledged == 1 && status.bundle.authz_servers == 1)
        .await;
    assert_eq!(back.updates(), [(version, 0, 0)], "it has everything");

    // What it cannot put together it is given whole.
    back.say(Word::Whole);
    world.write(&config(&[
        ("a", 9001, "z@example.com"),
        ("b", 9002, "x@example.com"),
    ]));
    world
        .until(|status| status.config.reloads == 2 && status.bundle.acknowledged == 1)
        .await;
    let bases: Vec<bool> = back.updates().iter().map(|(base, ..)| base.is_empty()).collect();
    assert_eq!(bases, [false, true]);
    assert_eq!(
        world.metric("portcullis_publication_unacknowledged_total"),
        Some(0)
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_for_two_seconds_is_disconnected_and_counted() {
    let world = World::start(&one(9001), None).await;
    let prompt = world.follower("prompt", Word::Ack);
    let silent = world.follower("silent", Word::Ack);
    let mut envoy = world.envoy().await;
    world.until(|status| status.bundle.acknowledged == 2).await;
    envoy.take_all().await;

    silent.say(Word::Silence);
    let begun = Instant::now();
    world.write(&one(9002));
    let clusters = envoy.next().await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(prompt.bundle().unwrap().routes.len(), 2);
    assert_eq!(
        world.metric("portcullis_publication_unacknowledged_total"),
        Some(1)
    );
    let held = silent.bundle();
    assert_eq!(silent.ended().await.code(), Code::DeadlineExceeded);
    world.until(|status| status.bundle.authz_servers == 1).await;
    assert_eq!(world.metric("portcullis_authz_servers"), Some(1));

    // It comes back with what it had, while former ids are still known.
    let back = Follower::start(world.channel(), "silent", held, Word::Ack, &world.timeline);
    world.until(|status| status.bundle.acknowledged == 2).await;
    assert_eq!(back.bundle().unwrap().version, prompt.bundle().unwrap().version);
    envoy.ack(&clusters).await;
    envoy.accept_rest().await;
    world
        .until(|status| !status.bundle.holds_former_ids && status.bundle.acknowledged == 2)
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_during_a_publication_is_given_the_new_bundle_at_once() {
    let world = World::start(&one(9001), None).await;
    let slow = world.follower("slow", Word::Ack);
    world.until(|status| status.bundle.acknowledged == 1).await;
    slow.say(Word::After(Duration::from_millis(1500)));
    world.timeline.take();
    world.write(&one(9002));
    world.until(|status| status.config.reloads == 1).await;
    let begun = Instant::now();
    let late = world.follower("late", Word::Ack);
    while late.bundle().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "it waits for the slow one"
        );
        time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(late.bundle().unwrap().routes.len(), 2, "both ids");
    assert_eq!(slow.bundle().unwrap().routes.len(), 1);
    world.until(|status| status.bundle.acknowledged == 2).await;
    world.stop().await;
}
