//! What is to go, but not at once.

use std::{collections::BTreeSet, mem};

use super::{Catalogue, Kind};

/// Names that are due to be removed, by how many ticks they have been so.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    none: BTreeSet<String>,
    one: BTreeSet<String>,
    ripe: BTreeSet<String>,
}

impl Kind {
    /// Notes what is served from now on: should it be due again, its time begins
    /// anew.
    pub(crate) fn serve(&mut self, served: &Catalogue) {
        let Lingering { none, one, ripe } = &mut self.lingering;
        for names in [none, one, ripe] {
            names.retain(|name| !served.contains_key(name));
        }
    }

    /// Of `gone`, which is everything that nothing names any more, what may be
    /// removed now. The others are noted.
    pub(crate) fn ripe(&mut self, gone: Vec<String>) -> Vec<String> {
        if !self.stage.lingers {
            return gone;
        }
        let Lingering { none, one, ripe } = &mut self.lingering;
        let due: BTreeSet<&String> = gone.iter().collect();
        // The client may have lost or given up some of itself.
        for names in [&mut *none, &mut *one, &mut *ripe] {
            names.retain(|name| due.contains(name));
        }
        let (now, later): (Vec<_>, Vec<_>) = gone.into_iter().partition(|name| ripe.contains(name));
        none.extend(later.into_iter().filter(|name| !one.contains(name)));
        now
    }

    /// Whether something waits for a tick.
    pub(crate) fn lingers(&self) -> bool {
        !self.lingering.none.is_empty() || !self.lingering.one.is_empty()
    }

    /// Lets the time of a tick pass.
    pub(crate) fn tick(&mut self) {
        let Lingering { none, one, ripe } = &mut self.lingering;
        ripe.append(one);
        *one = mem::take(none);
    }
}
