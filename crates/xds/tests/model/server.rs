//! Both machines behind one face.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use portcullis_xds::{
    DeltaRequest, DeltaResponse, DeltaStream, Former, Limits, Rejection, Served, SotwRequest, SotwResponse,
    SotwStream, TypeUrl,
};

use crate::state::{ORDER, is_wildcard};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Delta,
    Sotw,
}

/// A request in the words of either protocol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) kind: TypeUrl,
    /// Delta: what is new and what is given up.
    pub(crate) subscribe: BTreeSet<String>,
    pub(crate) unsubscribe: Vec<String>,
    /// State of the world: everything.
    pub(crate) names: BTreeSet<String>,
    /// What the client says that it holds, and under which version.
    pub(crate) held: BTreeMap<String, String>,
    pub(crate) version: String,
    pub(crate) nonce: String,
    pub(crate) error: Option<String>,
}

/// A response in the words of either protocol.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: TypeUrl,
    pub(crate) nonce: String,
    pub(crate) version: String,
    /// Name and content.
    pub(crate) resources: Vec<(String, String)>,
    pub(crate) removed: Vec<String>,
    /// What it omits is gone.
    pub(crate) whole: bool,
}

#[derive(Debug)]
enum Stream {
    Delta(DeltaStream),
    Sotw(SotwStream),
}

/// The server: a stream, and what it remembers of former ones.
#[derive(Debug)]
pub(crate) struct Server {
    protocol: Protocol,
    stream: Stream,
    number: u64,
    formers: Vec<Arc<Former>>,
}

fn stream(protocol: Protocol, number: u64, formers: Vec<Arc<Former>>) -> Stream {
    match protocol {
        Protocol::Delta => Stream::Delta(DeltaStream::new(&ORDER, Limits::default())),
        Protocol::Sotw => Stream::Sotw(SotwStream::new(&ORDER, Limits::default()).after(number, formers)),
    }
}

impl Server {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            stream: stream(protocol, 0, Vec::new()),
            number: 0,
            formers: Vec::new(),
        }
    }

    /// Ends the stream and begins another.
    pub(crate) fn reconnect(&mut self) {
        self.number += 1;
        let next = stream(self.protocol, self.number, self.formers.clone());
        if let Stream::Sotw(ended) = std::mem::replace(&mut self.stream, next) {
            self.formers.insert(0, Arc::new(ended.into_former()));
        }
        if let Stream::Sotw(_) = self.stream {
            self.stream = stream(self.protocol, self.number, self.formers.clone());
        }
    }

    pub(crate) fn on_change(&mut self, target: Arc<Served>) -> Vec<Message> {
        match &mut self.stream {
            Stream::Delta(stream) => stream.on_change(target).into_iter().map(delta).collect(),
            Stream::Sotw(stream) => stream.on_change(target).into_iter().map(sotw).collect(),
        }
    }

    pub(crate) fn on_request(&mut self, request: Request) -> Vec<Message> {
        let Request {
            kind,
            subscribe,
            unsubscribe,
            names,
            held,
            version,
            nonce,
            error,
        } = request;
        let type_url = kind.to_owned();
        match &mut self.stream {
            Stream::Delta(stream) => {
                let request = DeltaRequest {
                    type_url,
                    subscribe: subscribe.into_iter().collect(),
                    unsubscribe,
                    initial_versions: held.into_iter().collect(),
                    nonce,
                    error,
                };
                let reaction = stream.on_request(request).unwrap();
                reaction.responses.into_iter().map(delta).collect()
            }
            Stream::Sotw(stream) => {
                let request = SotwRequest {
                    type_url,
                    names: names.into_iter().collect(),
                    version,
                    nonce,
                    error,
                };
                let reaction = stream.on_request(request).unwrap();
                reaction.responses.into_iter().map(sotw).collect()
            }
        }
    }

    pub(crate) fn on_tick(&mut self) -> Vec<Message> {
        match &mut self.stream {
            Stream::Delta(stream) => stream.on_tick().into_iter().map(delta).collect(),
            Stream::Sotw(stream) => stream.on_tick().into_iter().map(sotw).collect(),
        }
    }

    pub(crate) fn lingers(&self) -> bool {
        match &self.stream {
            Stream::Delta(stream) => stream.lingers(),
            Stream::Sotw(stream) => stream.lingers(),
        }
    }

    pub(crate) fn acknowledged(&self) -> Option<&str> {
        match &self.stream {
            Stream::Delta(stream) => stream.acknowledged(),
            Stream::Sotw(stream) => stream.acknowledged(),
        }
    }

    pub(crate) fn rejections(&self) -> Vec<Rejection> {
        match &self.stream {
            Stream::Delta(stream) => stream.rejections(),
            Stream::Sotw(stream) => stream.rejections(),
        }
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn delta(response: DeltaResponse) -> Message {
    let content = |(name, version, bytes): (String, String, Bytes)| {
        assert_eq!(version, text(&bytes));
        (name, version)
    };
    Message {
        kind: response.type_url,
        nonce: response.nonce,
        version: response.system_version,
        resources: response.resources.into_iter().map(content).collect(),
        removed: response.removed,
        whole: false,
    }
}

fn sotw(response: SotwResponse) -> Message {
    let content = |(name, bytes): (String, Bytes)| (name, text(&bytes));
    Message {
        kind: response.type_url,
        nonce: response.nonce,
        version: response.version,
        resources: response.resources.into_iter().map(content).collect(),
        removed: Vec::new(),
        whole: is_wildcard(response.type_url),
    }
}
