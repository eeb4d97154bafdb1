//! Criteria and what they look at, in words. Nothing here decides.

use serde_json::Value;

use crate::device::{Device, Standing};
use crate::evaluate::{Seen, claim, record_keys};
use crate::input::Input;
use crate::matcher::{ListTest, TextSet, TextTest};
use crate::program::Test;

/// Longer values are cut, so that a trace stays readable and bounded.
const MAX_CHARS: usize = 120;
/// This many entries of a list are shown.
const MAX_ENTRIES: usize = 5;
/// Of longer lists a policy's own entries are only counted.
const LISTED: usize = 50;

/// What the criterion asks.
pub(super) fn condition(test: &Test) -> String {
    match test {
        Test::Accept => "accept".into(),
        Test::Reject => "reject".into(),
        Test::AuthenticatedUser => "authenticated_user".into(),
        Test::CorsPreflight => "cors_preflight".into(),
        Test::InvalidClientCertificate => "invalid_client_certificate".into(),
        Test::SshUsernameMatchesEmail => "ssh_username_matches_email".into(),
        Test::SourceIp(nets) => {
            let count = nets.iter().count();
            format!(
                "source_ip in {}",
                list(nets.iter().map(ToString::to_string), count)
            )
        }
        Test::Text(field, tests) => matcher(field.name().into(), tests.iter().map(text_test)),
        Test::Claim(path, tests) => matcher(claim_name(path), tests.iter().map(list_test)),
        Test::Groups(tests) => matcher("groups".into(), tests.iter().map(list_test)),
        Test::ClientCertificate(test) => told("client_certificate", test),
        Test::Device(test) => told("device", test),
        Test::SshPublicKey(keys) => told("ssh_publickey", keys),
        Test::SshCa(keys) => told("ssh_ca", keys),
        Test::SshUsernameMatchesClaim(name) => format!("ssh_username_matches_claim {}", quoted(name)),
        Test::Date(window) => told("date", window),
        Test::DayOfWeek(days) => told("day_of_week", days),
        Test::TimeOfDay(time) => told("time_of_day", time),
        Test::Record(test) => told("record", test),
    }
}

/// What is there to look at.
pub(super) fn seen(test: &Test, input: &Input<'_>) -> Option<String> {
    match test {
        Test::Accept | Test::Reject => None,
        Test::AuthenticatedUser => input.session.map(|subject| quoted(subject.user_id)),
        Test::CorsPreflight => Some(quoted(input.http.method)),
        Test::SourceIp(_) => input.http.source_ip.map(|ip| ip.to_string()),
        Test::Text(field, _) => match Seen::of(*field, input) {
            Seen::Text(text) => Some(quoted(text)),
            Seen::Nothing | Seen::Otherwise(_) => None,
        },
        Test::Claim(path, _) => {
            let values = claim(input.session?, path);
            (!values.is_empty()).then(|| list(values.iter().map(json), values.len()))
        }
        Test::Groups(_) => {
            let groups = input.session?.groups?;
            Some(list(groups.iter().map(|group| quoted(group)), groups.len()))
        }
        Test::ClientCertificate(_) => {
            let leaf = input.client_certificate.leaf?;
            let names = leaf.san_dns.iter().chain(&leaf.san_email).chain(&leaf.san_uri);
            let count = leaf.san_dns.len() + leaf.san_email.len() + leaf.san_uri.len();
            let names = list(names.map(|name| quoted(name)), count);
            Some(format!(
                "fingerprint {} with names {names}",
                hex::encode(leaf.fingerprint)
            ))
        }
        Test::InvalidClientCertificate => Some(
            match (input.client_certificate.presented, input.client_certificate.valid) {
                (false, _) => "none presented",
                (true, true) => "a valid one",
                (true, false) => "one that is not valid",
            }
            .into(),
        ),
        Test::Device(_) => {
            let devices = input.session?.devices;
            let device = |device: &Device| {
                let id = quoted(&device.credential_id);
                let kind = quoted(&device.type_id);
                format!("{id} of type {kind} ({})", standing(device.standing))
            };
            (!devices.is_empty()).then(|| list(devices.iter().map(device), devices.len()))
        }
        Test::SshPublicKey(_) => Some(input.ssh?.key?.to_string()),
        Test::SshCa(_) => {
            let key = input.ssh?.key?;
            Some(
                key.uncertified()
                    .map_or_else(|| key.to_string(), |why| format!("{key}, {why}")),
            )
        }
        Test::SshUsernameMatchesEmail => {
            let session = input.session?;
            let name = input.ssh.map_or("", |ssh| ssh.username);
            Some(format!("{} and {}", quoted(name), quoted(session.email)))
        }
        Test::SshUsernameMatchesClaim(path) => {
            let values = claim(input.session?, path);
            let name = input.ssh.map_or("", |ssh| ssh.username);
            let values = list(values.iter().map(json), values.len());
            Some(format!("{} and {values}", quoted(name)))
        }
        Test::Date(_) | Test::DayOfWeek(_) | Test::TimeOfDay(_) => Some(input.now.to_string()),
        Test::Record(test) => test.value(input.records, &record_keys(input)).map(json),
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Unknown => "not known",
        Standing::Registered => "not enrolled",
        Standing::Enrolled => "not approved",
        Standing::Approved => "approved",
    }
}

/// What the criterion says of itself, safe for a terminal.
fn told(name: &str, test: &impl core::fmt::Display) -> String {
    let text = cut(&test.to_string());
    let safe: String = text
        .chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect();
    format!("{name}: {safe}")
}

fn matcher(name: String, tests: impl Iterator<Item = String>) -> String {
    let tests: Vec<_> = tests.collect();
    if tests.is_empty() {
        format!("{name} is anything")
    } else {
        format!("{name} {}", tests.join(" and "))
    }
}

fn claim_name(path: &str) -> String {
    format!("claim/{}", cut(path))
}

fn text_test(test: &TextTest) -> String {
    let set = |one: &str, many: &str, set: &TextSet| {
        let count = set.len();
        if count > LISTED {
            return format!("{many} {count} listed");
        }
        match set.texts().as_slice() {
            [text] => format!("{one} {}", quoted(text)),
            texts => format!("{many} {}", list(texts.iter().map(|text| quoted(text)), count)),
        }
    };
    match test {
        TextTest::In(texts) => set("is", "is one of", texts),
        TextTest::NotIn(texts) => set("is not", "is none of", texts),
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
