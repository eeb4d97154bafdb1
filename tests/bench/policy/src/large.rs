//! A policy that is a list of users.

use crate::cedar::{Cedar, allowed, listed};
use crate::emails::{self, Sequence};
use crate::ours::{self, Ours};
use crate::rego::Machine;
use crate::{Decision, Engine, Request, User, in_turn};
use core::hint::black_box;
use portcullis_bench_instruments::{Run, repeat};
use portcullis_policy::{Reason, Reasons};
use regorus::Value;
use std::collections::BTreeSet;

/// The list is data, a set, as regorus finds members fastest.
const REGO: &str = "
package portcullis
import rego.v1

decision := 1 if input.email in data.emails
else := 0
";

/// Who is in a group is looked up; a set in a policy is longer to search.
const CEDAR: [(&str, &str); 1] = [(
    "listed",
    r#"permit (principal in Group::"listed", action, resource);"#,
)];

struct Regorus(Machine);

impl Engine for Regorus {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        let input = self.0.input(request);
        decision(self.0.run(input) == 1)
    }
}

/// The user is named by the address. A denial has no policy to name; there is only
/// one reason that it can have.
struct CedarPolicy(Cedar);

impl Engine for CedarPolicy {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        let response = self.0.answer(&self.0.question(request.email, request));
        let named = response.diagnostics().reason().next().is_some();
        assert_eq!(named, allowed(&response));
        decision(named)
    }
}

fn decision(allowed: bool) -> Decision {
    let reason = if allowed {
        Reason::EmailOk
    } else {
        Reason::EmailUnauthorized
    };
    Decision {
        allowed,
        reasons: Reasons::of(reason),
    }
}

fn engine(length: usize) -> Ours {
    let emails = emails::list(length).join(", ");
    let policy = format!("- allow: {{or: [email: {{in: [{emails}]}}]}}");
    Ours(ours::program(&policy))
}

fn machine(length: usize) -> Regorus {
    let emails: BTreeSet<Value> = emails::list(length).into_iter().map(Value::from).collect();
    let mut data = Value::new_object();
    let fields = data.as_object_mut().expect("an object");
    fields.insert("emails".into(), emails.into());
    Regorus(Machine::new(REGO, data))
}

fn cedar_policy(length: usize) -> CedarPolicy {
    CedarPolicy(Cedar::new(&CEDAR, listed(&emails::list(length))))
}

/// Alice, again and again.
pub(crate) fn ours(length: usize) -> Run {
    in_turn(engine(length), vec![User::alice()])
}

pub(crate) fn regorus(length: usize) -> Run {
    in_turn(machine(length), vec![User::alice()])
}

pub(crate) fn cedar(length: usize) -> Run {
    in_turn(cedar_policy(length), vec![User::alice()])
}

/// Someone else of the list each time.
pub(crate) fn random_ours(length: usize) -> Run {
    random(engine(length), length)
}

pub(crate) fn random_regorus(length: usize) -> Run {
    random(machine(length), length)
}

pub(crate) fn random_cedar(length: usize) -> Run {
    random(cedar_policy(length), length)
}

/// All with the same claims, at which the policy does not look.
fn random(mut engine: impl Engine + 'static, length: usize) -> Run {
    let alice = User::alice();
    let mut users = Sequence::draw(&emails::list(length), 100_000);
    repeat(move || {
        let request = Request {
            email: users.next(),
            ..alice.asks("/reports/2026")
        };
        black_box(engine.decide(black_box(&request)));
    })
}

/// Members and others.
pub(crate) fn compare() {
    let length = 100_000;
    let (mut ours, mut regorus, mut cedar) = (engine(length), machine(length), cedar_policy(length));
    let alice = User::alice();
    let mut members = Sequence::draw(&emails::list(length), 1000);
    for turn in 0..1000 {
        let other = format!("stranger-{turn}@example.com");
        for (email, listed) in [(members.next(), true), (&*other, false)] {
            let request = Request {
                email,
                ..alice.asks("/reports/2026")
            };
            let decision = decision(listed);
            assert_eq!(ours.decide(&request), decision, "ours: {email}");
            assert_eq!(regorus.decide(&request), decision, "regorus: {email}");
            assert_eq!(cedar.decide(&request), decision, "cedar: {email}");
        }
    }
}
