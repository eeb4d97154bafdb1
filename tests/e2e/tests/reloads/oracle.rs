//! What is configured when, and what follows for each request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who asks: nobody, and the provider's two users.
pub(crate) const USERS: [&str; 3] = ["", "user@example.com", "admin@example.com"];

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Everybody,
    AnyUser,
    /// A place in [`USERS`].
    Only(usize),
    Nobody,
}

impl Policy {
    fn yaml(self) -> String {
        match self {
            Self::Everybody => "allow_public_unauthenticated_access: true".to_owned(),
            Self::AnyUser => "allow_any_authenticated_user: true".to_owned(),
            Self::Only(user) => format!(
                "policy: [{{allow: {{and: [{{email: {{is: {}}}}}]}}}}]",
                USERS[user]
            ),
            Self::Nobody => "policy: [{deny: {and: [accept: 1]}}]".to_owned(),
        }
    }
}

/// A route that no reload touches.
pub(crate) struct Staying {
    pub(crate) name: &'static str,
    pub(crate) policy: Policy,
}

const fn staying(name: &'static str, policy: Policy) -> Staying {
    Staying { name, policy }
}

/// They stand on a host of their own and, between the changing routes, on the host of those.
pub(crate) static STAYING: [Staying; 5] = [
    staying("all", Policy::Everybody),
    staying("any", Policy::AnyUser),
    staying("user", Policy::Only(1)),
    staying("admin", Policy::Only(2)),
    staying("none", Policy::Nobody),
];

/// Places for routes that come, change and go.
pub(crate) const PLACES: usize = 6;

/// A changing route: who may pass, and where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Changing {
    policy: Policy,
    destination: usize,
}

type State = BTreeMap<usize, Changing>;

/// What an answer may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// From the upstream, which was asked for a path that begins so.
    Upstream(String),
    Login,
    Denied,
    NoRoute,
}

/// Every state of the configuration, and which of them may still, or already, decide.
pub(crate) struct History {
    pub(crate) over: AtomicBool,
    upstream: String,
    states: Mutex<Vec<State>>,
    /// The oldest state that may decide a request that begins now.
    settled: AtomicUsize,
}

impl History {
    pub(crate) fn new(upstream: &str) -> Self {
        Self {
            over: AtomicBool::new(false),
            upstream: upstream.to_owned(),
            states: Mutex::new(vec![State::new()]),
            settled: AtomicUsize::new(0),
        }
    }

    /// The routes of the first configuration; `{port}` stands for the gateway's port.
    pub(crate) fn first(&self) -> String {
        self.routes(&State::new(), "{port}")
    }

    /// Makes up another state, notes it as one that may decide, and returns its routes.
    pub(crate) fn change(&self, number: usize, port: u16) -> String {
        let mut states = self.states.lock().unwrap();
        let mut state = states.last().cloned().unwrap_or_default();
        // The same changes in every run: a generator of a fixed start.
        let mut random = number as u64;
        let mut draw = |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % below
        };
        for _ in 0..1 + draw(3) {
            let place = draw(PLACES);
            let policy = [
                Policy::Everybody,
                Policy::AnyUser,
                Policy::Only(1),
                Policy::Only(2),
                Policy::Nobody,
            ];
            let new = Changing {
                policy: policy[draw(policy.len())],
                destination: number,
            };
            match (state.get(&place).copied(), draw(3)) {
                (Some(_), 0) => state.remove(&place),
                // The same route id under another policy.
                (Some(old), 1) => state.insert(
                    place,
                    Changing {
                        destination: old.destination,
                        ..new
                    },
                ),
                // Another id.
                (Some(old), _) => state.insert(
                    place,
                    Changing {
                        policy: old.policy,
                        ..new
                    },
                ),
                (None, _) => state.insert(place, new),
            };
        }
        let routes = self.routes(&state, &port.to_string());
        states.push(state);
        routes
    }

    /// The newest state is in force: no older one decides what begins from now on.
    pub(crate) fn settle(&self) {
        let newest = self.states.lock().unwrap().len() - 1;
        self.settled.store(newest, Ordering::SeqCst);
    }

    /// To be taken before a request: the oldest state that may decide it.
    pub(crate) fn begin(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }

    /// What the answer to a request for a changing route that began at `since` and is over now may be.
    pub(crate) fn changing(&self, since: usize, place: usize, user: usize) -> Vec<Expected> {
        let states = self.states.lock().unwrap();
        let mut all = Vec::new();
        for state in &states[since..] {
            let expected = match state.get(&place) {
                None => Expected::NoRoute,
                Some(route) => expected(route.policy, user, &format!("/to{}/", route.destination)),
            };
            if !all.contains(&expected) {
                all.push(expected);
            }
        }
        all
    }

    /// What the answer of a route that no reload touches is, always.
    pub(crate) fn staying(route: &Staying, user: usize) -> Expected {
        expected(route.policy, user, &format!("/kept-{}/", route.name))
    }

    fn routes(&self, state: &State, port: &str) -> String {
        let mut routes = String::new();
        let mut add = |host: &str, path: &str, destination: &str, policy: Policy| {
            routes.push_str(&format!(
                "- {{from: 'https://{host}.example.test:{port}', prefix: /{path}/, name: {path}, \
                 to: '{}/{destination}/', {}}}\n",
                self.upstream,
                policy.yaml()
            ));
        };
        for (index, route) in STAYING.iter().enumerate() {
            let destination = format!("kept-{}", route.name);
            add("stay", route.name, &destination, route.policy);
            // Their place in the list moves as others come and go.
            for (place, changing) in state.iter().filter(|(place, _)| *place % STAYING.len() == index) {
                let destination = format!("to{}", changing.destination);
                add("churn", &format!("c{place}"), &destination, changing.policy);
            }
            add("churn", route.name, &destination, route.policy);
        }
        routes.push_str(&format!(
            "- {{from: 'https://socket.example.test:{port}', to: '{}', allow_any_authenticated_user: true, \
             allow_websockets: true, name: socket}}\n",
            self.upstream
        ));
        routes
    }

    /// Reads the decisions out of a log: how many there are, and those whose route is not the one that
    /// the path belongs to.
    pub(crate) fn strangers(&self, log: &str) -> (usize, Vec<String>) {
        let (mut seen, mut strange) = (0, Vec::new());
        for line in log.lines() {
            let Ok(decision) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            let (Some(path), Some(_)) = (decision["path"].as_str(), decision["decision_id"].as_str()) else {
                continue;
            };
            let Some(route) = decision["route_name"].as_str() else {
                continue;
            };
            seen += 1;
            let own = path.split('/').nth(1).unwrap_or_default();
            if own != route && route != "socket" {
                strange.push(line.to_owned());
            }
        }
        (seen, strange)
    }
}

fn expected(policy: Policy, user: usize, destination: &str) -> Expected {
    let allowed = match policy {
        Policy::Everybody => true,
        Policy::AnyUser => user != 0,
        Policy::Only(one) => user == one,
        Policy::Nobody => false,
    };
    match (allowed, policy, user) {
        (true, ..) => Expected::Upstream(destination.to_owned()),
        // A denial that no login could change is said at once.
        (false, Policy::Nobody, _) => Expected::Denied,
        (false, _, 0) => Expected::Login,
        (false, ..) => Expected::Denied,
    }
}
