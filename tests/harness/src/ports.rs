//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux takes ports for outgoing connections, so
/// that no client socket can take a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);
/// Held until the process ends: another test process sees the port as taken.
static RESERVATIONS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A loopback TCP port on which nothing listens and which no other test process
/// that uses this function will be given while this one lives.
///
/// # Panics
///
/// When no port is free.
#[must_use]
pub fn free() -> u16 {
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step.wrapping_mul(7)) % COUNT;
        if !is_free(port) {
            continue;
        }
        let Ok(name) = SocketAddr::from_abstract_name(format!("portcullis-test-port-{port}")) else {
            continue;
        };
        if let Ok(reservation) = UnixListener::bind_addr(&name) {
            RESERVATIONS.lock().expect("no holder panics").push(reservation);
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Says whether a loopback port can be listened on.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
