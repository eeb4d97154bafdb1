//! Criteria about the time of the decision: dates, days of the week, times of
//! the day.
//!
//! Every window is half open: `after` belongs to it, `before` does not, so that
//! windows which meet neither overlap nor leave a gap.

mod date;
mod of_day;
#[cfg(test)]
mod tests;
mod weekdays;

pub(crate) use date::DateWindow;
pub(crate) use of_day::TimeOfDay;
pub(crate) use weekdays::Weekdays;

use portcullis_document::{Entry, Node};

use crate::error::code;
use crate::parse::{Problems, shown};

/// The entries of a criterion whose value is an object.
fn object<'a>(node: &'a Node, criterion: &str, keys: &str, problems: &mut Problems) -> Option<&'a [Entry]> {
    let entries = node.as_map();
    if entries.is_none() {
        problems.add(
            node.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `{criterion}`, expected an object with {keys}",
                node.describe()
            ),
        );
    }
    entries
}

/// A key that the criterion does not know. To ignore it would widen the window.
fn unknown_key(entry: &Entry, known: &[&'static str], problems: &mut Problems) {
    let expected = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    problems.add_with_help(
        entry.key_span,
        code::MATCHER_UNKNOWN,
        format!("unknown key `{}`, expected one of {expected}", shown(&entry.key)),
        problems.did_you_mean(&entry.key, known.iter().copied()),
    );
}
