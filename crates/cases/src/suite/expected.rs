//! What came out, held against what was expected.

use portcullis_policy::{Evaluation, Reasons};

use crate::case_file::Then;
use crate::verdict::Outcome;

/// What came out of a case.
pub(super) struct Got {
    pub(super) outcome: Outcome,
    /// The route's name or `from`.
    pub(super) route: Option<String>,
    /// The code of the error for which a policy is refused.
    pub(super) code: Option<String>,
    /// The decision, if there was one.
    pub(super) evaluation: Option<Evaluation>,
}

/// Every field that is not as expected.
pub(super) fn differences(then: &Then, got: &Got) -> Vec<String> {
    let Then {
        outcome,
        status,
        allow,
        deny,
        reasons,
        allow_reasons,
        deny_reasons,
        decided_by,
        route,
        device_type,
        code,
    } = then;
    let mut found = Vec::new();
    let mut compare = |field: &str, expected: Option<String>, got: Option<String>| {
        if expected.is_some() && expected != got {
            let expected = expected.unwrap_or_default();
            let got = got.unwrap_or_else(|| "nothing".to_owned());
            found.push(format!("{field}: expected {expected}, got {got}"));
        }
    };
    if let Some(wanted) = outcome.filter(|wanted| !wanted.fits(got.outcome)) {
        compare("outcome", Some(wanted.to_string()), Some(got.outcome.to_string()));
    }
    let text = |value: Option<u16>| value.map(|value| value.to_string());
    compare("status", text(*status), text(got.outcome.status()));
    compare("route", route.clone(), got.route.clone());
    compare("code", code.clone(), got.code.clone());

    let evaluation = got.evaluation.as_ref();
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    compare("allow", flag(*allow), flag(evaluation.map(|of| of.allow.value)));
    compare("deny", flag(*deny), flag(evaluation.map(|of| of.deny.value)));
    let (allowing, denying) = (
        evaluation.map(|of| of.allow.reasons),
        evaluation.map(|of| of.deny.reasons),
    );
    let all = allowing.zip(denying).map(|(allow, deny)| allow.union(deny));
    compare("reasons", listed(reasons.as_deref()), named(all));
    compare("allow_reasons", listed(allow_reasons.as_deref()), named(allowing));
    compare("deny_reasons", listed(deny_reasons.as_deref()), named(denying));
    let decided = evaluation.and_then(|of| of.decided_by);
    compare(
        "decided_by",
        decided_by.clone(),
        decided.map(|path| path.to_string()),
    );
    let device = evaluation.and_then(|of| of.device_type.as_deref().map(str::to_owned));
    compare("device_type", device_type.clone(), device);
    found
}

fn listed(reasons: Option<&[String]>) -> Option<String> {
    reasons.map(|reasons| format!("[{}]", reasons.join(", ")))
}

fn named(reasons: Option<Reasons>) -> Option<String> {
    let names = reasons?.iter().map(portcullis_policy::Reason::name);
    Some(format!("[{}]", names.collect::<Vec<_>>().join(", ")))
}
