//! One delta stream.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Limits, Reaction, Rejection, Served, Stage, StreamError, TypeUrl,
    kind::{Answer, Kind, Telling},
    machine::Machine,
};

/// A delta discovery request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaRequest {
    /// The type that the request is about.
    pub type_url: String,
    /// Names to be told about from now on; `*` is all of the type.
    pub subscribe: Vec<String>,
    /// Names to be told about no more.
    pub unsubscribe: Vec<String>,
    /// What the client still holds from an earlier stream, name to version.
    /// Heeded in the first request of a type only.
    pub initial_versions: Vec<(String, String)>,
    /// The nonce of the response that is being answered; empty when none is.
    pub nonce: String,
    /// Why that response was refused; `None` is an ACK.
    pub error: Option<String>,
}

/// A delta discovery response. `Debug` shows names and versions alone.
#[derive(Clone, PartialEq, Eq)]
pub struct DeltaResponse {
    /// The type that the response is about.
    pub type_url: TypeUrl,
    /// To be repeated by the answer. Unique in the stream.
    pub nonce: String,
    /// The version of the state that the response was taken from.
    pub system_version: String,
    /// New and changed resources: name, version, encoded content.
    pub resources: Vec<(String, String, Bytes)>,
    /// Names that exist no more, or that were asked for and do not exist.
    pub removed: Vec<String>,
}

impl fmt::Debug for DeltaResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_url,
            nonce,
            system_version,
            resources,
            removed,
        } = self;
        let names: Vec<_> = resources
            .iter()
            .map(|(name, version, _)| (name, version))
            .collect();
        f.debug_struct("DeltaResponse")
            .field("type_url", type_url)
            .field("nonce", nonce)
            .field("system_version", system_version)
            .field("resources", &names)
            .field("removed", removed)
            .finish()
    }
}

/// The server side of one aggregated delta stream. See the crate for its rules.
#[derive(Debug)]
pub struct DeltaStream {
    machine: Machine,
}

impl DeltaStream {
    /// A stream on which nothing was said. `order` lists the served types in
    /// the order of updates.
    #[must_use]
    pub fn new(order: &[Stage], limits: Limits) -> Self {
        let kinds = order.iter().map(|stage| Kind::new(*stage, Telling::Changes));
        Self {
            machine: Machine::new(kinds.collect(), limits),
        }
    }

    /// Takes a request. A nonce that answers no response under way is stale:
    /// that part of the request is ignored.
    ///
    /// # Errors
    ///
    /// The stream must be closed: an unknown type, or a limit passed.
    pub fn on_request(&mut self, request: DeltaRequest) -> Result<Reaction<DeltaResponse>, StreamError> {
        let DeltaRequest {
            type_url,
            subscribe,
            unsubscribe,
            initial_versions,
            nonce,
            error,
        } = request;
        let initial = initial_versions
            .iter()
            .flat_map(|(name, version)| [name, version]);
        let count = subscribe.len() + unsubscribe.len() + initial_versions.len();
        let texts = subscribe.iter().chain(&unsubscribe).chain(initial);
        self.machine.check(count, texts)?;
        let limit = self.machine.limits().subscriptions;
        let kind = self.machine.kind(&type_url)?;
        let answer = kind.answered(&nonce, error.as_deref());
        let refused = (answer == Answer::Refused).then_some(kind.stage.type_url);
        let first = kind.request();
        for name in &unsubscribe {
            kind.unsubscribe(name);
        }
        if first && subscribe.is_empty() {
            kind.subscribe("*");
        }
        for name in &subscribe {
            kind.subscribe(name);
        }
        if first {
            kind.trust(initial_versions);
        }
        kind.check(limit)?;
        Ok(Reaction {
            responses: self.machine.pump(response),
            refused,
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
    pub fn on_tick(&mut self) -> Vec<DeltaResponse> {
        self.machine.tick();
        self.machine.pump(response)
    }

    /// Serves `target` from now on. Returns what must leave at once; more
    /// follows as the client answers.
    #[must_use]
    pub fn on_change(&mut self, target: Arc<Served>) -> Vec<DeltaResponse> {
        self.machine.serve(target);
        self.machine.pump(response)
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
}

fn response(kind: &Kind, target: &Served) -> DeltaResponse {
    let mut out = DeltaResponse {
        type_url: kind.stage.type_url,
        nonce: String::new(),
        system_version: target.version.clone(),
        resources: Vec::new(),
        removed: Vec::new(),
    };
    if let Some(sent) = kind.in_flight() {
        out.nonce.clone_from(&sent.nonce);
        out.removed.clone_from(&sent.removed);
        let resources = sent.updates.iter().cloned();
        out.resources = resources.map(|(name, r)| (name, r.version, r.bytes)).collect();
    }
    out
}

#[cfg(test)]
mod lingering_tests;
#[cfg(test)]
mod tests;
