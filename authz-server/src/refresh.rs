//! Keeps sessions good for as long as their provider says so.
//!
//! Everything happens in the background: a Check takes the session as it is, and
//! at most says that it is due ([`Refresher::notice`]). Besides, memory is looked
//! through every few seconds, so that sessions which nobody uses are renewed as
//! well, as in Pomerium: who was shut out at the provider overnight is not let in
//! by the first request of the morning. The rules are those of
//! [`portcullis_session::refresh`].

mod outcome;
mod scan;
mod tokens;
mod userinfo;

#[cfg(test)]
mod tests;

use core::borrow::Borrow;
use core::hash::Hash;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use papaya::{Compute, HashMap, Operation};
use portcullis_model::SessionId;
use portcullis_session::refresh::{COOL_OFF, USERINFO_EVERY};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::sessions::StoredSession;
use crate::state::AuthzServer;
pub use outcome::Outcome;
use outcome::Outcomes;
use scan::ProviderInForce;

/// How often memory is looked through.
const SCAN: Duration = Duration::from_secs(5);
/// Refreshes under way at a time.
const AT_A_TIME: usize = 32;
/// What may wait for its turn; more is found again by the next scan.
const QUEUE: usize = 1024;
/// The longest time that a session rests here.
const LONGEST_REST: SignedDuration = USERINFO_EVERY;
/// What is under way at the end gets this long, so that no new token is lost.
const DRAIN: Duration = Duration::from_secs(8);
/// An answer that cannot be written is held this long.
const UNWRITTEN: Duration = Duration::from_secs(300);

/// One thing to do.
#[derive(Debug)]
enum Task {
    /// Renew the tokens of a session.
    Tokens(SessionId),
    /// Read userinfo for one user, whose sessions these are.
    Userinfo(Vec<Arc<StoredSession>>),
    /// End a session whose provider is no longer configured.
    Orphan(Arc<StoredSession>),
}

/// What this server knows of refreshes.
pub struct Refresher {
    queue: mpsc::Sender<Task>,
    waiting: Mutex<Option<mpsc::Receiver<Task>>>,
    /// Sessions that are under way, or were just now, and until when they rest.
    resting: HashMap<SessionId, Timestamp>,
    /// The same of users, for userinfo.
    resting_users: HashMap<String, Timestamp>,
    provider: ProviderInForce,
    outcomes: Outcomes,
}

impl Default for Refresher {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            queue,
            waiting: Mutex::new(Some(waiting)),
            resting: HashMap::new(),
            resting_users: HashMap::new(),
            provider: ProviderInForce::default(),
            outcomes: Outcomes::default(),
        }
    }
}

impl Refresher {
    /// Says that somebody uses `stored`; if its tokens are due they are renewed in
    /// the background. No I/O, no lock.
    pub(crate) fn notice(&self, stored: &StoredSession, now: Timestamp) {
        if stored.refresh_at.is_some_and(|due| due <= now) {
            self.enqueue(stored.session.id, now);
        }
    }

    /// How many refreshes ended so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.count(outcome)
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        self.outcomes.register(registry);
    }

    fn enqueue(&self, id: SessionId, now: Timestamp) {
        if claim(&self.resting, &id, now) && self.queue.try_send(Task::Tokens(id)).is_err() {
            self.resting.pin().remove(&id);
        }
    }

    fn take_waiting(&self) -> Option<mpsc::Receiver<Task>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn rest(&self, id: SessionId, until: Timestamp) {
        self.resting.pin().insert(id, until);
    }

    fn forget_rested(&self, now: Timestamp) {
        self.resting.pin().retain(|_, until| *until > now);
        self.resting_users.pin().retain(|_, until| *until > now);
    }

    /// Looks at the end of a task: a panic must not pass in silence.
    fn note_end(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            // The text of a panic may hold what the provider said; the panic hook has it.
            let panicked = error.is_panic();
            tracing::error!(
                panicked,
                "a refresh broke off, it is tried again when its lease is over"
            );
            self.outcomes.add(Outcome::Broken);
        }
    }
}

/// Whether `key` was free; it rests from now on.
fn claim<K: Clone + Eq + Hash>(resting: &HashMap<K, Timestamp>, key: &K, now: Timestamp) -> bool {
    let until = later(now, COOL_OFF);
    let resting = resting.pin();
    let outcome = resting.compute(key.clone(), |known| match known {
        Some((_, until)) if holds_back(*until, now) => Operation::Abort(()),
        _ => Operation::Insert(until),
    });
    matches!(outcome, Compute::Inserted(..) | Compute::Updated { .. })
}

/// Whether `key` would not be free.
fn rests<K, Q>(resting: &HashMap<K, Timestamp>, key: &Q, now: Timestamp) -> bool
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    let resting = resting.pin();
    resting.get(key).is_some_and(|until| holds_back(*until, now))
}

/// Whether a rest is not over. One that is longer than any was set by a clock that
/// has gone back since.
fn holds_back(until: Timestamp, now: Timestamp) -> bool {
    until > now && until <= later(now, LONGEST_REST)
}

fn later(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// Refreshes sessions until `stop`, then finishes what is under way.
pub(crate) async fn run(server: Arc<AuthzServer>, stop: CancellationToken) {
    let Some(mut waiting) = server.refresher().take_waiting() else {
        return;
    };
    let mut under_way = JoinSet::new();
    let mut scan = tokio::time::interval(SCAN);
    scan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = scan.tick() => scan::scan(&server).await,
            Some(task) = waiting.recv(), if under_way.len() < AT_A_TIME => {
                under_way.spawn(work(Arc::clone(&server), task));
            }
            Some(ended) = under_way.join_next() => server.refresher().note_end(ended),
        }
    }
    let finish = async {
        while let Some(ended) = under_way.join_next().await {
            server.refresher().note_end(ended);
        }
    };
    if tokio::time::timeout(DRAIN, finish).await.is_err() {
        tracing::warn!("the provider did not answer a refresh in time for the end");
    }
}

/// Does once, and to the end, what [`run`] does without end.
#[cfg(test)]
pub(crate) async fn once(server: &Arc<AuthzServer>) {
    let mut waiting = server.refresher().take_waiting().unwrap();
    scan::scan(server).await;
    while let Ok(task) = waiting.try_recv() {
        work(Arc::clone(server), task).await;
    }
    let mut back = server
        .refresher()
        .waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *back = Some(waiting);
}

async fn work(server: Arc<AuthzServer>, task: Task) {
    match task {
        Task::Tokens(id) => {
            tokens::refresh(&server, id).await;
        }
        Task::Userinfo(sessions) => userinfo::refresh(&server, sessions).await,
        Task::Orphan(stored) => tokens::end(&server, stored, "its provider is no longer configured").await,
    }
}
