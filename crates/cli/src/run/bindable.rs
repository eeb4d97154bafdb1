//! Whether Envoy will be able to listen.
//!
//! Envoy shares its ports between its threads (`SO_REUSEPORT`), so a second
//! Envoy of the same user would bind as well and take half of the connections;
//! and one that cannot bind goes on without a listener. Both are a mistake that
//! is told best before anything has started.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// `address` cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("`address` {ip} port {port} cannot be bound: {source}")]
pub(crate) struct NotBindable {
    ip: String,
    port: u16,
    source: io::Error,
}

/// Returns when every one of the IP addresses `ips` can be bound with `port`.
///
/// # Errors
///
/// When one cannot; where another process still listens, after `patience`.
pub(crate) async fn wait(ips: &[String], port: u16, patience: Duration) -> Result<(), NotBindable> {
    let deadline = Instant::now() + patience;
    for ip in ips {
        while let Err(source) = bind(ip, port) {
            if source.kind() != io::ErrorKind::AddrInUse || Instant::now() >= deadline {
                let ip = ip.clone();
                return Err(NotBindable { ip, port, source });
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Binds and lets go at once. Without `SO_REUSEPORT`, so that nobody shares.
fn bind(ip: &str, port: u16) -> io::Result<()> {
    let ip: IpAddr = ip.parse().map_err(io::Error::other)?;
    TcpListener::bind((ip, port)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_waited_for_and_then_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let ips = ["127.0.0.1".to_owned()];
        let error = wait(&ips, port, Duration::ZERO).await.unwrap_err();
        let start = format!("`address` 127.0.0.1 port {port} cannot be bound: Address already in use");
        assert!(error.to_string().starts_with(&start), "{error}");

        let later = tokio::spawn(async move {
            sleep(Duration::from_millis(200)).await;
            drop(taken);
        });
        wait(&ips, port, Duration::from_secs(10)).await.unwrap();
        later.await.unwrap();
    }

    #[tokio::test]
    async fn another_machine_s_address_is_told_at_once() {
        // RFC 5737: for documentation, so nobody's.
        let ips = ["192.0.2.1".to_owned()];
        let begun = Instant::now();
        let error = wait(&ips, 8443, Duration::from_secs(60)).await.unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
