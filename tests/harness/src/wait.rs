//! Waiting for something that happens in another process.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long tests wait for what should happen "soon" on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Calls `probe` until it returns a value or `limit` has passed.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(Duration::from_millis(25));
    }
}

/// Calls `probe` until it says yes.
///
/// # Panics
///
/// When that does not happen within [`PATIENCE`]; `what` is named.
#[track_caller]
pub fn until(what: &str, mut probe: impl FnMut() -> bool) {
    assert!(
        poll(PATIENCE, || probe().then_some(())).is_some(),
        "not within {PATIENCE:?}: {what}"
    );
}
