//! A small policy, as routes have them: the users of a domain who are in a group
//! may pass, but for what lies beneath one path.

use crate::cedar::{Cedar, allowed, entities, entity};
use crate::ours::{self, Ours};
use crate::rego::Machine;
use crate::{Decision, Engine, Request, User, in_turn};
use cedar_policy::{Entities, Request as Question, Response};
use core::hint::black_box;
use portcullis_bench_instruments::{Run, repeat};
use portcullis_policy::{Reason, Reasons};
use regorus::Value;
use std::collections::HashSet;

const PPL: &str = "
- deny:
    or:
      - http_path: {starts_with: /internal/}
- allow:
    and:
      - domain: {is: example.com}
      - claim/groups: admins
";

/// A branch for each combination of reasons, in the form that evaluates nothing
/// twice: of those that were tried it is faster than an `else` for each combination
/// (by a tenth) and than sets of reasons (by two thirds), and no slower to speak of
/// than one table of all combinations.
const REGO: &str = r#"
package portcullis
import rego.v1

decision := 0 if startswith(input.path, "/internal/")
else := {true: 1, false: 2}["admins" in input.groups] if endswith(input.email, "@example.com")
else := {true: 3, false: 4}["admins" in input.groups]
"#;

/// A refusal names only policies that forbid, so each criterion is one of them.
const CEDAR: [(&str, &str); 4] = [
    ("ok", "permit (principal, action, resource);"),
    (
        "path",
        r#"forbid (principal, action, resource) when { context.path like "/internal/*" };"#,
    ),
    (
        "domain",
        r#"forbid (principal, action, resource) unless { principal.email like "*@example.com" };"#,
    ),
    (
        "group",
        r#"forbid (principal, action, resource) unless { principal in Group::"admins" };"#,
    ),
];

const OK: [Reason; 2] = [Reason::ClaimOk, Reason::DomainOk];

struct Regorus(Machine);

impl Engine for Regorus {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        let input = self.0.input(request);
        from_number(self.0.run(input))
    }
}

fn from_number(number: u32) -> Decision {
    let reasons: &[Reason] = match number {
        0 => &[Reason::HttpPathOk],
        1 => &OK,
        2 => &[Reason::ClaimUnauthorized],
        3 => &[Reason::DomainUnauthorized],
        _ => &[Reason::ClaimUnauthorized, Reason::DomainUnauthorized],
    };
    Decision {
        allowed: number == 1,
        reasons: reasons.iter().copied().collect(),
    }
}

/// The user is named by the id.
struct CedarPolicy(Cedar);

impl Engine for CedarPolicy {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        from_response(&self.0.answer(&self.0.question(request.user_id, request)))
    }
}

/// A path that is forbidden is the only reason, as it is in PPL.
fn from_response(response: &Response) -> Decision {
    let allowed = allowed(response);
    let mut reasons = Reasons::EMPTY;
    for id in response.diagnostics().reason() {
        match AsRef::<str>::as_ref(id) {
            "ok" => reasons = OK.into_iter().collect(),
            "path" => {
                reasons = Reasons::of(Reason::HttpPathOk);
                break;
            }
            "domain" => reasons = reasons.union(Reasons::of(Reason::DomainUnauthorized)),
            _ => reasons = reasons.union(Reasons::of(Reason::ClaimUnauthorized)),
        }
    }
    Decision { allowed, reasons }
}

/// As [`CedarPolicy`], but the user's entity is made for each decision.
struct FreshEntities(Cedar);

impl Engine for FreshEntities {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        let entity = entity(request.user_id, request.email, request.claims);
        let entities = Entities::from_entities([entity], None).expect("entities");
        let question = self.0.question(request.user_id, request);
        from_response(&self.0.answer_with(&question, &entities))
    }
}

/// One who is let in, and one who lacks the group.
fn both() -> Vec<User> {
    let bob = User::new(
        "00u5e6f7g8",
        "bob@example.com",
        &["everyone", "engineering", "interns", "team-5"],
    );
    vec![User::alice(), bob]
}

fn engine() -> Ours {
    Ours(ours::program(PPL))
}

fn machine() -> Regorus {
    Regorus(Machine::new(REGO, Value::new_object()))
}

fn cedar_with(users: &[User]) -> CedarPolicy {
    CedarPolicy(Cedar::new(&CEDAR, entities(users)))
}

pub(crate) fn ours() -> Run {
    in_turn(engine(), both())
}

pub(crate) fn regorus() -> Run {
    in_turn(machine(), both())
}

pub(crate) fn cedar() -> Run {
    in_turn(cedar_with(&both()), both())
}

/// Not the whole work: what regorus is asked about is there already.
pub(crate) fn regorus_ready() -> Run {
    let Regorus(mut machine) = machine();
    let users = both();
    let inputs: Vec<Value> = users
        .iter()
        .map(|user| machine.input(&user.asks("/reports/2026")))
        .collect();
    let mut turn = 0;
    repeat(move || {
        turn = (turn + 1) % inputs.len();
        let input = black_box(&inputs[turn]).clone();
        black_box(from_number(machine.run(input)));
    })
}

/// Not the whole work: what cedar-policy is asked is there already.
pub(crate) fn cedar_ready() -> Run {
    let users = both();
    let CedarPolicy(cedar) = cedar_with(&users);
    let questions: Vec<Question> = users
        .iter()
        .map(|user| cedar.question(user.id, &user.asks("/reports/2026")))
        .collect();
    let mut turn = 0;
    repeat(move || {
        turn = (turn + 1) % questions.len();
        black_box(from_response(&cedar.answer(black_box(&questions[turn]))));
    })
}

pub(crate) fn cedar_fresh() -> Run {
    let nobody = Entities::empty();
    in_turn(FreshEntities(Cedar::new(&CEDAR, nobody)), both())
}

/// Every combination of what the policy looks at.
pub(crate) fn compare() {
    let mut users = both();
    let groups = ["everyone", "admins"];
    users.push(User::new("00u9", "carol@example.org", &groups));
    users.push(User::new("00u8", "dave@example.org", &groups[..1]));
    users.push(User::new("00u7", "eve@notexample.com", &groups));
    let (mut ours, mut regorus, mut cedar) = (engine(), machine(), cedar_with(&users));
    let mut fresh = FreshEntities(Cedar::new(&CEDAR, Entities::empty()));
    let mut seen = HashSet::new();
    for user in &users {
        for path in ["/reports/2026", "/internal/", "/internal", "/"] {
            let request = user.asks(path);
            let decision = ours.decide(&request);
            assert_eq!(
                regorus.decide(&request),
                decision,
                "regorus: {} {path}",
                user.email
            );
            assert_eq!(cedar.decide(&request), decision, "cedar: {} {path}", user.email);
            assert_eq!(fresh.decide(&request), decision, "fresh: {} {path}", user.email);
            seen.insert((decision.allowed, decision.reasons));
        }
    }
    assert_eq!(seen.len(), 5, "every decision of the policy");
}
