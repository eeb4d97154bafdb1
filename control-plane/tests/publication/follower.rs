//! An authz-server elsewhere that behaves as it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_bundle::Bundle;
use portcullis_proto::{
    channel::Connection,
    feed::{Ack, Assembler, BundleFeedClient, FollowRequest, Hello, Kind, Nack, Update},
};
use tokio::{sync::mpsc, task::JoinHandle, time};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::timeline::{Event, Timeline};

/// What it says to a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Ack,
    /// Acknowledges after this time.
    After(Duration),
    Silence,
    Refusal,
    /// The update could not be put together, once; then it acknowledges.
    Whole,
    /// Acknowledges another version.
    Lie,
}

/// An open feed.
pub(crate) struct Follower {
    word: Arc<Mutex<Word>>,
    seen: Arc<Mutex<Seen>>,
    running: JoinHandle<Result<(), Status>>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// What decides here.
    pub(crate) bundle: Option<Arc<Bundle>>,
    /// For every complete update: its base, its parts' routes and removals.
    pub(crate) updates: Vec<(String, usize, usize)>,
}

impl Follower {
    /// Follows as `instance` from what it holds.
    pub(crate) fn start(
        channel: Connection,
        instance: &str,
        holds: Option<Arc<Bundle>>,
        word: Word,
        timeline: &Timeline,
    ) -> Self {
        let hello = hello(instance, holds.as_ref().map(|bundle| bundle.version.to_string()));
        let word = Arc::new(Mutex::new(word));
        let seen = Arc::new(Mutex::new(Seen::default()));
        seen.lock().unwrap().bundle.clone_from(&holds);
        let task = follow(
            channel,
            hello,
            holds,
            Arc::clone(&word),
            Arc::clone(&seen),
            timeline.clone(),
        );
        let running = tokio::spawn(task);
        Self { word, seen, running }
    }

    pub(crate) fn say(&self, word: Word) {
        *self.word.lock().unwrap() = word;
    }

    pub(crate) fn bundle(&self) -> Option<Arc<Bundle>> {
        self.seen.lock().unwrap().bundle.clone()
    }

    pub(crate) fn updates(&self) -> Vec<(String, usize, usize)> {
        std::mem::take(&mut self.seen.lock().unwrap().updates)
    }

    /// Why the feed ended, within ten seconds.
    pub(crate) async fn ended(self) -> Status {
        let ended = time::timeout(Duration::from_secs(10), self.running).await;
        ended
            .expect("the feed goes on")
            .unwrap()
            .expect_err("it ended well")
    }

    /// Breaks off.
    pub(crate) fn vanish(self) -> Option<Arc<Bundle>> {
        self.running.abort();
        self.bundle()
    }
}

pub(crate) fn hello(instance: &str, version: Option<String>) -> FollowRequest {
    let hello = Hello {
        version: version.unwrap_or_default(),
        instance: instance.to_owned(),
        software: "1.2.3".to_owned(),
    };
    say(Kind::Hello(hello))
}

pub(crate) fn say(kind: Kind) -> FollowRequest {
    FollowRequest { kind: Some(kind) }
}

async fn follow(
    channel: Connection,
    hello: FollowRequest,
    holds: Option<Arc<Bundle>>,
    word: Arc<Mutex<Word>>,
    seen: Arc<Mutex<Seen>>,
    timeline: Timeline,
) -> Result<(), Status> {
    let (sender, receiver) = mpsc::channel(8);
    sender.send(hello).await.unwrap();
    let mut client = BundleFeedClient::new(channel);
    let mut updates = client.follow(ReceiverStream::new(receiver)).await?.into_inner();
    let mut assembler = Assembler::new(holds);
    let (mut routes, mut removed) = (0, 0);
    loop {
        let Some(update) = updates.message().await? else {
            return Err(Status::ok("closed"));
        };
        let Update { base, .. } = &update;
        let base = base.clone();
        routes += update.routes.len();
        removed += update.removed.len();
        let Some(bundle) = assembler.push(update).expect("a good update") else {
            continue;
        };
        seen.lock().unwrap().updates.push((base, routes, removed));
        (routes, removed) = (0, 0);
        timeline.note(Event::Given(bundle.routes.len()));
        let told = word.lock().unwrap().clone();
        let version = bundle.version.to_string();
        let answer = match told {
            Word::Silence => continue,
            Word::Refusal => {
                let reason = "no\nkey".to_owned();
                Kind::Nack(Nack { version, reason })
            }
            Word::Whole => {
                *word.lock().unwrap() = Word::Ack;
                assembler = Assembler::new(None);
                let (version, reason) = (String::new(), "a part is missing".to_owned());
                Kind::Nack(Nack { version, reason })
            }
            Word::Lie => Kind::Ack(Ack {
                version: "another".to_owned(),
            }),
            Word::Ack | Word::After(_) => {
                if let Word::After(delay) = told {
                    time::sleep(delay).await;
                }
                timeline.note(Event::Acknowledged(bundle.routes.len()));
                seen.lock().unwrap().bundle = Some(bundle);
                Kind::Ack(Ack { version })
            }
        };
        if sender.send(say(answer)).await.is_err() {
            return Err(Status::ok("closed"));
        }
    }
}
