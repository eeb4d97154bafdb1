//! Every option by name, with the kind of its value and what happens when it is set.
//!
//! One table for the options outside routes and one for those of a route; a nested option has a dotted
//! name (`downstream_mtls.ca`). The documentation's list of options is computed from [`keys`].

mod check;
mod enums;
mod global;
mod judge;
mod key;
mod nearest;
mod retired;
mod route;
mod walk;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use key::{Enumeration, Key, Kind, Scope, State};

pub(crate) use check::{excerpt, folded, reserved_in_requests};
pub(crate) use nearest::nearest;
pub(crate) use walk::{Field, Fields, walk};

/// Every option: those outside routes, then those of a route.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [global::KEYS, global::FOREIGN, route::KEYS, route::FOREIGN]
        .into_iter()
        .flatten()
}

/// The option of this name, in lower case and dotted if nested.
#[must_use]
pub fn find(scope: Scope, name: &str) -> Option<&'static Key> {
    static INDEX: LazyLock<HashMap<(Scope, &str), &Key>> =
        LazyLock::new(|| keys().map(|key| ((key.scope, key.name), key)).collect());
    INDEX.get(&(scope, name)).copied()
}

/// The state that counts: an alias has that of the option that it stands for.
#[must_use]
pub fn effective_state(key: &Key) -> &State {
    match &key.state {
        State::Alias { of } => find(key.scope, of).map_or(&key.state, |target| &target.state),
        state => state,
    }
}

/// Whether options nested in this one are known by name.
fn has_parts(key: &Key) -> bool {
    static PARENTS: LazyLock<std::collections::HashSet<(Scope, &str)>> = LazyLock::new(|| {
        keys()
            .filter_map(|key| key.name.rsplit_once('.').map(|(parent, _)| (key.scope, parent)))
            .collect()
    });
    PARENTS.contains(&(key.scope, key.name))
}

#[cfg(test)]
mod tests;
