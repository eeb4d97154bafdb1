//! A trace as text and as JSON.

use core::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{BlockTrace, RuleTrace, Step, Trace};

/// The decision on the first line, then a line for each verdict, each rule, each
/// operator and each criterion. What decided is marked with `>`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            evaluation,
            rules,
            omitted,
        } = self;
        f.write_str(evaluation.outcome_name())?;
        if let Some(refusal) = evaluation.refusal {
            write!(f, ":{refusal}")?;
        }
        match evaluation.decided_by {
            Some(path) => write!(f, ", decided by {path}")?,
            None => f.write_str(", no allow rule has a criterion")?,
        }
        if let Some(span) = self.deciding_span() {
            write!(f, " at {span}")?;
        }
        writeln!(f)?;
        for (name, verdict) in [("allow", evaluation.allow), ("deny", evaluation.deny)] {
            writeln!(f, "{name}: {} ({})", verdict.value, verdict.reasons)?;
        }
        if let Some(device_type) = &evaluation.device_type {
            writeln!(f, "device type: {device_type:?}")?;
        }
        rules.iter().try_for_each(|rule| write!(f, "{rule}"))?;
        more(f, "", *omitted, "rules")
    }
}

impl Trace {
    /// Where in its file stands what decided, if that is known.
    #[must_use]
    pub fn deciding_span(&self) -> Option<portcullis_document::Span> {
        let path = self.evaluation.decided_by?;
        let blocks = self.rules.iter().flat_map(|rule| &rule.blocks);
        let block = blocks.filter(|block| block.decided).find_map(|block| block.span);
        let step = self.deciding_step().and_then(|step| step.span);
        if path.criterion.is_some() { step } else { block }
    }
}

impl fmt::Display for RuleTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.value { "holds" } else { "does not hold" };
        let name = self.action.name();
        writeln!(f, "{}{name}[{}] {holds}", mark(self.decided), self.rule)?;
        self.blocks.iter().try_for_each(|block| write!(f, "{block}"))
    }
}

impl fmt::Display for BlockTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", mark(self.decided), self.path.operator.name())?;
        if let Some(span) = self.span {
            write!(f, " at {span}")?;
        }
        writeln!(f, ": {} ({})", self.value, self.reasons)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        more(f, "    ", self.omitted, "criteria")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self.holds {
            Some(true) => "holds",
            Some(false) => "fails",
            None => "cannot be decided",
        };
        write!(f, "{}    ", mark(self.decided))?;
        if let Some(at) = self.path.criterion {
            write!(f, "[{at}]")?;
        }
        if let Some(span) = self.span {
            write!(f, " at {span}")?;
        }
        write!(f, ": {} {holds}", self.condition)?;
        if let Some(seen) = &self.seen {
            write!(f, ", found {seen}")?;
        }
        write!(f, " ({})", self.reason)
    }
}

const fn mark(decided: bool) -> &'static str {
    if decided { "> " } else { "  " }
}

fn more(f: &mut fmt::Formatter<'_>, indent: &str, omitted: usize, what: &str) -> fmt::Result {
    if omitted == 0 {
        return Ok(());
    }
    writeln!(f, "  {indent}… and {omitted} more {what}")
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            evaluation,
            rules,
            omitted,
        } = self;
        let span = self.deciding_span();
        let mut out = serializer.serialize_struct("Trace", 10)?;
        out.serialize_field("outcome", evaluation.outcome_name())?;
        out.serialize_field("refusal", &evaluation.refusal)?;
        out.serialize_field("decided_by", &evaluation.decided_by)?;
        out.serialize_field("line", &span.map(|span| span.line))?;
        out.serialize_field("column", &span.map(|span| span.column))?;
        out.serialize_field("allow", &evaluation.allow)?;
        out.serialize_field("deny", &evaluation.deny)?;
        out.serialize_field("device_type", &evaluation.device_type.as_deref())?;
        out.serialize_field("rules", rules)?;
        out.serialize_field("omitted", omitted)?;
        out.end()
    }
}

impl Serialize for RuleTrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            action,
            rule,
            value,
            decided,
            blocks,
        } = self;
        let mut out = serializer.serialize_struct("RuleTrace", 5)?;
        out.serialize_field("action", action)?;
        out.serialize_field("rule", rule)?;
        out.serialize_field("value", value)?;
        out.serialize_field("decided", decided)?;
        out.serialize_field("operators", blocks)?;
        out.end()
    }
}

impl Serialize for BlockTrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            path,
            span,
            value,
            reasons,
            decided,
            steps,
            omitted,
        } = self;
        let mut out = serializer.serialize_struct("BlockTrace", 9)?;
        out.serialize_field("path", path)?;
        out.serialize_field("operator", path.operator.name())?;
        out.serialize_field("line", &span.map(|span| span.line))?;
        out.serialize_field("column", &span.map(|span| span.column))?;
        out.serialize_field("value", value)?;
        out.serialize_field("reasons", reasons)?;
        out.serialize_field("decided", decided)?;
        out.serialize_field("criteria", steps)?;
        out.serialize_field("omitted", omitted)?;
        out.end()
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            path,
            span,
            condition,
            seen,
            holds,
            value,
            reason,
            decided,
        } = self;
        let mut out = serializer.serialize_struct("Step", 9)?;
        out.serialize_field("path", path)?;
        out.serialize_field("line", &span.map(|span| span.line))?;
        out.serialize_field("column", &span.map(|span| span.column))?;
        out.serialize_field("condition", condition)?;
        out.serialize_field("seen", seen)?;
        out.serialize_field("holds", holds)?;
        out.serialize_field("value", value)?;
        out.serialize_field("reason", reason)?;
        out.serialize_field("decided", decided)?;
        out.end()
    }
}
