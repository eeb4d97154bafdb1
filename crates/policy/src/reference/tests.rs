use proptest::prelude::*;

use super::decide;
use crate::arbitrary::{policy, request};
use crate::{Evaluation, Reason, compile, evaluate, explain};

/// The outcome as the reference names it.
fn named(evaluation: &Evaluation) -> String {
    match evaluation.refusal() {
        Some(refusal) => format!("deny:{refusal}"),
        None => evaluation.outcome_name().to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn the_engine_decides_as_the_specification_reads(policy in policy(), request in request()) {
        let input = request.input();
        let wanted = decide(&policy, &input);
        let program = compile(&policy).unwrap();
        for got in [evaluate(&program, &input), explain(&program, &input).evaluation] {
            prop_assert_eq!(&named(&got), &wanted.outcome);
            for (got, wanted) in [(got.allow, &wanted.allow), (got.deny, &wanted.deny)] {
                prop_assert_eq!(got.value, wanted.value);
                let reasons: Vec<_> = got.reasons.iter().map(Reason::name).collect();
                prop_assert_eq!(reasons, wanted.reasons.iter().copied().collect::<Vec<_>>());
            }
            let device_type = wanted.deny.device_type.as_ref().or(wanted.allow.device_type.as_ref());
            prop_assert_eq!(got.device_type.as_deref(), device_type.map(String::as_str));
        }
    }
}
