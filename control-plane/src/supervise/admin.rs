//! Envoy's own interface, on its Unix socket.

use std::{path::PathBuf, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asks one running Envoy.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    pub(super) socket: PathBuf,
}

/// What Envoy says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// It serves: the server is live and its workers run.
    pub(crate) live: bool,
    /// Listeners that accept connections.
    pub(crate) listeners: u64,
}

impl Admin {
    /// The status and text of an answer; `None` where there is none in time.
    async fn ask(&self, method: Method, path: &str) -> Option<(u16, String)> {
        let exchange = async {
            let stream = UnixStream::connect(&self.socket).await.ok()?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
            let connection = tokio::spawn(connection);
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "envoy")
                .body(Empty::<Bytes>::new())
                .ok()?;
            let response = sender.send_request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            connection.abort();
            Some((
                status,
                String::from_utf8_lossy(&body.ok()?.to_bytes()).into_owned(),
            ))
        };
        time::timeout(TIMEOUT, exchange).await.ok().flatten()
    }

    async fn get(&self, path: &str) -> Option<String> {
        self.ask(Method::GET, path)
            .await
            .filter(|(status, _)| *status == 200)
            .map(|(_, text)| text)
    }

    /// Whether Envoy serves. No answer is no.
    pub(super) async fn probe(&self) -> Probe {
        let live = self.get("/ready").await.is_some_and(|text| text.trim() == "LIVE");
        let filter = "/stats?filter=%5Elistener_manager%5C.(total_listeners_active%7Cworkers_started)$";
        let stats = self.get(filter).await.unwrap_or_default();
        let value = |name: &str| sum(&stats, |stat| stat == name);
        Probe {
            live: live && value("listener_manager.workers_started") == 1,
            listeners: value("listener_manager.total_listeners_active"),
        }
    }

    /// Makes Envoy ask its clients to go elsewhere.
    pub(super) async fn drain(&self) {
        // The first makes every further answer close its connection at once, the
        // second begins the end of the listeners.
        for path in ["/healthcheck/fail", "/drain_listeners?graceful"] {
            if self
                .ask(Method::POST, path)
                .await
                .is_none_or(|(status, _)| status != 200)
            {
                tracing::debug!(path, "envoy did not answer");
            }
        }
    }

    /// Requests under way, but for our own; `None` without an answer.
    pub(super) async fn active_requests(&self) -> Option<u64> {
        let stats = self
            .get("/stats?filter=%5Ehttp%5C..*downstream_rq_active$")
            .await?;
        Some(sum(&stats, |stat| !stat.starts_with("http.admin.")))
    }
}

/// The sum of the values of the wanted lines of `name: value`.
fn sum(stats: &str, wanted: impl Fn(&str) -> bool) -> u64 {
    let values = stats.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        wanted(name).then(|| value.trim().parse().ok()).flatten()
    });
    values.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_summed_by_name() {
        let stats = "http.admin.downstream_rq_active: 1\nhttp.ingress.downstream_rq_active: 2\n\
                     http.x.downstream_rq_active: 3\nnonsense\nhttp.y: ?\n";
        assert_eq!(sum(stats, |name| !name.starts_with("http.admin.")), 5);
        assert_eq!(sum(stats, |name| name == "none"), 0);
    }

    #[tokio::test]
    async fn an_absent_envoy_is_not_live() {
        let admin = Admin {
            socket: "/nonexistent/admin.sock".into(),
        };
        assert_eq!(
            admin.probe().await,
            Probe {
                live: false,
                listeners: 0
            }
        );
        assert_eq!(admin.active_requests().await, None);
    }
}
