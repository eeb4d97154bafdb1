//! `sub_policies`: lists that widen the route's own, rules beside its own, and what a refusal says.

use portcullis_document::{Limits, Node, Span, Value, parse_yaml};
use portcullis_policy::Legacy;

use super::lists;
use crate::codes::{ADVICE_CUT, REGO_UNSUPPORTED};
use crate::read::{items, part};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Advice, value};

/// What a page has room for: of each text so many bytes, and of so many sub-policies.
const MAX_TEXT: usize = 2_048;
const MAX_ADVICE: usize = 32;

/// What the sub-policies of a route add to it.
#[derive(Default)]
pub(super) struct SubPolicies {
    /// The rules of each `source_ppl`, as nodes that stand at its key.
    pub(super) rules: Vec<Node>,
    /// What each has to say to whoever is refused, where it has anything.
    pub(super) advice: Vec<Advice>,
    /// Whether each could be read; if not, that is reported.
    pub(super) good: bool,
}

/// Reads the sub-policies of a route, whose lists are appended to those of `legacy`.
///
/// A text in `source_ppl` is a policy. Pomerium makes Rego of it where a sub-policy has none of its own and
/// evaluates that beside the route's policy, which comes to the same as more rules.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, legacy: &mut Legacy) -> SubPolicies {
    let mut read = SubPolicies {
        // Of the wrong shape nobody knows what it was to say.
        good: fields.present("sub_policies").is_none() || fields.get("sub_policies").is_some(),
        ..SubPolicies::default()
    };
    for item in fields.get("sub_policies").map(items).unwrap_or_default() {
        lists::extend(report, legacy, |name| part(item, name));
        read.good &= no_rego(report, item);
        read.good &= rules(report, item, &mut read.rules);
        advise(report, item, &mut read.advice);
    }
    read
}

/// Where the key of a part stands.
fn key_span(item: &Node, name: &str) -> Span {
    let mut entries = item.as_map().unwrap_or_default().iter();
    entries
        .find(|entry| entry.key.eq_ignore_ascii_case(name))
        .map_or(item.span, |entry| entry.key_span)
}

/// Rego is refused: what it denies would be let in without it.
fn no_rego(report: &mut Report, item: &Node) -> bool {
    let says_something = part(item, "rego").is_some_and(|node| {
        value::strings(node).is_ok_and(|scripts| scripts.iter().any(|(text, _)| !text.trim().is_empty()))
    });
    if says_something {
        let message = "Rego is not supported, and without it what it denies would be let in";
        report.add(
            Problem::error(REGO_UNSUPPORTED, key_span(item, "rego"), message)
                .help("say it in `policy`, in the policy language"),
        );
    }
    !says_something
}

/// Adds the rules of `source_ppl`; whether it can be read.
fn rules(report: &mut Report, item: &Node, rules: &mut Vec<Node>) -> bool {
    let text = part(item, "source_ppl")
        .and_then(Node::as_scalar)
        .and_then(value::text)
        .filter(|text| !text.trim().is_empty());
    let Some(text) = text else { return true };
    let span = key_span(item, "source_ppl");
    let limits = Limits {
        max_bytes: text.len(),
        // There may be many of them.
        max_nodes: text.len().saturating_mul(4),
        ..Limits::default()
    };
    let mut parsed = match parse_yaml(&text, &limits) {
        Ok(Some(parsed)) => parsed,
        // A comment and nothing else.
        Ok(None) => return true,
        Err(error) => {
            let message = format!("in `source_ppl`, at {}: {}", error.span, error.message);
            report.add(Problem::error(error.code, span, message));
            return false;
        }
    };
    // Its own lines and columns would be those of another text.
    place(&mut parsed, span);
    match parsed.value {
        Value::Seq(items) => rules.extend(items),
        // What is no policy at all is refused with the rest.
        Value::Map(_) | Value::Scalar(_) => rules.push(parsed),
    }
    true
}

fn place(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter_mut().for_each(|item| place(item, span)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = span;
                place(&mut entry.value, span);
            }
        }
    }
}

fn advise(report: &mut Report, item: &Node, advice: &mut Vec<Advice>) {
    let mut text = |name| {
        let mut text = part(item, name)
            .and_then(Node::as_scalar)
            .and_then(value::text)
            .unwrap_or_default()
            .trim()
            .to_owned();
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            text.push('…');
            let message = format!("of `{name}` only the first {MAX_TEXT} bytes are shown");
            report.add(Problem::warning(ADVICE_CUT, key_span(item, name), message));
        }
        text
    };
    let said = Advice {
        explanation: text("explanation"),
        remediation: text("remediation"),
    };
    if said == Advice::default() {
        return;
    }
    if advice.len() < MAX_ADVICE {
        advice.push(said);
    } else {
        let message = format!("what more than {MAX_ADVICE} sub-policies say is not shown");
        report.add(Problem::warning(ADVICE_CUT, item.span, message));
    }
}
