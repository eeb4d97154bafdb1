//! A scripted client that behaves as Envoy does, or worse.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use portcullis_xds::{Served, TypeUrl};

use crate::{
    server::{Message, Protocol, Request, Server},
    state::{CDS, KINDS, LDS, RDS, SDS, Step, Word, is_bad, is_wildcard},
};

/// How often one version of a resource may be sent on one stream while it
/// stays the served one: at first, without those that an error names, and in
/// halves of at most six. Beyond that the client's own wishes and refusals
/// without reason count.
const MAX_SENT: usize = 6;

/// How a client takes a response with something bad in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Envoy takes the good clusters and listeners of it; others refuse it whole.
    pub(crate) partial: bool,
    /// It names what it minds.
    pub(crate) names: bool,
}

pub(crate) struct Client {
    protocol: Protocol,
    manner: Manner,
    server: Server,
    target: Option<Arc<Served>>,
    /// What the server has sent and the client not yet read.
    wire: VecDeque<Message>,
    /// Types that the client has still to ask for on this stream.
    to_ask: VecDeque<TypeUrl>,
    word: Word,
    held: BTreeMap<TypeUrl, BTreeMap<String, String>>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<String>>,
    /// The version of the last response that was taken, and every one ever.
    versions: BTreeMap<TypeUrl, String>,
    seen: Vec<String>,
    /// The last nonce on this stream.
    nonces: BTreeMap<TypeUrl, String>,
    /// Clusters that the client refused at one time.
    refused: BTreeSet<String>,
    /// Nothing good was refused.
    fair: bool,
    /// Nothing was said that is not so.
    truthful: bool,
    /// The server cannot know what the client holds: until it has a route
    /// again, that may name what went.
    forgotten: bool,
    /// How often a version was sent that is refused.
    sent: BTreeMap<(TypeUrl, String), (String, usize)>,
    ticks: u64,
    /// Clusters that are served no more, and since which tick.
    unserved: BTreeMap<String, u64>,
    /// Clusters that some route was sent for.
    named: BTreeSet<String>,
}

impl Client {
    pub(crate) fn new(protocol: Protocol, manner: Manner) -> Self {
        let mut client = Self {
            protocol,
            manner,
            server: Server::new(protocol),
            target: None,
            wire: VecDeque::new(),
            to_ask: VecDeque::new(),
            word: Word::True,
            held: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            versions: BTreeMap::new(),
            seen: Vec::new(),
            nonces: BTreeMap::new(),
            refused: BTreeSet::new(),
            fair: true,
            truthful: true,
            forgotten: false,
            sent: BTreeMap::new(),
            ticks: 0,
            unserved: BTreeMap::new(),
            named: BTreeSet::new(),
        };
        client.connect(0, Word::Fresh);
        client
    }

    pub(crate) fn play(&mut self, number: usize, step: Step) {
        match step {
            Step::Serve(state) => self.serve(state.served(number)),
            Step::Read(count) => (0..count).for_each(|_| {
                self.read();
            }),
            Step::Refuse => {
                if let Some(message) = self.wire.pop_front() {
                    self.fair = false;
                    self.answer(&message, Some("main c1 s2: I do not like it".to_owned()));
                }
            }
            Step::Reconnect(from, word) => {
                self.server.reconnect();
                self.connect(from, word);
            }
            Step::AskAgain(n) => self.ask_again(format!("s{n}")),
            Step::Tick => self.tick(),
            Step::Stale(kind, nonce, ack) => self.stale(KINDS[kind], nonce, ack),
        }
    }

    fn connect(&mut self, from: u8, word: Word) {
        self.wire.clear();
        self.nonces.clear();
        self.sent.clear();
        self.word = word;
        self.to_ask = [CDS, LDS, SDS, RDS].into();
        self.to_ask.rotate_left(from.into());
        match word {
            Word::True => {}
            Word::Fresh => {
                self.held = KINDS.iter().map(|k| (*k, BTreeMap::new())).collect();
                self.subscribed = [(SDS, BTreeSet::new()), (RDS, BTreeSet::new())].into();
                self.versions.clear();
            }
            Word::Lie => {
                self.truthful = false;
                self.forgotten = self.protocol == Protocol::Sotw;
            }
        }
        if let Some(target) = self.target.clone() {
            let now = self.server.on_change(target);
            self.receive(now);
        }
    }

    pub(crate) fn tick(&mut self) {
        self.ticks += 1;
        let now = self.server.on_tick();
        self.receive(now);
    }

    pub(crate) fn lingers(&self) -> bool {
        self.server.lingers()
    }

    /// A cluster that routes may have named goes at the second tick after it was
    /// last served, at the earliest. (Of a response that the client refused and
    /// took a part of, the state of the world cannot know which part.)
    fn check_lingering(&self, message: &Message) {
        let told: BTreeSet<&String> = message.resources.iter().map(|(name, _)| name).collect();
        let omitted = self.held[CDS].keys();
        let omitted = omitted.filter(|name| {
            message.whole && self.truthful && self.fair && !self.manner.partial && !told.contains(name)
        });
        for name in omitted.chain(&message.removed) {
            let since = self.unserved.get(name).filter(|_| self.named.contains(name));
            if let Some(since) = since {
                assert!(self.ticks >= since + 2, "{name} goes too early");
            }
        }
    }

    pub(crate) fn serve(&mut self, target: Arc<Served>) {
        let served = target.resources.get(CDS).cloned().unwrap_or_default();
        let dropped = self.target.iter().filter_map(|former| former.resources.get(CDS));
        for name in dropped.flat_map(BTreeMap::keys) {
            self.unserved.entry(name.clone()).or_insert(self.ticks);
        }
        self.unserved.retain(|name, _| !served.contains_key(name));
        self.target = Some(target.clone());
        let now = self.server.on_change(target);
        self.receive(now);
    }

    fn ask(&mut self, request: Request) {
        let now = self.server.on_request(request);
        self.receive(now);
    }

    /// Notes what arrives, which the client reads later.
    fn receive(&mut self, messages: Vec<Message>) {
        assert!(messages.len() <= 5, "more than one of a type: {messages:?}");
        let refused = self.server.rejections();
        for message in messages {
            let kind = message.kind;
            if kind == CDS {
                self.check_lingering(&message);
            }
            if kind == RDS {
                let routes = message.resources.iter();
                let named = routes.flat_map(|(_, content)| content.split(' ').skip(1));
                self.named.extend(named.map(str::to_owned));
            }
            assert!(
                self.wire.iter().all(|other| other.kind != kind),
                "two of {kind} under way"
            );
            for (name, content) in &message.resources {
                let refused = refused.iter().find(|r| r.type_url == kind && r.name == *name);
                assert!(
                    refused.is_none_or(|r| r.refused_version != *content),
                    "{kind} {name} is refused and sent again"
                );
                let key = (kind, name.clone());
                let (version, count) = self.sent.entry(key).or_default();
                if version != content {
                    (*version, *count) = (content.clone(), 0);
                }
                *count += 1;
                let asked_for = !is_wildcard(kind) || !self.fair || !is_bad(content);
                assert!(
                    asked_for || *count <= MAX_SENT,
                    "{kind} {name} is sent {count} times"
                );
            }
            self.wire.push_back(message);
        }
    }

    /// A request of the type that says nothing but what is subscribed.
    fn request(&self, kind: TypeUrl) -> Request {
        Request {
            kind,
            names: self.subscribed.get(kind).cloned().unwrap_or_default(),
            version: self.versions.get(kind).cloned().unwrap_or_default(),
            nonce: match self.protocol {
                Protocol::Delta => String::new(),
                Protocol::Sotw => self.nonces.get(kind).cloned().unwrap_or_default(),
            },
            ..Request::default()
        }
    }

    fn ask_for(&mut self, kind: TypeUrl) {
        let mut request = self.request(kind);
        if !is_wildcard(kind) && request.names.is_empty() {
            return;
        }
        request.subscribe = request.names.clone();
        request.held = self.held[kind].clone();
        if self.word == Word::Lie {
            request
                .held
                .values_mut()
                .for_each(|version| *version = "a lie".to_owned());
            request.held.insert("nobody".to_owned(), "0".to_owned());
            let lie = self.seen.iter().find(|version| **version != request.version);
            request.version = lie.cloned().unwrap_or_else(|| "a lie".to_owned());
        }
        self.ask(request);
    }

    /// The client loses a secret and asks for it anew.
    fn ask_again(&mut self, name: String) {
        if !self.subscribed[SDS].contains(&name) || self.to_ask.contains(&SDS) {
            return;
        }
        self.held.get_mut(SDS).unwrap().remove(&name);
        if self.protocol == Protocol::Sotw {
            // Here it can only give the name up and take it back.
            let mut without = self.request(SDS);
            without.names.remove(&name);
            self.ask(without);
        }
        let mut request = self.request(SDS);
        request.subscribe = BTreeSet::from([name]);
        self.ask(request);
    }

    fn stale(&mut self, kind: TypeUrl, nonce: u8, ack: bool) {
        let nonce = nonce.to_string();
        if self.to_ask.contains(&kind) || self.wire.iter().any(|message| message.nonce == nonce) {
            return;
        }
        let error = (!ack).then(|| "an answer to nothing".to_owned());
        self.ask(Request {
            nonce,
            error,
            version: "a lie".to_owned(),
            ..self.request(kind)
        });
    }

    /// Reads one message, or asks for one type. Returns whether there was any.
    pub(crate) fn read(&mut self) -> bool {
        if let Some(message) = self.wire.pop_front() {
            let culprits: Vec<&String> = message
                .resources
                .iter()
                .filter(|(_, content)| is_bad(content))
                .map(|(name, _)| name)
                .collect();
            let error = match culprits.first() {
                None => None,
                Some(_) if self.manner.names => Some(format!("cannot take {culprits:?}: missing ]: [")),
                Some(_) => Some("missing ]: [".to_owned()),
            };
            self.answer(&message, error);
            return true;
        }
        let Some(kind) = self.to_ask.pop_front() else {
            return false;
        };
        self.ask_for(kind);
        true
    }

    fn answer(&mut self, message: &Message, error: Option<String>) {
        let kind = message.kind;
        let bad = message.resources.iter().filter(|(_, content)| is_bad(content));
        if kind == CDS && error.is_some() {
            self.refused.extend(bad.map(|(name, _)| name.clone()));
            if !self.fair {
                self.refused
                    .extend(message.resources.iter().map(|(name, _)| name.clone()));
            }
        }
        let spurious = !message.resources.iter().any(|(_, content)| is_bad(content));
        let partial = self.manner.partial && is_wildcard(kind) && !spurious;
        if error.is_none() || partial {
            self.take(message);
        }
        if error.is_none() {
            self.versions.insert(kind, message.version.clone());
            self.seen.push(message.version.clone());
        }
        self.nonces.insert(kind, message.nonce.clone());
        let mut request = self.request(kind);
        request.nonce.clone_from(&message.nonce);
        request.error = error;
        self.ask(request);
        if kind == LDS {
            self.follow_listener();
        }
    }

    /// Applies what is good.
    fn take(&mut self, message: &Message) {
        let kind = message.kind;
        for (name, content) in &message.resources {
            let wanted = self.subscribed.get(kind).is_none_or(|names| names.contains(name));
            if is_bad(content) || !wanted {
                continue;
            }
            if kind == RDS {
                self.forgotten = false;
                self.check_route(content);
            }
            let held = self.held.get_mut(kind).unwrap();
            held.insert(name.clone(), content.clone());
        }
        let listed = |name: &String| message.resources.iter().any(|(other, _)| other == name);
        let omitted = self.held[kind]
            .keys()
            .filter(|name| message.whole && !listed(name));
        let gone: Vec<String> = omitted.chain(&message.removed).cloned().collect();
        for name in gone {
            if kind == CDS && !self.forgotten && !self.refused.contains(&name) {
                let route = self.held[RDS].get("main");
                assert!(
                    !route.is_some_and(|route| route.split(' ').any(|c| c == name)),
                    "cluster {name} goes while a route names it"
                );
            }
            self.held.get_mut(kind).unwrap().remove(&name);
        }
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
            let subscribe: BTreeSet<_> = wanted.difference(&had).cloned().collect();
            let unsubscribe: Vec<String> = had.difference(&wanted).cloned().collect();
            for name in &unsubscribe {
                self.held.get_mut(kind).unwrap().remove(name);
            }
            if (!subscribe.is_empty() || !unsubscribe.is_empty()) && !self.to_ask.contains(&kind) {
                self.ask(Request {
                    subscribe,
                    unsubscribe,
                    ..self.request(kind)
                });
            }
        }
    }

    /// What the client must hold in the end: what is served and good, or the
    /// last good version of what is served and bad.
    pub(crate) fn check_end(&self) {
        let target = self.target.clone().unwrap_or_default();
        let rejections = self.server.rejections();
        let refused: BTreeMap<(TypeUrl, &str), Option<&String>> = rejections
            .iter()
            .map(|r| ((r.type_url, r.name.as_str()), r.held_version.as_ref()))
            .collect();
        for kind in KINDS {
            let served = target.resources.get(kind).cloned().unwrap_or_default();
            for (name, resource) in &served {
                let wanted = self.subscribed.get(kind).is_none_or(|names| names.contains(name));
                if !wanted {
                    continue;
                }
                let held = self.held[kind].get(name);
                let bad = is_bad(&resource.version);
                match refused.get(&(kind, name.as_str())) {
                    None => {
                        assert!(!bad, "{kind} {name} is bad and not refused");
                        assert_eq!(held, Some(&resource.version), "{kind} {name}");
                    }
                    Some(last_good) => {
                        assert!(bad || !self.fair, "{kind} {name} is good and refused");
                        assert!(
                            last_good.is_none() || held.is_some() || !self.truthful,
                            "{kind} {name} has lost its last good version"
                        );
                        // Of what has no set, the state of the world does not
                        // know what a client held on a former stream.
                        let known = self.protocol == Protocol::Delta || is_wildcard(kind);
                        if known && self.fair && self.truthful && !self.manner.partial {
                            assert_eq!(held, *last_good, "{kind} {name}: the last good one");
                        }
                    }
                }
            }
            let position = |kind| KINDS.iter().position(|other| *other == kind);
            // A removal that was refused is not repeated; and of what a client
            // hides, in the state of the world, the server cannot know.
            let must_lose = self.fair && (self.truthful || self.protocol == Protocol::Delta);
            if must_lose
                && refused
                    .keys()
                    .all(|(other, _)| position(*other) <= position(kind))
            {
                let mut extra = self.held[kind].keys().filter(|n| !served.contains_key(*n));
                assert_eq!(extra.next(), None, "{kind} still holds it");
            }
        }
        assert_eq!(self.server.acknowledged(), Some(target.version.as_str()));
    }
}
