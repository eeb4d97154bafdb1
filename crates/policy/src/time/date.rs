//! `date`: a span of time.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use portcullis_document::{Entry, Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{object, unknown_key};
use crate::error::code;
use crate::parse::{Problems, shown};

const KEYS: [&str; 2] = ["after", "before"];

/// The time from `after` (which belongs to it) until `before` (which does not);
/// at least one of them is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateWindow {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl DateWindow {
    /// Reads `{after: …, before: …}`, either or both, each a date-time or a date
    /// of ISO 8601; without an offset it is in UTC, without a time it is the
    /// start of the day.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = object(node, "date", "`after`, `before` or both", problems)?;
        if entries.is_empty() {
            problems.add(
                node.span,
                code::VALUE_INVALID,
                "`date` has no limit, expected `after`, `before` or both".to_owned(),
            );
            return None;
        }
        let (mut after, mut before) = (None, None);
        let mut whole = true;
        for entry in entries {
            let limit = match entry.key.as_str() {
                "after" => &mut after,
                "before" => &mut before,
                _ => {
                    unknown_key(entry, &KEYS, problems);
                    whole = false;
                    continue;
                }
            };
            *limit = instant(entry, problems);
            whole &= limit.is_some();
        }
        whole.then_some(Self { after, before })
    }

    /// Whether `now` lies within the window.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.after.is_none_or(|after| now >= after) && self.before.is_none_or(|before| now < before)
    }

    /// Whether no time lies within the window.
    pub(crate) fn is_empty(&self) -> bool {
        matches!((self.after, self.before), (Some(after), Some(before)) if after >= before)
    }

    /// The value in a policy.
    pub(crate) fn to_json(self) -> Value {
        let limits = [("after", self.after), ("before", self.before)];
        Value::Object(
            limits
                .into_iter()
                .filter_map(|(key, limit)| Some((key.to_owned(), Value::from(limit?.to_string()))))
                .collect::<Map<_, _>>(),
        )
    }
}

impl core::fmt::Display for DateWindow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.after, self.before) {
            (Some(after), Some(before)) => write!(f, "from {after} until {before}"),
            (Some(after), None) => write!(f, "from {after}"),
            (None, Some(before)) => write!(f, "until {before}"),
            (None, None) => f.write_str("at any time"),
        }
    }
}

/// The point in time that a limit names.
fn instant(entry: &Entry, problems: &mut Problems) -> Option<Timestamp> {
    let node = &entry.value;
    // An unquoted date is a timestamp to YAML; its JSON form is RFC 3339.
    let Value::String(text) = node.to_json() else {
        problems.add(
            node.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `{}`, expected a date such as `2026-01-31T09:00:00Z`",
                node.describe(),
                entry.key
            ),
        );
        return None;
    };
    let instant = read(&text);
    if instant.is_none() {
        problems.add(
            node.span,
            code::VALUE_INVALID,
            format!(
                "`{}` is no date of ISO 8601 such as `2026-01-31`, `2026-01-31T09:00:00` (in UTC) or \
                 `2026-01-31T09:00:00+01:00`",
                shown(&text)
            ),
        );
    }
    instant
}

fn read(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    // A zone in brackets is no part of ISO 8601, and could contradict the offset.
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let civil = pieces
        .date()
        .to_datetime(pieces.time().unwrap_or(Time::midnight()));
    offset.to_timestamp(civil).ok()
}
