//! The interpreter. It looks at every criterion, since the reasons of a result
//! are those of all members that brought it about, and allocates nothing.

mod check;
mod fold;
mod outcome;
#[cfg(test)]
mod tests;

pub use crate::program::NodePath;
pub use outcome::{Allowed, Challenge, Evaluation, Outcome, Verdict};

pub(crate) use check::{Finding, Seen};

use crate::ast::Action;
use crate::input::Input;
use crate::program::{Member, Program, Term};
use crate::reason::{Reason, Reasons};
use check::check;
use fold::{Fold, Part};

/// Decides a request. Total: any program and any input give an evaluation, and
/// what cannot be decided counts against the request.
#[must_use]
pub fn evaluate(program: &Program, input: &Input<'_>) -> Evaluation {
    run(program, input, &mut Silent)
}

/// Sees what the interpreter does.
pub(crate) trait Observer {
    /// A member was looked at; `value` is what counts after inversion.
    fn member(&mut self, path: NodePath, member: &Member, finding: Finding, value: bool);
}

/// Sees nothing and costs nothing.
struct Silent;

impl Observer for Silent {
    fn member(&mut self, _: NodePath, _: &Member, _: Finding, _: bool) {}
}

/// The one interpreter behind [`evaluate`] and [`explain`](crate::explain).
pub(crate) fn run(program: &Program, input: &Input<'_>, observer: &mut impl Observer) -> Evaluation {
    let allow = action(program, Action::Allow, input, observer);
    let deny = action(program, Action::Deny, input, observer);
    outcome::decide(&allow, &deny)
}

/// The terms of an action are alternatives. Without any, it is false for no
/// reason.
fn action(program: &Program, action: Action, input: &Input<'_>, observer: &mut impl Observer) -> Part {
    let mut fold = Fold::default();
    for term in program.terms(action) {
        fold.add(&block(action, term, input, observer));
    }
    fold.any(None)
}

fn block(action: Action, term: &Term, input: &Input<'_>, observer: &mut impl Observer) -> Part {
    let whole = NodePath {
        action,
        rule: term.rule,
        operator: term.operator,
        criterion: None,
    };
    let mut fold = Fold::default();
    for member in &term.members {
        let finding = check(&member.test, member.at, input);
        let value = match finding.holds {
            Some(holds) => holds != term.operator.inverts(),
            // Against the request, also beneath `not`: a deny holds, an allow fails.
            None => action == Action::Deny,
        };
        let path = NodePath {
            criterion: finding.at,
            ..whole
        };
        observer.member(path, member, finding, value);
        let login = (finding.reason == Reason::UserUnauthenticated).then_some(path);
        fold.add(&Part {
            value,
            reasons: Reasons::of(finding.reason),
            decided_by: Some(path),
            login,
        });
    }
    if term.operator.any() {
        fold.any(Some(whole))
    } else {
        fold.all(Some(whole))
    }
}
