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

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use papaya::{Compute, HashMap, Operation};
use portcullis_model::SessionId;
use portcullis_session::refresh::{COOL_OFF, USERINFO_EVERY};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
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
    /// The same for userinfo.
    resting_userinfo: HashMap<SessionId, Timestamp>,
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
            resting_userinfo: HashMap::new(),
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
        if claim(&self.resting, id, now) && self.queue.try_send(Task::Tokens(id)).is_err() {
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
        for resting in [&self.resting, &self.resting_userinfo] {
            resting.pin().retain(|_, until| *until > now);
        }
    }
}

/// Whether `id` was free; it rests from now on.
fn claim(resting: &HashMap<SessionId, Timestamp>, id: SessionId, now: Timestamp) -> bool {
    let until = later(now, COOL_OFF);
    let resting = resting.pin();
    let outcome = resting.compute(id, |known| match known {
        // A rest that is longer than any was set by a clock that has gone back since.
        Some((_, until)) if *until > now && *until <= later(now, LONGEST_REST) => Operation::Abort(()),
        _ => Operation::Insert(until),
    });
    matches!(outcome, Compute::Inserted(..) | Compute::Updated { .. })
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
            Some(_) = under_way.join_next() => {}
        }
    }
    let finish = async { while under_way.join_next().await.is_some() {} };
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
