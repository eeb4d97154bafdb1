//! How a decision came about, for people: rules, their operators, their
//! criteria.

mod describe;
mod print;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::HashMap;

use portcullis_document::Span;

use crate::ast::Action;
use crate::evaluate::{Evaluation, Finding, NodePath, Observer, run};
use crate::input::Input;
use crate::plan::Leaf;
use crate::program::Program;
use crate::reason::{Reason, Reasons};

/// Decides a request and writes down every criterion on the way. The evaluation
/// is the one that [`evaluate`](crate::evaluate()) gives, by the same code; only
/// that nothing is skipped.
#[must_use]
pub fn explain(program: &Program, input: &Input<'_>) -> Trace {
    let mut recorder = Recorder::default();
    let evaluation = run(program, input, &mut recorder);
    let (rules, omitted) = tree::rules(program, input, &recorder.findings, evaluation.decided_by);
    Trace {
        evaluation,
        rules,
        omitted,
    }
}

/// A decision and how it came about. It holds values of the request and the
/// session: show it only to whoever may see those. Its size is bounded, whatever
/// the policy; what decided is always in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The decision.
    pub evaluation: Evaluation,
    /// The rules, in the order of the policy.
    pub rules: Vec<RuleTrace>,
    /// How many more rules there are.
    pub omitted: usize,
}

/// One rule with something to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// What the rule does when it holds.
    pub action: Action,
    /// Which rule of the policy, as in [`NodePath::rule`].
    pub rule: u32,
    /// Whether it holds: whether one of its operators does.
    pub value: bool,
    /// Whether something in it decided.
    pub decided: bool,
    /// Its operators.
    pub blocks: Vec<BlockTrace>,
}

/// One operator of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTrace {
    /// Where it stands in the policy.
    pub path: NodePath,
    /// Where it stands in its file, if that is known.
    pub span: Option<Span>,
    /// Whether it holds.
    pub value: bool,
    /// The reasons for that.
    pub reasons: Reasons,
    /// Whether it, or something in it, decided.
    pub decided: bool,
    /// Its criteria.
    pub steps: Vec<Step>,
    /// How many more criteria there are.
    pub omitted: usize,
}

/// One criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the policy.
    pub path: NodePath,
    /// Where it stands in its file, if that is known.
    pub span: Option<Span>,
    /// What it asks, such as `email is "a@example.com"`, shortened.
    pub condition: String,
    /// What the request or session has there, shortened; `None` when the
    /// criterion looks at nothing or nothing is there.
    pub seen: Option<String>,
    /// Whether the criterion holds; `None` when that cannot be told.
    pub holds: Option<bool>,
    /// What counts after the operator's inversion.
    pub value: bool,
    /// The reason that it gives.
    pub reason: Reason,
    /// Whether it decided.
    pub decided: bool,
}

impl Trace {
    /// Every criterion, in the order of the policy.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.rules
            .iter()
            .flat_map(|rule| &rule.blocks)
            .flat_map(|block| &block.steps)
    }

    /// The criterion that decided; `None` when a whole operator did, or nothing.
    #[must_use]
    pub fn deciding_step(&self) -> Option<&Step> {
        self.steps().find(|step| step.decided)
    }
}

/// What the interpreter found, by criterion. Criteria that one look-up answered
/// are not in here: it found one of them at most.
#[derive(Default)]
struct Recorder {
    findings: HashMap<NodePath, Finding>,
}

impl Observer for Recorder {
    const EXHAUSTIVE: bool = true;

    fn leaf(&mut self, leaf: &Leaf, finding: Finding) {
        if leaf.probe.is_single() {
            self.findings.insert(leaf.at, finding);
        }
    }
}
