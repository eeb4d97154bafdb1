//! Fail closed, each with its stable code.

use crate::check::answer::Verdict;
use crate::fixture::{Ask, Fixture, ROUTE, any_user, no_claims, public, route, settings};
use async_trait::async_trait;
use bytes::Bytes;
use envoy_types::ext_authz::v3::pb::CheckRequest;
use portcullis_bundle::RoutePolicy;
use portcullis_store::{IfVersion, MemoryStore, Record, Store, StoreError, SyncStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

async fn refused(fixture: &Fixture, ask: &Ask, status: i32, code: &str) {
    let told = fixture
        .check(&ask.clone().header("accept", "application/json"))
        .await;
    assert_eq!(told.status(), status, "{ask:?}");
    assert_eq!(told.json()["code"], code, "{ask:?}");
}

#[tokio::test]
async fn no_bundle_denies() {
    let fixture = Fixture::empty();
    refused(&fixture, &Ask::new(), 503, "not_ready").await;
    refused(
        &fixture,
        &Ask::new().context(&[("internal", "true"), ("route_id", "")]),
        503,
        "not_ready",
    )
    .await;
}

#[tokio::test]
async fn only_the_contexts_that_we_write_count() {
    // On a public route, so that nothing but the context can be the cause.
    let fixture = Fixture::of(&public());
    let id = ROUTE.to_string();
    assert!(fixture.check(&Ask::new()).await.passes());
    for context in [
        &[("internal", "false")][..],
        &[("internal", "false"), ("route_id", "")],
        &[("internal", "false"), ("route_id", "0000000000000000")],
        &[("internal", "false"), ("route_id", "1122334455667788 ")],
        &[("internal", "false"), ("route_id", "not hex at all!!")],
        &[("route_id", &id)],
        &[("internal", "TRUE"), ("route_id", "")],
        &[("internal", ""), ("route_id", "")],
        &[("internal", "true"), ("route_id", &id)],
        &[("internal", "true"), ("route_id", ""), ("terminal", "no_route")],
        &[("internal", "false"), ("route_id", &id), ("terminal", "no_route")],
        &[("internal", "false"), ("route_id", ""), ("terminal", "other")],
        &[("terminal", "no_route")],
        &[("route", "verify"), ("route_id", &id)],
        &[("route", "verify"), ("internal", "false"), ("route_id", &id)],
        &[("route", "verify"), ("internal", "false")],
        &[("route", ""), ("internal", "true"), ("route_id", "")],
    ] {
        refused(&fixture, &Ask::new().context(context), 503, "route_unknown").await;
    }
    refused(
        &fixture,
        &Ask::new().context(&[("internal", "false"), ("route_id", ""), ("terminal", "no_route")]),
        404,
        "no_route",
    )
    .await;
    // The id of one host named by the configuration of another.
    refused(
        &fixture,
        &Ask::new().host("other.example.com"),
        503,
        "route_unknown",
    )
    .await;
}

#[tokio::test]
async fn an_internal_route_passes_untouched() {
    let fixture = Fixture::of(&any_user());
    let ask = Ask::new()
        .context(&[("internal", "true"), ("route_id", "")])
        .path("/.pomerium/")
        .session("x")
        .header("authorization", "Pomerium x");
    let told = fixture.check(&ask).await;
    assert!(told.passes() && told.removed().is_empty());
    assert_eq!(told.header("cookie"), None);
    assert_eq!(told.header("x-pomerium-jwt-assertion"), None);
}

#[tokio::test]
async fn an_invalid_route_denies_alone() {
    let fixture = Fixture::empty();
    let mut broken = route(&public());
    broken.policy = RoutePolicy::Invalid {
        message: "the secret reason".to_owned(),
    };
    fixture.publish(settings(), [broken]);
    refused(&fixture, &Ask::new(), 503, "route_invalid").await;
    let told = fixture.check(&Ask::new()).await;
    assert!(!told.body().contains("the secret reason"));
}

#[tokio::test]
async fn what_cannot_be_read_is_400() {
    let fixture = Fixture::of(&public());
    for ask in [
        Ask::new().method(""),
        Ask::new().host(""),
        Ask::new().host("verify.example.com:0"),
        Ask::new().host("verify.example.com:99999"),
        Ask::new().host("verify.example.com:80:80"),
        Ask::new().host("user@verify.example.com"),
        Ask::new().host("verify.example.com/"),
        Ask::new().path("relative"),
        Ask::new().path(""),
        Ask::new().path("/a#b"),
        Ask::new().path("/%ff"),
        Ask::new().path("/%zz"),
        Ask::new().path("/%"),
        Ask::new().path("/%00"),
        Ask::new().header("cookie", b"a=\xff"),
        Ask::new().header("origin", b"\xff"),
        Ask::new().header("user-agent", b"\xff"),
    ] {
        let told = fixture.check(&ask).await;
        assert_eq!(told.status(), 400, "{ask:?}");
        assert!(told.body().contains("bad_request"), "{ask:?}");
    }
    let mut both = Ask::new().request();
    let http = both
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    http.headers.insert("a".to_owned(), "b".to_owned());
    for request in [both, CheckRequest::default()] {
        let told = fixture.check_message(&request).await;
        assert_eq!(told.status(), 400);
    }
}

#[tokio::test]
async fn a_denial_names_itself_and_who_was_denied() {
    let fixture = Fixture::of(&portcullis_policy::Legacy {
        users: vec!["admin@example.com".to_owned()],
        ..portcullis_policy::Legacy::default()
    });
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let told = fixture
        .check(&Ask::new().session(&cookie).header("accept", "text/html"))
        .await;
    assert_eq!(told.status(), 403);
    for wanted in ["policy_denied", "req-1", "user@example.com", "Access denied"] {
        assert!(told.body().contains(wanted), "{wanted} is missing");
    }
    refused(&fixture, &Ask::new().session(&cookie), 403, "policy_denied").await;
    assert_eq!(told.header("cache-control"), Some("no-store"));
}

/// A store that does what it is told: 0 works, 1 fails, 2 hangs, 3 panics.
struct Moody {
    inner: MemoryStore,
    mood: AtomicU8,
}

impl Moody {
    async fn mood(&self) -> Result<(), StoreError> {
        match self.mood.load(Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(StoreError::Unavailable("told so".to_owned())),
            2 => std::future::pending().await,
            _ => panic!("told so"),
        }
    }
}

#[async_trait]
impl Store for Moody {
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.mood().await?;
        self.inner.get(kind, id).await
    }
    async fn put(&self, kind: &str, id: &str, data: Bytes, when: IfVersion) -> Result<Record, StoreError> {
        self.inner.put(kind, id, data, when).await
    }
    async fn delete(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        self.mood().await?;
        self.inner.delete(kind, id).await
    }
    async fn query(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.inner.query(kind, after, limit).await
    }
    async fn sync(&self, from: Option<portcullis_store::Position>) -> Result<SyncStream, StoreError> {
        self.inner.sync(from).await
    }
}

#[tokio::test]
async fn a_store_that_fails_hangs_or_panics_denies_and_makes_nobody_anonymous() {
    let store = Arc::new(Moody {
        inner: MemoryStore::new(1),
        mood: AtomicU8::new(0),
    });
    let fixture = Fixture::over(Arc::clone(&store) as Arc<dyn Store>);
    fixture.publish(settings(), [route(&any_user())]);
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let ask = Ask::new().session(&cookie);
    // Memory does not follow the store here, so each look-up asks it.
    assert!(fixture.check(&ask).await.passes());
    for (mood, code) in [
        (1, "session_store_unavailable"),
        (2, "session_store_unavailable"),
        (3, "internal"),
    ] {
        store.mood.store(mood, Ordering::SeqCst);
        refused(&fixture, &ask, 503, code).await;
    }
    assert_eq!(fixture.server.metrics().checks(Verdict::Internal), 1);
    // Who brings no session is not held up.
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);

    // A revocation that the store never hears of still counts here.
    store.mood.store(1, Ordering::SeqCst);
    let (stored, cookie) = fixture.session("other@example.com", no_claims()).await;
    fixture
        .server
        .sessions()
        .revoke(stored.session.id)
        .await
        .unwrap_err();
    store.mood.store(0, Ordering::SeqCst);
    assert_eq!(fixture.check(&Ask::new().session(&cookie)).await.status(), 302);
}

#[test]
fn one_file_alone_builds_answers() {
    fn files(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found)
            } else {
                found.push(path)
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let builders: Vec<_> = found
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.contains("CheckResponse {\n        ")
                || text.contains("CheckResponse::")
                || text.contains("OkHttpResponse {")
                || text.contains("OkHttpResponse::")
        })
        .map(|path| path.strip_prefix(&root).unwrap().to_owned())
        .collect();
    assert_eq!(builders, [std::path::Path::new("check/answer/response.rs")]);
}
