use super::{Verdict, Words};
use crate::fixture::documents::{Refusal, hold};

#[test]
fn the_document_holds_every_refusal_of_a_check() {
    let refusals = Verdict::ALL.into_iter().filter(|verdict| verdict.status() >= 400);
    let mut refusals: Vec<Refusal<'_>> = refusals
        .map(|verdict| {
            let words = Words::of(verdict);
            Refusal {
                code: verdict.name(),
                status: verdict.status(),
                title: words.title,
                message: words.message,
                next_step: words.next_step,
            }
        })
        .collect();
    hold("refusals of checks", &mut refusals);
}

#[test]
fn only_what_may_pass_by_itself_is_tried_again() {
    // The others are none.
    let refusals = Verdict::ALL.into_iter().filter(|verdict| verdict.status() >= 400);
    for verdict in refusals {
        let words = Words::of(verdict);
        let again = words.link.is_some_and(|link| link.label == "Try again");
        assert_eq!(
            again,
            words.next_step.starts_with("Try again"),
            "{}",
            verdict.name()
        );
    }
}
