//! Runs the vectors.

use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Outcome, Policy, PolicyError, compile, evaluate, explain, parse};

use crate::record::{FIRST_LIGHT, LATER, Vector, claims, load};

/// How many vectors the files hold. One that is lost would pass in silence.
const FIRST_LIGHT_COUNT: usize = 160;
const LATER_COUNT: usize = 105;

fn parse_text(text: &str) -> Result<Policy, Vec<PolicyError>> {
    let node = parse_yaml(text, &Limits::default())
        .expect("legal YAML")
        .expect("a document");
    parse(&node)
}

fn check(vector: &Vector) {
    let id = &vector.id;
    if let Some(stage) = &vector.expect.error_stage {
        let text = vector.policy.as_deref().expect("a policy to refuse");
        if stage == "yaml" {
            assert!(
                parse_yaml(text, &Limits::default()).is_err(),
                "{id}: the document is refused"
            );
        } else {
            let errors = parse_text(text).expect_err(id);
            assert_eq!(
                Some(errors[0].code),
                vector.expect.code.as_deref(),
                "{id}: {errors:?}"
            );
        }
        return;
    }
    let document = vector.policy.as_deref().map(|text| parse_text(text).expect(id));
    let policy = match &vector.route {
        Some(route) => Policy::from_route(&route.legacy(), document.as_ref()),
        None => document.expect("a policy or route fields"),
    };
    let program = compile(&policy).expect(id);

    let subject = vector.subject();
    let claims = subject
        .as_ref()
        .map(|subject| claims(&subject.claims))
        .unwrap_or_default();
    let input = vector.input(subject.as_ref().map(|subject| subject.borrow(&claims)));
    let evaluation = evaluate(&program, &input);
    let found = (
        evaluation.allow.value,
        evaluation.deny.value,
        evaluation
            .allow
            .reasons
            .iter()
            .map(|reason| reason.name())
            .collect::<Vec<_>>(),
        evaluation
            .deny
            .reasons
            .iter()
            .map(|reason| reason.name())
            .collect::<Vec<_>>(),
        match &evaluation.outcome {
            Outcome::Deny(_) => "deny:403",
            _ => evaluation.outcome_name(),
        },
    );
    let expect = &vector.expect;
    let expected = (
        expect.allow.expect("an allow value"),
        expect.deny.expect("a deny value"),
        &expect.allow_reasons,
        &expect.deny_reasons,
        expect.outcome.as_deref().expect("an outcome"),
    );
    assert_eq!(
        format!("{found:?}"),
        format!("{expected:?}"),
        "{id}: {}",
        vector.note
    );
    assert_eq!(
        explain(&program, &input).evaluation,
        evaluation,
        "{id}: explained as decided"
    );

    // What travels to another process decides the same.
    let text = serde_json::to_string(&program).expect("programs serialise");
    let travelled = serde_json::from_str(&text).expect(id);
    assert_eq!(program, travelled, "{id}");
    assert_eq!(evaluate(&travelled, &input), evaluation, "{id}: after travelling");
}

#[test]
fn first_light() {
    let vectors: Vec<Vector> = load(FIRST_LIGHT);
    assert_eq!(vectors.len(), FIRST_LIGHT_COUNT);
    for vector in &vectors {
        check(vector);
    }
    for vector in vectors.iter().filter(|vector| vector.deviation) {
        assert_ne!(vector.expect.outcome, vector.pomerium_outcome, "{}", vector.id);
    }
}

#[test]
fn later() {
    let mut vectors: Vec<Vector> = load(LATER);
    assert_eq!(vectors.len(), LATER_COUNT);
    for vector in &vectors {
        let parsed = vector.policy.as_deref().map(parse_text);
        match vector.reason.as_deref().expect("a reason") {
            "criterion_unsupported" => {
                let errors = parsed.expect("a policy").expect_err(&vector.id);
                let refused: Vec<_> = errors
                    .iter()
                    .filter(|error| error.code == "policy_criterion_unsupported")
                    .collect();
                for name in &vector.criteria {
                    let named = format!("`{name}`");
                    assert!(
                        refused.iter().any(|error| error.message.contains(&named)),
                        "{}: {errors:?}",
                        vector.id
                    );
                }
                assert!(!vector.criteria.is_empty(), "{} names a criterion", vector.id);
                assert_eq!(
                    refused.len(),
                    errors.len(),
                    "{}: refused for that alone",
                    vector.id
                );
            }
            // Both load; what they lack is not in the policy.
            "client_certificate_authority" | "claims_are_stored_flat" => {
                assert!(parsed.is_none_or(|parsed| parsed.is_ok()), "{}", vector.id);
            }
            other => panic!("{}: unknown reason `{other}`", vector.id),
        }
    }

    // No id twice, in one file or in both.
    vectors.extend(load(FIRST_LIGHT));
    vectors.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(vectors.is_sorted_by(|a, b| a.id < b.id));
}
