//! The ids of decisions.

use crate::clock::Random;
use jiff::Timestamp;
use portcullis_model::DecisionId;
use std::sync::Mutex;

/// Random bytes of one id.
const EACH: usize = 10;
/// Ids that one draw of randomness is enough for: a draw costs more than an id.
const DRAWN: usize = 128;

/// Makes ids of decisions (UUIDv7). Randomness is drawn for many at a time: an id
/// names a decision and protects nothing.
pub(crate) struct DecisionIds(Mutex<Pool>);

struct Pool {
    bytes: [u8; EACH * DRAWN],
    used: usize,
}

impl Default for DecisionIds {
    fn default() -> Self {
        Self(Mutex::new(Pool {
            bytes: [0; EACH * DRAWN],
            used: EACH * DRAWN,
        }))
    }
}

impl DecisionIds {
    /// A new id. Where the random source fails it has only its time.
    pub(crate) fn next(&self, now: Timestamp, random: &dyn Random) -> DecisionId {
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let bytes = self.draw(random).unwrap_or_default();
        DecisionId(uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid())
    }

    fn draw(&self, random: &dyn Random) -> Option<[u8; EACH]> {
        // Whoever finds it taken draws for itself, and nobody waits.
        let Ok(mut pool) = self.0.try_lock() else {
            let mut bytes = [0; EACH];
            return random.fill(&mut bytes).ok().map(|()| bytes);
        };
        if pool.used >= EACH * DRAWN {
            random.fill(&mut pool.bytes).ok()?;
            pool.used = 0;
        }
        let bytes = pool.bytes.get(pool.used..)?.first_chunk().copied();
        pool.used += EACH;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{OsRandom, RandomError};
    use std::collections::HashSet;

    struct Broken;

    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }

    #[test]
    fn ids_are_versioned_timed_and_all_different() {
        let ids = DecisionIds::default();
        let now = Timestamp::from_millisecond(1_767_225_600_123).unwrap();
        let made: HashSet<_> = (0..10 * DRAWN).map(|_| ids.next(now, &OsRandom)).collect();
        assert_eq!(made.len(), 10 * DRAWN);
        for id in made {
            assert_eq!(id.0.get_version_num(), 7);
            let (seconds, nanoseconds) = id.0.get_timestamp().unwrap().to_unix();
            assert_eq!((seconds, nanoseconds), (1_767_225_600, 123_000_000));
        }
    }

    #[test]
    fn threads_never_share_one() {
        let ids = DecisionIds::default();
        let made: Vec<Vec<DecisionId>> = std::thread::scope(|scope| {
            let draw = || {
                (0..2_000)
                    .map(|_| ids.next(Timestamp::UNIX_EPOCH, &OsRandom))
                    .collect()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let different: HashSet<_> = made.iter().flatten().collect();
        assert_eq!(different.len(), 8_000);
    }

    #[test]
    fn without_randomness_there_is_still_an_id() {
        let id = DecisionIds::default().next(Timestamp::UNIX_EPOCH, &Broken);
        assert_eq!(id.to_string(), "00000000-0000-7000-8000-000000000000");
    }
}
