use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::client::{Client, ClientError};
use crate::fixture::{self, Running, Stuck, id, session, store_of};
use crate::protocol::{ListAnswer, ListRequest, RevokeAnswer, SESSIONS_LIST, SESSIONS_REVOKE, SESSIONS_SHOW};

async fn started(store: impl Store + 'static) -> (TempDir, Running, Client) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let running = Running::at(&socket, fixture::admin(Arc::new(store), None));
    (directory, running, Client::new(socket))
}

/// The code of a refusal.
async fn refused(client: &Client, path: &str, asked: &Value) -> (String, String) {
    match client.ask::<_, Value>(path, asked).await.unwrap_err() {
        ClientError::Refused(refusal) => (refusal.code, refusal.message),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_socket_is_for_its_user_alone_before_anybody_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let _listener = bind(&socket).unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o7777, 0o600);
    assert!(bind(&socket).is_err(), "what stands there is not replaced");
}

#[tokio::test]
async fn it_says_who_it_is_and_does_what_is_asked() {
    let store = store_of(&[session(1, "ada"), session(2, "bob")]).await;
    let (_directory, _running, client) = started(store).await;
    let about = client.about().await.unwrap();
    assert_eq!((about.pid, about.role.as_str(), about.config), (17, "run", None));
    let all = ListRequest {
        limit: 10,
        ..ListRequest::default()
    };
    let list = async || {
        let answer: ListAnswer = client.ask(SESSIONS_LIST, &all).await.unwrap();
        answer.sessions
    };
    assert_eq!(list().await.len(), 2);
    let shown: Value = client.ask(SESSIONS_SHOW, &json!({"id": id(1)})).await.unwrap();
    assert_eq!(shown["email"], "ada@Example.com");
    let asked = json!({"ids": [id(1)]});
    let answer: RevokeAnswer = client.ask(SESSIONS_REVOKE, &asked).await.unwrap();
    assert_eq!(answer.revoked.len(), 1);
    assert_eq!(list().await.len(), 1);
    let (code, message) = refused(&client, SESSIONS_SHOW, &json!({"id": id(1)})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "not_found",
            "there is no session `00000000-0000-0000-0000-000000000001`"
        )
    );
}

#[tokio::test]
async fn what_it_does_not_understand_it_refuses() {
    let store = store_of(&[session(1, "ada")]).await;
    let (_directory, _running, client) = started(store).await;
    for (path, asked, wanted) in [
        // Of a newer command: ignored, it would end more than was meant.
        (
            SESSIONS_REVOKE,
            json!({"selection": {"group": "staff"}, "all": true}),
            "bad_request",
        ),
        (SESSIONS_REVOKE, json!({"everything": true}), "bad_request"),
        (SESSIONS_REVOKE, json!({}), "bad_request"),
        (SESSIONS_REVOKE, json!([]), "bad_request"),
        (SESSIONS_SHOW, json!({"id": "1"}), "bad_request"),
        (SESSIONS_LIST, json!({"limit": -1}), "bad_request"),
        (
            SESSIONS_LIST,
            json!({"limit": 1, "after": "x".repeat(MAX_BODY)}),
            "too_large",
        ),
        ("/v1/users/list", json!({}), "unknown_request"),
        ("/", json!({}), "unknown_request"),
        (protocol::ABOUT, json!({}), "wrong_method"),
    ] {
        let (code, message) = refused(&client, path, &asked).await;
        assert_eq!(code, wanted, "{path}: {message}");
    }
    let all = json!({"limit": 10});
    let left: ListAnswer = client.ask(SESSIONS_LIST, &all).await.unwrap();
    assert_eq!(left.sessions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_holds_nobody_up_for_ever() {
    let (_directory, _running, client) = started(Stuck).await;
    let (code, message) = refused(&client, SESSIONS_SHOW, &json!({"id": id(1)})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("timeout", "there is no answer after 30 seconds")
    );
}
