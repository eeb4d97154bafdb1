//! Criteria and what they look at, in words. Nothing here decides.

use serde_json::Value;

use crate::evaluate::Seen;
use crate::input::Input;
use crate::matcher::{ListTest, TextSet, TextTest};
use crate::program::Test;

/// Longer values are cut, so that a trace stays readable and bounded.
const MAX_CHARS: usize = 120;
/// This many entries of a list are shown.
const MAX_ENTRIES: usize = 5;

/// What the criterion asks.
pub(super) fn condition(test: &Test) -> String {
    match test {
        Test::Accept => "accept".into(),
        Test::Reject => "reject".into(),
        Test::AuthenticatedUser => "authenticated_user".into(),
        Test::CorsPreflight => "cors_preflight".into(),
        Test::SourceIp(nets) => {
            format!(
                "source_ip in {}",
                list(nets.iter().map(ToString::to_string), nets.iter().count())
            )
        }
        Test::Text(field, tests) => matcher(field.name().into(), tests.iter().map(text_test)),
        Test::Claim(path, tests) => matcher(claim(path), tests.iter().map(list_test)),
        Test::TextChoice(field, choice) => format!("{} is one of {} listed", field.name(), choice.len()),
        Test::ClaimChoice(path, choice) => format!("{} has one of {} listed", claim(path), choice.len()),
    }
}

/// What is there to look at.
pub(super) fn seen(test: &Test, input: &Input<'_>) -> Option<String> {
    match test {
        Test::Accept | Test::Reject => None,
        Test::AuthenticatedUser => input.session.map(|subject| quoted(subject.user_id)),
        Test::CorsPreflight => Some(quoted(input.http.method)),
        Test::SourceIp(_) => input.http.source_ip.map(|ip| ip.to_string()),
        Test::Text(field, _) | Test::TextChoice(field, _) => match Seen::of(*field, input) {
            Seen::Text(text) => Some(quoted(text)),
            Seen::Nothing | Seen::NoSession => None,
        },
        Test::Claim(path, _) | Test::ClaimChoice(path, _) => {
            let values = input.session?.claims.get(path)?;
            Some(list(values.iter().map(json), values.len()))
        }
    }
}

fn matcher(name: String, tests: impl Iterator<Item = String>) -> String {
    let tests: Vec<_> = tests.collect();
    if tests.is_empty() {
        format!("{name} is anything")
    } else {
        format!("{name} {}", tests.join(" and "))
    }
}

fn claim(path: &str) -> String {
    format!("claim/{}", cut(path))
}

fn text_test(test: &TextTest) -> String {
    let set = |one: &str, many: &str, set: &TextSet| match set.texts().as_slice() {
        [text] => format!("{one} {}", quoted(text)),
        texts => format!(
            "{many} {}",
            list(texts.iter().map(|text| quoted(text)), texts.len())
        ),
    };
    match test {
        TextTest::In(texts) => set("is", "in", texts),
        TextTest::NotIn(texts) => set("not", "not_in", texts),
        TextTest::Contains(part) => format!("contains {}", quoted(part)),
        TextTest::StartsWith(start) => format!("starts_with {}", quoted(start)),
        TextTest::EndsWith(end) => format!("ends_with {}", quoted(end)),
    }
}

fn list_test(test: &ListTest) -> String {
    match test {
        ListTest::Has(value) => format!("has {}", json(value)),
        ListTest::Is(value) => format!("is {}", json(value)),
        ListTest::Exclude(value) => format!("exclude {}", json(value)),
    }
}

fn list(entries: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<_> = entries.take(MAX_ENTRIES).collect();
    let more = count.saturating_sub(shown.len());
    if more == 0 {
        format!("[{}]", shown.join(", "))
    } else {
        format!("[{}, and {more} more]", shown.join(", "))
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => cut(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    // Debug form: control characters cannot disturb a terminal or a log line.
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(MAX_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
