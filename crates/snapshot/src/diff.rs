//! What changed between two snapshots.

use crate::{Part, Snapshot};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What changed, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangeSet {
    /// Listeners.
    pub listeners: Changes,
    /// Virtual hosts.
    pub hosts: Changes,
    /// Routes, named `host/route`.
    pub routes: Changes,
    /// Upstreams.
    pub clusters: Changes,
    /// Certificates.
    pub secrets: Changes,
}

impl ChangeSet {
    /// Whether nothing changed for Envoy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            listeners,
            hosts,
            routes,
            clusters,
            secrets,
        } = self;
        [listeners, hosts, routes, clusters, secrets]
            .iter()
            .all(|changes| changes.is_empty())
    }
}

/// How much of each kind, `routes +1 ~2 -1, clusters +1`; `none` if nothing changed
/// for Envoy.
impl fmt::Display for ChangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            listeners,
            hosts,
            routes,
            clusters,
            secrets,
        } = self;
        if self.is_empty() {
            return f.write_str("none");
        }
        let kinds = [
            ("listeners", listeners),
            ("hosts", hosts),
            ("routes", routes),
            ("clusters", clusters),
            ("secrets", secrets),
        ];
        let mut first = true;
        for (kind, changes) in kinds.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            write!(f, "{}{kind}", if first { "" } else { ", " })?;
            first = false;
            for (sign, names) in [
                ('+', &changes.added),
                ('~', &changes.changed),
                ('-', &changes.removed),
            ] {
                if !names.is_empty() {
                    write!(f, " {sign}{}", names.len())?;
                }
            }
        }
        Ok(())
    }
}

/// Names, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In the new snapshot only.
    pub added: Vec<String>,
    /// In both with different content.
    pub changed: Vec<String>,
    /// In the old snapshot only.
    pub removed: Vec<String>,
}

impl Changes {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    fn between<N: Ord + AsRef<str>>(old: &BTreeMap<N, &str>, new: &BTreeMap<N, &str>) -> Self {
        let mut changes = Self::default();
        for (name, version) in new {
            let owned = || name.as_ref().to_owned();
            match old.get(name) {
                None => changes.added.push(owned()),
                Some(was) if was != version => changes.changed.push(owned()),
                Some(_) => {}
            }
        }
        changes.removed = old
            .keys()
            .filter(|name| !new.contains_key(*name))
            .map(|name| name.as_ref().to_owned())
            .collect();
        changes
    }
}

/// What must change to come from `old` to `new`.
#[must_use]
pub fn diff(old: &Snapshot, new: &Snapshot) -> ChangeSet {
    let (old_hosts, new_hosts) = (hosts(old), hosts(new));
    ChangeSet {
        listeners: Changes::between(&versions(&old.listeners), &versions(&new.listeners)),
        hosts: Changes::between(&old_hosts, &new_hosts),
        // A host of the same version has the same routes.
        routes: Changes::between(&routes(old, &new_hosts), &routes(new, &old_hosts)),
        clusters: Changes::between(&versions(&old.clusters), &versions(&new.clusters)),
        secrets: Changes::between(&versions(&old.secrets), &versions(&new.secrets)),
    }
}

fn versions<T>(parts: &BTreeMap<String, Arc<Part<T>>>) -> BTreeMap<&str, &str> {
    parts
        .iter()
        .map(|(name, part)| (name.as_str(), part.version.as_str()))
        .collect()
}

fn hosts(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    snapshot
        .hosts()
        .map(|host| (host.value.name.as_str(), host.version.as_str()))
        .collect()
}

/// The routes of the hosts that differ from those of the other side.
fn routes<'a>(snapshot: &'a Snapshot, other: &BTreeMap<&str, &str>) -> BTreeMap<String, &'a str> {
    let mut all = BTreeMap::new();
    for host in snapshot.hosts() {
        let name = host.value.name.as_str();
        if other.get(name) == Some(&host.version.as_str()) {
            continue;
        }
        for route in &host.value.routes {
            all.insert(format!("{name}/{}", route.value.name), route.version.as_str());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_a_few_words() {
        assert_eq!(ChangeSet::default().to_string(), "none");
        let names = |n: usize| vec![String::new(); n];
        let changes = ChangeSet {
            routes: Changes {
                added: names(1),
                changed: names(12),
                removed: names(2),
            },
            secrets: Changes {
                changed: names(1),
                ..Changes::default()
            },
            ..ChangeSet::default()
        };
        assert_eq!(changes.to_string(), "routes +1 ~12 -2, secrets ~1");
    }
}
