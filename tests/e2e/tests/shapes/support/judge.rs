//! The invariants, held against everything that a case caused:
//!
//! - I1: nothing reaches the upstream without an allow with the same request id, the
//!   same route and the same path, byte for byte;
//! - I2: what the upstream is told of the user is the session's, or nothing;
//! - I3: no 5xx of our server, no panic, no Envoy that ended or is another;
//! - I4: no session cookie with a denial;
//! - I5: no secret in a log or a metric;
//! - I6: memory and open descriptors of our server stay near where they were.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_harness::Response;
use portcullis_harness::assertion::{self, Keys};
use portcullis_harness::provider;
use portcullis_harness::roles::Access;
use portcullis_harness::shapes::{Decision, Shape, World};
use portcullis_harness::wait::{PATIENCE, poll, until};
use portcullis_harness::wire::Head;

/// What is borne in addition to what there was at the start (I6): room for a cache that
/// fills and for connections that are kept, not for something per request.
const MEMORY_KIB: u64 = 96 << 10;
const DESCRIPTORS: usize = 48;

/// Looks on at one world.
pub(crate) struct Judge {
    begun: usize,
    server_log: Tail,
    others: Vec<Tail>,
    access_log: Tail,
    decisions: HashMap<String, Vec<Decision>>,
    accesses: HashMap<String, Vec<Access>>,
    keys: Keys,
    envoy: u32,
    server: Option<u32>,
    usage: (u64, usize),
}

impl Judge {
    #[track_caller]
    pub(crate) fn new(world: &World) -> Self {
        let file = |name: &str| Tail {
            path: world.directory().join(name),
            at: 0,
        };
        let (server, others) = match world.shape {
            Shape::Ours => ("gateway.log", Vec::new()),
            Shape::Istio | Shape::Bare => ("authz.log", vec![file("envoy.log")]),
        };
        let keys = assertion::keys(&mut world.client(), &world.url("app", ""));
        let mut judge = Self {
            begun: 0,
            server_log: file(server),
            others,
            access_log: file("access.log"),
            decisions: HashMap::new(),
            accesses: HashMap::new(),
            keys,
            envoy: world.envoy().pid,
            server: world.server(),
            usage: (0, 0),
        };
        judge.settle(world);
        judge.usage = world.usage().expect("our server runs");
        judge
    }

    /// Holds the invariants against everything since the last time.
    #[track_caller]
    pub(crate) fn judge(&mut self, world: &World, id: &str, denied: &[(String, Response)], errors: bool) {
        let who = format!("{id} in the shape `{}`", world.shape.name());
        let (server, others, access) = self.settle(world);
        let heads = world.upstream.heads_since(self.begun);
        self.begun += heads.len();
        for head in &heads {
            let decision = self.allowed(&who, world, head);
            self.identity(&who, head, &decision);
        }

        // I3
        for decision in server.lines().filter_map(Decision::parse) {
            assert!(
                errors || decision.status < 500,
                "I3: {who}: our server answered {}: {}",
                decision.status,
                decision.line
            );
        }
        assert!(
            !server.contains("panicked"),
            "I3: {who}: our server panicked:\n{server}"
        );
        assert_eq!(world.envoy().pid, self.envoy, "I3: {who}: Envoy is another");
        assert!(
            errors || world.server() == self.server,
            "I3: {who}: our server is another"
        );

        // I4
        for (what, response) in denied {
            for cookie in response.head.all("set-cookie") {
                let gives = ["_pomerium=", "_pomerium_authenticate="]
                    .iter()
                    .any(|name| cookie.starts_with(name) && !cookie.starts_with(&format!("{name};")));
                assert!(!gives, "I4: {who}: `{what}` was answered with {cookie}");
            }
        }

        // I5
        let metrics = world.server().map(|_| world.metrics()).unwrap_or_default();
        for secret in world.secrets() {
            for text in [&server, &others, &access, &metrics] {
                assert!(
                    !text.contains(&secret),
                    "I5: {who}: a log shows the secret {secret}"
                );
            }
        }
        for text in [&server, &metrics] {
            // Every token of the provider that says who somebody is, and every assertion.
            let token = text.match_indices("eyJ").find(|(at, _)| {
                let token = text[*at..]
                    .split(|c: char| !c.is_ascii_graphic() || c == '"')
                    .next();
                token.is_some_and(|token| token.matches('.').count() == 2 && token.len() > 60)
            });
            assert!(token.is_none(), "I5: {who}: a log shows a token");
        }

        // I6
        if world.server() == self.server {
            let (memory, descriptors) = self.usage;
            let near = || {
                world
                    .usage()
                    .is_some_and(|(_, open)| open <= descriptors + DESCRIPTORS)
            };
            until("descriptors are closed again (I6)", near);
            let (now, _) = world.usage().expect("our server runs");
            assert!(
                now <= memory + MEMORY_KIB,
                "I6: {who}: {now} KiB of memory, {memory} KiB at the start"
            );
        }
        self.server = world.server();
    }

    /// Waits until everything before is in the logs, by a request that comes after it;
    /// takes in what is new and returns it.
    #[track_caller]
    fn settle(&mut self, world: &World) -> (String, String, String) {
        static FENCES: AtomicUsize = AtomicUsize::new(0);
        let fence = format!("/fence-{}-of-the-judge", FENCES.fetch_add(1, Ordering::Relaxed));
        let (mut server, mut access) = (String::new(), String::new());
        if world.server().is_some() {
            let request = format!("GET {fence} HTTP/1.1\r\nHost: {}\r\n\r\n", world.authority("app"));
            let answer = world.try_raw(request.as_bytes());
            assert!(answer.is_ok(), "Envoy does not answer: {answer:?}");
            let logged = poll(PATIENCE, || {
                server.push_str(&self.server_log.read());
                access.push_str(&self.access_log.read());
                let foreign = world.shape != Shape::Ours;
                (server.contains(&fence) && (!foreign || access.contains(&fence))).then_some(())
            });
            assert!(logged.is_some(), "the logs do not show {fence}");
        }
        for decision in server.lines().filter_map(Decision::parse) {
            let of_id = self.decisions.entry(decision.request_id.clone()).or_default();
            of_id.push(decision);
        }
        for line in access.lines().filter_map(Access::parse) {
            self.accesses
                .entry(line.request_id.clone())
                .or_default()
                .push(line);
        }
        let others = self.others.iter_mut().map(Tail::read).collect();
        (server, others, access)
    }

    /// I1. Returns the decision by which the request went on.
    #[track_caller]
    fn allowed(&self, who: &str, world: &World, head: &Head) -> Decision {
        let target = head.start.split(' ').nth(1).unwrap_or_default();
        // Our own Envoy takes this header from every client, and writes it where a route
        // rewrites: the decision was about the path before.
        let original = match world.shape {
            Shape::Ours => head.get("x-envoy-original-path"),
            Shape::Istio | Shape::Bare => None,
        };
        let path = original.unwrap_or(target).split('?').next().unwrap_or_default();
        let id = head.get("x-request-id").unwrap_or_default();
        let of_id = self.decisions.get(id).map_or(&[][..], Vec::as_slice);
        let found = of_id
            .iter()
            .find(|decision| decision.allows() && decision.is_for(path));
        let decision = found.unwrap_or_else(|| {
            panic!("I1: {who}: the upstream got {head:?}, but the decisions are {of_id:?}")
        });
        if let Some(route) = head.get("x-route") {
            assert_eq!(
                route, decision.route,
                "I1: {who}: served by another route: {head:?}"
            );
        }
        if world.shape == Shape::Ours {
            assert_eq!(
                decision.route_by, "id",
                "I1: {who}: Envoy did not name the route: {head:?}"
            );
        } else {
            let of_id = self.accesses.get(id).map_or(&[][..], Vec::as_slice);
            let same = |line: &&Access| line.path == target && !line.upstream.is_empty();
            assert!(
                of_id.iter().any(|line| same(&line)),
                "I1: {who}: the upstream got {head:?}, but Envoy says {of_id:?}"
            );
        }
        decision.clone()
    }

    /// I2.
    #[track_caller]
    fn identity(&self, who: &str, head: &Head, decision: &Decision) {
        let host = decision.host.split(':').next().unwrap_or_default();
        // The log has it as it was asked for.
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let claims = head
            .get("x-pomerium-jwt-assertion")
            .map(|token| assertion::verify_with(&self.keys, &host, token));
        if let Some(claims) = &claims {
            assert_eq!(claims["email"], *decision.email, "I2: {who}: {head:?}");
        }
        let mut names: Vec<String> = Vec::new();
        for (name, value) in &head.fields {
            let lower = name.to_ascii_lowercase();
            let said = match lower.replace('_', "-").as_str() {
                "x-pomerium-jwt-assertion" => claims.is_some().then(|| value.clone()),
                // Of nobody there is nothing to say: empty, as with Pomerium.
                "x-email" => Some(decision.email.clone()),
                "x-department" => Some(department(&decision.email).unwrap_or_default()),
                "cookie" if value.contains("_pomerium") => None,
                "authorization" if value.to_ascii_lowercase().contains("pomerium") => None,
                other => match other.strip_prefix("x-pomerium-") {
                    Some(rest) => claims.as_ref().and_then(|claims| {
                        let claim = &claims[rest.strip_prefix("claim-")?];
                        Some(claim.as_str().map_or_else(|| claim.to_string(), str::to_owned))
                    }),
                    None => continue,
                },
            };
            assert_eq!(said.as_ref(), Some(value), "I2: {who}: `{name}` in {head:?}");
            assert!(!lower.contains('_'), "I2: {who}: `{name}` in {head:?}");
            assert!(!names.contains(&lower), "I2: {who}: `{name}` twice in {head:?}");
            names.push(lower);
        }
    }
}

/// The department of one of the provider's users.
fn department(email: &str) -> Option<String> {
    let users = provider::users();
    let user = users
        .as_array()?
        .iter()
        .find(|user| user["email"] == *email)?
        .clone();
    user["claims"]["department"].as_str().map(str::to_owned)
}

/// What is new in a file that is written to.
struct Tail {
    path: PathBuf,
    at: u64,
}

impl Tail {
    /// Whole lines alone; what has no end yet comes the next time.
    fn read(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.at))?;
            file.read_to_end(&mut bytes)
        });
        // There is none before the first line.
        if read.is_err() {
            return String::new();
        }
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        bytes.truncate(whole);
        self.at += whole as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
