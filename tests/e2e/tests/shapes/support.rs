//! Running a case in the three shapes and judging it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use portcullis_harness::Response;
use portcullis_harness::shapes::{Shape, World, before_exit};

use super::{Case, GROUPS};

mod broken;
mod judge;
mod outcome;
mod told;

use judge::Judge;
pub(crate) use outcome::outcome;

pub(crate) const ADMIN: &str = "admin@example.com";
pub(crate) const USER: &str = "user@example.com";

/// The routes of the shared worlds. Each tells the upstream its name.
pub(crate) const ROUTES: &str = r"
- {name: pub, from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: pub}}
- {name: admin, from: 'https://app.example.test:{port}', prefix: /admin, to: '{upstream}', policy: [{allow: {and: [{email: {is: admin@example.com}}]}}], set_request_headers: {X-Route: admin}}
- {name: exact, from: 'https://app.example.test:{port}', path: /exact, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: exact}}
- {name: regex, from: 'https://app.example.test:{port}', regex: '/re/[a-z]+\.txt', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: regex}}
- {name: odd, from: 'https://app.example.test:{port}', prefix: '/odd/*', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: odd}}
- {name: rewrite, from: 'https://app.example.test:{port}', prefix: /rw, prefix_rewrite: /admin/in, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: rewrite}}
- {name: go, from: 'https://app.example.test:{port}', prefix: /go, redirect: {prefix_rewrite: /to}, allow_public_unauthenticated_access: true}
- {name: office, from: 'https://app.example.test:{port}', prefix: /office, to: '{upstream}', policy: [{allow: {and: [{source_ip: 192.0.2.0/24}]}}], set_request_headers: {X-Route: office}}
- {name: local, from: 'https://app.example.test:{port}', prefix: /local, to: '{upstream}', policy: [{allow: {and: [{source_ip: 127.0.0.0/8}]}}], set_request_headers: {X-Route: local}}
- {name: strip, from: 'https://app.example.test:{port}', prefix: /strip, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: strip}, remove_request_headers: [X-Original-Url, X-Rewrite-Url, X-Forwarded-Uri, X-Forwarded-Prefix, X-Http-Method-Override]}
- {name: nopreflight, from: 'https://app.example.test:{port}', prefix: /nopreflight, to: '{upstream}', policy: [{allow: {and: [{accept: true}]}}, {deny: {or: [{cors_preflight: true}]}}], set_request_headers: {X-Route: nopreflight}}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: app}}
- {name: open, from: 'https://open.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: open}}
- {name: admins, from: 'https://admin.example.test:{port}', to: '{upstream}', policy: [{allow: {and: [{email: {is: admin@example.com}}]}}], set_request_headers: {X-Route: admins}}
- {name: other, from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: other}}
- {name: unnamed, from: 'https://unnamed.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, pass_identity_headers: false, set_request_headers: {X-Route: unnamed}}
- {name: wild, from: 'https://*.wild.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: wild}}
- {name: any, from: 'https://any.example.test', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: any}}
- {name: plain, from: 'https://plain.example.test', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: plain}}
- {name: two, from: 'https://two.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: two}}
- {name: two-public, from: 'https://two.example.test:9443', to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: two-public}}
- {name: cert, from: 'https://cert.example.test:{port}', to: '{upstream}', policy: [{allow: {and: [{client_certificate: {san_dns: {is: client.example.test}}}]}}], set_request_headers: {X-Route: cert}}
";

static SHARED: [Mutex<Option<(World, Judge)>>; 3] = [const { Mutex::new(None) }; 3];

/// Runs `case` in each shape on worlds with [`ROUTES`] that all tests share, one at a time
/// in each. Then judges everything that happened since the last judgement by the
/// invariants, and compares what was seen with what the catalogue says of `id`.
///
/// The three go on side by side: an Envoy that closes a connection waits a second for
/// the other end, and much here ends like that.
#[track_caller]
pub(crate) fn each(id: &str, case: impl Fn(&World, &mut Seen) + Sync) {
    let found = find(id);
    let one = &|n: usize| {
        let mut shared = shared(n);
        let (world, judge) = shared.get_or_insert_with(|| begin(Shape::ALL[n], "", ROUTES));
        let mut seen = Seen::default();
        case(world, &mut seen);
        seen.finish(found, world, judge);
    };
    // The name of the test, by which it is told which of them saw what.
    let name = thread::current().name().unwrap_or_default().to_owned();
    let ended: Vec<_> = thread::scope(|scope| {
        let running = [0, 1, 2].map(|n| {
            let named = thread::Builder::new().name(name.clone());
            named.spawn_scoped(scope, move || one(n)).unwrap()
        });
        running.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    if let Some(panic) = ended.into_iter().find_map(Result::err) {
        resume_unwind(panic);
    }
}

/// The same in worlds of its own with these globals and routes, as for [`World::start`].
#[track_caller]
pub(crate) fn each_of(id: &str, globals: &str, routes: &str, case: impl Fn(&mut World, &mut Seen)) {
    for shape in Shape::ALL {
        one_of(id, begin(shape, globals, routes), &case);
    }
}

/// One shape alone, in a world that was just begun.
#[track_caller]
pub(crate) fn one_of(id: &str, (mut world, mut judge): (World, Judge), case: impl Fn(&mut World, &mut Seen)) {
    let mut seen = Seen::default();
    case(&mut world, &mut seen);
    seen.finish(find(id), &world, &mut judge);
}

/// A world with somebody who looks on from the start.
pub(crate) fn begin(shape: Shape, globals: &str, routes: &str) -> (World, Judge) {
    judged(World::start(shape, globals, routes))
}

/// The same for a world that was started otherwise.
pub(crate) fn judged(world: World) -> (World, Judge) {
    let judge = Judge::new(&world);
    (world, judge)
}

/// Locked, so that what happens in it is of one case alone. After a failure the world is
/// made anew: nothing of it may fail the next case.
fn shared(n: usize) -> MutexGuard<'static, Option<(World, Judge)>> {
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| {
        before_exit(|| {
            for world in &SHARED {
                drop(world.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            told::unseen()
        });
    });
    SHARED[n].lock().unwrap_or_else(|poisoned| {
        SHARED[n].clear_poison();
        let mut world = poisoned.into_inner();
        *world = None;
        world
    })
}

#[track_caller]
fn find(id: &str) -> &'static Case {
    let mut all = GROUPS.iter().flat_map(|(_, cases)| cases.iter());
    all.find(|case| case.id == id)
        .unwrap_or_else(|| panic!("`{id}` is not in the catalogue"))
}

/// What was seen of one case in one shape.
#[derive(Default)]
pub(crate) struct Seen {
    outcomes: BTreeMap<String, Vec<String>>,
    denied: Vec<(String, Response)>,
    errors_expected: bool,
    within: String,
}

impl Seen {
    /// Puts these words before all that is noted from now on: what differs from the
    /// world of the others.
    pub(crate) fn within(&mut self, words: &str) {
        words.clone_into(&mut self.within);
    }

    /// An answer: status, and who gave it ([`outcome`]), for instance ``400
    /// `ambiguous_request` ``, `400 Envoy`, `302 login` or `200 upstream`. Returns what
    /// was noted.
    pub(crate) fn answer(&mut self, what: &str, response: &Response) -> String {
        let outcome = outcome(response);
        self.answer_as(what, &outcome, response);
        outcome
    }

    /// The same in words of the case's own.
    pub(crate) fn answer_as(&mut self, what: &str, words: &str, response: &Response) {
        self.note(what, words);
        if !outcome(response).ends_with("upstream") {
            self.denied.push((what.to_owned(), response.clone()));
        }
    }

    /// The same of what may have no answer: `closed` where the connection was, `reset`
    /// where the stream was.
    pub(crate) fn result(&mut self, what: &str, result: &io::Result<Response>) -> String {
        match result {
            Ok(response) => self.answer(what, response),
            Err(error) => {
                let text = error.to_string();
                let outcome = if text.starts_with("stream reset") {
                    "reset"
                } else {
                    "closed"
                };
                self.note(what, outcome);
                outcome.to_owned()
            }
        }
    }

    /// Anything else, in words of its own.
    pub(crate) fn note(&mut self, what: &str, outcome: &str) {
        self.outcomes
            .entry(format!("{}{outcome}", self.within))
            .or_default()
            .push(what.to_owned());
    }

    /// This case makes our server answer with 5xx, and may (I3).
    pub(crate) fn expects_errors(&mut self) {
        self.errors_expected = true;
    }

    #[track_caller]
    fn finish(self, case: &'static Case, world: &World, judge: &mut Judge) {
        judge.judge(world, case.id, &self.denied, self.errors_expected);
        let seen: BTreeSet<&str> = self.outcomes.keys().map(String::as_str).collect();
        let said = told::said(case, world.shape);
        let fits = if told::note(case, world.shape, &seen) {
            seen == said
        } else {
            seen.is_subset(&said)
        };
        assert!(
            fits,
            "{} in the shape `{}`: the catalogue says {said:?}, seen was {:#?}",
            case.id,
            world.shape.name(),
            self.outcomes
        );
    }
}
