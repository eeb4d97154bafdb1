//! Tables in the documentation that are computed from the code. With
//! `UPDATE_DOCS=1` in the environment the tables are written anew.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use portcullis_arch::Workspace;
use portcullis_config::schema::{self, Key, Scope, State};

/// Two tables stand in one document, and tests run side by side.
static WRITING: Mutex<()> = Mutex::new(());

/// Replaces what stands between the markers of `name`, and fails when that changes anything.
fn hold(file: &str, name: &str, table: &str) {
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Workspace::read()
        .expect("cargo metadata answers")
        .root()
        .join("docs")
        .join(file);
    let text = std::fs::read_to_string(&path).expect("the document exists");
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no `{begin}` in {file}"));
    let (_, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("no `{end}` in {file}"));
    let fresh = format!("{before}{begin}{table}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &fresh).expect("the document can be written");
    }
    assert!(
        text == fresh,
        "docs/{file} is out of date: run the tests with UPDATE_DOCS=1 and look at the change"
    );
}

fn state(key: &Key) -> (&'static str, String) {
    match key.state {
        State::Working => ("works", key.note.to_owned()),
        State::NotYet => ("not yet", "ignored with a warning".to_owned()),
        State::NotYetUnsafe { without } => ("not yet, refused", format!("without it, {without}")),
        State::Group => ("map", "its parts are judged one by one".to_owned()),
        State::Removed { help } => ("removed by Pomerium", help.to_owned()),
        State::Alias { of } => {
            let (target, _) = schema::find(key.scope, of).map_or(("", String::new()), state);
            ("older name", format!("of `{of}` ({target})"))
        }
        State::ApiOnly => ("not in files", "only Pomerium's API has it".to_owned()),
        State::Ignored { because } => ("no effect", because.to_owned()),
    }
}

fn table(scope: Scope) -> String {
    let mut keys: Vec<&Key> = schema::keys().filter(|k| k.scope == scope).collect();
    keys.sort_by_key(|k| k.name);
    let mut text = "| key | state | note |\n|---|---|---|\n".to_owned();
    for key in keys {
        let (state, note) = state(key);
        writeln!(text, "| `{}` | {state} | {note} |", key.name).expect("text takes text");
    }
    text
}

#[test]
fn the_table_of_global_keys_is_the_schema() {
    hold("compatibility-keys.md", "global keys", &table(Scope::Global));
}

#[test]
fn the_table_of_route_keys_is_the_schema() {
    hold("compatibility-keys.md", "route keys", &table(Scope::Route));
}

#[test]
fn the_table_of_codes_is_the_code() {
    let mut codes: Vec<(&str, &str)> = portcullis_config::codes::CODES
        .iter()
        .chain(portcullis_document::SYNTAX_CODES)
        .chain(portcullis_snapshot::codes::CODES)
        .copied()
        .collect();
    codes.extend(portcullis_policy::POLICY_CODES.iter().map(|code| (*code, "")));
    codes.sort_unstable();
    codes.dedup_by_key(|(code, _)| *code);
    let mut text = "| code | meaning |\n|---|---|\n".to_owned();
    for (code, meaning) in codes {
        let meaning = if meaning.is_empty() {
            "a policy is not what the language allows"
        } else {
            meaning
        };
        writeln!(text, "| `{code}` | {meaning} |").expect("text takes text");
    }
    hold("configuration.md", "codes", &text);
}
