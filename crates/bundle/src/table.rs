//! How the routes of a bundle are found without their ids: by name, or by host and
//! path.

use crate::matcher::{Matcher, MatcherError, Met, Pattern};
use crate::{Authenticate, Bundle, Route};
use portcullis_model::{Host, RouteId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Where the identity provider sends the browser back, on a host that logs in for
/// itself.
const CALLBACK: &str = "/oauth2/callback";

/// The routes of one bundle, ready to be found.
#[derive(Debug)]
pub struct Table {
    matcher: Matcher,
    names: HashMap<String, Option<usize>>,
    key: Key,
}

/// All that a table follows from: an id is a hash of what its route is for.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    each_host: bool,
    authenticate: Option<(Host, u16)>,
    routes: Vec<(u32, RouteId, Option<String>)>,
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This route.
    Route(RouteId),
    /// One of our own endpoints, which no policy guards.
    Internal,
    /// No route.
    Nothing,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// One route.
    One(RouteId),
    /// Several, so that nobody can say which is meant.
    Several,
}

impl Table {
    /// The table of `bundle`: `before`, where nothing of it would be different.
    ///
    /// # Errors
    /// When a regular expression cannot be compiled.
    pub fn of(bundle: &Bundle, before: Option<&Arc<Self>>) -> Result<Arc<Self>, MatcherError> {
        let mut routes: Vec<(u32, &Route)> = bundle
            .routes
            .values()
            .filter_map(|route| Some((route.found_by.as_ref()?.turn, &**route)))
            .collect();
        // Of hosts that differ the order says nothing, but it must be one.
        routes.sort_unstable_by_key(|(turn, route)| (*turn, route.id));
        let authenticate = match &bundle.settings.authenticate {
            Authenticate::Own { host, port } => Some((host.clone(), *port)),
            Authenticate::Hosted { .. } | Authenticate::EachHost | Authenticate::None => None,
        };
        let key = Key {
            each_host: bundle.settings.authenticate == Authenticate::EachHost,
            authenticate,
            routes: routes
                .iter()
                .map(|(turn, route)| (*turn, route.id, route.name.clone()))
                .collect(),
        };
        if let Some(before) = before.filter(|before| before.key == key) {
            return Ok(Arc::clone(before));
        }
        let patterns = routes.iter().filter_map(|(_, route)| {
            Some(Pattern {
                host: route.host.clone(),
                port: route.port,
                path: route.found_by.as_ref()?.path.clone(),
            })
        });
        let matcher = Matcher::new(patterns, key.authenticate.clone())?;
        let mut names = HashMap::new();
        for (place, (_, route)) in routes.iter().enumerate() {
            let Some(name) = &route.name else { continue };
            match names.entry(name.clone()) {
                Entry::Vacant(free) => {
                    free.insert(Some(place));
                }
                Entry::Occupied(mut taken) => {
                    taken.insert(None);
                }
            }
        }
        Ok(Arc::new(Self { matcher, names, key }))
    }

    /// What a request meets, as [`Matcher::find_at`] says.
    #[must_use]
    pub fn find(&self, method: &str, host: &Host, port: Option<u16>, path: &str) -> Found {
        if self.key.each_host && path == CALLBACK && method != "CONNECT" && self.matcher.knows(host, port) {
            return Found::Internal;
        }
        match self.matcher.find_at(method, host, port, path) {
            Met::Internal => Found::Internal,
            Met::Nothing => Found::Nothing,
            Met::Route(place) => match self.key.routes.get(place) {
                Some((_, id, _)) => Found::Route(*id),
                None => Found::Nothing,
            },
        }
    }

    /// Whether a request that meets a route, to a host with a dot behind it, would meet
    /// another where nobody takes that away, at its port or at another.
    #[must_use]
    pub fn hangs_on_the_dot(&self, method: &str, host: &Host, port: Option<u16>, path: &str) -> bool {
        let found = self.find(method, host, port, path);
        let dotted = |port| match self.matcher.find_with_dot(host, port, path) {
            Met::Route(place) => self.key.routes.get(place).map(|(_, id, _)| Found::Route(*id)),
            Met::Internal | Met::Nothing => None,
        };
        let mut ports = self.matcher.ports_with_dot(host).into_iter().chain([port]);
        ports.any(|port| dotted(port).is_some_and(|other| other != found))
    }

    /// Whether a request that meets a route would meet something else if it named
    /// another port, or none. What it would not meet at all does not count.
    #[must_use]
    pub fn hangs_on_the_port(&self, method: &str, host: &Host, port: Option<u16>, path: &str) -> bool {
        let others = self.matcher.other_ports(host, port);
        if others.is_empty() {
            return false;
        }
        let found = self.find(method, host, port, path);
        others
            .into_iter()
            .map(|other| self.find(method, host, other, path))
            .any(|other| other != found && other != Found::Nothing)
    }

    /// The route of this `name`, or routes.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Named> {
        let named = self.names.get(name)?;
        let one = named.and_then(|place| self.key.routes.get(place));
        Some(one.map_or(Named::Several, |(_, id, _)| Named::One(*id)))
    }

    /// Whether `route`, which has this name alone, is for `path`, whatever other route
    /// may come before it.
    #[must_use]
    pub fn takes(&self, name: &str, route: &Route, path: &str) -> bool {
        let place = self.names.get(name).copied().flatten();
        place.is_some_and(|place| self.matcher.takes(place, &route.host, route.port, path))
    }
}
