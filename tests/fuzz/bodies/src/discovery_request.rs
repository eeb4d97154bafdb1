//! Discovery requests in both protocols, as a script in lines of text:
//!
//! ```text
//! serve c:a@1 c:b@2 l:x@1    what is served: type, name, version
//! ask c 5 a -b c=1 *         a request with nonce 5: names, names given up,
//!                            versions that are held
//! nack c 5 words             the same, with an error
//! ack / nack                 every response that waits is answered
//! again                      a new stream
//! ```
//!
//! The types are `c`, `s`, `l`, `r` and whatever is not served; `$` is the nonce
//! of the response that waits. What is no such line is skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use portcullis_xds::{
    DeltaRequest, DeltaStream, Former, Limits, Resource, Served, SotwRequest, SotwStream, Stage, StreamError,
    TypeUrl,
};

const fn stage(type_url: TypeUrl, wildcard: bool, leaf: bool) -> Stage {
    Stage {
        type_url,
        wildcard,
        leaf,
        lingers: wildcard,
    }
}

const ORDER: [Stage; 4] = [
    stage("c", true, false),
    stage("s", false, true),
    stage("l", true, false),
    stage("r", false, false),
];

const LIMITS: Limits = Limits {
    names_per_request: 16,
    subscriptions: 16,
    name_bytes: 16,
};

/// One request of a script.
#[derive(Clone, Debug, Default)]
struct Request {
    type_url: String,
    nonce: String,
    names: Vec<String>,
    dropped: Vec<String>,
    held: Vec<(String, String)>,
    error: Option<String>,
}

/// One response: its type, nonce, and names that it tells.
type Response = (TypeUrl, String, Vec<String>);

#[derive(Debug)]
enum Stream {
    Delta(DeltaStream),
    Sotw(SotwStream),
}

#[derive(Debug)]
struct Server {
    stream: Stream,
    number: u64,
    target: Option<Arc<Served>>,
    formers: Vec<Arc<Former>>,
    /// Every name that was ever served or spoken of.
    known: BTreeSet<String>,
    /// Nonces of the responses that wait for an answer, by type.
    waiting: BTreeMap<TypeUrl, String>,
    nonces: BTreeSet<String>,
}

/// Plays the script `data` to both protocols. Nothing panics; at most one
/// response of a type waits for an answer; a nonce is never used twice; nothing
/// is told that nobody spoke of; and a client that accepts everything comes to
/// an end.
pub fn discovery_request(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let delta = Stream::Delta(DeltaStream::new(&ORDER, LIMITS));
    let sotw = Stream::Sotw(SotwStream::new(&ORDER, LIMITS));
    for stream in [delta, sotw] {
        let mut server = Server {
            stream,
            number: 0,
            target: None,
            formers: Vec::new(),
            known: BTreeSet::new(),
            waiting: BTreeMap::new(),
            nonces: BTreeSet::new(),
        };
        for line in text.lines().take(200) {
            server.play(line);
        }
        server.settle();
    }
}

impl Server {
    fn play(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["serve", resources @ ..] => self.serve(resources),
            ["ask", kind, nonce, names @ ..] => self.ask(kind, nonce, names, None),
            ["nack", kind, nonce, error @ ..] => self.ask(kind, nonce, &[], Some(error.join(" "))),
            ["ack"] => self.answer(None),
            ["nack"] => self.answer(Some("no")),
            ["again"] => self.again(),
            _ => {}
        }
    }

    fn serve(&mut self, resources: &[&str]) {
        let mut served = Served::default();
        for word in resources {
            let parts = word.split_once(':');
            let parts = parts.and_then(|(kind, rest)| Some((kind, rest.split_once('@')?)));
            let Some((kind, (name, version))) = parts else {
                continue;
            };
            let Some(stage) = ORDER.iter().find(|stage| stage.type_url == kind) else {
                continue;
            };
            self.known.insert(name.to_owned());
            let resource = Resource {
                version: version.to_owned(),
                bytes: Bytes::from(version.to_owned()),
            };
            let of_kind = served.resources.entry(stage.type_url).or_default();
            of_kind.insert(name.to_owned(), resource);
            served.version.push_str(word);
        }
        let target = Arc::new(served);
        self.target = Some(Arc::clone(&target));
        self.change(target);
    }

    fn change(&mut self, target: Arc<Served>) {
        let responses: Vec<Response> = match &mut self.stream {
            Stream::Delta(stream) => stream.on_change(target).into_iter().map(delta).collect(),
            Stream::Sotw(stream) => stream.on_change(target).into_iter().map(sotw).collect(),
        };
        self.receive(responses);
    }

    fn ask(&mut self, kind: &str, nonce: &str, names: &[&str], error: Option<String>) {
        let waiting = self.waiting.get(kind).cloned().unwrap_or_default();
        let mut request = Request {
            type_url: kind.to_owned(),
            nonce: if nonce == "$" { waiting } else { nonce.to_owned() },
            error,
            ..Request::default()
        };
        for name in names {
            if let Some((name, version)) = name.split_once('=') {
                self.known.insert(name.to_owned());
                request.held.push((name.to_owned(), version.to_owned()));
            } else if let Some(name) = name.strip_prefix('-') {
                request.dropped.push(name.to_owned());
            } else {
                self.known.insert((*name).to_owned());
                request.names.push((*name).to_owned());
            }
        }
        self.send(request);
    }

    fn answer(&mut self, error: Option<&str>) {
        for (kind, nonce) in self.waiting.clone() {
            let names = match &self.stream {
                Stream::Delta(_) => Vec::new(),
                // All of a type as before; of others, whatever is known.
                Stream::Sotw(_) if kind == "c" || kind == "l" => Vec::new(),
                Stream::Sotw(_) => self.known.iter().take(LIMITS.subscriptions).cloned().collect(),
            };
            self.send(Request {
                type_url: kind.to_owned(),
                nonce,
                names,
                error: error.map(str::to_owned),
                ..Request::default()
            });
        }
    }

    fn send(&mut self, request: Request) {
        let answered = request.nonce.clone();
        let Request {
            type_url,
            nonce,
            names,
            dropped,
            held,
            error,
        } = request;
        let version = held
            .first()
            .map(|(_, version)| version.clone())
            .unwrap_or_default();
        let responses: Result<Vec<Response>, StreamError> = match &mut self.stream {
            Stream::Delta(stream) => {
                let request = DeltaRequest {
                    type_url,
                    subscribe: names,
                    unsubscribe: dropped,
                    initial_versions: held,
                    nonce,
                    error,
                };
                let reaction = stream.on_request(request);
                reaction.map(|r| r.responses.into_iter().map(delta).collect())
            }
            Stream::Sotw(stream) => {
                let request = SotwRequest {
                    type_url,
                    names,
                    version,
                    nonce,
                    error,
                };
                let reaction = stream.on_request(request);
                reaction.map(|r| r.responses.into_iter().map(sotw).collect())
            }
        };
        match responses {
            Ok(responses) => {
                self.waiting.retain(|_, nonce| *nonce != answered);
                self.receive(responses);
            }
            Err(error) => {
                assert!(error.to_string().len() < 500, "a bounded error");
                self.again();
            }
        }
    }

    fn receive(&mut self, responses: Vec<Response>) {
        for (kind, nonce, names) in responses {
            assert!(self.nonces.insert(nonce.clone()), "nonce {nonce} twice");
            assert!(
                self.waiting.insert(kind, nonce).is_none(),
                "two of `{kind}` at a time"
            );
            assert!(names.iter().all(|name| self.known.contains(name)), "{names:?}");
        }
    }

    /// A new stream to the same server.
    fn again(&mut self) {
        self.number += 1;
        self.waiting.clear();
        self.nonces.clear();
        match &mut self.stream {
            Stream::Delta(stream) => *stream = DeltaStream::new(&ORDER, LIMITS),
            Stream::Sotw(stream) => {
                let ended = core::mem::replace(stream, SotwStream::new(&ORDER, LIMITS));
                self.formers.insert(0, Arc::new(ended.into_former()));
                self.formers.truncate(4);
                *stream = SotwStream::new(&ORDER, LIMITS).after(self.number, self.formers.clone());
            }
        }
        if let Some(target) = self.target.clone() {
            self.change(target);
        }
    }

    /// The client accepts everything from here on.
    fn settle(&mut self) {
        let mut rounds = 0;
        while !self.waiting.is_empty() {
            self.answer(None);
            rounds += 1;
            assert!(rounds < 1000, "it does not end");
        }
    }
}

fn delta(response: portcullis_xds::DeltaResponse) -> Response {
    let names = response.resources.into_iter().map(|(name, ..)| name);
    let names = names.chain(response.removed).collect();
    (response.type_url, response.nonce, names)
}

fn sotw(response: portcullis_xds::SotwResponse) -> Response {
    let names = response.resources.into_iter().map(|(name, _)| name).collect();
    (response.type_url, response.nonce, names)
}
