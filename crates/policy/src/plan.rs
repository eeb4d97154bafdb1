//! How a program is evaluated: its criteria in the order of their cost, those
//! that compare one thing put together, and what each can contribute.
//!
//! The terms of an action are alternatives, and so are the criteria of an `or`
//! and (inverted) of a `nor`, and the only criterion of an `and` or a `not`. So
//! they all become alternatives of the action, across rules: the value and the
//! reasons are the same. Of the alternatives, those that compare one thing for
//! equality become one look-up. What remains are `and` and `not` of several.

mod merge;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::{Action, Operator, TextField};
use crate::matcher::{Lookup, RangeChoice, ValueChoice};
use crate::program::{NodePath, Term, Test, Tree};
use crate::reason::{Reason, Reasons};

/// The alternatives of each action, cheap ones first.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) allow: Box<[Alternative]>,
    pub(crate) deny: Box<[Alternative]>,
}

/// What suffices for an action.
#[derive(Debug)]
pub(crate) enum Alternative {
    One(Leaf),
    All(Conjunction),
}

/// Several leaves that must all be true.
#[derive(Debug)]
pub(crate) struct Conjunction {
    /// The term.
    pub(crate) at: NodePath,
    pub(crate) leaves: Box<[Leaf]>,
    /// The reasons that it can have when it is true.
    pub(crate) when_true: Reasons,
    /// Whether a leaf asks for a device.
    pub(crate) devices: bool,
}

/// One criterion, or several that one look-up answers.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Where the criterion stands; of several, what to name when none is met.
    pub(crate) at: NodePath,
    /// Whether the result is turned round.
    pub(crate) inverted: bool,
    pub(crate) probe: Probe,
    /// The reasons that it can have when it is true, and when it is false.
    pub(crate) when_true: Reasons,
    pub(crate) when_false: Reasons,
    pub(crate) device: Option<WantedDevice>,
}

/// The type of device that a criterion asks for, and which criterion of the
/// policy that is: of several the last counts, however they are evaluated.
#[derive(Debug)]
pub(crate) struct WantedDevice {
    pub(crate) order: u64,
    pub(crate) device_type: Arc<str>,
}

/// What a leaf looks at.
#[derive(Debug)]
pub(crate) enum Probe {
    One(Arc<Test>),
    /// One criterion that compares a text with one other, at hand.
    Is(TextField, Box<str>),
    /// One criterion that asks a claim for one text, at hand.
    Has(Arc<str>, Box<str>),
    /// Several criteria that list values of one thing.
    Texts(TextField, Lookup<NodePath>),
    Claim(Arc<str>, ValueChoice),
    Groups(ValueChoice),
    SourceIp(RangeChoice),
}

impl Probe {
    /// Whether it stands for one criterion.
    pub(crate) const fn is_single(&self) -> bool {
        matches!(self, Self::One(_) | Self::Is(..) | Self::Has(..))
    }
}

impl Plan {
    /// The plan of a tree. Total, so any tree that was decoded has one.
    pub(crate) fn new(tree: &Tree) -> Self {
        let mut paths = Paths::default();
        Self {
            allow: alternatives(Action::Allow, &tree.allow, &mut paths),
            deny: alternatives(Action::Deny, &tree.deny, &mut paths),
        }
    }
}

/// The names of claims, one copy of each: the interpreter tells by the address
/// whether it has just looked one up.
#[derive(Default)]
pub(crate) struct Paths(BTreeSet<Arc<str>>);

impl Paths {
    fn one(&mut self, path: &str) -> Arc<str> {
        if let Some(known) = self.0.get(path) {
            return Arc::clone(known);
        }
        let new: Arc<str> = path.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// A criterion on its way into a leaf.
pub(crate) struct Piece<'a> {
    at: NodePath,
    test: &'a Arc<Test>,
    inverted: bool,
    order: u64,
}

fn alternatives(action: Action, terms: &[Term], paths: &mut Paths) -> Box<[Alternative]> {
    let mut order = 0;
    let mut single = Vec::new();
    let mut alternatives: Vec<(u32, u64, Alternative)> = Vec::new();
    for term in terms {
        let first = order;
        let mut pieces: Vec<_> = term
            .criteria
            .iter()
            .zip(0_u32..)
            .map(|(criterion, at)| {
                order += 1;
                Piece {
                    at: term.path(action, Some(at)),
                    test: &criterion.0,
                    inverted: term.operator.inverts(),
                    order,
                }
            })
            .collect();
        if term.operator.any() || pieces.len() == 1 {
            single.append(&mut pieces);
        } else if let Some((cost, conjunction)) = conjunction(action, term, pieces, paths) {
            alternatives.push((cost, first, conjunction));
        }
    }
    for (cost, first, leaf) in merge::leaves(action, single, None, paths) {
        alternatives.push((cost, first, Alternative::One(leaf)));
    }
    alternatives.sort_by_key(|(cost, first, _)| (*cost, *first));
    alternatives
        .into_iter()
        .map(|(_, _, alternative)| alternative)
        .collect()
}

/// An `and` or a `not` of several criteria; `None` if there are none at all,
/// which only a program from elsewhere can hold, and which decides nothing.
fn conjunction(
    action: Action,
    term: &Term,
    pieces: Vec<Piece<'_>>,
    paths: &mut Paths,
) -> Option<(u32, Alternative)> {
    let at = term.path(action, None);
    let mut leaves = if term.operator == Operator::Not {
        merge::leaves(action, pieces, Some(at), paths)
    } else {
        pieces
            .into_iter()
            .map(|piece| merge::leaf(action, &piece, paths))
            .collect()
    };
    leaves.sort_by_key(|(cost, first, _)| (*cost, *first));
    let cost = leaves
        .iter()
        .fold(0_u32, |sum, (cost, _, _)| sum.saturating_add(*cost));
    let mut leaves: Vec<_> = leaves.into_iter().map(|(_, _, leaf)| leaf).collect();
    match leaves.len() {
        0 => None,
        1 => Some((cost, Alternative::One(leaves.pop()?))),
        _ => {
            let conjunction = Conjunction {
                at,
                when_true: leaves
                    .iter()
                    .fold(Reasons::EMPTY, |all, leaf| all.union(leaf.when_true)),
                devices: leaves.iter().any(|leaf| leaf.device.is_some()),
                leaves: leaves.into(),
            };
            Some((cost, Alternative::All(conjunction)))
        }
    }
}

impl Leaf {
    /// A leaf that asks what `test` asks, or several such in one.
    fn new(action: Action, piece: &Piece<'_>, at: NodePath, probe: Probe) -> Self {
        let possible = piece.test.possible();
        let (mut when_true, mut when_false) = if piece.inverted {
            (possible.fail, possible.pass)
        } else {
            (possible.pass, possible.fail)
        };
        if possible.undecided {
            let against = match action {
                Action::Allow => &mut when_false,
                Action::Deny => &mut when_true,
            };
            *against = against.union(Reasons::of(Reason::EvaluationError));
        }
        let device = match piece.test.as_ref() {
            Test::Device(test) => Some(WantedDevice {
                order: piece.order,
                device_type: test.device_type().into(),
            }),
            _ => None,
        };
        Self {
            at,
            inverted: piece.inverted,
            probe,
            when_true,
            when_false,
            device,
        }
    }
}
