//! Decisions of three policy engines on the same requests: ours, regorus and
//! cedar-policy. Each engine is made ready as its makers recommend for speed, and
//! a decision takes each of them from the same borrowed [`Request`] to the same
//! [`Decision`]. The bench target `policy` measures what the cases cost.

mod cedar;
mod emails;
mod large;
mod ours;
mod rego;
mod routes;
mod small;

use core::hint::black_box;
use core::net::IpAddr;
use portcullis_bench_instruments::{Case, Run, repeat};
use portcullis_model::Claims;
use portcullis_policy::Reasons;
use serde_json::json;

/// What the proxy holds of a request when it asks for a decision.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    method: &'a str,
    path: &'a str,
    source_ip: IpAddr,
    user_id: &'a str,
    email: &'a str,
    claims: &'a Claims,
}

/// What every engine must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    allowed: bool,
    reasons: Reasons,
}

/// An engine with one policy, ready to decide.
trait Engine {
    fn decide(&mut self, request: &Request<'_>) -> Decision;
}

/// A user with what the identity provider sent.
struct User {
    id: &'static str,
    email: &'static str,
    claims: Claims,
}

impl User {
    fn new(id: &'static str, email: &'static str, groups: &[&str]) -> Self {
        let claims = json!({
            "iss": "https://idp.example.com", "aud": "portcullis", "sub": id,
            "email": email, "email_verified": true,
            "name": "Some Body", "given_name": "Some", "family_name": "Body", "locale": "en",
            "groups": groups,
            "auth_time": 1_767_225_600, "exp": 1_767_229_200, "iat": 1_767_225_600, "nonce": "n-0S6_WzA2Mj",
        });
        let claims = Claims::flatten(claims.as_object().expect("an object")).expect("few claims");
        Self { id, email, claims }
    }

    /// Who is in the group that the policies ask for, and in their domain.
    fn alice() -> Self {
        let groups = ["everyone", "engineering", "admins", "team-5"];
        Self::new("00u1a2b3c4", "alice@example.com", &groups)
    }

    fn asks<'a>(&'a self, path: &'a str) -> Request<'a> {
        Request {
            method: "GET",
            path,
            source_ip: [192, 0, 2, 7].into(),
            user_id: self.id,
            email: self.email,
            claims: &self.claims,
        }
    }
}

/// The groups among the claims.
fn groups(claims: &Claims) -> impl Iterator<Item = &str> {
    let values = claims.get("groups").unwrap_or_default();
    values.iter().filter_map(|value| value.as_str())
}

/// Users whose turn comes one after the other, asking for the same path.
fn in_turn(mut engine: impl Engine + 'static, users: Vec<User>) -> Run {
    let mut turn = 0;
    repeat(move || {
        turn = (turn + 1) % users.len();
        let request = users[turn].asks("/reports/2026");
        black_box(engine.decide(black_box(&request)));
    })
}

/// Every case. Those of one kind stand together.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::fast("small", small::ours),
        Case::fast("small_regorus", small::regorus),
        Case::fast("small_cedar", small::cedar),
        Case::fast("small_regorus_ready_input", small::regorus_ready),
        Case::fast("small_cedar_ready_request", small::cedar_ready),
        Case::fast("small_cedar_fresh_entities", small::cedar_fresh),
        Case::fast("list_10", || large::ours(10)),
        Case::fast("list_100k", || large::ours(100_000)),
        Case::fast("list_100k_regorus", || large::regorus(100_000)),
        Case::fast("list_100k_cedar", || large::cedar(100_000)),
        Case::fast("random_10", || large::random_ours(10)),
        Case::fast("random_100k", || large::random_ours(100_000)),
        Case::fast("random_100k_regorus", || large::random_regorus(100_000)),
        Case::fast("random_100k_cedar", || large::random_cedar(100_000)),
        Case::fast("rules_1000", routes::thousand_rules),
        Case::fast("routes_3", || routes::own(3)),
        Case::fast("routes_10k_shared", || routes::shared(10_000)),
        Case::fast("routes_10k_own", || routes::own(10_000)),
    ]
}

/// Has every engine decide the same requests, allowed and denied ones.
///
/// # Panics
/// If two of them differ in an outcome or in a reason.
pub fn compare() {
    small::compare();
    large::compare();
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_engines_agree() {
        super::compare();
    }
}
