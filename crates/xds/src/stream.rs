//! One delta stream.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Limits, Rejection, Request, Response, Served, Stage, StreamError, TypeUrl,
    kind::{Catalogue, Kind, Refused},
    message::quoted,
    reason,
};

/// What follows from a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Responses to send now, in this order.
    pub responses: Vec<Response>,
    /// The request was a NACK of this type. The resources that it leads to are
    /// found by [`DeltaStream::rejections`], once they are alone.
    pub refused: Option<TypeUrl>,
}

/// The server side of one aggregated delta stream. See the crate for its rules.
#[derive(Debug)]
pub struct DeltaStream {
    kinds: Vec<Kind>,
    limits: Limits,
    target: Option<Arc<Served>>,
    settled: Option<String>,
    responses: u64,
}

static NOTHING: Catalogue = BTreeMap::new();

fn catalogue<'a>(target: &'a Served, type_url: &str) -> &'a Catalogue {
    target.resources.get(type_url).unwrap_or(&NOTHING)
}

impl DeltaStream {
    /// A stream on which nothing was said. `order` lists the served types in
    /// the order of updates.
    #[must_use]
    pub fn new(order: &[Stage], limits: Limits) -> Self {
        let kinds = order.iter().map(|stage| Kind::new(*stage)).collect();
        Self {
            kinds,
            limits,
            target: None,
            settled: None,
            responses: 0,
        }
    }

    /// Takes a request. A nonce that answers no response under way is stale:
    /// that part of the request is ignored.
    ///
    /// # Errors
    ///
    /// The stream must be closed: an unknown type, or a limit passed.
    pub fn on_request(&mut self, request: Request) -> Result<Reaction, StreamError> {
        self.check(&request)?;
        let limit = self.limits.subscriptions;
        let Some(kind) = self
            .kinds
            .iter_mut()
            .find(|k| k.stage.type_url == request.type_url)
        else {
            return Err(StreamError::UnknownType(quoted(&request.type_url)));
        };
        let type_url = kind.stage.type_url;
        let mut refused = None;
        if let Some(done) = kind.in_flight.take_if(|f| f.nonce == request.nonce) {
            match &request.error {
                None => kind.accepted(done),
                Some(error) => {
                    refused = Some(type_url);
                    kind.rejected(done, &reason(error));
                }
            }
        }
        let first = !kind.requested;
        kind.requested = true;
        for name in &request.unsubscribe {
            kind.unsubscribe(name);
        }
        if first && request.subscribe.is_empty() {
            kind.subscribe("*");
        }
        for name in &request.subscribe {
            kind.subscribe(name);
        }
        if first {
            kind.held.extend(request.initial_versions);
        }
        if kind.names.len() > limit || kind.held.len() > limit {
            return Err(StreamError::TooManySubscriptions { type_url, limit });
        }
        Ok(Reaction {
            responses: self.pump(),
            refused,
        })
    }

    /// Serves `target` from now on. Returns what must leave at once; more
    /// follows as the client answers.
    #[must_use]
    pub fn on_change(&mut self, target: Arc<Served>) -> Vec<Response> {
        self.target = Some(target);
        self.pump()
    }

    /// The version that the client has taken wholly, but for what
    /// [`rejections`](Self::rejections) lists. `None` while an answer is
    /// outstanding, something is still to be sent, or the client has not yet
    /// asked for every type that it must ask for.
    #[must_use]
    pub fn acknowledged(&self) -> Option<&str> {
        self.settled.as_deref()
    }

    /// Whether the present target is [`acknowledged`](Self::acknowledged).
    #[must_use]
    pub fn settled(&self) -> bool {
        self.settled.is_some()
    }

    /// Every resource that is served now and that the client refuses.
    #[must_use]
    pub fn rejections(&self) -> Vec<Rejection> {
        let of_kind = |kind: &'_ Kind| -> Vec<Rejection> {
            let one = |(name, refused): (&String, &Refused)| Rejection {
                type_url: kind.stage.type_url,
                name: name.clone(),
                refused_version: refused.version.clone(),
                held_version: kind.held.get(name).cloned(),
                reason: refused.reason.clone(),
            };
            kind.refused.iter().map(one).collect()
        };
        self.kinds.iter().flat_map(of_kind).collect()
    }

    fn check(&self, request: &Request) -> Result<(), StreamError> {
        let found = request.subscribe.len() + request.unsubscribe.len() + request.initial_versions.len();
        let limit = self.limits.names_per_request;
        if found > limit {
            return Err(StreamError::TooManyNames { found, limit });
        }
        let initial = request
            .initial_versions
            .iter()
            .flat_map(|(name, version)| [name, version]);
        let mut texts = request
            .subscribe
            .iter()
            .chain(&request.unsubscribe)
            .chain(initial);
        let limit = self.limits.name_bytes;
        match texts.find(|text| text.len() > limit) {
            Some(text) => Err(StreamError::NameTooLong {
                found: text.len(),
                limit,
            }),
            None => Ok(()),
        }
    }

    /// Everything that may leave now.
    fn pump(&mut self) -> Vec<Response> {
        let Some(target) = self.target.clone() else {
            return Vec::new();
        };
        for kind in &mut self.kinds {
            // Also after a NACK: it may answer a version that is served no more.
            kind.forget_old_refusals(catalogue(&target, kind.stage.type_url));
        }
        let mut out = Vec::new();
        let mut earlier_done = true;
        for index in 0..self.kinds.len() {
            let Some(kind) = self.kinds.get_mut(index) else {
                break;
            };
            let served = catalogue(&target, kind.stage.type_url);
            if !kind.requested {
                // What the client has not asked for cannot be awaited, but it
                // will ask for all of a wildcard type that is not empty.
                earlier_done &= !kind.stage.wildcard || served.is_empty();
                continue;
            }
            // Whether a look at everything has found nothing.
            let mut clean = false;
            if kind.in_flight.is_none() {
                let names = match (earlier_done, kind.stage.leaf) {
                    (true, _) => kind.next_batch(served, false),
                    (false, true) => kind.next_batch(served, true),
                    (false, false) => Vec::new(),
                };
                clean = earlier_done && names.is_empty();
                let absent = kind.absent(served);
                let first = kind.owes_first && (earlier_done || kind.stage.leaf);
                if !names.is_empty() || !absent.is_empty() || first {
                    self.responses += 1;
                    out.push(response(kind, self.responses, &target, names, absent));
                }
            }
            earlier_done &= kind.in_flight.is_none() && (clean || !kind.has_updates(served));
        }
        if earlier_done && self.kinds.iter().all(|kind| kind.in_flight.is_none()) {
            out.extend(self.next_removal(&target));
        }
        let quiet = self.kinds.iter().all(|kind| kind.in_flight.is_none());
        self.settled = (earlier_done && quiet).then(|| target.version.clone());
        out
    }

    /// The next removal, from the last type to the first.
    fn next_removal(&mut self, target: &Served) -> Option<Response> {
        for kind in self.kinds.iter_mut().rev() {
            let served = catalogue(target, kind.stage.type_url);
            let removed = kind.gone(served);
            if !removed.is_empty() {
                self.responses += 1;
                return Some(response(kind, self.responses, target, Vec::new(), removed));
            }
            // Of a later type the client may still use what names the earlier:
            // something refused, or held since an earlier stream and not yet
            // asked for on this one.
            let unknown = !kind.stage.leaf && !kind.requested && !served.is_empty();
            if kind.refuses(served) || unknown {
                return None;
            }
        }
        None
    }
}

fn response(
    kind: &mut Kind,
    number: u64,
    target: &Served,
    names: Vec<String>,
    removed: Vec<String>,
) -> Response {
    let type_url = kind.stage.type_url;
    let served = catalogue(target, type_url);
    let nonce = number.to_string();
    let resources: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let resource = served.get(&name)?;
            Some((name, resource.version.clone(), resource.bytes.clone()))
        })
        .collect();
    let updates = resources
        .iter()
        .map(|(name, version, _)| (name.clone(), version.clone()))
        .collect();
    kind.sent(nonce.clone(), updates, removed.clone());
    Response {
        type_url,
        nonce,
        system_version: target.version.clone(),
        resources,
        removed,
    }
}

#[cfg(test)]
mod tests;
