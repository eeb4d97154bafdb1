use std::sync::Mutex;

use portcullis_model::KeyName;
use portcullis_store::MemoryStore;
use serde_json::json;
use tempfile::TempDir;

use super::protocol::*;
use super::*;
use crate::client::{Client, ClientError};
use crate::fixture::{self, Running};

/// Keeps what it is asked to begin.
#[derive(Default)]
struct Fake(Mutex<Vec<Work>>);

#[async_trait]
impl Keys for Fake {
    async fn status(&self) -> Result<KeysStatus, Fault> {
        Ok(status_of(self.0.lock().unwrap().last().cloned()))
    }

    async fn begin(&self, order: Order) -> Result<Work, Fault> {
        let mut all = self.0.lock().unwrap();
        if !all.is_empty() {
            return Err(Fault::new(StatusCode::CONFLICT, "busy", "another one goes on"));
        }
        let work = Work {
            number: 7,
            order,
            steps: vec![Step::Added, Step::Known { authz_servers: 2 }],
            remaining: Some(3),
            outcome: None,
        };
        all.push(work.clone());
        Ok(work)
    }

    async fn work(&self, number: u64) -> Option<Work> {
        let all = self.0.lock().unwrap();
        all.iter().find(|work| work.number == number).cloned()
    }
}

fn status_of(work: Option<Work>) -> KeysStatus {
    let one = |fingerprint: &str, does| OneKey {
        fingerprint: fingerprint.to_owned(),
        does,
    };
    KeysStatus {
        keys: vec![KeyStatus {
            name: KeyName::CookieSecret,
            origin: Origin::File {
                paths: vec!["/etc/keys/cookie".into()],
            },
            keys: vec![one("5cb8656a", Does::Seals), one("00112233", Does::Opens)],
        }],
        authz_servers: vec![ServerStatus {
            name: "a".to_owned(),
            has_keys: true,
        }],
        store: StoreStatus::First,
        work,
    }
}

async fn started(keys: Option<Arc<dyn Keys>>) -> (TempDir, Running, Client) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let mut admin = fixture::admin(Arc::new(MemoryStore::new(1)), None);
    admin.keys = keys;
    let running = Running::at(&socket, admin);
    (directory, running, Client::new(socket))
}

fn refusal<T: core::fmt::Debug>(answer: Result<T, ClientError>) -> (String, String) {
    match answer {
        Err(ClientError::Refused(refusal)) => (refusal.code, refusal.message),
        other => panic!("{other:?}"),
    }
}

fn rotate() -> Order {
    Order::Rotate {
        name: KeyName::SigningKey,
        publish_for: 120,
        force: false,
        confirmed: false,
    }
}

#[tokio::test]
async fn what_is_begun_is_watched_by_its_number() {
    let (_directory, _running, client) = started(Some(Arc::new(Fake::default()))).await;
    let status: KeysStatus = client.get(STATUS).await.unwrap();
    assert_eq!(status, status_of(None));
    let begun: Work = client.ask(BEGIN, &Begin { order: rotate() }).await.unwrap();
    assert_eq!((begun.number, &begun.order), (7, &rotate()));
    let watched: Work = client.ask(WATCH, &Watch { number: 7 }).await.unwrap();
    assert_eq!(watched, begun);
    let status: KeysStatus = client.get(STATUS).await.unwrap();
    assert_eq!(status, status_of(Some(begun)));

    let second = client.ask::<_, Work>(BEGIN, &Begin { order: rotate() }).await;
    assert_eq!(refusal(second).0, "busy");
    let unknown = client.ask::<_, Work>(WATCH, &Watch { number: 8 }).await;
    assert_eq!(refusal(unknown).0, "not_found");
}

#[tokio::test]
async fn an_order_that_is_not_understood_wholly_is_refused() {
    let keys = Arc::new(Fake::default());
    let (_directory, _running, client) = started(Some(Arc::clone(&keys) as Arc<dyn Keys>)).await;
    for wrong in [
        json!({}),
        json!({"order": {"rotate": {"name": "signing-key"}}}),
        json!({"order": {"rotate": {"name": "signing-key", "publish_for": 1}}}),
        json!({"order": {"rotate": {"name": "tls", "publish_for": 1, "force": false, "confirmed": false}}}),
        json!({"order": {"rotate": {
            "name": "signing-key", "publish_for": 1, "force": false, "confirmed": false, "secret": "x",
        }}}),
        json!({"order": {"retire": {"name": "signing-key", "force": true}}}),
        json!({"order": {"forget": {"name": "signing-key"}}}),
    ] {
        let answer = client.ask::<_, Work>(BEGIN, &wrong).await;
        assert_eq!(refusal(answer).0, "bad_request", "{wrong}");
    }
    assert!(keys.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_instance_without_keys_of_its_own_says_whom_to_ask() {
    let (_directory, _running, client) = started(None).await;
    let (code, message) = refusal(client.get::<KeysStatus>(STATUS).await);
    assert_eq!(code, "no_keys");
    assert!(
        message.ends_with("learns its keys from its control plane: ask that one"),
        "{message}"
    );
    let begun = client.ask::<_, Work>(BEGIN, &Begin { order: rotate() }).await;
    assert_eq!(refusal(begun).0, "no_keys");
}
