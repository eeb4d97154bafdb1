//! Policies and requests to decide by them.
//!
//! ```text
//! 1a70f3…                one character for each choice that the request leaves; after the end, `0`
//! allow: …               the rest is the policy; the request takes its values from the policy's words
//! ```

mod request;

use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Outcome, Program, compile, evaluate, explain, parse};

use request::Request;

/// Decides and explains. Neither panics, both come to the same, a program that
/// was kept decides as before, and what lets through has an allow rule that
/// holds and no deny rule.
pub fn policy_decision(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let (choices, policy) = text.split_once('\n').unwrap_or_default();
    let Ok(Some(node)) = parse_yaml(policy, &Limits::default()) else {
        return;
    };
    let Some(program) = parse(&node).ok().and_then(|policy| compile(&policy).ok()) else {
        return;
    };
    let request = Request::new(choices, policy);
    let input = request.input();

    let evaluation = evaluate(&program, &input);
    let trace = explain(&program, &input);
    assert_eq!(trace.evaluation, evaluation, "explained otherwise than decided");
    assert!(!trace.to_string().is_empty());
    let decided = trace.evaluation.decided_by;
    assert!(
        trace.deciding_step().is_none_or(|step| {
            decided.is_some_and(|path| path.rule == step.path.rule && path.operator == step.path.operator)
        }),
        "another step than the one that decided"
    );

    let kept = serde_json::to_vec(&program).unwrap_or_default();
    let decoded = serde_json::from_slice::<Program>(&kept).ok();
    let again = decoded.map(|program| evaluate(&program, &input));
    assert_eq!(again.as_ref(), Some(&evaluation), "decided otherwise once kept");

    let through = matches!(evaluation.outcome, Outcome::Allow(_));
    assert!(!through || (evaluation.allow.value && !evaluation.deny.value));
    assert_eq!(
        through,
        evaluation.refusal().is_none() && !matches!(evaluation.outcome, Outcome::Challenge(_))
    );
}
