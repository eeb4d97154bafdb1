//! What happened, in the order in which it happened.

use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A port was given a bundle of this many routes.
    Given(usize),
    /// It acknowledged it.
    Acknowledged(usize),
    /// A message of this type arrived at the client.
    Ads(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline(Arc<Mutex<Vec<Event>>>);

impl Timeline {
    pub(crate) fn note(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
