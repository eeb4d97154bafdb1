//! One leaf of a plan against one request.

use serde_json::Value;

use super::check::{Finding, Seen, check, claim};
use crate::ast::TextField;
use crate::input::{Input, Subject};
use crate::plan::Probe;
use crate::program::NodePath;
use crate::reason::Reason;

/// A request, with what has been looked up of it: a policy of a thousand rules
/// asks for the same claim a thousand times.
pub(super) struct Known<'p, 'a> {
    input: &'a Input<'a>,
    domain: Option<Seen<'a>>,
    claim: Option<(&'p str, &'a [Value])>,
}

impl<'p, 'a> Known<'p, 'a> {
    pub(super) const fn new(input: &'a Input<'a>) -> Self {
        Self {
            input,
            domain: None,
            claim: None,
        }
    }

    /// What the leaf finds, and which of its criteria was met, where it has
    /// several.
    pub(super) fn answer(&mut self, probe: &'p Probe) -> (Finding, Option<&'p NodePath>) {
        match probe {
            Probe::One(test) => (check(test, self.input), None),
            Probe::Is(field, wanted) => (self.text(*field, |text| text == wanted.as_ref()), None),
            Probe::Has(path, wanted) => {
                let has = |value: &Value| value.as_str() == Some(wanted.as_ref());
                (self.claim(path, |values| values.iter().any(has)), None)
            }
            Probe::Texts(field, texts) => {
                let mut hit = None;
                let finding = self.text(*field, |text| {
                    hit = texts.get(text);
                    hit.is_some()
                });
                (finding, hit)
            }
            Probe::Claim(path, choice) => {
                let mut hit = None;
                let finding = self.claim(path, |values| {
                    hit = choice.find(values);
                    hit.is_some()
                });
                (finding, hit)
            }
            Probe::Groups(choice) => match self.input.session {
                None => (Finding::UNAUTHENTICATED, None),
                Some(Subject { groups, .. }) => met(
                    groups.and_then(|groups| choice.find_text(groups)),
                    Reason::GroupsOk,
                    Reason::GroupsUnauthorized,
                ),
            },
            Probe::SourceIp(ranges) => match self.input.http.source_ip {
                None => (Finding::UNDECIDED, None),
                Some(ip) => met(ranges.find(ip), Reason::SourceIpOk, Reason::SourceIpUnauthorized),
            },
        }
    }

    fn text(&mut self, field: TextField, holds: impl FnOnce(&str) -> bool) -> Finding {
        let seen = if field == TextField::Domain {
            let input = self.input;
            *self.domain.get_or_insert_with(|| Seen::of(field, input))
        } else {
            Seen::of(field, self.input)
        };
        let (pass, fail) = field.reasons();
        match seen {
            Seen::Text(text) => Finding::of(holds(text), pass, fail),
            Seen::Nothing => Finding::of(false, pass, fail),
            Seen::Otherwise(finding) => finding,
        }
    }

    fn claim(&mut self, path: &'p str, holds: impl FnOnce(&[Value]) -> bool) -> Finding {
        let Some(subject) = self.input.session else {
            return Finding::UNAUTHENTICATED;
        };
        let values = match self.claim {
            Some((known, values)) if core::ptr::eq(known, path) => values,
            _ => claim(subject, path),
        };
        self.claim = Some((path, values));
        Finding::of(holds(values), Reason::ClaimOk, Reason::ClaimUnauthorized)
    }
}

fn met(hit: Option<&NodePath>, pass: Reason, fail: Reason) -> (Finding, Option<&NodePath>) {
    (Finding::of(hit.is_some(), pass, fail), hit)
}
