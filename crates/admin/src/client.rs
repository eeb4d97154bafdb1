//! The command's end.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::peer;
use crate::printable;
use crate::protocol::{self, About, Refusal};

/// How long a request may take: longer than the instance takes at most.
const DEADLINE: Duration = Duration::from_secs(40);
/// How long an instance that is looked for may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(2);
/// Bytes of an answer.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// The way to one instance.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody can be reached there.
    #[error("no instance answers at `{}`: {error}", .socket.display())]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Whoever answers there is somebody else.
    #[error("the socket `{}` is of the user {uid}, who is neither this one nor root: nothing is asked there", .socket.display())]
    Foreign {
        /// Where.
        socket: PathBuf,
        /// The number of that user.
        uid: u32,
    },
    /// The instance did not answer in time.
    #[error("the instance at `{}` does not answer", .0.display())]
    Silent(PathBuf),
    /// The instance said no.
    #[error("{}", printable::lines(&.0.message))]
    Refused(Refusal),
    /// What came is no answer.
    #[error("the instance at `{}` cannot be understood: {}", .socket.display(), printable::printable(.what))]
    Garbled {
        /// Where.
        socket: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Client {
    /// To the instance at `socket`.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// Where it leads.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks who it is.
    ///
    /// # Errors
    /// [`ClientError`], soon.
    pub async fn about(&self) -> Result<About, ClientError> {
        self.within(INTRODUCTION, Method::GET, protocol::ABOUT, Bytes::new())
            .await
    }

    /// Gets `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        self.within(DEADLINE, Method::GET, path, Bytes::new()).await
    }

    /// Posts `asked` to `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        asked: &Q,
    ) -> Result<A, ClientError> {
        let body = serde_json::to_vec(asked).map_err(|error| self.garbled(error.to_string()))?;
        self.within(DEADLINE, Method::POST, path, body.into()).await
    }

    async fn within<A: DeserializeOwned>(
        &self,
        deadline: Duration,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<A, ClientError> {
        let answered = tokio::time::timeout(deadline, self.exchange(method, path, body)).await;
        let (status, body) = answered.map_err(|_| ClientError::Silent(self.socket.clone()))??;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.garbled(error.to_string()));
        }
        match serde_json::from_slice(&body) {
            Ok(refusal) => Err(ClientError::Refused(refusal)),
            Err(_) => Err(self.garbled(format!("it answers {status}"))),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = self.connect(peer::may_answer).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.garbled(error.to_string()))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "admin")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.garbled(error.to_string()))?;
        let answer = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| self.garbled(error.to_string()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| self.garbled(error.to_string()))?;
            Ok((status, body.to_bytes()))
        };
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answered = answer.as_mut() => answered,
            // It may have ended after all has come.
            _ended = connection.as_mut() => answer.await,
        }
    }

    /// Connects, and asks the kernel who made the socket before anything is said to it.
    async fn connect(&self, may_answer: impl FnOnce(u32, u32) -> bool) -> Result<UnixStream, ClientError> {
        let unreachable = |error| ClientError::Unreachable {
            socket: self.socket.clone(),
            error,
        };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let server = stream.peer_cred().map_err(unreachable)?.uid();
        if !may_answer(server, peer::own_uid().map_err(unreachable)?) {
            return Err(ClientError::Foreign {
                socket: self.socket.clone(),
                uid: server,
            });
        }
        Ok(stream)
    }

    fn garbled(&self, what: String) -> ClientError {
        ClientError::Garbled {
            socket: self.socket.clone(),
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_of_somebody_else_is_told_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let client = Client::new(&socket);
        let own = peer::own_uid().unwrap();
        let asked = |server, asking| {
            assert_eq!((server, asking), (own, own));
            false
        };
        let refused = client.connect(asked).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "the socket `{}` is of the user {own}, who is neither this one nor root: nothing is asked there",
                socket.display()
            )
        );
        let (stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 1];
        stream.readable().await.unwrap();
        assert_eq!(
            stream.try_read(&mut heard).unwrap(),
            0,
            "it hangs up without a word"
        );
        assert!(client.connect(peer::may_answer).await.is_ok());
    }

    #[test]
    fn what_an_instance_says_moves_no_cursor() {
        let message = "one\ntwo\u{1b}[2K\u{9b}1A\u{202e}".to_owned();
        let code = String::new();
        let refused = ClientError::Refused(Refusal { code, message });
        assert_eq!(refused.to_string(), "one\ntwo\\u{1b}[2K\\u{9b}1A\\u{202e}");
        let garbled = Client::new("s").garbled("a\nb\u{1b}".to_owned());
        assert!(
            garbled.to_string().ends_with("understood: a\\u{a}b\\u{1b}"),
            "{garbled}"
        );
    }
}
