//! Looks through memory for what is due.

use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use portcullis_model::SessionId;
use portcullis_session::refresh::userinfo_is_due;

use super::{QUEUE, Task, claim, rests};
use crate::sessions::StoredSession;
use crate::state::AuthzServer;

/// A session outlives its provider's settings by so long in the store, where they
/// may come back; no Check accepts it meanwhile.
const ORPHANED: SignedDuration = SignedDuration::from_secs(600);
/// Users whose userinfo one scan asks for.
const MAX_USERS: usize = 256;
/// Sessions of one user that get the answer.
const MAX_OF_ONE_USER: usize = 64;
/// Sessions that one scan ends.
const MAX_ORPHANS: usize = 256;

/// Which provider's sessions count, and since when.
#[derive(Default)]
pub(super) struct ProviderInForce(Mutex<Option<(String, Timestamp)>>);

impl ProviderInForce {
    /// Since when `id` is in force; it is from now on.
    fn since(&self, id: &str, now: Timestamp) -> Timestamp {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((known, since)) if known == id => *since,
            _ => {
                *known = Some((id.to_owned(), now));
                now
            }
        }
    }
}

/// What a scan found.
#[derive(Debug, Default)]
struct Due {
    /// The most urgent ones, the latest on top.
    tokens: BinaryHeap<(Timestamp, SessionId)>,
    users: HashSet<String>,
    orphans: Vec<Arc<StoredSession>>,
}

/// Looks through memory once and puts what is due into the queue.
pub(super) async fn scan(server: &Arc<AuthzServer>) {
    let now = server.clock().now();
    server.refresher().forget_rested(now);
    // A million sessions take a moment.
    let scanned = Arc::clone(server);
    let found = tokio::task::spawn_blocking(move || collect(&scanned, now)).await;
    let Ok(tasks) = found else { return };
    let refresher = server.refresher();
    for task in tasks {
        match task {
            Task::Tokens(id) => refresher.enqueue(id, now),
            // Found again by the next scan if there is no room.
            other => drop(refresher.queue.try_send(other)),
        }
    }
}

/// What is due at `now`, bounded, the most urgent first.
fn collect(server: &AuthzServer, now: Timestamp) -> Vec<Task> {
    // Without a store nobody may spend a token, and what memory holds may be old.
    let sessions = server.sessions();
    let Some(active) = server.feed().active() else {
        return Vec::new();
    };
    if !sessions.is_connected() {
        return Vec::new();
    }
    let refresher = server.refresher();
    let configured = active.settings().provider.as_ref();
    let provider_id = configured.map_or("", |provider| provider.id.as_str());
    let since = refresher.provider.since(provider_id, now);
    let orphaned = now.duration_since(since) >= ORPHANED;

    let mut due = Due::default();
    sessions.for_each(|stored| {
        let session = &stored.session;
        if session.provider_id != provider_id {
            // One that is newer than our settings says that they are old.
            if orphaned && session.issued_at < since && due.orphans.len() < MAX_ORPHANS {
                due.orphans.push(Arc::clone(stored));
            }
            return;
        }
        // Who rests takes nobody's place: those that fail again and again are due for
        // longest.
        let at = stored.refresh_at.filter(|at| *at <= now);
        if let Some(at) = at.filter(|_| !rests(&refresher.resting, &session.id, now)) {
            due.tokens.push((at, session.id));
            if due.tokens.len() > QUEUE {
                due.tokens.pop();
            }
        }
        if due.users.len() < MAX_USERS
            && userinfo_is_due(session, now)
            && !rests(&refresher.resting_users, session.user_id.as_str(), now)
        {
            due.users.insert(session.user_id.clone());
        }
    });
    let Due {
        tokens,
        users,
        orphans,
    } = due;
    let tokens = tokens.into_sorted_vec();
    tokens
        .into_iter()
        .map(|(_, id)| Task::Tokens(id))
        .chain(of_users(server, provider_id, &users, now))
        .chain(orphans.into_iter().map(Task::Orphan))
        .collect()
}

/// The sessions of these users, one task for each user: they are asked for once,
/// and from then on at the same time.
fn of_users(
    server: &AuthzServer,
    provider_id: &str,
    users: &HashSet<String>,
    now: Timestamp,
) -> impl Iterator<Item = Task> {
    let mut of_user: BTreeMap<&str, Vec<Arc<StoredSession>>> = BTreeMap::new();
    if !users.is_empty() {
        server.sessions().for_each(|stored| {
            let session = &stored.session;
            let Some(user) = users.get(&session.user_id) else {
                return;
            };
            let theirs = of_user.entry(user).or_default();
            let counts = session.provider_id == provider_id && session.expires_at > now;
            if counts && theirs.len() < MAX_OF_ONE_USER {
                theirs.push(Arc::clone(stored));
            }
        });
    }
    let resting = &server.refresher().resting_users;
    let tasks: Vec<Task> = of_user
        .into_values()
        .filter_map(|mut theirs| {
            // Asked with the token that is good for longest.
            theirs.sort_by_key(|stored| {
                let end = stored.session.access_token_expires_at;
                core::cmp::Reverse(end.unwrap_or(Timestamp::MAX))
            });
            let first = theirs.first()?;
            claim(resting, &first.session.user_id, now).then_some(Task::Userinfo(theirs))
        })
        .collect();
    tasks.into_iter()
}
