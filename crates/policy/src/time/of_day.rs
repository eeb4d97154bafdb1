//! `time_of_day`: a part of every day in some time zone.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use portcullis_document::{Entry, Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{object, unknown_key};
use crate::error::code;
use crate::parse::{Problems, shown};

const KEYS: [&str; 3] = ["timezone", "after", "before"];

/// The time of every day from `after` (which belongs to it) until `before`
/// (which does not), by the clocks of a time zone; daylight saving included. Where
/// `after` is the later one, the window runs over midnight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub(crate) struct TimeOfDay {
    zone: TimeZone,
    after: Option<Time>,
    before: Option<Time>,
}

impl TimeOfDay {
    /// Reads `{timezone: …, after: …, before: …}`. The zone must be given, by
    /// its IANA name, and at least one of the times, see [`clock`].
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = object(
            node,
            "time_of_day",
            "`timezone` and `after`, `before` or both",
            problems,
        )?;
        let mut whole = true;
        let mut missing = |message: &str| {
            problems.add(node.span, code::VALUE_INVALID, message.to_owned());
            whole = false;
        };
        if node.get("timezone").is_none() {
            missing("`time_of_day` needs `timezone`, such as `Europe/Dublin` or `UTC`");
        }
        if node.get("after").is_none() && node.get("before").is_none() {
            missing("`time_of_day` has no limit, expected `after`, `before` or both");
        }
        let (mut zone, mut after, mut before) = (None, None, None);
        for entry in entries {
            whole &= match entry.key.as_str() {
                "timezone" => {
                    zone = time_zone(entry, problems);
                    zone.is_some()
                }
                "after" => {
                    after = time(entry, problems);
                    after.is_some()
                }
                "before" => {
                    before = time(entry, problems);
                    before.is_some()
                }
                _ => {
                    unknown_key(entry, &KEYS, problems);
                    false
                }
            };
        }
        whole.then_some(Self {
            zone: zone?,
            after,
            before,
        })
    }

    /// Whether the clocks of the zone show a time within the window.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        let time = self.zone.to_datetime(now).time();
        let late = self.after.is_none_or(|after| time >= after);
        let early = self.before.is_none_or(|before| time < before);
        if self.over_midnight() {
            late || early
        } else {
            late && early
        }
    }

    /// Whether no time lies within the window.
    pub(crate) fn is_empty(&self) -> bool {
        self.after.is_some() && self.after == self.before
    }

    /// The value in a policy.
    pub(crate) fn to_json(&self) -> Value {
        let Text {
            timezone,
            after,
            before,
        } = self.clone().into();
        let entries = [("timezone", Some(timezone)), ("after", after), ("before", before)];
        Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))))
                .collect::<Map<_, _>>(),
        )
    }

    fn over_midnight(&self) -> bool {
        matches!((self.after, self.before), (Some(after), Some(before)) if after > before)
    }

    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

impl core::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(after) = self.after {
            write!(f, "from {} ", print(after))?;
        }
        if let Some(before) = self.before {
            let next_day = if self.over_midnight() {
                " of the next day"
            } else {
                ""
            };
            write!(f, "until {}{next_day} ", print(before))?;
        }
        write!(f, "in {}", self.zone_name())
    }
}

/// The form in which a [`TimeOfDay`] is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    timezone: String,
    after: Option<String>,
    before: Option<String>,
}

impl From<TimeOfDay> for Text {
    fn from(window: TimeOfDay) -> Self {
        Self {
            timezone: window.zone_name().to_owned(),
            after: window.after.map(print),
            before: window.before.map(print),
        }
    }
}

impl TryFrom<Text> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        let read = |time: Option<String>| {
            time.map(|time| clock(&time).ok_or("a time of the day is none"))
                .transpose()
        };
        Ok(Self {
            zone: known_zone(&text.timezone).ok_or("a time zone is not known")?,
            after: read(text.after)?,
            before: read(text.before)?,
        })
    }
}

fn time_zone(entry: &Entry, problems: &mut Problems) -> Option<TimeZone> {
    let node = &entry.value;
    let Some(name) = node.as_str() else {
        problems.add(
            node.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `timezone`, expected a name such as `Europe/Dublin`",
                node.describe()
            ),
        );
        return None;
    };
    let zone = known_zone(name);
    if zone.is_none() {
        problems.add(
            node.span,
            code::VALUE_INVALID,
            format!(
                "`{}` is no time zone of the IANA database such as `Europe/Dublin` or `UTC`",
                shown(name)
            ),
        );
    }
    zone
}

/// A zone by its name, from the data that is compiled in: the same everywhere,
/// whatever the machine has.
fn known_zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    // `Etc/Unknown` stands for a zone that nobody has determined.
    (!zone.is_unknown() && zone.iana_name().is_some()).then_some(zone)
}

fn time(entry: &Entry, problems: &mut Problems) -> Option<Time> {
    let node = &entry.value;
    let Some(text) = node.as_str() else {
        problems.add_with_help(
            node.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `{}`, expected a time such as `17:00` or `5 PM`",
                node.describe(),
                entry.key
            ),
            Some("write hours and minutes, as in `17:00`".to_owned()),
        );
        return None;
    };
    let time = clock(text);
    if time.is_none() {
        problems.add(
            node.span,
            code::VALUE_INVALID,
            format!(
                "`{}` is no time of the day such as `5 PM`, `5:30 PM`, `17:30` or `17:30:15.5`",
                shown(text)
            ),
        );
    }
    time
}

/// A time in one of these forms: `3:04 PM`, `3:04PM`, `3 PM`, `3PM`, `15:04`,
/// `15:04:05`, `15:04:05.999999999`. Hours have one or two digits, minutes and
/// seconds two, the fraction one to nine; `am` and `pm` may be in any case.
fn clock(text: &str) -> Option<Time> {
    let half_day = text
        .len()
        .checked_sub(2)
        .and_then(|at| text.split_at_checked(at))
        .and_then(|(digits, half)| match half {
            _ if half.eq_ignore_ascii_case("am") => Some((digits, 0)),
            _ if half.eq_ignore_ascii_case("pm") => Some((digits, 12)),
            _ => None,
        });
    let Some((digits, noon)) = half_day else {
        return whole_day(text);
    };
    let digits = digits.strip_suffix(' ').unwrap_or(digits);
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) => (hour, number(minute, 2, 2)?),
        None => (digits, 0),
    };
    let hour = number(hour, 1, 2).filter(|hour| (1..=12).contains(hour))?;
    let hour = hour % 12 + noon;
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

fn whole_day(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second, fraction) = match rest.split_once(':') {
        None => (rest, 0, 0),
        Some((minute, rest)) => match rest.split_once('.') {
            None => (minute, number(rest, 2, 2)?, 0),
            Some((second, digits)) => {
                let missing = u32::try_from(9_usize.checked_sub(digits.len())?).ok()?;
                let fraction = number(digits, 1, 9)? * 10_i32.pow(missing);
                (minute, number(second, 2, 2)?, fraction)
            }
        },
    };
    let hour = i8::try_from(number(hour, 1, 2)?).ok()?;
    let minute = i8::try_from(number(minute, 2, 2)?).ok()?;
    Time::new(hour, minute, i8::try_from(second).ok()?, fraction).ok()
}

/// A number of `min` to `max` digits.
fn number(digits: &str, min: usize, max: usize) -> Option<i32> {
    let fits = (min..=max).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

/// The shortest of the 24-hour forms.
fn print(time: Time) -> String {
    let mut text = format!("{:02}:{:02}", time.hour(), time.minute());
    if (time.second(), time.subsec_nanosecond()) != (0, 0) {
        text.push_str(&format!(":{:02}", time.second()));
    }
    if time.subsec_nanosecond() != 0 {
        let fraction = format!(".{:09}", time.subsec_nanosecond());
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}
