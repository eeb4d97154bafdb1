//! `day_of_week`: days of the week, in UTC.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::Offset;
use portcullis_document::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::unknown_key;
use crate::error::code;
use crate::parse::{Problems, shown};

/// The names from Monday on; the first three letters suffice.
const NAMES: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const ALL: u8 = 0b111_1111;

/// A set of days; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub(crate) struct Weekdays {
    /// Bit 0 is Monday.
    bits: u8,
}

impl Weekdays {
    /// Reads `*`, a name, a range such as `fri-mon` or a list of such with
    /// commas; also as `{is: …}`. Names are `monday` or `mon`, in any case.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let node = match node.as_map() {
            None => node,
            Some(entries) => {
                let known = entries.iter().filter(|entry| entry.key == "is").count();
                for entry in entries.iter().filter(|entry| entry.key != "is") {
                    unknown_key(entry, &["is"], problems);
                }
                if entries.is_empty() {
                    problems.add(
                        node.span,
                        code::VALUE_INVALID,
                        "`day_of_week` names no day, expected one such as `mon-fri`".to_owned(),
                    );
                }
                if known != entries.len() {
                    return None;
                }
                node.get("is")?
            }
        };
        let Some(text) = node.as_str() else {
            problems.add_with_help(
                node.span,
                code::VALUE_TYPE,
                format!(
                    "found {} in `day_of_week`, expected a string such as `mon-fri` or `sat,sun`",
                    node.describe()
                ),
                node.as_seq()
                    .map(|_| "write several days as one text: `mon,wed,fri`".to_owned()),
            );
            return None;
        };
        let mut bits = 0;
        for part in text.split(',') {
            let Some(days) = days(part.trim()) else {
                problems.add_with_help(
                    node.span,
                    code::VALUE_INVALID,
                    format!(
                        "`{}` in `day_of_week` is neither `*` nor a day such as `mon` or `monday` nor a \
                         range such as `mon-fri`",
                        shown(part.trim())
                    ),
                    problems.did_you_mean(part.trim(), NAMES),
                );
                return None;
            };
            bits |= days;
        }
        Some(Self { bits })
    }

    /// Whether it is one of the days, in UTC.
    pub(crate) fn holds(self, now: Timestamp) -> bool {
        let day = Offset::UTC.to_datetime(now).weekday();
        self.bits & bit(day) != 0
    }

    /// The value in a policy.
    pub(crate) fn to_json(self) -> Value {
        Value::from(self.to_string())
    }

    fn days(self) -> impl Iterator<Item = &'static str> {
        (0..7)
            .zip(NAMES)
            .filter(move |(day, _)| self.bits >> day & 1 == 1)
            .filter_map(|(_, name)| name.get(..3))
    }
}

impl core::fmt::Display for Weekdays {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.bits == ALL {
            return f.write_str("*");
        }
        for (place, day) in self.days().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            f.write_str(day)?;
        }
        Ok(())
    }
}

impl TryFrom<u8> for Weekdays {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        if (1..=ALL).contains(&bits) {
            Ok(Self { bits })
        } else {
            Err("the days of the week are no set of seven")
        }
    }
}

impl From<Weekdays> for u8 {
    fn from(days: Weekdays) -> Self {
        days.bits
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

/// The days of one item of the list.
fn days(text: &str) -> Option<u8> {
    if text == "*" {
        return Some(ALL);
    }
    let Some((first, last)) = text.split_once('-') else {
        return day(text).map(|day| 1 << day);
    };
    let (first, last) = (day(first.trim_end())?, day(last.trim_start())?);
    // A range may pass over the end of the week.
    let length = (last + 7 - first) % 7;
    Some((0..=length).fold(0, |bits, step| bits | 1 << ((first + step) % 7)))
}

/// The days since Monday.
fn day(name: &str) -> Option<u8> {
    (0..).zip(NAMES).find_map(|(day, full)| {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        (same(full) || full.get(..3).is_some_and(same)).then_some(day)
    })
}
