//! The tree of a trace, from what the interpreter found.

use std::collections::HashMap;

use super::describe::{condition, seen};
use super::{BlockTrace, RuleTrace, Step};
use crate::ast::Action;
use crate::evaluate::{Finding, NodePath, check};
use crate::input::Input;
use crate::program::{Program, Term};
use crate::reason::Reasons;

/// This many rules are shown, and beyond them only those that hold or decided.
const MAX_RULES: usize = 1_000;
/// This many criteria of an operator are shown, and beyond them only those that
/// can be told apart from the rest.
const MAX_STEPS: usize = 100;
/// And never more than this many.
const MAX_TOLD_APART: usize = 200;

/// The rules, and how many were left out.
pub(super) fn rules(
    program: &Program,
    input: &Input<'_>,
    findings: &HashMap<NodePath, Finding>,
    decided_by: Option<NodePath>,
) -> (Vec<RuleTrace>, usize) {
    let teller = Teller {
        program,
        input,
        findings,
        decided_by,
    };
    let mut rules: Vec<RuleTrace> = Vec::new();
    let mut omitted = 0;
    for action in [Action::Allow, Action::Deny] {
        // The terms of a rule stand together.
        for terms in program.tree().terms(action).chunk_by(|a, b| a.rule == b.rule) {
            let rule = teller.rule(action, terms);
            if rules.len() < MAX_RULES || rule.decided || (rule.value && rules.len() < 2 * MAX_RULES) {
                rules.push(rule);
            } else {
                omitted += 1;
            }
        }
    }
    rules.sort_by_key(|rule| rule.rule);
    (rules, omitted)
}

struct Teller<'a> {
    program: &'a Program,
    input: &'a Input<'a>,
    findings: &'a HashMap<NodePath, Finding>,
    decided_by: Option<NodePath>,
}

impl Teller<'_> {
    fn rule(&self, action: Action, terms: &[Term]) -> RuleTrace {
        let blocks: Vec<_> = terms.iter().map(|term| self.block(action, term)).collect();
        RuleTrace {
            action,
            rule: terms.first().map_or(0, |term| term.rule),
            value: blocks.iter().any(|block| block.value),
            decided: blocks.iter().any(|block| block.decided),
            blocks,
        }
    }

    fn block(&self, action: Action, term: &Term) -> BlockTrace {
        let path = term.path(action, None);
        let mut block = BlockTrace {
            path,
            span: self.program.span(path),
            value: false,
            reasons: Reasons::EMPTY,
            decided: self.decided_by == Some(path),
            steps: Vec::new(),
            omitted: 0,
        };
        // The reasons of the criteria that are true, and of those that are false.
        let (mut passed, mut failed) = (Reasons::EMPTY, Reasons::EMPTY);
        for (criterion, at) in term.criteria.iter().zip(0_u32..) {
            let path = term.path(action, Some(at));
            let finding = self.findings.get(&path).copied();
            let finding = finding.unwrap_or_else(|| check(&criterion.0, self.input));
            let value = match finding.holds {
                Some(holds) => holds != term.operator.inverts(),
                None => action == Action::Deny,
            };
            let side = if value { &mut passed } else { &mut failed };
            *side = side.union(Reasons::of(finding.reason));
            let decided = self.decided_by == Some(path);
            block.decided |= decided;
            let shown = block.steps.len();
            let told_apart = finding.holds != Some(false) && shown < MAX_TOLD_APART;
            if shown < MAX_STEPS || told_apart || decided {
                block.steps.push(Step {
                    path,
                    span: self.program.span(path),
                    condition: condition(&criterion.0),
                    seen: seen(&criterion.0, self.input),
                    holds: finding.holds,
                    value,
                    reason: finding.reason,
                    decided,
                });
            } else {
                block.omitted += 1;
            }
        }
        (block.value, block.reasons) = if term.operator.any() {
            let value = !passed.is_empty();
            (value, if value { passed } else { failed })
        } else {
            let value = failed.is_empty();
            (value, if value { passed } else { failed })
        };
        block
    }
}
