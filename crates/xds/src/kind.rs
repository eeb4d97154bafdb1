//! The state of one resource type in one stream.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use crate::{Resource, Stage};

mod answer;
mod lingering;
mod subscription;

pub(crate) use answer::Answer;
use lingering::Lingering;

/// What a type serves: name to resource.
pub(crate) type Catalogue = BTreeMap<String, Resource>;

/// How a type is told on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// What is new or changed, and which names are gone: the delta protocol.
    Changes,
    /// What is new or changed; that a name is gone cannot be said.
    Named,
    /// Always everything; what a response omits is gone.
    Whole,
}

/// A version that the client refused, and why.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) version: String,
    pub(crate) reason: String,
}

/// The response that waits for the client's answer.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) nonce: String,
    pub(crate) updates: Vec<(String, Resource)>,
    pub(crate) removed: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) stage: Stage,
    pub(crate) telling: Telling,
    /// The client has asked for the type on this stream.
    requested: bool,
    wildcard: bool,
    names: BTreeSet<String>,
    /// What the client has accepted. Where everything is always told with its
    /// content, elsewhere with the version alone.
    held: Catalogue,
    /// Names of refused responses: the client may have taken them or not.
    uncertain: BTreeSet<String>,
    /// Names of `held` that are taken over from a former stream and stand in no
    /// response that the client has taken on this one.
    unconfirmed: BTreeSet<String>,
    /// What is held is to be sent alone: it must be known whether it is taken.
    confirms: bool,
    /// Names that the client asked for and was told do not exist.
    told_absent: BTreeSet<String>,
    /// Names that only the wildcard still covers: the client waits for their
    /// content or for the word that there is none.
    owed: BTreeSet<String>,
    /// The first answer, which is sent even when it is empty.
    owes_first: bool,
    refused: BTreeMap<String, Refused>,
    /// Parts of a refused response that are being tried apart.
    search: Vec<Vec<String>>,
    search_steps: usize,
    in_flight: Option<InFlight>,
    lingering: Lingering,
}

impl Kind {
    pub(crate) fn new(stage: Stage, telling: Telling) -> Self {
        Self {
            stage,
            telling,
            requested: false,
            wildcard: false,
            names: BTreeSet::new(),
            held: BTreeMap::new(),
            uncertain: BTreeSet::new(),
            unconfirmed: BTreeSet::new(),
            confirms: false,
            told_absent: BTreeSet::new(),
            owed: BTreeSet::new(),
            owes_first: false,
            refused: BTreeMap::new(),
            search: Vec::new(),
            search_steps: 0,
            in_flight: None,
            lingering: Lingering::default(),
        }
    }

    /// Notes that the client asks for the type; whether it does so for the
    /// first time on this stream.
    pub(crate) fn request(&mut self) -> bool {
        !mem::replace(&mut self.requested, true)
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.requested
    }

    /// The response that waits for an answer.
    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        self.in_flight.as_ref()
    }

    pub(crate) fn held(&self) -> &Catalogue {
        &self.held
    }

    /// Whether a response is owed even if nothing is new in it.
    pub(crate) fn owes_answer(&self) -> bool {
        self.owes_first || self.confirms
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = (&String, &Refused)> {
        self.refused.iter()
    }

    fn follows(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// Whether `name` at its present version must be sent to a client that holds
    /// `held` of it.
    fn stale(&self, name: &str, resource: &Resource, held: Option<&Resource>) -> bool {
        if held.is_some_and(|held| held.version == resource.version) && !self.uncertain.contains(name) {
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
                let same = held
                    .peek()
                    .filter(|(same, _)| same == name)
                    .map(|(_, held)| *held);
                self.stale(name, resource, same)
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
        if self.confirms {
            return Vec::new();
        }
        let mut search = mem::take(&mut self.search);
        let mut next = Vec::new();
        // The last part goes first; what must wait of it stays in its place.
        for part in search.iter_mut().rev() {
            let due = |name: &String| {
                let resource = served.get(name);
                resource.is_some_and(|r| self.stale(name, r, self.held.get(name)))
            };
            let (now, later) = mem::take(part)
                .into_iter()
                .filter(due)
                .partition(|name| !first_only || !self.held.contains_key(name));
            *part = later;
            next = now;
            if !next.is_empty() {
                break;
            }
        }
        search.retain(|part| !part.is_empty());
        self.search = search;
        if !next.is_empty() {
            return next;
        }
        if self.search.is_empty() {
            self.search_steps = 0;
        }
        let outdated = self.outdated(served);
        let outdated = outdated.filter(|name| !first_only || !self.held.contains_key(*name));
        outdated.map(str::to_owned).collect()
    }

    /// Records that a response is under way.
    pub(crate) fn sent(&mut self, nonce: String, updates: Vec<(String, Resource)>, removed: Vec<String>) {
        self.owes_first = false;
        self.confirms = false;
        for name in &removed {
            self.owed.remove(name);
            self.note_absent(name);
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

    /// What goes is forgotten without a word, because there is none for it.
    pub(crate) fn drop_silently(&mut self, removed: &[String]) {
        for name in removed {
            self.note_absent(name);
        }
        self.lose(removed);
    }

    fn note_absent(&mut self, name: &str) {
        if self.names.contains(name) {
            self.told_absent.insert(name.to_owned());
        }
    }

    /// Whether an update is still to be sent.
    pub(crate) fn has_updates(&self, served: &Catalogue) -> bool {
        self.owes_answer() || self.outdated(served).next().is_some()
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
}
