//! A trace with the names of the files in which its rules stand.

use portcullis_document::Span;
use portcullis_policy::{BlockTrace, RuleTrace, Step, Trace};
use serde_json::Value;

use crate::configured::Place;

/// Where a span lies; `None` for what stands in no text.
pub(crate) type Places<'p> = &'p dyn Fn(Span) -> Place;

/// The verdicts, and the tree of rules, operators and criteria. What decided is
/// marked with `>`.
pub(crate) fn trace_text(trace: &Trace, places: Places<'_>) -> String {
    let mut out = String::new();
    let evaluation = &trace.evaluation;
    for (name, verdict) in [("allow", evaluation.allow), ("deny", evaluation.deny)] {
        out.push_str(&format!("{name}: {}", verdict.value));
        if !verdict.reasons.is_empty() {
            out.push_str(&format!(" ({})", verdict.reasons));
        }
        out.push('\n');
    }
    for rule in &trace.rules {
        let RuleTrace {
            action,
            rule,
            value,
            decided,
            blocks,
        } = rule;
        let holds = if *value { "holds" } else { "does not hold" };
        out.push_str(&format!("{}{}[{rule}] {holds}\n", mark(*decided), action.name()));
        for block in blocks {
            block_text(&mut out, block, places);
        }
    }
    more(&mut out, "", trace.omitted, "rules");
    out
}

fn block_text(out: &mut String, block: &BlockTrace, places: Places<'_>) {
    let BlockTrace {
        path,
        span,
        value,
        decided,
        steps,
        omitted,
        reasons: _,
    } = block;
    let holds = if *value { "holds" } else { "does not hold" };
    out.push_str(&format!("{}  {}: {holds}", mark(*decided), path.operator.name()));
    if let Some(span) = span {
        out.push_str(&format!("  [{}]", places(*span)));
    }
    out.push('\n');
    for step in steps {
        out.push_str(&format!(
            "{}    {}\n",
            mark(step.decided),
            step_text(step, places)
        ));
    }
    more(out, "    ", *omitted, "criteria");
}

/// A criterion in one line: what it asks, what is there, what came of it, where it stands.
pub(crate) fn step_text(step: &Step, places: Places<'_>) -> String {
    let holds = match step.holds {
        Some(true) => "holds",
        Some(false) => "fails",
        None => "cannot be decided",
    };
    let mut out = format!("{} {holds}", step.condition);
    if let Some(seen) = &step.seen {
        out.push_str(&format!(", found {seen}"));
    }
    out.push_str(&format!(" ({})", step.reason));
    if let Some(span) = step.span {
        out.push_str(&format!("  [{}]", places(span)));
    }
    out
}

const fn mark(decided: bool) -> &'static str {
    if decided { "> " } else { "  " }
}

fn more(out: &mut String, indent: &str, omitted: usize, what: &str) {
    if omitted > 0 {
        out.push_str(&format!("  {indent}… and {omitted} more {what}\n"));
    }
}

/// A text that stays on its line, whatever it holds.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_debug());
        } else {
            out.push(c);
        }
    }
    out
}

/// A trace as JSON: beside every `line` and `column` the `file`.
pub(crate) fn trace_json(trace: &Trace, places: Places<'_>) -> Value {
    // It holds texts, numbers and lists alone, which always serialise.
    let mut value = serde_json::to_value(trace).unwrap_or_default();
    place(&mut value, places);
    value
}

fn place(value: &mut Value, places: Places<'_>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| place(item, places)),
        Value::Object(object) => {
            let number = |key: &str| object.get(key)?.as_u64()?.try_into().ok();
            let found = number("line").zip(number("column"));
            if let Some((line, column)) = found {
                let Place { file, span } = places(Span { line, column });
                object.insert("file".to_owned(), Value::from(file.as_ref()));
                object.insert("line".to_owned(), Value::from(span.line));
                object.insert("column".to_owned(), Value::from(span.column));
            }
            object.values_mut().for_each(|value| place(value, places));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
