//! Remembers that the control plane is away.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How long after a failure calls fail at once, and how far apart the tries are
/// from then on.
const PAUSE: Duration = Duration::from_secs(1);

/// Open while the control plane is away; the time is that of the next try.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<Option<Instant>>);

impl Breaker {
    /// Whether a call may go out. While the control plane is away only one a
    /// second may.
    pub(crate) fn lets_through(&self, now: Instant) -> bool {
        let mut next_try = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *next_try {
            None => true,
            Some(at) if now < at => false,
            Some(_) => {
                *next_try = Some(now + PAUSE);
                true
            }
        }
    }

    pub(crate) fn failed(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + PAUSE);
    }

    pub(crate) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Instant, PAUSE};

    #[test]
    fn one_call_a_second_tries_again() {
        let breaker = Breaker::default();
        let start = Instant::now();
        assert!(breaker.lets_through(start) && breaker.lets_through(start));
        breaker.failed(start);
        assert!(!breaker.lets_through(start));
        let next = start + PAUSE;
        assert!(breaker.lets_through(next));
        assert!(
            !breaker.lets_through(next),
            "the others wait for the one that tries"
        );
        breaker.failed(next);
        assert!(!breaker.lets_through(next + PAUSE / 2));
        assert!(breaker.lets_through(next + PAUSE));
        breaker.answered();
        assert!(breaker.lets_through(next) && breaker.lets_through(next));
    }
}
