//! What the client asks for.

use std::{collections::BTreeSet, mem};

use bytes::Bytes;

use super::{Catalogue, Kind, Telling};
use crate::{Resource, StreamError};

impl Kind {
    pub(crate) fn subscribe(&mut self, name: &str) {
        if name == "*" {
            if self.stage.wildcard {
                self.wildcard = true;
                self.owes_first = true;
            }
            return;
        }
        self.names.insert(name.to_owned());
        self.told_absent.remove(name);
        if self.is_whole() {
            return;
        }
        // A repeated subscription means that the client has lost the resource:
        // it must be sent even if its version is known.
        self.held.remove(name);
        self.refused.remove(name);
    }

    pub(crate) fn unsubscribe(&mut self, name: &str) {
        if name == "*" {
            self.wildcard = false;
            self.owes_first = false;
            let names = &self.names;
            self.held.retain(|n, _| names.contains(n));
            self.uncertain.retain(|n| names.contains(n));
            self.unconfirmed.retain(|n| names.contains(n));
            self.owed.clear();
            self.refused.retain(|n, _| names.contains(n));
            return;
        }
        if !self.names.remove(name) {
            return;
        }
        self.told_absent.remove(name);
        if self.is_whole() {
            return;
        }
        self.held.remove(name);
        self.refused.remove(name);
        self.uncertain.remove(name);
        self.unconfirmed.remove(name);
        if self.wildcard {
            // The client cannot know whether the wildcard covers the name.
            self.owed.insert(name.to_owned());
        }
    }

    /// Every response tells all of the type: it holds the name anyway.
    fn is_whole(&self) -> bool {
        self.telling == Telling::Whole && self.wildcard
    }

    /// Makes the subscription exactly `names`, and all of the type with
    /// `wildcard`. Returns whether that is another than before.
    pub(crate) fn follow(&mut self, names: BTreeSet<String>, wildcard: bool) -> bool {
        let wildcard = wildcard && self.stage.wildcard;
        if names == self.names && wildcard == self.wildcard {
            return false;
        }
        if wildcard && !self.wildcard {
            self.subscribe("*");
        }
        let before = mem::take(&mut self.names);
        let dropped: Vec<String> = before.difference(&names).cloned().collect();
        let added: Vec<String> = names.difference(&before).cloned().collect();
        self.names = before;
        for name in &dropped {
            self.unsubscribe(name);
        }
        if !wildcard && self.wildcard {
            self.unsubscribe("*");
        }
        for name in &added {
            self.subscribe(name);
        }
        true
    }

    /// The client asks for its names once more: it has lost them. What it
    /// refuses stays unsent. Without effect where everything is always told.
    pub(crate) fn repeat(&mut self) {
        if self.telling == Telling::Whole {
            return;
        }
        for name in &self.names {
            if !self.refused.contains_key(name) {
                self.held.remove(name);
            }
            self.told_absent.remove(name);
        }
    }

    /// Takes the client's word for the versions that it holds.
    pub(crate) fn trust(&mut self, versions: Vec<(String, String)>) {
        let without_content = |(name, version)| {
            let bytes = Bytes::new();
            (name, Resource { version, bytes })
        };
        self.held.extend(versions.into_iter().map(without_content));
    }

    /// Takes over what the client held on a former stream. All of it is sent
    /// again; what is served no more goes at its time, and not before.
    pub(crate) fn adopt(&mut self, former: &Catalogue) {
        for (name, resource) in former {
            if self.follows(name) {
                self.uncertain.insert(name.clone());
                self.unconfirmed.insert(name.clone());
                self.held.insert(name.clone(), resource.clone());
            }
        }
    }

    /// # Errors
    ///
    /// When the client is subscribed to, or says that it holds, more than `limit`.
    pub(crate) fn check(&self, limit: usize) -> Result<(), StreamError> {
        if self.names.len() > limit || self.held.len() > limit {
            let type_url = self.stage.type_url;
            return Err(StreamError::TooManySubscriptions { type_url, limit });
        }
        Ok(())
    }
}
