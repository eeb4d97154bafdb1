//! This project's engine.

use crate::{Decision, Engine, Request};
use jiff::Timestamp;
use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Http, Input, Legacy, Outcome, Policy, Program, Subject, compile, evaluate, parse};

/// The time of every decision.
const NOW: Timestamp = Timestamp::constant(1_767_225_700, 0);

pub(crate) struct Ours(pub(crate) Program);

impl Engine for Ours {
    fn decide(&mut self, request: &Request<'_>) -> Decision {
        decide(&self.0, request)
    }
}

/// The reasons are those of the verdict that decided.
pub(crate) fn decide(program: &Program, request: &Request<'_>) -> Decision {
    let evaluation = evaluate(program, &input(request));
    match evaluation.outcome {
        Outcome::Allow(_) => Decision {
            allowed: true,
            reasons: evaluation.allow.reasons,
        },
        Outcome::Deny(reasons) => Decision {
            allowed: false,
            reasons,
        },
        Outcome::Challenge(_) => Decision {
            allowed: false,
            reasons: evaluation.allow.reasons.union(evaluation.deny.reasons),
        },
    }
}

fn input<'a>(request: &Request<'a>) -> Input<'a> {
    let http = Http {
        method: request.method,
        host: "reports.example.com",
        path: request.path,
        source_ip: Some(request.source_ip),
        ..Http::default()
    };
    let subject = Subject {
        session_id: "0197b0c1-2f6e-7a3b-9c4d-5e6f708192a3",
        user_id: request.user_id,
        email: request.email,
        claims: request.claims,
        groups: None,
        devices: &[],
    };
    Input::http(http, Some(subject), NOW)
}

/// The program of a route with this policy.
pub(crate) fn program(text: &str) -> Program {
    let node = parse_yaml(text, &Limits::default())
        .expect("YAML")
        .expect("a document");
    let policy = parse(&node).expect("a policy");
    compile(&Policy::from_route(&Legacy::default(), Some(&policy))).expect("a program")
}
