use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use crate::client::{Client, ClientError};
use crate::fixture::{self, store_of};

async fn router() -> Router {
    super::super::router(fixture::admin(Arc::new(store_of(&[]).await), None))
}

/// What one request gets on a connection of the user `uid` to an instance of `own`.
async fn asked_as(uid: u32, own: u32) -> String {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(let_in_or_refuse(theirs, uid, own, router().await, stop));
    ours.write_all(b"GET /v1/about HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    ours.read_to_string(&mut answer).await.unwrap();
    serving.await.unwrap();
    answer
}

#[tokio::test]
async fn another_user_is_told_no_and_nothing_else() {
    let refused = asked_as(1001, 1000).await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(refused.contains(r#"{"code":"forbidden","#), "{refused}");
    assert!(!refused.contains("1.2.3"), "{refused}");
    for uid in [0, 1000] {
        let answered = asked_as(uid, 1000).await;
        assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
        assert!(answered.contains(r#""version":"1.2.3""#), "{answered}");
    }
}

struct Place {
    directory: TempDir,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = crate::server::bind(&directory.path().join("s")).unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(accept(listener, router().await, stop.clone()));
        Self {
            directory,
            stop,
            serving,
        }
    }

    fn client(&self) -> Client {
        Client::new(self.directory.path().join("s"))
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("s"))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn connections_are_counted() {
    let place = Place::new().await;
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(place.connect().await);
    }
    let error = place.client().about().await.unwrap_err();
    assert!(matches!(error, ClientError::Silent(_)), "{error}");
    idle.clear();
    place.client().about().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_cut_off() {
    let place = Place::new().await;
    let begun = Instant::now();
    let mut idle = place.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= HEAD && took < HEAD * 2, "{took:?}");
}

#[tokio::test]
async fn a_head_is_bounded() {
    let place = Place::new().await;
    let mut stream = place.connect().await;
    let long = format!(
        "GET / HTTP/1.1\r\nhost: admin\r\nx: {}\r\n\r\n",
        "x".repeat(MAX_HEAD * 2)
    );
    let _cut = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    place.client().about().await.unwrap();
}

#[tokio::test]
async fn it_ends_when_it_is_told_to_even_with_somebody_there() {
    let place = Place::new().await;
    let _idle = place.connect().await;
    place.client().about().await.unwrap();
    place.stop.cancel();
    let ended = tokio::time::timeout(DRAIN * 2, place.serving).await;
    ended.unwrap().unwrap().unwrap();
    let gone = Client::new(place.directory.path().join("s"))
        .about()
        .await
        .unwrap_err();
    assert!(matches!(gone, ClientError::Unreachable { .. }), "{gone}");
}
