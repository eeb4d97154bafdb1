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
    let (gate, serving) = (gate(0), Serving::default());
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
    let published = Outcome::Published {
        unacknowledged: 0,
        pushed: true,
    };
    assert_eq!(
        outcomes,
        [published, Outcome::Superseded, Outcome::Superseded, published]
    );
    assert_eq!(gate.given().iter().map(BTreeSet::len).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn former_ids_stay_through_several_publications_until_a_stream_has_taken_the_last() {
    let (gate, serving) = (gate(100), Serving::default());
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

    let stream = serving.enter(1);
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
    let (gate, serving) = (gate(1000), Serving::default());
    let publisher = publisher(&gate, &serving);
    for number in 1..40 {
        publisher.publish(publication(9000 + number)).await;
    }
    let given = gate.given();
    assert_eq!(given.last().map(BTreeSet::len), Some(MAX_FORMER + 1));
}

#[tokio::test]
async fn an_authz_server_that_lacks_the_bundle_is_given_it_again() {
    let (slow, serving) = (gate(1), Serving::default());
    let publisher = publisher(&slow, &serving);
    publisher.publish(publication(9001)).await;
    let next = publication(9002);
    let outcome = publisher.publish(next.clone()).await;
    assert_eq!(
        outcome,
        Outcome::Published {
            unacknowledged: 1,
            pushed: true
        }
    );
    assert_eq!(publisher.view().acknowledged, 0);
    assert_eq!(publisher.metrics.publication_unacknowledged.get(), 1);
    slow.open.add_permits(10);
    slow.given();
    publisher.reconcile().await;
    assert_eq!(publisher.view().acknowledged, 1);
    assert_eq!(slow.given().len(), 1);
    publisher.reconcile().await;
    assert_eq!(slow.given().len(), 0, "only while it lacks it");
}
