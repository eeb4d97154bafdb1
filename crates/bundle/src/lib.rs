//! What an authz-server must know to decide: one [`Bundle`] holds every route's
//! compiled policy and the settings that all routes share.
//!
//! A bundle is immutable and content-addressed. A Check loads one bundle and
//! uses nothing else of the configuration, so that no decision can mix two
//! states of it.

mod digest;
pub mod matcher;
mod own_answer;
mod redirect_hosts;
mod route;
mod settings;
mod table;
pub mod template;
mod version;

#[cfg(test)]
mod tests;

pub use matcher::Matcher;
pub use own_answer::{Content, OwnAnswer, PathRedirect, Redirect, SchemeRedirect};
pub use redirect_hosts::RedirectHosts;
pub use route::{Advice, FoundBy, Listing, Route, RoutePolicy};
pub use settings::{Authenticate, Cookie, Keys, Provider, SameSite, Settings};
pub use table::{Found, Named, Table};
pub use template::Template;
pub use version::Version;

use digest::Digest;
use portcullis_model::RouteId;
use portcullis_policy::{Program, Programs};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One state of the configuration as the authz-servers see it.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Hash of the content: equal content has an equal version, whatever the
    /// order in which it was built.
    pub version: Version,
    /// What all routes share.
    pub settings: Arc<Settings>,
    /// Every route that Envoy may name, by the id that it sends.
    pub routes: HashMap<RouteId, Arc<Route>>,
}

impl Bundle {
    /// Builds a bundle and computes its version. Of two routes with one id the
    /// first serves.
    #[must_use]
    pub fn new(settings: Arc<Settings>, routes: impl IntoIterator<Item = Arc<Route>>) -> Self {
        let mut by_id = HashMap::new();
        for route in routes {
            by_id.entry(route.id).or_insert(route);
        }
        Self::of(settings, by_id)
    }

    fn of(settings: Arc<Settings>, routes: HashMap<RouteId, Arc<Route>>) -> Self {
        let mut ids: Vec<&Arc<Route>> = routes.values().collect();
        ids.sort_unstable_by_key(|route| route.id);
        let mut digest = Digest::new("portcullis bundle 1");
        digest.bytes(&settings.digest());
        digest.count(ids.len());
        for route in ids {
            digest.bytes(&route.digest());
        }
        let version = Version::from_digest(digest.finish());
        Self {
            version,
            settings,
            routes,
        }
    }

    /// The route of this id; `None` must deny (an id that this bundle does not
    /// know is never allowed).
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Arc<Route>> {
        self.routes.get(&id)
    }

    /// How many compiled policies are in memory; routes that share one count it
    /// once.
    #[must_use]
    pub fn programs(&self) -> usize {
        let programs = self.routes.values().filter_map(|route| route.policy.program());
        programs.map(Program::address).collect::<HashSet<_>>().len()
    }

    /// This bundle with, beside its own routes, those of `old` whose ids it
    /// lacks. It is what the authz-servers hold while Envoy moves from the old
    /// route ids to the new ones: every id that Envoy may still send is known,
    /// and an id of both has the new policy. Nothing but its id finds a route of
    /// `old`. The settings are this bundle's.
    #[must_use]
    pub fn union(&self, old: &Self) -> Self {
        if old.routes.keys().all(|id| self.routes.contains_key(id)) {
            return self.clone();
        }
        let mut programs = Programs::default();
        for program in self.routes.values().filter_map(|route| route.policy.program()) {
            let _known = programs.intern(program.clone());
        }
        let mut routes = self.routes.clone();
        for (id, route) in &old.routes {
            routes.entry(*id).or_insert_with(|| shared(route, &mut programs));
        }
        Self::of(Arc::clone(&self.settings), routes)
    }
}

/// The route as one that only its id finds, with the program of `programs` that
/// equals its own.
fn shared(route: &Arc<Route>, programs: &mut Programs) -> Arc<Route> {
    let program = route.policy.program().map(|own| programs.intern(own.clone()));
    let same = match (&program, route.policy.program()) {
        (Some(program), Some(own)) => program.address() == own.address(),
        _ => true,
    };
    if same && route.found_by.is_none() {
        return Arc::clone(route);
    }
    let policy = program.map_or_else(|| route.policy.clone(), RoutePolicy::Program);
    Arc::new(Route {
        policy,
        found_by: None,
        ..Route::clone(route)
    })
}
