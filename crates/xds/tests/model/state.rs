//! What is served, and what a script is made of.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use portcullis_xds::{Resource, Served, Stage, TypeUrl};
use proptest::prelude::*;

pub(crate) const CDS: TypeUrl = "cluster";
pub(crate) const SDS: TypeUrl = "secret";
pub(crate) const LDS: TypeUrl = "listener";
pub(crate) const RDS: TypeUrl = "route";
pub(crate) const KINDS: [TypeUrl; 4] = [CDS, SDS, LDS, RDS];

const fn stage(type_url: TypeUrl, wildcard: bool, leaf: bool) -> Stage {
    Stage {
        type_url,
        wildcard,
        leaf,
        lingers: false,
    }
}

pub(crate) const ORDER: [Stage; 4] = [
    Stage {
        lingers: true,
        ..stage(CDS, true, false)
    },
    stage(SDS, false, true),
    stage(LDS, true, false),
    stage(RDS, false, false),
];

/// Whether every response of the type is all of it, in the state of the world.
pub(crate) fn is_wildcard(kind: TypeUrl) -> bool {
    kind == CDS || kind == LDS
}

/// A resource that the client's oracle refuses begins so.
pub(crate) fn is_bad(content: &str) -> bool {
    content.starts_with("bad")
}

/// One state to serve. The route names every cluster of it, the listener every
/// secret; `bad` resources are refused by the client.
#[derive(Clone, Debug)]
pub(crate) struct State {
    clusters: BTreeMap<u8, (u8, bool)>,
    secrets: BTreeMap<u8, (u8, bool)>,
    listener_bad: bool,
    route_bad: bool,
}

pub(crate) fn state() -> impl Strategy<Value = State> {
    let some = || proptest::collection::btree_map(0..6_u8, (0..3_u8, proptest::bool::weighted(0.15)), 0..5);
    (
        some(),
        some(),
        proptest::bool::weighted(0.15),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(clusters, secrets, listener_bad, route_bad)| State {
            clusters,
            secrets,
            listener_bad,
            route_bad,
        })
}

impl State {
    /// Content and version of a resource are the same text.
    pub(crate) fn served(&self, number: usize) -> Arc<Served> {
        let mut out = Served {
            version: format!("s{number}"),
            ..Served::default()
        };
        let mut put = |kind: TypeUrl, name: String, content: String| {
            let bytes = Bytes::from(content.clone());
            let version = content;
            let of_kind = out.resources.entry(kind).or_default();
            of_kind.insert(name, Resource { version, bytes });
        };
        let mark = |bad: bool| if bad { "bad" } else { "good" };
        let names = |prefix: &str, of: &BTreeMap<u8, (u8, bool)>| {
            of.keys().map(|n| format!(" {prefix}{n}")).collect::<String>()
        };
        for (prefix, kind, all) in [("c", CDS, &self.clusters), ("s", SDS, &self.secrets)] {
            for (n, (version, bad)) in all {
                put(kind, format!("{prefix}{n}"), format!("{} {version}", mark(*bad)));
            }
        }
        let listener = format!("{} main{}", mark(self.listener_bad), names("s", &self.secrets));
        put(LDS, "l".into(), listener);
        let route = format!("{} {}", mark(self.route_bad), names("c", &self.clusters));
        put(RDS, "main".into(), route);
        Arc::new(out)
    }
}

/// What a client says of itself on a new stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// What it holds.
    True,
    /// That it holds nothing, which is so: it was started anew.
    Fresh,
    /// Versions that it does not hold.
    Lie,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Serve(State),
    /// The client reads this many messages; between them it stalls.
    Read(u8),
    /// It reads one and refuses it, though it is good.
    Refuse,
    /// A new stream; the types are asked for from this one on, one by one.
    Reconnect(u8, Word),
    /// The client asks again for a secret that it already has.
    AskAgain(u8),
    /// Time passes.
    Tick,
    /// An answer to a nonce that is old or made up: type, nonce, ACK or NACK.
    Stale(usize, u8, bool),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let word = prop_oneof![4 => Just(Word::True), 1 => Just(Word::Fresh), 1 => Just(Word::Lie)];
    prop_oneof![
        6 => state().prop_map(Step::Serve),
        12 => (1..5_u8).prop_map(Step::Read),
        1 => Just(Step::Refuse),
        2 => (0..4_u8, word).prop_map(|(from, word)| Step::Reconnect(from, word)),
        2 => (0..6_u8).prop_map(Step::AskAgain),
        4 => Just(Step::Tick),
        2 => (0..4_usize, 0..9_u8, any::<bool>()).prop_map(|(k, n, ack)| Step::Stale(k, n, ack)),
    ]
}
