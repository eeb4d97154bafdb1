//! Whether what comes out of a vector is what it expects.

use std::collections::BTreeSet;

use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Evaluation, Policy, Program, Reasons, compile, evaluate, parse};
use serde_json::json;

use super::Failure;
use super::fixtures::Fixtures;
use super::look_up::situation;
use super::record::{Expect, Scripts, Vector};
use crate::verdict::Outcome;

/// What is not as expected.
///
/// # Errors
/// When the vector cannot be run.
pub(super) fn judge(vector: &Vector, fixtures: &Fixtures) -> Result<Vec<Failure>, String> {
    let expect = &vector.expect;
    if !expect.says_something() {
        return Err("`expect` says nothing".to_owned());
    }
    let program = match load(vector)? {
        Ok(program) => program,
        Err(refused) => return Ok(judge_refused(expect, &refused)),
    };
    // Also where a refusal is expected: what is written must be readable.
    let situation = situation(vector, fixtures)?;
    let evaluation = evaluate(&program, &situation.input());
    Ok(judge_evaluation(expect, &evaluation))
}

impl Expect {
    fn says_something(&self) -> bool {
        self.parse_error.is_some() || self.wants_evaluation()
    }

    /// Whether a field is given that only an evaluation has.
    fn wants_evaluation(&self) -> bool {
        self.allow.is_some()
            || self.deny.is_some()
            || self.reasons.is_some()
            || self.allow_reasons.is_some()
            || self.deny_reasons.is_some()
            || self.outcome.is_some()
            || self.additional_data.is_some()
    }
}

/// The program of the vector, or why the policy is refused.
fn load(vector: &Vector) -> Result<Result<Program, String>, String> {
    if vector.policy.is_none() && vector.route.is_none() && vector.rego.is_none() {
        return Err("there is neither a `policy` nor a `route`".to_owned());
    }
    if let Some(scripts) = &vector.rego {
        let any = match scripts {
            Scripts::One(script) => !script.trim().is_empty(),
            Scripts::Many(scripts) => scripts.iter().any(|script| !script.trim().is_empty()),
        };
        if any {
            return Ok(Err("custom Rego is not supported and refused".to_owned()));
        }
    }
    let document = match vector.policy.as_deref().map(read).transpose() {
        Ok(document) => document,
        Err(refused) => return Ok(Err(refused)),
    };
    let policy = match (&vector.route, document) {
        (None, Some(document)) => document,
        (route, document) => {
            let legacy = route
                .as_ref()
                .map(super::record::Route::legacy)
                .unwrap_or_default();
            Policy::from_route(&legacy, document.as_ref())
        }
    };
    Ok(compile(&policy).map_err(|errors| first(&errors)))
}

fn read(text: &str) -> Result<Policy, String> {
    match parse_yaml(text, &Limits::default()) {
        Err(error) => Err(error.to_string()),
        Ok(None) => Err("the text is empty".to_owned()),
        Ok(Some(node)) => parse(&node).map_err(|errors| first(&errors)),
    }
}

fn first(errors: &[portcullis_policy::PolicyError]) -> String {
    errors.first().map_or_else(
        || "an error".to_owned(),
        |error| format!("{}: {}: {}", error.span, error.code, error.message),
    )
}

fn judge_refused(expect: &Expect, refused: &str) -> Vec<Failure> {
    let got = || format!("the policy is refused ({refused})");
    let mut failures = Vec::new();
    match expect.parse_error {
        Some(true) => {}
        Some(false) => failures.push(Failure::Differs {
            field: "parse_error",
            expected: "false".to_owned(),
            got: got(),
        }),
        None => {}
    }
    if expect.wants_evaluation() {
        failures.push(Failure::Differs {
            field: "allow",
            expected: "a decision".to_owned(),
            got: got(),
        });
    }
    failures
}

fn judge_evaluation(expect: &Expect, evaluation: &Evaluation) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut compare = |field, expected: Option<String>, got: String| {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            failures.push(Failure::Differs { field, expected, got });
        }
    };
    let yes = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    compare("parse_error", yes(expect.parse_error), "false".to_owned());
    compare("allow", yes(expect.allow), evaluation.allow.value.to_string());
    compare("deny", yes(expect.deny), evaluation.deny.value.to_string());
    let (allow, deny) = (evaluation.allow.reasons, evaluation.deny.reasons);
    compare("reasons", set(expect.reasons.as_ref()), names(allow.union(deny)));
    compare("allow_reasons", set(expect.allow_reasons.as_ref()), names(allow));
    compare("deny_reasons", set(expect.deny_reasons.as_ref()), names(deny));
    compare(
        "outcome",
        expect.outcome.clone(),
        Outcome::of(evaluation).vector_name(),
    );
    // Sorted, since objects have no order.
    let sorted = |data: &serde_json::Map<String, serde_json::Value>| {
        let entries: std::collections::BTreeMap<_, _> = data.iter().collect();
        json!(entries).to_string()
    };
    let mut data = serde_json::Map::new();
    if let Some(kind) = evaluation.device_type.as_deref() {
        data.insert("device_type".to_owned(), json!(kind));
    }
    compare(
        "additional_data",
        expect.additional_data.as_ref().map(sorted),
        sorted(&data),
    );
    failures
}

/// Reasons as a set, in JSON.
fn set(reasons: Option<&Vec<String>>) -> Option<String> {
    let reasons: BTreeSet<&String> = reasons?.iter().collect();
    Some(json!(reasons).to_string())
}

fn names(reasons: Reasons) -> String {
    let names: BTreeSet<&str> = reasons.iter().map(portcullis_policy::Reason::name).collect();
    json!(names).to_string()
}
