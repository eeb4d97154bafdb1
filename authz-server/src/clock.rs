//! The two things a decision may not invent: time and randomness.
//!
//! Both are ports, so that a test decides what "now" is and what a nonce will be.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;

/// Tells the wall-clock time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; asked once for each request.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The source of unpredictable bytes had none to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the random source failed")]
pub struct RandomError;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` wholly.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source fails; whoever asked must then refuse.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        SystemRandom::new().fill(bytes).map_err(|_| RandomError)
    }
}

/// `N` unpredictable bytes.
///
/// # Errors
///
/// [`RandomError`] when the source fails.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
