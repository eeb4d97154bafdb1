//! A model client against the server's state machine: whatever the order of
//! changes, answers, refusals and reconnects, the client ends with what is
//! served but for what it refuses, and never breaks on the way.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic; that is how it fails"
)]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use portcullis_xds::{DeltaStream, Limits, Request, Resource, Response, Served, Stage, TypeUrl};
use proptest::prelude::*;

const CDS: TypeUrl = "cluster";
const SDS: TypeUrl = "secret";
const LDS: TypeUrl = "listener";
const RDS: TypeUrl = "route";
const KINDS: [TypeUrl; 4] = [CDS, SDS, LDS, RDS];
const ORDER: [Stage; 4] = [
    Stage {
        type_url: CDS,
        wildcard: true,
        leaf: false,
    },
    Stage {
        type_url: SDS,
        wildcard: false,
        leaf: true,
    },
    Stage {
        type_url: LDS,
        wildcard: true,
        leaf: false,
    },
    Stage {
        type_url: RDS,
        wildcard: false,
        leaf: false,
    },
];

/// One state to serve. The route names every cluster of it, the listener every
/// secret; `bad` resources are refused by the client.
#[derive(Clone, Debug)]
struct State {
    clusters: BTreeMap<u8, (u8, bool)>,
    secrets: BTreeMap<u8, (u8, bool)>,
    listener_bad: bool,
    route_bad: bool,
}

fn state() -> impl Strategy<Value = State> {
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
    fn served(&self, number: usize) -> Arc<Served> {
        let mut out = Served {
            version: number.to_string(),
            ..Served::default()
        };
        let mut put = |kind: TypeUrl, name: String, content: String| {
            let bytes = Bytes::from(content.clone());
            out.resources.entry(kind).or_default().insert(
                name,
                Resource {
                    version: content,
                    bytes,
                },
            );
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
        put(
            LDS,
            "l".into(),
            format!("{} main{}", mark(self.listener_bad), names("s", &self.secrets)),
        );
        put(
            RDS,
            "main".into(),
            format!("{} {}", mark(self.route_bad), names("c", &self.clusters)),
        );
        Arc::new(out)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Serve(State),
    /// The client reads this many messages.
    Read(u8),
    /// A new stream; the types are asked for from this one on, one by one.
    Reconnect(u8),
    /// The client asks again for a secret that it already has.
    AskAgain(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => state().prop_map(Step::Serve),
        6 => (1..5_u8).prop_map(Step::Read),
        1 => (0..4_u8).prop_map(Step::Reconnect),
        1 => (0..6_u8).prop_map(Step::AskAgain),
    ]
}

struct World {
    stream: DeltaStream,
    target: Option<Arc<Served>>,
    /// What the server has sent and the client not yet read.
    wire: VecDeque<Response>,
    /// Types that the client has still to ask for on this stream.
    to_ask: VecDeque<TypeUrl>,
    held: BTreeMap<TypeUrl, BTreeMap<String, String>>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<String>>,
    /// Clusters that the client refused at one time.
    refused: BTreeSet<String>,
    /// Envoy applies the good clusters of a refused response, others reject it whole.
    partial: bool,
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl World {
    fn new(partial: bool) -> Self {
        let mut world = Self {
            stream: DeltaStream::new(&ORDER, Limits::default()),
            target: None,
            wire: VecDeque::new(),
            to_ask: VecDeque::new(),
            held: KINDS.iter().map(|k| (*k, BTreeMap::new())).collect(),
            subscribed: BTreeMap::new(),
            refused: BTreeSet::new(),
            partial,
        };
        world.connect(0);
        world
    }

    fn connect(&mut self, from: u8) {
        self.stream = DeltaStream::new(&ORDER, Limits::default());
        self.wire.clear();
        self.to_ask = [CDS, LDS, SDS, RDS].into();
        self.to_ask.rotate_left(from.into());
        if let Some(target) = self.target.clone() {
            let now = self.stream.on_change(target);
            self.wire.extend(now);
        }
    }

    fn ask_for(&mut self, kind: TypeUrl) {
        let names = self.subscribed.get(kind).cloned().unwrap_or_default();
        if kind == CDS || kind == LDS || !names.is_empty() {
            let initial_versions = self.held[kind].clone().into_iter().collect();
            self.ask(Request {
                initial_versions,
                ..request(kind, names)
            });
        }
    }

    fn ask(&mut self, request: Request) {
        let reaction = self.stream.on_request(request).unwrap();
        self.wire.extend(reaction.responses);
    }

    fn read(&mut self) -> bool {
        let Some(response) = self.wire.pop_front() else {
            let Some(kind) = self.to_ask.pop_front() else {
                return false;
            };
            self.ask_for(kind);
            return true;
        };
        let kind = response.type_url;
        let bad = |(_, _, bytes): &&(String, String, Bytes)| text(bytes).starts_with("bad");
        let refused = response
            .resources
            .iter()
            .find(bad)
            .map(|(name, ..)| format!("bad {name}"));
        if kind == CDS {
            self.refused.extend(
                response
                    .resources
                    .iter()
                    .filter(bad)
                    .map(|(name, ..)| name.clone()),
            );
        }
        let partial = self.partial && (kind == CDS || kind == LDS);
        for (name, version, bytes) in &response.resources {
            let good = !text(bytes).starts_with("bad");
            let wanted = self.subscribed.get(kind).is_none_or(|names| names.contains(name));
            if good && wanted && (refused.is_none() || partial) {
                if kind == RDS {
                    self.check_route(&text(bytes));
                }
                self.held
                    .get_mut(kind)
                    .unwrap()
                    .insert(name.clone(), version.clone());
            }
        }
        for name in &response.removed {
            if kind == CDS
                && let Some(route) = self.held[RDS].get("main")
            {
                assert!(
                    !route.split(' ').any(|c| c == name),
                    "cluster {name} goes while a route names it"
                );
            }
            self.held.get_mut(kind).unwrap().remove(name);
        }
        self.ask(Request {
            nonce: response.nonce,
            error: refused,
            ..request(kind, BTreeSet::new())
        });
        if kind == LDS {
            self.follow_listener();
        }
        true
    }

    /// A route that arrives finds every cluster that it names, unless the
    /// cluster was itself refused.
    fn check_route(&self, route: &str) {
        for cluster in route.split(' ').skip(1).filter(|c| !c.is_empty()) {
            let there = self.held[CDS].contains_key(cluster) || self.refused.contains(cluster);
            assert!(there, "the route arrives before its cluster {cluster}");
        }
    }

    /// Subscribes to what the held listener names, and to nothing else.
    fn follow_listener(&mut self) {
        let named = |prefix: char| -> BTreeSet<String> {
            let listener = self.held[LDS].get("l");
            let names = listener.iter().flat_map(|l| l.split(' ').skip(1));
            names
                .filter(|n| n.starts_with(prefix))
                .map(str::to_owned)
                .collect()
        };
        for (kind, wanted) in [(SDS, named('s')), (RDS, named('m'))] {
            let had = self.subscribed.insert(kind, wanted.clone()).unwrap_or_default();
            let new: BTreeSet<_> = wanted.difference(&had).cloned().collect();
            let old: Vec<String> = had.difference(&wanted).cloned().collect();
            for name in &old {
                self.held.get_mut(kind).unwrap().remove(name);
            }
            if (!new.is_empty() || !old.is_empty()) && !self.to_ask.contains(&kind) {
                self.ask(Request {
                    unsubscribe: old,
                    ..request(kind, new)
                });
            }
        }
    }

    fn serve(&mut self, target: Arc<Served>) {
        self.target = Some(target.clone());
        let now = self.stream.on_change(target);
        self.wire.extend(now);
    }

    /// What the client must hold in the end: what is served and good, or the
    /// version that it held before of what is served and bad.
    fn check_end(&self) {
        let target = self.target.clone().unwrap_or_default();
        let refused: BTreeSet<(TypeUrl, String)> = self
            .stream
            .rejections()
            .into_iter()
            .map(|r| (r.type_url, r.name))
            .collect();
        for kind in KINDS {
            let served = target.resources.get(kind).cloned().unwrap_or_default();
            for (name, resource) in &served {
                if self
                    .subscribed
                    .get(kind)
                    .is_some_and(|names| !names.contains(name))
                {
                    continue;
                }
                let bad = resource.version.starts_with("bad");
                assert_eq!(refused.contains(&(kind, name.clone())), bad, "{kind} {name}");
                if !bad {
                    assert_eq!(
                        self.held[kind].get(name),
                        Some(&resource.version),
                        "{kind} {name}"
                    );
                }
            }
            let later_refused =
                |k: TypeUrl| KINDS.iter().position(|x| *x == k) > KINDS.iter().position(|x| *x == kind);
            if !refused.iter().any(|(k, _)| later_refused(k)) {
                let extra: Vec<_> = self.held[kind]
                    .keys()
                    .filter(|n| !served.contains_key(*n))
                    .collect();
                assert!(extra.is_empty(), "{kind} still holds {extra:?}");
            }
        }
        assert_eq!(self.stream.acknowledged(), Some(target.version.as_str()));
    }
}

fn request(kind: TypeUrl, subscribe: BTreeSet<String>) -> Request {
    Request {
        type_url: kind.to_owned(),
        subscribe: subscribe.into_iter().collect(),
        ..Request::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_client_ends_with_what_is_served_and_never_breaks(
        partial: bool,
        steps in proptest::collection::vec(step(), 1..40),
        last in state(),
    ) {
        let mut world = World::new(partial);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Serve(state) => world.serve(state.served(number)),
                Step::Read(count) => (0..count).for_each(|_| { world.read(); }),
                Step::Reconnect(from) => world.connect(from),
                Step::AskAgain(n) => {
                    let name = format!("s{n}");
                    let subscribed = world.subscribed.get(SDS).is_some_and(|names| names.contains(&name));
                    if subscribed && !world.to_ask.contains(&SDS) {
                        world.held.get_mut(SDS).unwrap().remove(&name);
                        world.ask(request(SDS, BTreeSet::from([name])));
                    }
                }
            }
        }
        world.serve(last.served(1000));
        let mut read = 0;
        while world.read() {
            read += 1;
            prop_assert!(read < 1000, "the exchange does not end");
        }
        world.check_end();
    }

    /// No request, however odd, panics or is answered without bound.
    #[test]
    fn arbitrary_requests_do_no_harm(
        requests in proptest::collection::vec(
            (0..4_usize, proptest::collection::vec("[a-c*]{0,2}", 0..4), proptest::collection::vec("[a-c*]{0,2}", 0..4),
             proptest::collection::vec(("[a-c]", "[0-2]"), 0..3), "[0-9]{0,2}", proptest::option::of(".*")),
            0..60,
        ),
        states in proptest::collection::vec(state(), 1..4),
    ) {
        let mut stream = DeltaStream::new(&ORDER, Limits::default());
        let mut states = states.into_iter().enumerate().cycle();
        for (n, (kind, subscribe, unsubscribe, initial_versions, nonce, error)) in requests.into_iter().enumerate() {
            if n % 7 == 0 && let Some((number, state)) = states.next() {
                prop_assert!(stream.on_change(state.served(number)).len() <= 5);
            }
            let request = Request {
                type_url: KINDS[kind].to_owned(), subscribe, unsubscribe, initial_versions, nonce, error,
            };
            prop_assert!(stream.on_request(request).unwrap().responses.len() <= 5);
        }
    }
}
