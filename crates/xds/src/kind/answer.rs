//! What the client says to a response.

use core::mem;

use bytes::Bytes;

use super::{InFlight, Kind, Refused, Telling};
use crate::{
    Resource,
    rejection::{reason, words},
};

/// How many responses the search for a culprit may take before the remaining
/// batch is refused as a whole; bounds what a client that refuses everything
/// can make us send.
const MAX_SEARCH: usize = 256;

/// What a request says about the response under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing: it carries another nonce, or none.
    Stale,
    /// The client has taken it.
    Accepted,
    /// The client refuses it.
    Refused,
}

impl Kind {
    /// Takes an answer.
    pub(crate) fn answered(&mut self, nonce: &str, error: Option<&str>) -> Answer {
        let Some(done) = self.in_flight.take_if(|f| f.nonce == nonce) else {
            return Answer::Stale;
        };
        match error {
            None => {
                self.accepted(done);
                Answer::Accepted
            }
            Some(error) => {
                self.rejected(done, error);
                Answer::Refused
            }
        }
    }

    fn accepted(&mut self, done: InFlight) {
        let whole = self.telling == Telling::Whole;
        if whole {
            // It was everything: the client holds that and nothing else.
            self.uncertain.clear();
            self.unconfirmed.clear();
        }
        for (name, mut resource) in done.updates {
            if self.follows(&name) {
                if !whole {
                    resource.bytes = Bytes::new();
                }
                self.refused.remove(&name);
                self.uncertain.remove(&name);
                self.held.insert(name, resource);
            }
        }
        self.lose(&done.removed);
    }

    pub(super) fn lose(&mut self, removed: &[String]) {
        for name in removed {
            self.held.remove(name);
            self.uncertain.remove(name);
            self.unconfirmed.remove(name);
        }
    }

    /// Takes a NACK: a resource alone is refused for good, several are to be
    /// tried apart.
    fn rejected(&mut self, done: InFlight, error: &str) {
        // A removal that is refused cannot be mended by repeating it.
        self.lose(&done.removed);
        self.search_steps += 1;
        let mut updates = done.updates;
        // Who was not alone in it is not convicted, though the others may
        // meanwhile be wanted no more.
        let several = updates.len() > 1;
        updates.retain(|(name, _)| self.follows(name));
        if several {
            self.uncertain
                .extend(updates.iter().map(|(name, _)| name.clone()));
            if self.search_steps <= MAX_SEARCH {
                let names = updates.into_iter().map(|(name, _)| name).collect();
                self.divide(names, error);
                return;
            }
        }
        let told = |name: &String| updates.iter().any(|(told, _)| told == name);
        if self.unconfirmed.iter().any(|name| !told(name)) {
            self.doubt(updates.is_empty());
            return;
        }
        let reason = reason(error);
        for (name, resource) in updates {
            let same = |held: &Resource| held.version == resource.version;
            if self.telling == Telling::Whole && self.held.get(&name).is_some_and(same) {
                // It took that on a former stream and refuses it now: no set
                // may hold it.
                self.held.remove(&name);
            }
            let refused = Refused {
                version: resource.version,
                reason: reason.clone(),
            };
            self.refused.insert(name, refused);
        }
    }

    /// A response is refused that also held what is taken over from a former
    /// stream: that may be to blame. So it is sent alone, and forgotten if that
    /// was so already.
    fn doubt(&mut self, alone: bool) {
        self.confirms = !alone;
        if alone {
            for name in mem::take(&mut self.unconfirmed) {
                self.held.remove(&name);
                self.uncertain.remove(&name);
            }
        }
    }

    /// Parts `names`, which cannot all be good, into two that are tried one
    /// after the other. Whom the first error of a search names goes last, so
    /// that the others wait for nobody; else it is halves.
    fn divide(&mut self, mut names: Vec<String>, error: &str) {
        if self.search_steps == 1 {
            let named = words(error);
            let (suspects, rest): (Vec<String>, Vec<String>) =
                names.iter().cloned().partition(|n| named.contains(n.as_str()));
            if !suspects.is_empty() && !rest.is_empty() {
                self.search.push(suspects);
                self.search.push(rest);
                return;
            }
        }
        let rest = names.split_off(names.len() / 2);
        self.search
            .extend([rest, names].into_iter().filter(|part| !part.is_empty()));
    }
}
