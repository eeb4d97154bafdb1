//! The logout tokens that were taken: none is taken twice.
//!
//! This is one server's memory. Another server of the same store, or this one after a
//! restart, may take the token once more; all that does is to end sessions that had to
//! end, as a token ends none that began after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_idp::LogoutToken;

/// More than these are not remembered: the first that would go stale makes room.
const MAX_REMEMBERED: usize = 65_536;

type Name = [u8; 32];

/// What was taken, and until when it matters, in seconds since 1970.
#[derive(Default)]
pub(crate) struct LogoutTokens(Mutex<HashMap<Name, i64>>);

/// A token that is being taken. Dropped without [`Taken::keep`] it may come again:
/// whoever sent it is told to try once more.
pub(crate) struct Taken<'a> {
    tokens: &'a LogoutTokens,
    name: Option<Name>,
}

impl LogoutTokens {
    /// Takes a token of the provider `provider_id`, if it was not taken before.
    pub(crate) fn take(&self, provider_id: &str, token: &LogoutToken, now: i64) -> Option<Taken<'_>> {
        let text = [provider_id, &token.id].join("\0");
        let mut name = Name::default();
        name.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        let mut taken = self.lock();
        taken.retain(|_, stale_at| *stale_at >= now);
        if taken.contains_key(&name) {
            return None;
        }
        if taken.len() >= MAX_REMEMBERED {
            let first = taken.iter().min_by_key(|(_, stale_at)| **stale_at);
            if let Some(first) = first.map(|(name, _)| *name) {
                taken.remove(&first);
            }
        }
        taken.insert(name, token.stale_at);
        Some(Taken {
            tokens: self,
            name: Some(name),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken<'_> {
    /// All that the token asks for is done.
    pub(crate) fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            self.tokens.lock().remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, stale_at: i64) -> LogoutToken {
        LogoutToken {
            id: id.to_owned(),
            subject: None,
            session: None,
            issued_at: 0,
            stale_at,
        }
    }

    #[test]
    fn none_is_taken_twice_while_it_is_good() {
        let tokens = LogoutTokens::default();
        tokens.take("a", &token("1", 300), 0).unwrap().keep();
        assert!(tokens.take("a", &token("1", 300), 300).is_none());
        tokens.take("a", &token("2", 300), 0).unwrap().keep();
        tokens.take("b", &token("1", 300), 0).unwrap().keep();
        assert_eq!(tokens.lock().len(), 3);
        tokens.take("a", &token("3", 600), 301).unwrap().keep();
        assert_eq!(tokens.lock().len(), 1, "what is stale is forgotten");
    }

    #[test]
    fn what_came_to_nothing_may_come_again() {
        let tokens = LogoutTokens::default();
        let first = tokens.take("a", &token("1", 300), 0).unwrap();
        assert!(tokens.take("a", &token("1", 300), 0).is_none(), "under way");
        drop(first);
        assert!(tokens.take("a", &token("1", 300), 0).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let tokens = LogoutTokens::default();
        for number in 0..MAX_REMEMBERED {
            let number = i64::try_from(number).unwrap();
            tokens.lock().insert([0; 32], 0);
            let mut name = [1; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            tokens.lock().insert(name, 1000 + number);
        }
        tokens.lock().remove(&[0; 32]);
        tokens.take("a", &token("1", 2000), 0).unwrap().keep();
        assert_eq!(tokens.lock().len(), MAX_REMEMBERED);
        assert!(tokens.take("a", &token("1", 2000), 0).is_none());
        assert!(!tokens.lock().values().any(|stale_at| *stale_at == 1000));
    }
}
