//! What the cases have exercised.

use core::fmt;
use std::collections::BTreeMap;

use portcullis_policy::{NodePath, Trace};

use crate::configured::Place;
use crate::suite::Subject;
use crate::trace_text::one_line;

/// Of each policy that cases ask: which rules held, and which criteria were seen to
/// hold and to fail. Counted are the routes of configurations, and policies that a
/// file gives for all its cases.
#[derive(Debug, Default)]
pub struct Coverage {
    policies: BTreeMap<Place, Policy>,
}

#[derive(Debug, Default)]
struct Policy {
    /// The route's name; `None` for a policy of a file of cases.
    route: Option<String>,
    /// Whether a case has asked it.
    asked: bool,
    /// Rules by their name: where they stand, and whether they held.
    rules: BTreeMap<String, (Option<Place>, bool)>,
    criteria: BTreeMap<NodePath, Criterion>,
}

#[derive(Debug, Default)]
struct Criterion {
    condition: String,
    place: Option<Place>,
    held: bool,
    failed: bool,
}

impl Coverage {
    /// A route that cases could ask.
    pub(crate) fn expect(&mut self, subject: &Subject) {
        let policy = self.policies.entry(subject.place.clone()).or_default();
        policy.route.clone_from(&subject.route);
    }

    /// A case whose request met what has no decision.
    pub(crate) fn asked(&mut self, subject: &Subject) {
        if let Some(policy) = self.policies.get_mut(&subject.place) {
            policy.asked = true;
        }
    }

    /// A decision of a case.
    pub(crate) fn add(&mut self, subject: &Subject, trace: &Trace) {
        self.expect(subject);
        let Some(policy) = self.policies.get_mut(&subject.place) else {
            return;
        };
        policy.asked = true;
        for rule in &trace.rules {
            let name = format!("{}[{}]", rule.action.name(), rule.rule);
            let span = rule.blocks.first().and_then(|block| block.span);
            let (_, held) = policy
                .rules
                .entry(name)
                .or_insert_with(|| (span.map(|span| subject.place_of(span)), false));
            *held |= rule.value;
        }
        for step in trace.steps() {
            let criterion = policy.criteria.entry(step.path).or_insert_with(|| Criterion {
                condition: step.condition.clone(),
                place: step.span.map(|span| subject.place_of(span)),
                ..Criterion::default()
            });
            criterion.held |= step.holds == Some(true);
            criterion.failed |= step.holds == Some(false);
        }
    }
}

/// A line for each thing that was not exercised, then one that counts; nothing where
/// there is nothing to count.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.policies.is_empty() {
            return Ok(());
        }
        let (mut rules, mut criteria, mut met, mut held) = (0_usize, 0_usize, 0_usize, 0_usize);
        for (place, policy) in &self.policies {
            if !policy.asked {
                let route = policy.route.as_deref().unwrap_or_default();
                writeln!(
                    f,
                    "not covered: {place}: no case asks the route `{}`",
                    one_line(route)
                )?;
            }
            for (name, (at, rule_held)) in &policy.rules {
                rules = rules.saturating_add(1);
                held = held.saturating_add(usize::from(*rule_held));
                if !rule_held {
                    let at = at.as_ref().unwrap_or(place);
                    writeln!(f, "not covered: {at}: {name} never holds")?;
                }
            }
            for (path, criterion) in &policy.criteria {
                criteria = criteria.saturating_add(1);
                let never = match (criterion.held, criterion.failed) {
                    (true, true) => {
                        met = met.saturating_add(1);
                        continue;
                    }
                    (true, false) => "never fails",
                    (false, true) => "never holds",
                    (false, false) => "is never decided",
                };
                let at = criterion.place.as_ref().unwrap_or(place);
                writeln!(f, "not covered: {at}: {path} {never}: {}", criterion.condition)?;
            }
        }
        let asked = self.policies.values().filter(|policy| policy.asked).count();
        writeln!(
            f,
            "coverage: {asked} of {} policies asked, {held} of {rules} rules held, {met} of {criteria} criteria seen \
             to hold and to fail",
            self.policies.len()
        )
    }
}
