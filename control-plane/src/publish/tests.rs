use std::collections::BTreeSet;

use async_trait::async_trait;
use portcullis_envoy_config::Sockets;
use portcullis_model::RouteId;
use tokio::sync::Semaphore;

use super::*;
use crate::{Ack, FileSource, PublishError, serving::StreamState};

/// Acknowledges a bundle for each permit, and keeps what it was given.
struct Gate {
    open: Semaphore,
    given: std::sync::Mutex<Vec<BTreeSet<RouteId>>>,
}

#[async_trait]
impl BundlePort for Gate {
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError> {
        self.given
            .lock()
            .unwrap()
            .push(bundle.routes.keys().copied().collect());
        self.open.acquire().await.unwrap().forget();
        Ok(Ack {
            version: bundle.version.clone(),
        })
    }
}

fn gate(permits: usize) -> Arc<Gate> {
    Arc::new(Gate {
        open: Semaphore::new(permits),
        given: std::sync::Mutex::default(),
    })
}

impl Gate {
    fn given(&self) -> Vec<BTreeSet<RouteId>> {
        std::mem::take(&mut self.given.lock().unwrap())
    }
}

/// One route to this port on the loopback.
fn publication(port: u16) -> Publication {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let text = format!(
        "routes:\n  - from: https://a.example.com\n    to: http://127.0.0.1:{port}\n    allow_public_unauthenticated_access: true\n"
    );
    std::fs::write(&path, text).unwrap();
    let loaded = FileSource::new(&path).unwrap().load();
    let sockets = Sockets {
        authz: "/run/a".into(),
        web: "/run/w".into(),
    };
    let resources = portcullis_envoy_config::resources(&loaded.snapshot.unwrap(), &sockets, None);
    Publication {
        bundle: loaded.bundle.unwrap(),
        resources: Arc::new(resources),
    }
}

fn ids(publications: &[&Publication]) -> BTreeSet<RouteId> {
    publications
        .iter()
        .flat_map(|p| p.bundle.routes.keys().copied())
        .collect()
}

fn publisher(gate: &Arc<Gate>, serving: &Serving) -> Arc<Publisher> {
    Publisher::new(
        vec![Arc::clone(gate) as Arc<dyn BundlePort>],
        serving.clone(),
        Metrics::default(),
    )
}

fn published(unacknowledged: usize) -> Outcome {
    Outcome::Published {
        unacknowledged,
        pushed: true,
    }
}

async fn until(done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn publications_do_not_overlap_and_the_newest_that_waits_goes_ahead() {
    let (gate, serving) = (gate(0), Serving::new(Duration::ZERO));
    let publisher = publisher(&gate, &serving);
    let mut running = Vec::new();
    for number in 1..=4 {
        let publisher = Arc::clone(&publisher);
        let asked = publisher.newest.subscribe();
        let publication = publication(9000 + number);
        running.push(tokio::spawn(async move { publisher.publish(publication).await }));
        until(|| *asked.borrow() == u64::from(number)).await;
    }
    until(|| !gate.given.lock().unwrap().is_empty()).await;
    gate.open.add_permits(10);
    let mut outcomes = Vec::new();
    for publishing in running {
        outcomes.push(publishing.await.unwrap());
    }
    assert_eq!(
        outcomes,
        [
            published(0),
            Outcome::Superseded,
            Outcome::Superseded,
            published(0)
        ]
    );
    assert_eq!(gate.given().iter().map(BTreeSet::len).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn where_no_envoy_is_told_former_ids_go_after_the_last_requests() {
    let (gate, serving) = (gate(100), Serving::to_nobody());
    let publisher = publisher(&gate, &serving);
    let all: Vec<Publication> = (1..=2).map(|n| publication(9000 + n)).collect();
    for publication in &all {
        publisher.publish(publication.clone()).await;
    }
    assert_eq!(gate.given(), [ids(&[&all[0]]), ids(&[&all[0], &all[1]])]);
    time::sleep(LAST_REQUESTS * 2).await;
    assert_eq!(gate.given(), [ids(&[&all[1]])]);
}

#[tokio::test]
async fn former_ids_stay_through_several_publications_until_a_stream_has_taken_the_last() {
    let (gate, serving) = (gate(100), Serving::new(Duration::ZERO));
    let publisher = publisher(&gate, &serving);
    let all: Vec<Publication> = (1..=3).map(|n| publication(9000 + n)).collect();
    for publication in &all {
        publisher.publish(publication.clone()).await;
    }
    assert_eq!(
        gate.given(),
        [
            ids(&[&all[0]]),
            ids(&[&all[0], &all[1]]),
            ids(&[&all[0], &all[1], &all[2]])
        ]
    );
    assert!(publisher.view().holds_former_ids);

    let stream = serving.enter();
    // An older version proves nothing.
    stream.report(StreamState {
        acknowledged: Some("older".to_owned()),
        rejections: Vec::new(),
    });
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(gate.given(), []);
    stream.report(StreamState {
        acknowledged: serving.version(),
        rejections: Vec::new(),
    });
    until(|| !publisher.view().holds_former_ids).await;
    assert_eq!(gate.given(), [ids(&[&all[2]])]);
}

#[tokio::test]
async fn what_is_remembered_of_former_states_is_bounded() {
    let (gate, serving) = (gate(1000), Serving::new(Duration::ZERO));
    let publisher = publisher(&gate, &serving);
    for number in 1..40 {
        publisher.publish(publication(9000 + number)).await;
    }
    let given = gate.given();
    assert_eq!(given.last().map(BTreeSet::len), Some(MAX_FORMER + 1));
}

#[tokio::test]
async fn an_authz_server_that_lacks_the_bundle_is_given_it_again_and_envoy_waits_for_it() {
    let (slow, serving) = (gate(1), Serving::new(Duration::ZERO));
    let publisher = publisher(&slow, &serving);
    publisher.publish(publication(9001)).await;
    let before = serving.version();
    let next = publication(9002);
    let publishing = {
        let (publisher, next) = (Arc::clone(&publisher), next.clone());
        tokio::spawn(async move { publisher.publish(next).await })
    };
    until(|| publisher.metrics.publication_unacknowledged.get() == 1).await;
    let seat = publisher.view().seats.remove(0);
    assert_eq!((seat.holds, seat.failed.is_some()), (None, true));
    time::sleep(Duration::from_millis(300)).await;
    assert_eq!(serving.version(), before, "nobody decides by it");

    slow.open.add_permits(10);
    let outcome = publishing.await.unwrap();
    assert!(
        matches!(outcome, Outcome::Published { pushed: true, .. }),
        "{outcome:?}"
    );
    assert_eq!(publisher.view().seats.remove(0).holds, publisher.view().version);
    assert_ne!(serving.version(), before);
    slow.given();
    time::sleep(Duration::from_millis(700)).await;
    assert_eq!(slow.given().len(), 0, "only while it lacks it");
}

#[tokio::test]
async fn an_authz_server_that_attaches_gets_what_is_delivered_and_leaves_with_its_attachment() {
    let (first, serving) = (gate(100), Serving::new(Duration::ZERO));
    let publisher = publisher(&first, &serving);
    let both = [publication(9001), publication(9002)];
    for publication in &both {
        publisher.publish(publication.clone()).await;
    }
    let late = gate(0);
    let attachment = publisher.attach(Arc::clone(&late) as Arc<dyn BundlePort>);
    until(|| !late.given.lock().unwrap().is_empty()).await;
    assert_eq!(late.given(), [ids(&[&both[0], &both[1]])], "former ids included");
    let holders = || {
        let view = publisher.view();
        let all = view
            .seats
            .iter()
            .filter(|seat| seat.holds == view.version)
            .count();
        (view.seats.len(), all)
    };
    assert_eq!(holders(), (2, 1), "it counts once it has acknowledged");
    late.open.add_permits(1);
    until(|| holders() == (2, 2)).await;
    assert_eq!(publisher.metrics.authz_servers.get(), 2);

    drop(attachment);
    until(|| holders() == (1, 1)).await;
    assert_eq!(publisher.metrics.authz_servers.get(), 1);
    assert_eq!(publisher.publish(publication(9003)).await, published(0));
    assert_eq!(late.given(), []);
}

#[tokio::test]
async fn a_publication_does_not_wait_for_one_that_leaves() {
    let (first, serving) = (gate(100), Serving::new(Duration::ZERO));
    let publisher = publisher(&first, &serving);
    let silent = gate(0);
    let attachment = publisher.attach(Arc::clone(&silent) as Arc<dyn BundlePort>);
    let begun = time::Instant::now();
    let publishing = {
        let publisher = Arc::clone(&publisher);
        tokio::spawn(async move { publisher.publish(publication(9001)).await })
    };
    until(|| !silent.given.lock().unwrap().is_empty()).await;
    assert_eq!(serving.version(), None, "it is waited for");
    drop(attachment);
    assert_eq!(publishing.await.unwrap(), published(0));
    assert!(begun.elapsed() < ACK_TIMEOUT);
}

/// Nobody is there: Envoy keeps what it has, and whoever comes gets the newest.
#[tokio::test]
async fn with_nobody_attached_the_newest_state_waits_for_the_first_to_decide_by_it() {
    let serving = Serving::new(Duration::ZERO);
    let publisher = Publisher::new(Vec::new(), serving.clone(), Metrics::default());
    let publish = |port| {
        let publisher = Arc::clone(&publisher);
        tokio::spawn(async move { publisher.publish(publication(port)).await })
    };
    let one = publish(9001);
    until(|| publisher.view().version.is_some()).await;
    let two = publish(9002);
    assert_eq!(one.await.unwrap(), Outcome::Superseded);
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(serving.version(), None);

    let port = gate(100);
    let attachment = publisher.attach(Arc::clone(&port) as Arc<dyn BundlePort>);
    assert_eq!(two.await.unwrap(), published(0));
    assert_eq!(port.given().len(), 1);

    // All are gone after something was pushed: the same again.
    drop(attachment);
    until(|| publisher.view().seats.is_empty()).await;
    let before = serving.version();
    let three = publish(9003);
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(serving.version(), before);
    let _attachment = publisher.attach(Arc::clone(&port) as Arc<dyn BundlePort>);
    assert_eq!(three.await.unwrap(), published(0));
    assert_ne!(serving.version(), before);
}

/// A bundle that nobody can work by leaves Envoy as it is: what decides and what
/// is routed stay those of the last good state.
#[tokio::test]
async fn what_every_authz_server_refuses_is_not_announced() {
    struct Refusing;
    #[async_trait]
    impl BundlePort for Refusing {
        async fn publish(&self, _: Arc<Bundle>) -> Result<Ack, PublishError> {
            Err(PublishError::Refused("no key".to_owned()))
        }
    }
    let serving = Serving::new(Duration::ZERO);
    let publisher = Publisher::new(vec![Arc::new(Refusing)], serving.clone(), Metrics::default());
    let publishing = Arc::clone(&publisher);
    let publishing = tokio::spawn(async move { publishing.publish(publication(9001)).await });
    until(|| publisher.metrics.publication_unacknowledged.get() >= 2).await;
    assert_eq!(serving.version(), None);
    let seat = publisher.view().seats.remove(0);
    let (_, problem) = seat.failed.unwrap();
    assert_eq!(problem, "the authz-server refuses the bundle: no key");
    publishing.abort();
}
