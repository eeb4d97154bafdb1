use super::*;
use crate::args::{Arguments, Command};
use clap::Parser;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_time_is_written_in_one_of_three_ways() {
    let now = time("2026-03-31T12:00:00Z");
    for (text, wanted) in [
        ("2026-01-15T12:00:00Z", "2026-01-15T12:00:00Z"),
        ("2026-01-15T12:00:00+02:00", "2026-01-15T10:00:00Z"),
        ("2026-01-15", "2026-01-15T00:00:00Z"),
        ("2h", "2026-03-31T10:00:00Z"),
        ("90s", "2026-03-31T11:58:30Z"),
        ("2h 30m", "2026-03-31T09:30:00Z"),
        ("7d", "2026-03-24T12:00:00Z"),
        ("1mo", "2026-02-28T12:00:00Z"),
        ("2h ago", "2026-03-31T10:00:00Z"),
        ("PT2H", "2026-03-31T10:00:00Z"),
    ] {
        assert_eq!(moment(text, now), Ok(time(wanted)), "{text}");
    }
    for bad in [
        "",
        "2",
        "h",
        "yesterday",
        "2026-13-01",
        "2026-01-15T12:00:00",
        "2026-01-15 12:00",
        "12:00",
        "9999999y",
        "19000y",
    ] {
        assert!(moment(bad, now).is_err(), "{bad}");
    }
}

fn refused(line: &str) -> String {
    let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    error.to_string()
}

fn revoke(line: &str) -> SessionsRevoke {
    match Arguments::try_parse_from(line.split(' ')).unwrap().command {
        Command::Sessions(Sessions::Revoke(revoke)) => revoke,
        other => panic!("{other:?}"),
    }
}

const ID: &str = "0195a000-a000-7000-8000-00000000a01a";

#[test]
fn to_revoke_something_must_be_selected() {
    let words = refused("portcullis sessions revoke");
    assert!(words.contains("--user") && words.contains("--all"), "{words}");
    refused("portcullis sessions revoke --dry-run");
    refused("portcullis sessions revoke -c config.yaml");
    for line in [
        "--all",
        "--user a@b",
        "--subject 1",
        "--provider p",
        "--before 2h",
        ID,
        &format!("{ID} --user a@b"),
    ] {
        revoke(&format!("portcullis sessions revoke {line}"));
    }
}

#[test]
fn all_and_a_selection_contradict_each_other() {
    for line in ["--user a", "--subject a", "--provider a", "--before 2h", ID] {
        let words = refused(&format!("portcullis sessions revoke --all {line}"));
        assert!(words.contains("cannot be used with"), "{words}");
    }
}

#[test]
fn what_selects_nobody_is_a_slip() {
    // As from a script whose variable is not set.
    for flag in ["user", "subject", "provider"] {
        refused(&format!("portcullis sessions revoke --{flag}="));
        refused(&format!("portcullis sessions list --{flag}="));
    }
    let words = refused("portcullis sessions show 17");
    assert!(words.contains("a session's id looks like"), "{words}");
    let words = refused("portcullis sessions list --before soon");
    assert!(words.contains("a span back from now"), "{words}");
    refused("portcullis sessions list --limit 0");
    refused("portcullis sessions list --limit 100001");
}

#[test]
fn conditions_are_handed_on_as_they_are() {
    let line = "portcullis sessions revoke --user a@b --subject s --provider p --before 2026-01-15";
    let selection = revoke(line).conditions.selection();
    assert_eq!(
        selection,
        Selection {
            user: Some("a@b".to_owned()),
            subject: Some("s".to_owned()),
            provider: Some("p".to_owned()),
            before: Some(time("2026-01-15T00:00:00Z")),
        }
    );
}
