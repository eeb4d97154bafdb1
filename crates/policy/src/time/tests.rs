use jiff::Timestamp;
use portcullis_document::{Limits, Node, parse_yaml};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

fn node(text: &str) -> Node {
    parse_yaml(text, &Limits::default()).unwrap().unwrap()
}

fn read<T>(parse: fn(&Node, &mut Problems) -> Option<T>, text: &str) -> Result<T, Vec<String>> {
    let mut problems = Problems::default();
    let value = parse(&node(text), &mut problems);
    let found: Vec<_> = problems
        .into_errors()
        .iter()
        .map(|error| format!("{} {}", error.span, error.code))
        .collect();
    assert_eq!(value.is_none(), !found.is_empty(), "{text}: {found:?}");
    value.ok_or(found)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What is printed and what is kept read as the same.
fn round_trip<T>(parse: fn(&Node, &mut Problems) -> Option<T>, value: &T, json: &Value)
where
    T: PartialEq + core::fmt::Debug + Serialize + DeserializeOwned,
{
    assert_eq!(&read(parse, &json.to_string()).unwrap(), value, "{json}");
    let kept = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&kept).unwrap(), value, "{kept}");
}

#[test]
fn dates_in_every_form() {
    for (text, start) in [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("'2026-01-31'", "2026-01-31T00:00:00Z"),
        ("2026-01-31T09:30:00", "2026-01-31T09:30:00Z"),
        ("'2026-01-31T09:30:00'", "2026-01-31T09:30:00Z"),
        ("'2026-01-31T09:30'", "2026-01-31T09:30:00Z"),
        ("'2026-01-31 09:30:00'", "2026-01-31T09:30:00Z"),
        ("'20260131T093000Z'", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("'2026-01-31T09:30:00.25+01:30'", "2026-01-31T08:00:00.25Z"),
        ("2026-01-31T09:30:00-08:00", "2026-01-31T17:30:00Z"),
    ] {
        let window = read(DateWindow::parse, &format!("{{after: {text}}}")).unwrap();
        let start = at(start);
        assert!(window.holds(start), "{text}");
        assert!(
            !window.holds(start - jiff::SignedDuration::from_nanos(1)),
            "{text}"
        );
        round_trip(DateWindow::parse, &window, &window.to_json());
    }
}

#[test]
fn date_windows_are_half_open() {
    let window = read(DateWindow::parse, "{after: 2026-01-01, before: 2027-01-01}").unwrap();
    for (now, holds) in [
        ("2025-12-31T23:59:59.999999999Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-12-31T23:59:59.999999999Z", true),
        ("2027-01-01T00:00:00Z", false),
    ] {
        assert_eq!(window.holds(at(now)), holds, "{now}");
    }
    assert!(!window.is_empty());
    assert_eq!(
        window.to_string(),
        "from 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z"
    );
    let before = read(DateWindow::parse, "{before: 2026-01-01}").unwrap();
    assert!(before.holds(Timestamp::MIN) && !before.holds(Timestamp::MAX));
    for text in [
        "{after: 2027-01-01, before: 2026-01-01}",
        "{after: 2026-01-01, before: 2026-01-01}",
    ] {
        let never = read(DateWindow::parse, text).unwrap();
        assert!(never.is_empty() && !never.holds(at("2026-06-01T00:00:00Z")));
    }
}

#[test]
fn date_problems() {
    for (text, wanted) in [
        ("2026-01-01", "1:1 policy_value_type"),
        ("[]", "1:1 policy_value_type"),
        ("{}", "1:1 policy_value_invalid"),
        ("{from: 2026-01-01}", "1:2 policy_matcher_unknown"),
        ("{after: 5}", "1:9 policy_value_type"),
        ("{after: ~}", "1:9 policy_value_type"),
        ("{after: tomorrow}", "1:9 policy_value_invalid"),
        ("{after: '2026-02-30'}", "1:9 policy_value_invalid"),
        ("{after: '2026-01-01T25:00:00'}", "1:9 policy_value_invalid"),
        ("{after: '09:00'}", "1:9 policy_value_invalid"),
        ("{after: '2026-01-01T00:00:00+99:00'}", "1:9 policy_value_invalid"),
        (
            "{after: '2026-01-01T00:00:00[Europe/Dublin]'}",
            "1:9 policy_value_invalid",
        ),
        ("{after: ''}", "1:9 policy_value_invalid"),
    ] {
        assert_eq!(read(DateWindow::parse, text).unwrap_err(), [wanted], "{text}");
    }
    assert_eq!(
        read(DateWindow::parse, "{before: x, until: 1}").unwrap_err(),
        ["1:10 policy_value_invalid", "1:13 policy_matcher_unknown"]
    );
}

/// The days on which it holds in the week from Monday, 2026-01-12, at noon.
fn week(days: Weekdays) -> String {
    "MTWTFSS"
        .chars()
        .zip(12..)
        .map(|(letter, day)| {
            let now = at(&format!("2026-01-{day}T12:00:00Z"));
            if days.holds(now) { letter } else { '-' }
        })
        .collect()
}

#[test]
fn days_of_the_week() {
    for (text, wanted, printed) in [
        ("'*'", "MTWTFSS", "*"),
        ("mon", "M------", "mon"),
        ("monday", "M------", "mon"),
        ("SunDay", "------S", "sun"),
        ("mon,wed,fri", "M-W-F--", "mon,wed,fri"),
        ("' fri , Wednesday ,mon'", "M-W-F--", "mon,wed,fri"),
        ("tue-fri", "-TWTF--", "tue,wed,thu,fri"),
        ("Tuesday - FRI", "-TWTF--", "tue,wed,thu,fri"),
        ("fri-mon", "M---FSS", "mon,fri,sat,sun"),
        ("sun-sat", "MTWTFSS", "*"),
        ("sat-sat", "-----S-", "sat"),
        ("mon-tue,sat", "MT---S-", "mon,tue,sat"),
        ("mon,*", "MTWTFSS", "*"),
        ("{is: monday}", "M------", "mon"),
        ("{is: 'sat,sun'}", "-----SS", "sat,sun"),
    ] {
        let days = read(Weekdays::parse, text).unwrap();
        assert_eq!(week(days), wanted, "{text}");
        assert_eq!(days.to_string(), printed, "{text}");
        round_trip(Weekdays::parse, &days, &days.to_json());
    }
    // By the clock of UTC, also before 1970.
    let thursday = read(Weekdays::parse, "thu").unwrap();
    for (now, holds) in [
        ("1970-01-01T00:00:00Z", true),
        ("1969-12-31T23:59:59.999999999Z", false),
        ("2026-01-15T23:59:59Z", true),
        ("2026-01-16T00:30:00+01:00", true),
        ("2026-01-16T00:00:00Z", false),
    ] {
        assert_eq!(thursday.holds(at(now)), holds, "{now}");
    }
    for bits in ["0", "128", "255", "-1"] {
        assert!(serde_json::from_str::<Weekdays>(bits).is_err(), "{bits}");
    }
}

#[test]
fn day_problems() {
    for (text, wanted) in [
        ("5", "1:1 policy_value_type"),
        ("~", "1:1 policy_value_type"),
        ("[mon, tue]", "1:1 policy_value_type"),
        ("''", "1:1 policy_value_invalid"),
        ("'mon,'", "1:1 policy_value_invalid"),
        ("mo", "1:1 policy_value_invalid"),
        ("tues", "1:1 policy_value_invalid"),
        ("mon-", "1:1 policy_value_invalid"),
        ("mon-wed-fri", "1:1 policy_value_invalid"),
        ("mon wed", "1:1 policy_value_invalid"),
        ("'*-fri'", "1:1 policy_value_invalid"),
        ("{}", "1:1 policy_value_invalid"),
        ("{is: someday}", "1:6 policy_value_invalid"),
        ("{not: monday}", "1:2 policy_matcher_unknown"),
        ("{is: monday, in: [tue]}", "1:14 policy_matcher_unknown"),
    ] {
        assert_eq!(read(Weekdays::parse, text).unwrap_err(), [wanted], "{text}");
    }
}

#[test]
fn times_in_every_form() {
    for (text, printed) in [
        ("3:04 PM", "15:04"),
        ("3:04PM", "15:04"),
        ("03:04 pm", "15:04"),
        ("3 PM", "15:00"),
        ("3PM", "15:00"),
        ("12AM", "00:00"),
        ("12:30 am", "00:30"),
        ("12 PM", "12:00"),
        ("11:59PM", "23:59"),
        ("15:04:05.999999999", "15:04:05.999999999"),
        ("15:04:05.5", "15:04:05.5"),
        ("15:04:00.000000001", "15:04:00.000000001"),
        ("15:04:05", "15:04:05"),
        ("15:04:00", "15:04"),
        ("15:04", "15:04"),
        ("2:20:00", "02:20"),
        ("0:00", "00:00"),
        ("23:59:59", "23:59:59"),
    ] {
        let window = read(
            TimeOfDay::parse,
            &format!("{{timezone: UTC, after: {text}, before: '23:59:59.999999999'}}"),
        )
        .unwrap();
        assert_eq!(window.to_json()["after"], printed, "{text}");
        round_trip(TimeOfDay::parse, &window, &window.to_json());
    }
}

#[test]
fn windows_of_the_day() {
    for (text, inside, outside) in [
        (
            "{timezone: UTC, after: '2:20:00', before: 4:30PM}",
            ["02:20:00", "16:29:59.999999999"],
            ["02:19:59.999999999", "16:30:00"],
        ),
        (
            "{timezone: UTC, after: 17:00}",
            ["17:00:00", "23:59:59"],
            ["00:00:00", "16:59:59"],
        ),
        (
            "{timezone: UTC, before: 9 AM}",
            ["00:00:00", "08:59:59"],
            ["09:00:00", "23:59:59"],
        ),
        // The night.
        (
            "{timezone: UTC, after: 10 PM, before: 6 AM}",
            ["22:00:00", "05:59:59"],
            ["06:00:00", "21:59:59"],
        ),
        (
            "{timezone: UTC, after: 10 PM, before: 12 AM}",
            ["22:00:00", "23:59:59"],
            ["00:00:00", "21:59:59"],
        ),
    ] {
        let window = read(TimeOfDay::parse, text).unwrap();
        assert!(!window.is_empty());
        for time in inside {
            assert!(window.holds(at(&format!("2026-01-15T{time}Z"))), "{text} {time}");
        }
        for time in outside {
            assert!(!window.holds(at(&format!("2026-01-15T{time}Z"))), "{text} {time}");
        }
    }
    let never = read(TimeOfDay::parse, "{timezone: UTC, after: 9 AM, before: '9:00'}").unwrap();
    assert!(never.is_empty());
    assert!(!never.holds(at("2026-01-15T09:00:00Z")) && !never.holds(at("2026-01-15T08:00:00Z")));
}

#[test]
fn clocks_of_the_zone_count_with_daylight_saving() {
    for (window, now, holds) in [
        (
            "{timezone: Europe/Dublin, after: 5 PM}",
            "2026-07-15T16:30:00Z",
            true,
        ),
        (
            "{timezone: Europe/Dublin, after: 5 PM}",
            "2026-01-15T16:30:00Z",
            false,
        ),
        // The hour that New York leaps over, 02:00 to 03:00, and the one that
        // comes twice, 01:00 to 02:00.
        (
            "{timezone: America/New_York, after: '2:00', before: '3:00'}",
            "2026-03-08T07:00:00Z",
            false,
        ),
        (
            "{timezone: America/New_York, after: '1:00', before: '2:00'}",
            "2026-11-01T05:30:00Z",
            true,
        ),
        (
            "{timezone: America/New_York, after: '1:00', before: '2:00'}",
            "2026-11-01T06:30:00Z",
            true,
        ),
        (
            "{timezone: america/new_york, after: '1:00', before: '2:00'}",
            "2026-11-01T07:30:00Z",
            false,
        ),
        (
            "{timezone: Asia/Kathmandu, after: '17:45', before: '17:46'}",
            "2026-01-15T12:00:00Z",
            true,
        ),
    ] {
        let read = read(TimeOfDay::parse, window).unwrap();
        assert_eq!(read.holds(at(now)), holds, "{window} {now}");
        round_trip(TimeOfDay::parse, &read, &read.to_json());
    }
    let night = read(
        TimeOfDay::parse,
        "{timezone: europe/dublin, after: 22:00, before: 06:00}",
    )
    .unwrap();
    assert_eq!(
        night.to_string(),
        "from 22:00 until 06:00 of the next day in Europe/Dublin"
    );
}

#[test]
fn time_of_day_problems() {
    for (text, wanted) in [
        ("17:00", "1:1 policy_value_type"),
        ("{after: '09:00'}", "1:1 policy_value_invalid"),
        ("{timezone: UTC}", "1:1 policy_value_invalid"),
        ("{timezone: 5, after: 5PM}", "1:12 policy_value_type"),
        ("{timezone: '', after: 5PM}", "1:12 policy_value_invalid"),
        ("{timezone: Local, after: 5PM}", "1:12 policy_value_invalid"),
        (
            "{timezone: Europe/Dubln, after: 5PM}",
            "1:12 policy_value_invalid",
        ),
        ("{timezone: Etc/Unknown, after: 5PM}", "1:12 policy_value_invalid"),
        ("{timezone: '+01:00', after: 5PM}", "1:12 policy_value_invalid"),
        ("{timezone: UTC, after: 5}", "1:24 policy_value_type"),
        ("{timezone: UTC, after: 1700}", "1:24 policy_value_type"),
        (
            "{timezone: UTC, until: 5PM, after: 5PM}",
            "1:17 policy_matcher_unknown",
        ),
    ] {
        assert_eq!(read(TimeOfDay::parse, text).unwrap_err(), [wanted], "{text}");
    }
    for time in [
        "",
        "5",
        "17",
        "24:00",
        "17:60",
        "17:00:60",
        "17:0",
        "17:000",
        "7:5 PM",
        "0 PM",
        "13 PM",
        "5  PM",
        " 5PM",
        "5PM ",
        "5:00:00 PM",
        "5 P",
        "PM",
        "17:00:00.",
        "17:00:00.1234567890",
        "+5:00",
        "-5:00",
        "１7:00",
        "17:00Z",
        "::",
        "5:PM",
        "mañana",
        "éPM",
    ] {
        assert_eq!(
            read(TimeOfDay::parse, &format!("{{timezone: UTC, before: '{time}'}}")).unwrap_err(),
            ["1:25 policy_value_invalid"],
            "{time}"
        );
    }
    assert_eq!(
        read(TimeOfDay::parse, "{zone: UTC}").unwrap_err(),
        [
            "1:1 policy_value_invalid",
            "1:1 policy_value_invalid",
            "1:2 policy_matcher_unknown"
        ]
    );
    for kept in [
        r#"{"timezone":"Nowhere","after":"09:00","before":null}"#,
        r#"{"timezone":"UTC","after":"9","before":null}"#,
    ] {
        assert!(serde_json::from_str::<TimeOfDay>(kept).is_err(), "{kept}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[0-9:apmAPM .,*a-z-]{0,14}") {
        let text = Value::from(text).to_string();
        for (place, parse) in [
            (text.clone(), 0),
            (format!("{{\"timezone\": \"UTC\", \"after\": {text}}}"), 1),
            (format!("{{\"after\": {text}}}"), 2),
        ] {
            match parse {
                0 => drop(read(Weekdays::parse, &place)),
                1 => if let Ok(window) = read(TimeOfDay::parse, &place) {
                    round_trip(TimeOfDay::parse, &window, &window.to_json());
                },
                _ => if let Ok(window) = read(DateWindow::parse, &place) {
                    round_trip(DateWindow::parse, &window, &window.to_json());
                },
            }
        }
    }

    /// A day is one of the window or one of the window from its end to its start.
    #[test]
    fn a_window_and_its_complement(
        after in 0..86_400_i64, before in 0..86_400_i64, now in -4_000_000_000..4_000_000_000_i64,
    ) {
        prop_assume!(after != before);
        let clock = |seconds: i64| format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let window = |after, before| {
            let text = format!("{{timezone: America/New_York, after: '{}', before: '{}'}}", clock(after), clock(before));
            read(TimeOfDay::parse, &text).unwrap()
        };
        let now = Timestamp::from_second(now).unwrap();
        prop_assert_ne!(window(after, before).holds(now), window(before, after).holds(now));
    }
}
