//! What the catalogue says, held against all that the tests of an id saw together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use portcullis_harness::shapes::Shape;

use super::super::{Case, GROUPS};

/// An id in a shape.
type Key = (&'static str, Shape);
/// What was seen, and by which tests.
type Account = (BTreeSet<String>, BTreeSet<String>);

static SEEN: Mutex<BTreeMap<Key, Account>> = Mutex::new(BTreeMap::new());

/// What the catalogue says of a shape.
pub(super) fn said(case: &Case, shape: Shape) -> BTreeSet<&'static str> {
    let said = match shape {
        Shape::Ours => case.ours,
        Shape::Istio => case.istio,
        Shape::Bare => case.bare,
    };
    said.iter().copied().collect()
}

/// Keeps what the running test saw. Returns whether it is the only one of its id here,
/// so that it should have seen everything.
pub(super) fn note(case: &'static Case, shape: Shape, seen: &BTreeSet<&str>) -> bool {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next());
    let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let (known, by) = all.entry((case.id, shape)).or_default();
    known.extend(seen.iter().map(|seen| (*seen).to_owned()));
    by.extend(test.map(str::to_owned));
    here(case).count() == 1
}

fn here(case: &'static Case) -> impl Iterator<Item = &'static str> {
    let tests = case
        .tests
        .iter()
        .filter(|(file, _)| file.contains("/tests/shapes/"));
    tests.map(|(_, function)| *function)
}

/// Of ids with several tests, all of which ran: what the catalogue says and none saw.
pub(super) fn unseen() -> Result<(), String> {
    let all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut message = String::new();
    for case in GROUPS.iter().flat_map(|(_, cases)| cases.iter()) {
        let of = |shape| all.get(&(case.id, shape));
        let ran = |function| {
            Shape::ALL
                .into_iter()
                .filter_map(of)
                .any(|(_, by)| by.contains(function))
        };
        if here(case).next().is_none() || !here(case).all(ran) {
            continue;
        }
        for shape in Shape::ALL {
            let known = of(shape).map(|(known, _)| known);
            let said = said(case, shape);
            let unseen = said
                .iter()
                .filter(|said| known.is_none_or(|known| !known.contains(**said)));
            for text in unseen {
                let _ = writeln!(
                    message,
                    "{} in the shape `{}`: the catalogue says `{text}`, which no test saw",
                    case.id,
                    shape.name()
                );
            }
        }
    }
    if message.is_empty() { Ok(()) } else { Err(message) }
}
