//! The state of one resource type in one stream.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Resource, Stage};

/// How many responses the search for a culprit may take before the remaining
/// batch is refused as a whole; bounds what a client that refuses everything
/// can make us send.
const MAX_SEARCH: usize = 256;

/// What a type serves: name to resource.
pub(crate) type Catalogue = BTreeMap<String, Resource>;

/// A version that the client refused, and why.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) version: String,
    pub(crate) reason: String,
}

/// The response that waits for the client's answer.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) nonce: String,
    pub(crate) updates: Vec<(String, String)>,
    pub(crate) removed: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) stage: Stage,
    /// The client has asked for the type on this stream.
    pub(crate) requested: bool,
    pub(crate) wildcard: bool,
    pub(crate) names: BTreeSet<String>,
    /// What the client has accepted: name to version.
    pub(crate) held: BTreeMap<String, String>,
    /// Names of refused responses: the client may have taken them or not.
    uncertain: BTreeSet<String>,
    /// Names that the client asked for and was told do not exist.
    pub(crate) told_absent: BTreeSet<String>,
    /// Names that only the wildcard still covers: the client waits for their
    /// content or for the word that there is none.
    owed: BTreeSet<String>,
    /// The first answer, which is sent even when it is empty.
    pub(crate) owes_first: bool,
    pub(crate) refused: BTreeMap<String, Refused>,
    /// Parts of a refused response that are being tried apart.
    search: Vec<Vec<String>>,
    search_steps: usize,
    pub(crate) in_flight: Option<InFlight>,
}

impl Kind {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            requested: false,
            wildcard: false,
            names: BTreeSet::new(),
            held: BTreeMap::new(),
            uncertain: BTreeSet::new(),
            told_absent: BTreeSet::new(),
            owed: BTreeSet::new(),
            owes_first: false,
            refused: BTreeMap::new(),
            search: Vec::new(),
            search_steps: 0,
            in_flight: None,
        }
    }

    fn follows(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// Whether `name` at its present version must be sent to a client that holds
    /// the version `held` of it.
    fn stale(&self, name: &str, resource: &Resource, held: Option<&String>) -> bool {
        if held == Some(&resource.version) && !self.uncertain.contains(name) {
            return false;
        }
        let refused = self.refused.get(name);
        self.follows(name) && refused.is_none_or(|refused| refused.version != resource.version)
    }

    /// Every name that must be sent, in order of names.
    fn outdated<'a>(&'a self, served: &'a Catalogue) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        if self.wildcard {
            // Both are sorted: side by side is far faster than to look each up.
            let mut held = self.held.iter().peekable();
            let stale = served.iter().filter(move |(name, resource)| {
                while held.next_if(|(behind, _)| behind < name).is_some() {}
                let version = held.peek().filter(|(same, _)| same == name).map(|(_, v)| *v);
                self.stale(name, resource, version)
            });
            return Box::new(stale.map(|(name, _)| name.as_str()));
        }
        let named = self.names.iter().filter(|name| {
            served
                .get(*name)
                .is_some_and(|resource| self.stale(name, resource, self.held.get(*name)))
        });
        Box::new(named.map(String::as_str))
    }

    /// Names that the client waits for and that do not exist.
    pub(crate) fn absent(&self, served: &Catalogue) -> Vec<String> {
        let unknown = |name: &&String| {
            !served.contains_key(*name) && !self.told_absent.contains(*name) && !self.held.contains_key(*name)
        };
        let owed = self.owed.iter().filter(|n| !self.names.contains(*n));
        self.names.iter().chain(owed).filter(unknown).cloned().collect()
    }

    /// The next names to send. With `first_only`, only names of which the
    /// client holds nothing.
    pub(crate) fn next_batch(&mut self, served: &Catalogue, first_only: bool) -> Vec<String> {
        if first_only {
            return self
                .outdated(served)
                .filter(|n| !self.held.contains_key(*n))
                .map(str::to_owned)
                .collect();
        }
        while let Some(part) = self.search.pop() {
            let due = |name: &String| {
                served
                    .get(name)
                    .is_some_and(|r| self.stale(name, r, self.held.get(name)))
            };
            let part: Vec<String> = part.into_iter().filter(due).collect();
            if !part.is_empty() {
                return part;
            }
        }
        self.search_steps = 0;
        self.outdated(served).map(str::to_owned).collect()
    }

    /// Records that a response is under way.
    pub(crate) fn sent(&mut self, nonce: String, updates: Vec<(String, String)>, removed: Vec<String>) {
        self.owes_first = false;
        for name in &removed {
            self.owed.remove(name);
            if self.names.contains(name) {
                self.told_absent.insert(name.clone());
            }
        }
        for (name, _) in &updates {
            self.owed.remove(name);
            self.told_absent.remove(name);
        }
        self.in_flight = Some(InFlight {
            nonce,
            updates,
            removed,
        });
    }

    /// Whether an update is still to be sent.
    pub(crate) fn has_updates(&self, served: &Catalogue) -> bool {
        self.owes_first || self.outdated(served).next().is_some()
    }

    /// What the client holds, or may hold, and must lose.
    pub(crate) fn gone(&self, served: &Catalogue) -> Vec<String> {
        let lost = |name: &&String| self.follows(name) && !served.contains_key(*name);
        let mut present = served.keys().peekable();
        // Side by side, as above.
        let held = self.held.keys().filter(|name| {
            while present.next_if(|behind| behind < name).is_some() {}
            present.peek() != Some(name) && self.follows(name)
        });
        let uncertain = self.uncertain.iter().filter(|n| !self.held.contains_key(*n));
        held.chain(uncertain.filter(lost)).cloned().collect()
    }

    /// Whether the client refuses something that is served now, and so serves
    /// an older version on.
    pub(crate) fn refuses(&self, served: &Catalogue) -> bool {
        self.refused
            .iter()
            .any(|(n, r)| served.get(n).is_some_and(|s| s.version == r.version))
    }

    /// Forgets refusals of versions that are no longer served.
    pub(crate) fn forget_old_refusals(&mut self, served: &Catalogue) {
        self.refused
            .retain(|n, r| served.get(n).is_some_and(|s| s.version == r.version));
    }

    pub(crate) fn subscribe(&mut self, name: &str) {
        if name == "*" {
            if self.stage.wildcard {
                self.wildcard = true;
                self.owes_first = true;
            }
            return;
        }
        self.names.insert(name.to_owned());
        // A repeated subscription means that the client has lost the resource:
        // it must be sent even if its version is known.
        self.held.remove(name);
        self.refused.remove(name);
        self.told_absent.remove(name);
    }

    pub(crate) fn unsubscribe(&mut self, name: &str) {
        if name == "*" {
            self.wildcard = false;
            self.owes_first = false;
            let names = &self.names;
            self.held.retain(|n, _| names.contains(n));
            self.uncertain.retain(|n| names.contains(n));
            self.owed.clear();
            self.refused.retain(|n, _| names.contains(n));
            return;
        }
        if !self.names.remove(name) {
            return;
        }
        self.told_absent.remove(name);
        self.held.remove(name);
        self.refused.remove(name);
        self.uncertain.remove(name);
        if self.wildcard {
            // The client cannot know whether the wildcard covers the name.
            self.owed.insert(name.to_owned());
        }
    }

    pub(crate) fn accepted(&mut self, done: InFlight) {
        for (name, version) in done.updates {
            if self.follows(&name) {
                self.refused.remove(&name);
                self.uncertain.remove(&name);
                self.held.insert(name, version);
            }
        }
        self.lose(&done.removed);
    }

    fn lose(&mut self, removed: &[String]) {
        for name in removed {
            self.held.remove(name);
            self.uncertain.remove(name);
        }
    }

    /// Takes a NACK: a resource alone is refused for good, several are to be
    /// tried apart.
    pub(crate) fn rejected(&mut self, done: InFlight, reason: &str) {
        // A removal that is refused cannot be mended by repeating it.
        self.lose(&done.removed);
        self.search_steps += 1;
        if done.updates.len() > 1 && self.search_steps <= MAX_SEARCH {
            let mut names: Vec<String> = done.updates.into_iter().map(|(name, _)| name).collect();
            names.retain(|name| self.follows(name));
            self.uncertain.extend(names.iter().cloned());
            let rest = names.split_off(names.len() / 2);
            self.search.push(rest);
            self.search.push(names);
            return;
        }
        for (name, version) in done.updates {
            if self.follows(&name) {
                self.refused.insert(
                    name,
                    Refused {
                        version,
                        reason: reason.to_owned(),
                    },
                );
            }
        }
    }
}
