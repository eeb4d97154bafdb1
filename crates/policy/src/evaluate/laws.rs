//! What holds of every decision, for arbitrary policies and requests.

use proptest::prelude::*;

use super::{Evaluation, Finding, Observer, Outcome, evaluate, run};
use crate::arbitrary::{Request, condition, of_rules, policy, request, rule, rule_of};
use crate::ast::{Action, Condition, ListClause, Operator, Rule};
use crate::plan::Leaf;
use crate::reason::Reason;
use crate::{Policy, Program, compile, explain};

const fn allowed(evaluation: &Evaluation) -> bool {
    matches!(evaluation.outcome, Outcome::Allow(_))
}

fn decide(policy: &Policy, request: &Request) -> Evaluation {
    evaluate(&compile(policy).unwrap(), &request.input())
}

/// The same policy with one more rule.
fn plus(policy: &Policy, rule: Rule) -> Policy {
    let mut more = policy.clone();
    more.rules.push(rule);
    more
}

/// Criteria that only what is there can meet, no absence.
fn positive() -> impl Strategy<Value = Condition> {
    condition().prop_filter("positive", |condition| match condition {
        Condition::Claim { clauses, .. } | Condition::Groups(clauses) => {
            clauses.iter().all(|clause| matches!(clause, ListClause::Has(_)))
        }
        _ => true,
    })
}

/// Allow rules of `and` and `or` only.
fn positive_policy() -> impl Strategy<Value = Policy> {
    let rule = rule_of(Just(Action::Allow), positive()).prop_map(|mut rule| {
        rule.blocks
            .retain(|block| matches!(block.operator, Operator::And | Operator::Or));
        rule
    });
    prop::collection::vec(rule, 0..5).prop_map(of_rules)
}

/// What a decision says but for the place and the device, which are those of the
/// first and the last among equals.
fn said(evaluation: &Evaluation) -> impl PartialEq + core::fmt::Debug + use<> {
    (
        evaluation.allow,
        evaluation.deny,
        evaluation.outcome.clone(),
        evaluation.refusal,
    )
}

/// Sees whether every leaf keeps to the reasons that its plan says it can give,
/// on which skipping rests.
struct Auditor {
    strays: Vec<(Finding, crate::NodePath)>,
}

impl Observer for Auditor {
    const EXHAUSTIVE: bool = true;

    fn leaf(&mut self, leaf: &Leaf, finding: Finding) {
        let value = finding
            .holds
            .map_or(leaf.at.action == Action::Deny, |holds| holds != leaf.inverted);
        let possible = if value { leaf.when_true } else { leaf.when_false };
        if !possible.contains(finding.reason) {
            self.strays.push((finding, leaf.at));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_deny_rule_never_lets_anybody_in(
        policy in policy(), deny in rule(Just(Action::Deny)), request in request(),
    ) {
        let before = decide(&policy, &request);
        let after = decide(&plus(&policy, deny), &request);
        prop_assert!(allowed(&before) || !allowed(&after));
        prop_assert_eq!(before.allow, after.allow);
    }

    #[test]
    fn every_leaf_keeps_to_the_reasons_of_its_plan(policy in policy(), request in request()) {
        let mut auditor = Auditor { strays: Vec::new() };
        let _ = run(&compile(&policy).unwrap(), &request.input(), &mut auditor);
        prop_assert!(auditor.strays.is_empty(), "{:?}", auditor.strays);
    }

    #[test]
    fn an_explanation_is_the_decision(policy in policy(), request in request()) {
        let program = compile(&policy).unwrap();
        let evaluation = evaluate(&program, &request.input());
        let trace = explain(&program, &request.input());
        prop_assert_eq!(&trace.evaluation, &evaluation);
        // Allowed only by the two verdicts, and only where nothing asks for more.
        let asks = |reason| evaluation.allow.reasons.contains(reason) || evaluation.deny.reasons.contains(reason);
        let more = asks(Reason::UserUnauthenticated) || asks(Reason::DeviceUnauthenticated);
        let certificate = evaluation.deny.reasons.contains(Reason::ClientCertificateRequired)
            || evaluation.deny.reasons.contains(Reason::InvalidClientCertificate);
        prop_assert_eq!(
            allowed(&evaluation),
            evaluation.allow.value && !evaluation.deny.value && !more && !certificate
        );
        // There is a deciding place if there is anything to decide, and the tree shows it.
        let allows = policy.rules.iter().filter(|rule| rule.action == Action::Allow);
        let nothing = allows.flat_map(|rule| &rule.blocks).all(|block| block.criteria.is_empty());
        prop_assert!(evaluation.decided_by.is_some() || nothing);
        prop_assert!(evaluation.decided_by.is_none() || !policy.is_empty());
        if let Some(path) = evaluation.decided_by {
            prop_assert_eq!(trace.deciding_step().map(|step| step.path), path.criterion.map(|_| path));
            let marked = trace.rules.iter().flat_map(|rule| &rule.blocks).filter(|block| block.decided);
            prop_assert_eq!(marked.count(), 1);
        }
        // The rules of the tree add up to the verdicts.
        for (action, verdict) in [(Action::Allow, evaluation.allow), (Action::Deny, evaluation.deny)] {
            let rules = trace.rules.iter().filter(|rule| rule.action == action);
            prop_assert_eq!(rules.clone().any(|rule| rule.value), verdict.value);
            let reasons = rules
                .flat_map(|rule| &rule.blocks)
                .filter(|block| block.value == verdict.value)
                .fold(crate::Reasons::EMPTY, |all, block| all.union(block.reasons));
            prop_assert_eq!(reasons, verdict.reasons);
        }
    }

    #[test]
    fn nothing_about_a_session_passes_without_one(policy in policy(), request in request()) {
        let request = Request { session: None, ..request };
        let about = [
            "authenticated_user", "user ", "email ", "domain ", "claim/", "groups ", "device",
            "ssh_username_matches",
        ];
        for step in explain(&compile(&policy).unwrap(), &request.input()).steps() {
            if about.iter().any(|name| step.condition.starts_with(name)) {
                prop_assert_eq!(step.reason, Reason::UserUnauthenticated, "{}", step);
                prop_assert_eq!(step.holds, Some(false));
            }
        }
    }

    #[test]
    fn not_knowing_never_permits_more_than_knowing(policy in policy(), request in request()) {
        let unknown = decide(&policy, &Request { source_ip: None, ..request.clone() });
        for ip in ["10.0.0.1", "10.9.0.1", "2001:db8::1", "192.0.2.1"] {
            let known = decide(&policy, &Request { source_ip: ip.parse().ok(), ..request.clone() });
            prop_assert!(known.allow.value || !unknown.allow.value);
            prop_assert!(unknown.deny.value || !known.deny.value);
        }
    }

    #[test]
    fn a_claim_less_never_lets_anybody_in(policy in positive_policy(), request in request(), which in any::<prop::sample::Index>()) {
        let before = decide(&policy, &request);
        let mut less = request.clone();
        if let Some(person) = &mut less.session {
            let claims: Vec<_> = person.claims.iter().map(|(name, values)| (name.to_owned(), values.to_vec())).collect();
            prop_assume!(!claims.is_empty());
            let gone = which.index(claims.len());
            person.claims = claims.into_iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, claim)| claim).collect();
        }
        let after = decide(&policy, &less);
        prop_assert!(allowed(&before) || !allowed(&after));
        prop_assert!(before.allow.value || !after.allow.value);
    }

    #[test]
    fn the_order_of_rules_and_criteria_does_not_matter(
        policy in policy(), request in request(), seed in any::<u64>(),
    ) {
        let mut other = policy.clone();
        let mut state = seed;
        let mut shuffle = |length: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % length.max(1)
        };
        let middle = shuffle(other.rules.len());
        other.rules.rotate_left(middle);
        for block in other.rules.iter_mut().flat_map(|rule| &mut rule.blocks) {
            let middle = shuffle(block.criteria.len());
            block.criteria.rotate_left(middle);
            for criterion in &mut block.criteria {
                if let Condition::Text { clauses, .. } = &mut criterion.condition {
                    clauses.reverse();
                    for clause in clauses {
                        if let crate::ast::TextClause::In(values) | crate::ast::TextClause::NotIn(values) = clause {
                            values.reverse();
                        }
                    }
                }
            }
        }
        prop_assert_eq!(said(&decide(&policy, &request)), said(&decide(&other, &request)));
    }

    /// A program from elsewhere may hold what no policy compiles to: no criteria,
    /// rules of one number, or out of order. It decides, and explains what it decides.
    #[test]
    fn programs_from_elsewhere_decide_too(
        policy in policy(), request in request(), seed in any::<u64>(),
    ) {
        let mut content = serde_json::to_value(compile(&policy).unwrap()).unwrap();
        let mut state = seed;
        for action in ["allow", "deny"] {
            for term in content[action].as_array_mut().unwrap() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                term["rule"] = (state >> 62).into();
                if state & (1 << 40) == 0 {
                    term["criteria"] = serde_json::json!([]);
                }
                if state & (1 << 41) == 0 {
                    term["operator"] = "and".into();
                }
            }
        }
        let program: Program = serde_json::from_value(content).unwrap();
        let evaluation = evaluate(&program, &request.input());
        let trace = explain(&program, &request.input());
        prop_assert_eq!(&trace.evaluation, &evaluation);
        prop_assert!(!trace.to_string().is_empty());
    }

    /// What travels decides the same, and the same again.
    #[test]
    fn programs_travel_unchanged(policy in policy(), request in request()) {
        let program = compile(&policy).unwrap();
        let travelled: Program = serde_json::from_str(&serde_json::to_string(&program).unwrap()).unwrap();
        prop_assert_eq!(&travelled, &program);
        prop_assert_eq!(evaluate(&travelled, &request.input()), evaluate(&program, &request.input()));
    }
}
