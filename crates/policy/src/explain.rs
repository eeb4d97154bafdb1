//! What the interpreter looked at, for people.

mod describe;
#[cfg(test)]
mod tests;

use core::fmt;

use portcullis_document::Span;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::evaluate::{Challenge, Evaluation, Finding, NodePath, Observer, Outcome, run};
use crate::input::Input;
use crate::program::{Member, Program};
use crate::reason::Reason;

/// Decides a request and writes down every criterion on the way. The evaluation
/// is the one that [`evaluate`](crate::evaluate()) gives.
#[must_use]
pub fn explain(program: &Program, input: &Input<'_>) -> Trace {
    let mut recorder = Recorder {
        program,
        input,
        steps: Vec::new(),
    };
    let evaluation = run(program, input, &mut recorder);
    Trace {
        evaluation,
        steps: recorder.steps,
    }
}

/// A decision and how it came about. It holds values of the request and the
/// session: show it only to whoever may see those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The decision.
    pub evaluation: Evaluation,
    /// Every criterion, allow rules first.
    pub steps: Vec<Step>,
}

/// One criterion, or several of one block that compare the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the policy.
    pub path: NodePath,
    /// Where it stands in its file, if that is known.
    pub span: Option<Span>,
    /// What it asks, such as `email is "a@example.com"`.
    pub condition: String,
    /// What the request or session has there, shortened; `None` when the
    /// criterion looks at nothing or nothing is there.
    pub seen: Option<String>,
    /// Whether the criterion holds; `None` when that cannot be told.
    pub holds: Option<bool>,
    /// What counts after the operator's inversion.
    pub value: bool,
    /// The reason that it gives.
    pub reason: Reason,
}

struct Recorder<'a> {
    program: &'a Program,
    input: &'a Input<'a>,
    steps: Vec<Step>,
}

impl Observer for Recorder<'_> {
    fn member(&mut self, path: NodePath, member: &Member, finding: Finding, value: bool) {
        // Several criteria that all missed have no index; the first stands for them.
        let place = NodePath {
            criterion: Some(finding.at.unwrap_or(member.at)),
            ..path
        };
        self.steps.push(Step {
            path,
            span: self.program.span(place),
            condition: describe::condition(&member.test),
            seen: describe::seen(&member.test, self.input),
            holds: finding.holds,
            value,
            reason: finding.reason,
        });
    }
}

impl Evaluation {
    /// The outcome in one word: `allow`, `deny`, `login` or `device`.
    #[must_use]
    pub const fn outcome_name(&self) -> &'static str {
        match self.outcome {
            Outcome::Allow(_) => "allow",
            Outcome::Deny(_) => "deny",
            Outcome::Challenge(Challenge::Login) => "login",
            Outcome::Challenge(Challenge::Device) => "device",
        }
    }
}

/// The decision on the first line, then a line for each verdict and each step.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { evaluation, steps } = self;
        write!(f, "{}", evaluation.outcome_name())?;
        match evaluation.decided_by {
            Some(path) => writeln!(f, ", decided by {path}")?,
            None if steps.is_empty() => writeln!(f, ", the policy has no criteria")?,
            None => writeln!(f, ", no single criterion decided")?,
        }
        for (name, verdict) in [("allow", evaluation.allow), ("deny", evaluation.deny)] {
            writeln!(f, "{name}: {} ({})", verdict.value, verdict.reasons)?;
        }
        steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self.holds {
            Some(true) => "holds",
            Some(false) => "fails",
            None => "cannot be decided",
        };
        write!(f, "  {}", self.path)?;
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

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { evaluation, steps } = self;
        let mut out = serializer.serialize_struct("Trace", 5)?;
        out.serialize_field("outcome", evaluation.outcome_name())?;
        out.serialize_field("decided_by", &evaluation.decided_by)?;
        out.serialize_field("allow", &evaluation.allow)?;
        out.serialize_field("deny", &evaluation.deny)?;
        out.serialize_field("steps", steps)?;
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
        } = self;
        let mut out = serializer.serialize_struct("Step", 8)?;
        out.serialize_field("path", path)?;
        out.serialize_field("line", &span.map(|span| span.line))?;
        out.serialize_field("column", &span.map(|span| span.column))?;
        out.serialize_field("condition", condition)?;
        out.serialize_field("seen", seen)?;
        out.serialize_field("holds", holds)?;
        out.serialize_field("value", value)?;
        out.serialize_field("reason", reason)?;
        out.end()
    }
}
