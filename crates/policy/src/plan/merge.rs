//! Putting criteria together that compare one thing for equality.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::Value;

use super::{Leaf, Paths, Piece, Probe};
use crate::ast::{Action, TextField};
use crate::matcher::{ListTest, Lookup, RangeChoice, TextTest, ValueChoice};
use crate::program::{NodePath, Test};

/// What several criteria may share a look-up for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Subject<'a> {
    Text(TextField),
    Claim(&'a str),
    Groups,
    SourceIp,
}

/// A leaf with its cost and its place in the order of the policy.
pub(super) type Ranked = (u32, u64, Leaf);

/// The leaf of one criterion.
pub(super) fn leaf(action: Action, piece: &Piece<'_>, paths: &mut Paths) -> Ranked {
    let probe = single(piece.test, paths);
    (
        piece.test.cost(),
        piece.order,
        Leaf::new(action, piece, piece.at, probe),
    )
}

/// The leaves of criteria of which one that holds decides: alternatives, or the
/// criteria of a `not`, which gives the term's place as `whole`. There, those
/// that compare one thing for equality become one look-up. (Alternatives that
/// are inverted are no such case: each may decide by failing.)
pub(super) fn leaves(
    action: Action,
    pieces: Vec<Piece<'_>>,
    whole: Option<NodePath>,
    paths: &mut Paths,
) -> Vec<Ranked> {
    let mut leaves = Vec::new();
    let mut groups: BTreeMap<Subject<'_>, Vec<Piece<'_>>> = BTreeMap::new();
    for piece in pieces {
        let subject = subject(piece.test).filter(|_| whole.is_some() || !piece.inverted);
        match subject {
            Some(subject) => groups.entry(subject).or_default().push(piece),
            None => leaves.push(leaf(action, &piece, paths)),
        }
    }
    for (subject, group) in groups {
        match group.as_slice() {
            [] => {}
            [one] => leaves.push(leaf(action, one, paths)),
            [first, ..] => {
                let at = whole.unwrap_or(first.at);
                let leaf = Leaf::new(action, first, at, probe(&subject, &group, paths));
                leaves.push((first.test.cost(), first.order, leaf));
            }
        }
    }
    leaves
}

/// The probe of one criterion. The usual ones have what they compare with at
/// hand, since following pointers is what takes the time.
fn single(test: &Arc<Test>, paths: &mut Paths) -> Probe {
    match test.as_ref() {
        Test::Text(field, tests) => {
            if let [TextTest::In(set)] = tests.as_slice()
                && set.len() == 1
                && let [text] = set.texts().as_slice()
            {
                return Probe::Is(*field, (*text).into());
            }
        }
        Test::Claim(path, tests) => {
            if let [ListTest::Has(Value::String(text))] = tests.as_slice() {
                return Probe::Has(paths.one(path), text.as_str().into());
            }
        }
        _ => {}
    }
    Probe::One(Arc::clone(test))
}

/// What the criterion compares for equality, if it does no more than that.
fn subject(test: &Test) -> Option<Subject<'_>> {
    match test {
        Test::Text(field, tests) => {
            matches!(tests.as_slice(), [TextTest::In(_)]).then_some(Subject::Text(*field))
        }
        Test::Claim(path, tests) => {
            matches!(tests.as_slice(), [ListTest::Has(_)]).then_some(Subject::Claim(path))
        }
        Test::Groups(tests) => matches!(tests.as_slice(), [ListTest::Has(_)]).then_some(Subject::Groups),
        Test::SourceIp(_) => Some(Subject::SourceIp),
        _ => None,
    }
}

fn probe(subject: &Subject<'_>, group: &[Piece<'_>], paths: &mut Paths) -> Probe {
    match subject {
        Subject::Text(field) => Probe::Texts(*field, Lookup::new(group.iter().flat_map(texts).collect())),
        Subject::Claim(path) => {
            Probe::Claim(paths.one(path), ValueChoice::new(group.iter().filter_map(value)))
        }
        Subject::Groups => Probe::Groups(ValueChoice::new(group.iter().filter_map(value))),
        Subject::SourceIp => Probe::SourceIp(RangeChoice::new(group.iter().flat_map(ranges))),
    }
}

fn texts<'a>(piece: &Piece<'a>) -> impl Iterator<Item = (Box<str>, NodePath)> + use<'a> {
    let set = match piece.test.as_ref() {
        Test::Text(_, tests) => match tests.as_slice() {
            [TextTest::In(set)] => Some(set),
            _ => None,
        },
        _ => None,
    };
    let at = piece.at;
    set.into_iter()
        .flat_map(|set| set.texts())
        .map(move |text| (text.into(), at))
}

fn value(piece: &Piece<'_>) -> Option<(Value, NodePath)> {
    match piece.test.as_ref() {
        Test::Claim(_, tests) | Test::Groups(tests) => match tests.as_slice() {
            [ListTest::Has(value)] => Some((value.clone(), piece.at)),
            _ => None,
        },
        _ => None,
    }
}

fn ranges<'a>(piece: &Piece<'a>) -> impl Iterator<Item = (IpNet, NodePath)> + use<'a> {
    let set = match piece.test.as_ref() {
        Test::SourceIp(set) => Some(set),
        _ => None,
    };
    let at = piece.at;
    set.into_iter()
        .flat_map(|set| set.iter())
        .map(move |net| (*net, at))
}
