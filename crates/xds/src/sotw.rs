//! One state-of-the-world stream.

use core::fmt;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    Limits, Reaction, Rejection, Served, Stage, StreamError, TypeUrl,
    kind::{Answer, Catalogue, Kind, Telling},
    machine::{Machine, catalogue},
};

/// A state-of-the-world discovery request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SotwRequest {
    /// The type that the request is about.
    pub type_url: String,
    /// Every name that the client wants; `*`, or none in all requests so far,
    /// is all of the type.
    pub names: Vec<String>,
    /// The version of the last response that the client took, also on a former
    /// stream. Heeded in the first request of a type only.
    pub version: String,
    /// The nonce of the response that is being answered, or of the last one.
    pub nonce: String,
    /// Why that response was refused; `None` is an ACK.
    pub error: Option<String>,
}

/// A state-of-the-world discovery response. `Debug` shows names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SotwResponse {
    /// The type that the response is about.
    pub type_url: TypeUrl,
    /// To be repeated by the answer. Unique in the stream.
    pub nonce: String,
    /// The version of the state that the response was taken from. If the
    /// response is to hold everything and is not exactly that state, the
    /// numbers of stream and response follow.
    pub version: String,
    /// Resources: name and encoded content.
    pub resources: Vec<(String, Bytes)>,
}

impl fmt::Debug for SotwResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_url,
            nonce,
            version,
            resources,
        } = self;
        let names: Vec<_> = resources.iter().map(|(name, _)| name).collect();
        f.debug_struct("SotwResponse")
            .field("type_url", type_url)
            .field("nonce", nonce)
            .field("version", version)
            .field("resources", &names)
            .finish()
    }
}

/// The server side of one aggregated state-of-the-world stream. See the crate
/// for the rules that it shares with delta; this is how it differs:
///
/// - Of a [wildcard type](Stage::wildcard) every response holds everything, and
///   what it omits is gone. While an update is under way that is what the
///   client holds, the new on top; without the removed it is said only at the
///   time of removals. In place of a refused version stands the last good one,
///   so that no culprit takes away what serves.
/// - Of other types a response holds what is new or changed, as the protocol
///   allows. That such a resource is gone cannot be said; a client drops it
///   when nothing refers to it any more.
/// - A client does not say what it held before. [`into_former`] keeps that for
///   the stream that comes after ([`after`]). Without it, after a restart of
///   the server, the first set lacks what is served no more and the last good
///   version of what the client refuses; delta has no such gap.
///
/// [`into_former`]: Self::into_former
/// [`after`]: Self::after
#[derive(Debug)]
pub struct SotwStream {
    machine: Machine,
    number: u64,
    dialogues: BTreeMap<TypeUrl, Dialogue>,
    formers: Vec<Arc<Former>>,
}

/// What was said about one type.
#[derive(Debug, Default)]
struct Dialogue {
    /// The client has never named a resource.
    unnamed: bool,
    /// The nonce of the last response that was answered.
    nonce: String,
    /// The version of the last response, and of the last that was accepted.
    sent: String,
    accepted: String,
}

/// What the client of an ended stream held, by type. `Debug` shows no content.
#[derive(Clone, Debug, Default)]
pub struct Former {
    held: BTreeMap<TypeUrl, Held>,
}

/// Under which versions the client may know what it holds: what it said, and
/// what it had not answered yet.
#[derive(Clone, Debug, Default)]
struct Held {
    accepted: (String, Catalogue),
    sent: Option<(String, Catalogue)>,
}

impl SotwStream {
    /// A stream on which nothing was said. `order` lists the served types in
    /// the order of updates.
    #[must_use]
    pub fn new(order: &[Stage], limits: Limits) -> Self {
        let telling = |stage: &Stage| {
            if stage.wildcard {
                Telling::Whole
            } else {
                Telling::Named
            }
        };
        let kinds = order.iter().map(|stage| Kind::new(*stage, telling(stage)));
        Self {
            machine: Machine::new(kinds.collect(), limits),
            number: 0,
            dialogues: BTreeMap::new(),
            formers: Vec::new(),
        }
    }

    /// The same for a client that may be one of `formers`: if its versions say
    /// so, it keeps what it held until removals are due. `number` tells this
    /// stream from those.
    #[must_use]
    pub fn after(self, number: u64, formers: Vec<Arc<Former>>) -> Self {
        Self {
            number,
            formers,
            ..self
        }
    }

    /// What the client holds of the types that are always told whole.
    #[must_use]
    pub fn into_former(self) -> Former {
        let Self {
            machine,
            mut dialogues,
            number: _,
            formers: _,
        } = self;
        let mut held = BTreeMap::new();
        for kind in machine.into_kinds() {
            let Some(said) = dialogues.remove(kind.stage.type_url) else {
                continue;
            };
            if kind.telling != Telling::Whole {
                continue;
            }
            let sent = kind.in_flight().map(|_| (said.sent, told(&kind)));
            let accepted = (said.accepted, kind.held().clone());
            held.insert(kind.stage.type_url, Held { accepted, sent });
        }
        Former { held }
    }

    /// Takes a request. A nonce that answers no response under way is stale:
    /// that part of the request is ignored.
    ///
    /// # Errors
    ///
    /// The stream must be closed: an unknown type, or a limit passed.
    pub fn on_request(&mut self, request: SotwRequest) -> Result<Reaction<SotwResponse>, StreamError> {
        let SotwRequest {
            type_url,
            names,
            version,
            nonce,
            error,
        } = request;
        self.machine
            .check(names.len(), names.iter().chain([&version, &nonce]))?;
        let limit = self.machine.limits().subscriptions;
        let kind = self.machine.kind(&type_url)?;
        let type_url = kind.stage.type_url;
        let said = self.dialogues.entry(type_url).or_default();
        let answer = kind.answered(&nonce, error.as_deref());
        let first = kind.request();
        said.unnamed = names.is_empty() && (first || said.unnamed);
        let all = said.unnamed || names.iter().any(|name| name == "*");
        let names: BTreeSet<String> = names.into_iter().filter(|name| name != "*").collect();
        let changed = kind.follow(names, all);
        match answer {
            Answer::Accepted => said.accepted.clone_from(&said.sent),
            // Nothing new is answered and nothing else is wanted: the client
            // has lost what it had.
            Answer::Stale if !first && !changed && error.is_none() && nonce == said.nonce => {
                kind.repeat();
            }
            Answer::Refused | Answer::Stale => {}
        }
        if answer != Answer::Stale {
            said.nonce = nonce;
        }
        if first && let Some(held) = self.formers.iter().find_map(|f| f.held_under(type_url, &version)) {
            kind.adopt(held);
        }
        kind.check(limit)?;
        Ok(Reaction {
            responses: self.pump(),
            refused: (answer == Answer::Refused).then_some(type_url),
        })
    }

    /// Whether something that is to go waits for [`on_tick`](Self::on_tick),
    /// because requests that are under way may need it: see [`Stage::lingers`].
    #[must_use]
    pub fn lingers(&self) -> bool {
        self.machine.lingers()
    }

    /// Time has passed; from one tick to the next it is to be as long as a
    /// request may take from its route to its destination. Returns what must
    /// leave now.
    #[must_use]
    pub fn on_tick(&mut self) -> Vec<SotwResponse> {
        self.machine.tick();
        self.pump()
    }

    /// Serves `target` from now on. Returns what must leave at once; more
    /// follows as the client answers.
    #[must_use]
    pub fn on_change(&mut self, target: Arc<Served>) -> Vec<SotwResponse> {
        self.machine.serve(target);
        self.pump()
    }

    /// The version that the client has taken wholly, but for what
    /// [`rejections`](Self::rejections) lists. `None` while an answer is
    /// outstanding, something is still to be sent, or the client has not yet
    /// asked for every type that it must ask for.
    #[must_use]
    pub fn acknowledged(&self) -> Option<&str> {
        self.machine.acknowledged()
    }

    /// Whether the present target is [`acknowledged`](Self::acknowledged).
    #[must_use]
    pub fn settled(&self) -> bool {
        self.acknowledged().is_some()
    }

    /// Every resource that is served now and that the client refuses.
    #[must_use]
    pub fn rejections(&self) -> Vec<Rejection> {
        self.machine.rejections()
    }

    fn pump(&mut self) -> Vec<SotwResponse> {
        let number = self.number;
        let responses = self.machine.pump(|kind, target| response(kind, target, number));
        for response in &responses {
            let said = self.dialogues.entry(response.type_url).or_default();
            said.sent.clone_from(&response.version);
        }
        if self.machine.is_known(Telling::Whole) {
            // Nobody will ask any more what was before.
            self.formers = Vec::new();
        }
        responses
    }
}

impl Former {
    /// What the client held of a type if its last response had `version`.
    fn held_under(&self, type_url: TypeUrl, version: &str) -> Option<&Catalogue> {
        let Held { accepted, sent } = self.held.get(type_url)?;
        let mut known = sent.iter().chain([accepted]);
        let found = known.find(|(of, _)| !of.is_empty() && of == version);
        found.map(|(_, held)| held)
    }
}

/// Everything that the response under way tells, of a type that is told whole.
fn told(kind: &Kind) -> Catalogue {
    let mut all = kind.held().clone();
    if let Some(sent) = kind.in_flight() {
        all.extend(sent.updates.iter().cloned());
        for name in &sent.removed {
            all.remove(name);
        }
    }
    all
}

/// Whether both hold the same versions; the content is not looked at.
fn same(one: &Catalogue, other: &Catalogue) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|((a, x), (b, y))| a == b && x.version == y.version)
}

fn response(kind: &Kind, target: &Served, stream: u64) -> SotwResponse {
    let type_url = kind.stage.type_url;
    let sent = kind.in_flight();
    let mut version = target.version.clone();
    let nonce = sent.map(|sent| sent.nonce.clone()).unwrap_or_default();
    let resources = match kind.telling {
        Telling::Whole => {
            let all = told(kind);
            let served = catalogue(target, type_url);
            if !same(&all, served) {
                version = format!("{version}.{stream}.{nonce}");
            }
            all.into_iter().map(|(name, r)| (name, r.bytes)).collect()
        }
        Telling::Changes | Telling::Named => {
            let updates = sent.map(|sent| sent.updates.clone());
            let updates = updates.unwrap_or_default().into_iter();
            updates.map(|(name, r)| (name, r.bytes)).collect()
        }
    };
    SotwResponse {
        type_url,
        nonce,
        version,
        resources,
    }
}

#[cfg(test)]
mod tests;
