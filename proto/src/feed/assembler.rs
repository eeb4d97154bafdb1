//! Puts bundles together from their parts.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_bundle::{Bundle, RedirectHosts, Route, Settings};
use portcullis_model::{HostPattern, RouteId};
use portcullis_policy::Program;
use prost::Message as _;

use super::{MAX_PROGRAM, MAX_ROUTES, MAX_UPDATE, Update, WireError, decode};
use crate::generated::feed as wire;

/// Takes the parts of updates, one stream's in their order.
///
/// After an error it holds what it held before, and passes over what is left of
/// that update: one update makes one error.
pub struct Assembler {
    held: Option<Arc<Bundle>>,
    state: State,
}

enum State {
    /// Between two updates.
    Idle,
    Taking(Box<Progress>),
    /// The update under way is of no use; its other parts are passed over.
    Spoilt,
}

/// An update under way.
struct Progress {
    base: Option<Arc<Bundle>>,
    /// As the parts must name it.
    base_version: String,
    next_part: u32,
    bytes: usize,
    settings: Option<Settings>,
    hosts_added: Vec<(HostPattern, u16)>,
    hosts_removed: Vec<(HostPattern, u16)>,
    programs: HashMap<[u8; 32], Program>,
    /// A program of which pieces are to come.
    unfinished: Option<([u8; 32], Vec<u8>)>,
    routes: HashMap<RouteId, Arc<Route>>,
}

impl Assembler {
    /// An assembler that starts from the bundle `held`, if there is one.
    #[must_use]
    pub fn new(held: Option<Arc<Bundle>>) -> Self {
        Self {
            held,
            state: State::Idle,
        }
    }

    /// The bundle that an update may start from.
    #[must_use]
    pub fn held(&self) -> Option<&Arc<Bundle>> {
        self.held.as_ref()
    }

    /// Takes a part; the bundle, once it is whole, which is then also held.
    ///
    /// # Errors
    /// [`WireError`]; the sender must begin anew, best with the whole bundle.
    pub fn push(&mut self, update: Update) -> Result<Option<Arc<Bundle>>, WireError> {
        let mut progress = match core::mem::replace(&mut self.state, State::Spoilt) {
            // Whatever was under way, the sender has given it up.
            _ if update.part == 0 => Box::new(Progress::begin(&update.base, self.held.as_ref())?),
            State::Taking(progress) => progress,
            State::Idle => return Err(WireError::OutOfOrder),
            State::Spoilt => return Ok(None),
        };
        let version = progress.take(update)?;
        if version.is_empty() {
            self.state = State::Taking(progress);
            return Ok(None);
        }
        let bundle = Arc::new(progress.finish(&version)?);
        self.held = Some(Arc::clone(&bundle));
        self.state = State::Idle;
        Ok(Some(bundle))
    }
}

impl Progress {
    fn begin(base_version: &str, held: Option<&Arc<Bundle>>) -> Result<Self, WireError> {
        let base = match (base_version, held) {
            ("", _) => None,
            (version, Some(held)) if held.version.as_str() == version => Some(Arc::clone(held)),
            (_, _) => return Err(WireError::UnknownBase),
        };
        // Every program and route of the base may be named again.
        let programs = base
            .iter()
            .flat_map(|base| base.routes.values())
            .filter_map(|route| route.policy.program())
            .map(|program| (program.digest(), program.clone()))
            .collect();
        let routes = base.as_ref().map(|base| base.routes.clone()).unwrap_or_default();
        Ok(Self {
            base,
            base_version: base_version.to_owned(),
            next_part: 0,
            bytes: 0,
            settings: None,
            hosts_added: Vec::new(),
            hosts_removed: Vec::new(),
            programs,
            unfinished: None,
            routes,
        })
    }

    /// Takes a part; the version that it announces, empty if there are more.
    fn take(&mut self, update: Update) -> Result<String, WireError> {
        self.bytes = self.bytes.saturating_add(update.encoded_len());
        if self.bytes > MAX_UPDATE {
            return Err(WireError::TooLarge("parts"));
        }
        let Update {
            base,
            part,
            settings,
            programs,
            routes,
            removed,
            hosts_added,
            hosts_removed,
            version,
        } = update;
        if part != self.next_part || base != self.base_version {
            return Err(WireError::OutOfOrder);
        }
        self.next_part = part.checked_add(1).ok_or(WireError::TooLarge("parts"))?;
        if let Some(settings) = settings {
            self.settings = Some(decode::settings(settings)?);
        }
        for host in &hosts_added {
            self.hosts_added.push(decode::host(host)?);
        }
        for host in &hosts_removed {
            self.hosts_removed.push(decode::host(host)?);
        }
        for program in programs {
            self.program(&program)?;
        }
        for route in routes {
            let route = decode::route(route, |digest| self.programs.get(digest).cloned())?;
            self.routes.insert(route.id, route);
        }
        if self.routes.len() > MAX_ROUTES {
            return Err(WireError::TooLarge("routes"));
        }
        for id in removed {
            self.routes.remove(&RouteId(id));
        }
        Ok(version)
    }

    fn program(&mut self, piece: &wire::Program) -> Result<(), WireError> {
        let wire::Program {
            digest,
            content,
            more,
        } = piece;
        let digest = decode::digest(digest)?;
        let mut whole = match self.unfinished.take() {
            None => Vec::new(),
            Some((begun, _)) if begun != digest => return Err(WireError::OutOfOrder),
            Some((_, whole)) => whole,
        };
        if whole.len().saturating_add(content.len()) > MAX_PROGRAM {
            return Err(WireError::TooLarge("programs"));
        }
        whole.extend_from_slice(content);
        if *more {
            self.unfinished = Some((digest, whole));
        } else {
            // One that is there already stays: its routes and the new ones share it.
            let program = decode::program(digest, &whole)?;
            self.programs.entry(digest).or_insert(program);
        }
        Ok(())
    }

    fn finish(self, version: &str) -> Result<Bundle, WireError> {
        let Self {
            base,
            base_version: _,
            next_part: _,
            bytes: _,
            settings,
            hosts_added,
            hosts_removed,
            programs: _,
            unfinished,
            routes,
        } = self;
        if unfinished.is_some() {
            return Err(WireError::OutOfOrder);
        }
        let before = base.as_ref().map(|base| &base.settings);
        let settings = match (settings, before) {
            (None, Some(before)) if hosts_added.is_empty() && hosts_removed.is_empty() => Arc::clone(before),
            (settings, before) => {
                let mut hosts: std::collections::BTreeSet<_> = before
                    .map(|before| before.redirect_hosts.entries())
                    .unwrap_or_default()
                    .into_iter()
                    .collect();
                for host in &hosts_removed {
                    hosts.remove(host);
                }
                hosts.extend(hosts_added);
                let hosts: RedirectHosts = hosts.into_iter().collect();
                let settings = match (&settings, before) {
                    (Some(settings), _) => decode::with_hosts(settings, hosts),
                    (None, Some(before)) => decode::with_hosts(before, hosts),
                    (None, None) => return Err(WireError::Malformed("settings")),
                };
                Arc::new(settings)
            }
        };
        let bundle = Bundle::new(settings, routes.into_values());
        if bundle.version.as_str() != version {
            return Err(WireError::Version);
        }
        Ok(bundle)
    }
}
