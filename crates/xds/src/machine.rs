//! What both protocols share: the order of updates and removals, and how far
//! the client is.

use std::{collections::BTreeMap, mem, sync::Arc};

use crate::{
    Limits, Rejection, Resource, Served, StreamError,
    kind::{Catalogue, Kind, Refused, Telling},
    message::quoted,
};

#[derive(Debug)]
pub(crate) struct Machine {
    /// In the order of updates.
    kinds: Vec<Kind>,
    limits: Limits,
    target: Option<Arc<Served>>,
    settled: Option<String>,
    responses: u64,
}

static NOTHING: Catalogue = BTreeMap::new();

pub(crate) fn catalogue<'a>(target: &'a Served, type_url: &str) -> &'a Catalogue {
    target.resources.get(type_url).unwrap_or(&NOTHING)
}

impl Machine {
    pub(crate) fn new(kinds: Vec<Kind>, limits: Limits) -> Self {
        Self {
            kinds,
            limits,
            target: None,
            settled: None,
            responses: 0,
        }
    }

    /// Serves `target` from now on.
    pub(crate) fn serve(&mut self, target: Arc<Served>) {
        for kind in &mut self.kinds {
            kind.serve(catalogue(&target, kind.stage.type_url));
        }
        self.target = Some(target);
    }

    /// The type that a request is about.
    ///
    /// # Errors
    ///
    /// When it is not served.
    pub(crate) fn kind(&mut self, type_url: &str) -> Result<&mut Kind, StreamError> {
        let found = self.kinds.iter_mut().find(|k| k.stage.type_url == type_url);
        found.ok_or_else(|| StreamError::UnknownType(quoted(type_url)))
    }

    /// Whether the client has asked for every type that is told like this.
    pub(crate) fn is_known(&self, telling: Telling) -> bool {
        let mut of = self.kinds.iter().filter(|kind| kind.telling == telling);
        of.all(Kind::is_requested)
    }

    pub(crate) fn into_kinds(self) -> Vec<Kind> {
        self.kinds
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Bounds one request: `names` in it, each of `texts` as long as it is.
    ///
    /// # Errors
    ///
    /// When a limit is passed.
    pub(crate) fn check<'a>(
        &self,
        names: usize,
        mut texts: impl Iterator<Item = &'a String>,
    ) -> Result<(), StreamError> {
        let limit = self.limits.names_per_request;
        if names > limit {
            return Err(StreamError::TooManyNames { found: names, limit });
        }
        let limit = self.limits.name_bytes;
        match texts.find(|text| text.len() > limit) {
            Some(text) => Err(StreamError::NameTooLong {
                found: text.len(),
                limit,
            }),
            None => Ok(()),
        }
    }

    /// Whether something that is to go waits for a tick.
    pub(crate) fn lingers(&self) -> bool {
        self.kinds.iter().any(Kind::lingers)
    }

    /// Lets the time of a tick pass.
    pub(crate) fn tick(&mut self) {
        self.kinds.iter_mut().for_each(Kind::tick);
    }

    pub(crate) fn acknowledged(&self) -> Option<&str> {
        self.settled.as_deref()
    }

    pub(crate) fn rejections(&self) -> Vec<Rejection> {
        let of_kind = |kind: &'_ Kind| -> Vec<Rejection> {
            let one = |(name, refused): (&String, &Refused)| Rejection {
                type_url: kind.stage.type_url,
                name: name.clone(),
                refused_version: refused.version.clone(),
                held_version: kind.held().get(name).map(|held| held.version.clone()),
                reason: refused.reason.clone(),
            };
            kind.refused().map(one).collect()
        };
        self.kinds.iter().flat_map(of_kind).collect()
    }

    /// Puts everything under way that may leave now, and has `render` word it:
    /// from the type, whose [`Kind::in_flight`] it is, and what is served.
    pub(crate) fn pump<R>(&mut self, mut render: impl FnMut(&Kind, &Served) -> R) -> Vec<R> {
        let Some(target) = self.target.clone() else {
            return Vec::new();
        };
        for kind in &mut self.kinds {
            // Also after a NACK: it may answer a version that is served no more.
            kind.forget_old_refusals(catalogue(&target, kind.stage.type_url));
        }
        let mut kinds = mem::take(&mut self.kinds);
        let mut out = Vec::new();
        let mut earlier_done = true;
        for kind in &mut kinds {
            let served = catalogue(&target, kind.stage.type_url);
            if !kind.is_requested() {
                // What the client has not asked for cannot be awaited, but it
                // will ask for all of a wildcard type that is not empty.
                earlier_done &= !kind.stage.wildcard || served.is_empty();
                continue;
            }
            // Whether a look at everything has found nothing.
            let mut clean = false;
            if kind.in_flight().is_none() {
                let names = match (earlier_done, kind.stage.leaf) {
                    (true, _) => kind.next_batch(served, false),
                    (false, true) => kind.next_batch(served, true),
                    (false, false) => Vec::new(),
                };
                clean = earlier_done && names.is_empty();
                let absent = kind.absent(served);
                let first = kind.owes_answer() && (earlier_done || kind.stage.leaf);
                if !names.is_empty() || !absent.is_empty() || first {
                    self.send(kind, served, names, absent);
                    out.push(render(kind, &target));
                }
            }
            earlier_done &= kind.in_flight().is_none() && (clean || !kind.has_updates(served));
        }
        let quiet = |kinds: &[Kind]| kinds.iter().all(|kind| kind.in_flight().is_none());
        if earlier_done
            && quiet(&kinds)
            && let Some(kind) = self.next_removal(&mut kinds, &target)
        {
            out.push(render(kind, &target));
        }
        self.settled = (earlier_done && quiet(&kinds)).then(|| target.version.clone());
        self.kinds = kinds;
        out
    }

    /// Puts the next removal under way, from the last type to the first.
    fn next_removal<'a>(&mut self, kinds: &'a mut [Kind], target: &Served) -> Option<&'a Kind> {
        for kind in kinds.iter_mut().rev() {
            let served = catalogue(target, kind.stage.type_url);
            let gone = kind.gone(served);
            let removed = kind.ripe(gone);
            match kind.telling {
                Telling::Named => kind.drop_silently(&removed),
                Telling::Changes | Telling::Whole if removed.is_empty() => {}
                Telling::Changes | Telling::Whole => {
                    self.send(kind, served, Vec::new(), removed);
                    return Some(kind);
                }
            }
            // Of a later type the client may still use what names the earlier:
            // something refused, or held since an earlier stream and not yet
            // asked for on this one.
            let unknown = !kind.stage.leaf && !kind.is_requested() && !served.is_empty();
            if kind.refuses(served) || unknown {
                return None;
            }
        }
        None
    }

    fn send(&mut self, kind: &mut Kind, served: &Catalogue, names: Vec<String>, removed: Vec<String>) {
        self.responses += 1;
        let updates: Vec<(String, Resource)> = names
            .into_iter()
            .filter_map(|name| {
                let resource = served.get(&name)?.clone();
                Some((name, resource))
            })
            .collect();
        kind.sent(self.responses.to_string(), updates, removed);
    }
}
