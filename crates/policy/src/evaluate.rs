//! The interpreter. The reasons of a result are those of all members that
//! brought it about, so it looks at every criterion that can still contribute
//! one, and at no other; it allocates nothing.

mod answer;
mod check;
#[cfg(test)]
mod laws;
mod outcome;
mod refusal;
mod side;
#[cfg(test)]
mod tests;

pub use crate::program::NodePath;
pub use outcome::{Allowed, Challenge, Evaluation, Outcome, Verdict};
pub use refusal::Refusal;

pub(crate) use check::{Finding, Seen, check, claim, record_keys};

use crate::ast::Action;
use crate::input::Input;
use crate::plan::{Alternative, Conjunction, Leaf};
use crate::program::Program;
use crate::reason::{Reason, Reasons};
use answer::Known;
use side::{Part, Side};

/// Decides a request. Total: any program and any input give an evaluation, and
/// what cannot be decided counts against the request.
#[must_use]
pub fn evaluate(program: &Program, input: &Input<'_>) -> Evaluation {
    run(program, input, &mut Silent)
}

/// Sees what the interpreter does.
pub(crate) trait Observer {
    /// Whether everything is to be looked at, whether it can still contribute or
    /// not.
    const EXHAUSTIVE: bool;

    /// A leaf was looked at.
    fn leaf(&mut self, leaf: &Leaf, finding: Finding);
}

/// Sees nothing and costs nothing.
struct Silent;

impl Observer for Silent {
    const EXHAUSTIVE: bool = false;

    fn leaf(&mut self, _: &Leaf, _: Finding) {}
}

/// The one interpreter behind [`evaluate`] and [`explain`](crate::explain).
pub(crate) fn run<O: Observer>(program: &Program, input: &Input<'_>, observer: &mut O) -> Evaluation {
    let plan = program.plan();
    let mut machine = Machine {
        known: Known::new(input),
        observer,
    };
    let allow = machine.action(Action::Allow, &plan.allow);
    let deny = machine.action(Action::Deny, &plan.deny);
    outcome::decide(&allow, &deny, input)
}

struct Machine<'p, 'a, 'o, O> {
    known: Known<'p, 'a>,
    observer: &'o mut O,
}

impl<'p, O: Observer> Machine<'p, '_, '_, O> {
    /// One alternative suffices. Without any, an action is false for no reason.
    fn action(&mut self, action: Action, alternatives: &'p [Alternative]) -> Part<'p> {
        let (mut passed, mut failed) = (Side::default(), Side::default());
        for alternative in alternatives {
            match alternative {
                Alternative::One(leaf) => {
                    // Once one holds, those that fail no longer matter.
                    if !O::EXHAUSTIVE
                        && passed.decides()
                        && !passed.lacks(leaf.when_true, leaf.device.is_some())
                    {
                        continue;
                    }
                    self.leaf(action, leaf, &mut passed, &mut failed);
                }
                Alternative::All(all) => {
                    if !O::EXHAUSTIVE && passed.decides() && !passed.lacks(all.when_true, all.devices) {
                        continue;
                    }
                    let part = self.conjunction(action, all, passed.decides());
                    let side = if part.value { &mut passed } else { &mut failed };
                    side.merge(&part.side);
                }
            }
        }
        let value = passed.decides();
        Part {
            value,
            side: if value { passed } else { failed },
        }
    }

    /// All leaves must be true. If it matters only whether they are, the first
    /// that is not ends it.
    fn conjunction(&mut self, action: Action, all: &'p Conjunction, only_if_true: bool) -> Part<'p> {
        let (mut passed, mut failed) = (Side::default(), Side::default());
        for leaf in &all.leaves {
            if !O::EXHAUSTIVE
                && failed.decides()
                && (only_if_true || !failed.lacks(leaf.when_false, leaf.device.is_some()))
            {
                continue;
            }
            self.leaf(action, leaf, &mut passed, &mut failed);
        }
        let value = !failed.decides();
        if value {
            // It took all of them.
            passed.name(&all.at);
        }
        Part {
            value,
            side: if value { passed } else { failed },
        }
    }

    fn leaf(&mut self, action: Action, leaf: &'p Leaf, passed: &mut Side<'p>, failed: &mut Side<'p>) {
        let (finding, hit) = self.known.answer(&leaf.probe);
        self.observer.leaf(leaf, finding);
        let value = match finding.holds {
            Some(holds) => holds != leaf.inverted,
            // Against the request, also beneath `not`: a deny holds, an allow fails.
            None => action == Action::Deny,
        };
        let at = hit.unwrap_or(&leaf.at);
        let side = if value { passed } else { failed };
        side.add(at, Reasons::of(finding.reason), leaf.device.as_ref());
        if finding.reason == Reason::UserUnauthenticated {
            side.ask_for_login(at);
        }
    }
}
