//! What is known of one decision.

use super::super::Facts;
use super::super::answer::Verdict;
use super::super::message::Message;
use super::super::route;
use core::fmt;
use core::time::Duration;
use jiff::Timestamp;
use portcullis_model::DecisionId;
use portcullis_policy::Reason;
use std::borrow::Cow;

/// What of a host, a path or a request id is written.
pub(super) const MAX_TEXT: usize = 1024;
/// Stands for what is not.
const ELLIPSIS: &str = "…";

/// What every line says besides its fields.
pub(super) const MESSAGE: &str = "authorize check";
/// The target of the lines, by which a filter chooses.
pub(super) const TARGET: &str = "portcullis_authz_server::check::audit";

/// One decision, as it is written.
pub struct Record {
    facts: Facts,
    decision: DecisionId,
    verdict: Verdict,
    at: Timestamp,
    took: Duration,
    texts: Texts,
}

/// Takes the fields of a record in their order. One that has no value is not
/// there.
pub(super) trait Fields {
    /// Any text.
    fn text(&mut self, name: &'static str, value: &str);
    /// A word of ours, without any character that has a meaning in JSON.
    fn word(&mut self, name: &'static str, value: &str);
    /// Words of ours, with commas between them.
    fn words(&mut self, name: &'static str, values: impl Iterator<Item = &'static str>);
    /// What has a form of its own.
    fn form(&mut self, name: &'static str, value: impl fmt::Display);
    /// A number.
    fn number(&mut self, name: &'static str, value: u64);
    /// A truth.
    fn flag(&mut self, name: &'static str, value: bool);
}

impl Record {
    /// Takes what the log needs out of an answered check.
    pub(crate) fn new(
        message: &Message<'_>,
        facts: Facts,
        decision: DecisionId,
        verdict: Verdict,
        at: Timestamp,
        took: Duration,
    ) -> Self {
        let mut lines = message.lines.iter().chain(&message.joined);
        let request_id = lines.find(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
        let client = facts.client.map(|ip| ip.to_string());
        let request_id = request_id.map_or(Cow::Borrowed(""), |(_, value)| String::from_utf8_lossy(value));
        Self {
            facts,
            decision,
            verdict,
            at,
            took,
            texts: Texts::new([
                message.method,
                message.host,
                without_query(message.path),
                client.as_deref().unwrap_or(message.source),
                &request_id,
            ]),
        }
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// How long the Check took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// When it began.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Says every field. Nothing in them is a credential: of the session its hash,
    /// of the path no query.
    pub(super) fn say(&self, to: &mut impl Fields) {
        let Self {
            facts,
            decision,
            verdict,
            at: _,
            took,
            texts,
        } = self;
        let [method, host, path, ip, request_id] = texts.all();
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        to.word("decision_id", decision.0.as_hyphenated().encode_lower(&mut id));
        to.text("request_id", request_id);
        if let Some(active) = &facts.active {
            to.text("bundle_version", active.bundle.version.as_str());
        }
        if let Some(route) = &facts.route {
            to.form("route_id", route.id);
            if let Some(name) = &route.name {
                to.text("route_name", name);
            }
        }
        to.text("method", method);
        to.text("host", host);
        to.text("path", path);
        if let Some(by) = facts.by {
            to.text("route_by", by.name());
        }
        if let Some(ambiguity) = facts.ambiguity {
            to.form("ambiguity", ambiguity);
        }
        if facts.misnamed {
            to.flag("misnamed", true);
        }
        if facts.hidden {
            to.flag("headers_hidden", true);
        }
        to.text("ip", ip);
        if let Some(stored) = &facts.session {
            to.word("session", &stored.log_name);
            to.text("user", &stored.session.user_id);
            to.text("email", &stored.session.email);
        }
        if let Some(evaluation) = &facts.evaluation {
            to.flag("allow", evaluation.allow.value);
            to.words("allow_reasons", evaluation.allow.reasons.iter().map(Reason::name));
            to.flag("deny", evaluation.deny.value);
            to.words("deny_reasons", evaluation.deny.reasons.iter().map(Reason::name));
            if let Some(rule) = evaluation.decided_by {
                to.form("rule", rule);
            }
        }
        to.text("outcome", verdict.name());
        to.number("status", u64::from(facts.page.unwrap_or(verdict.status())));
        if let Some(missing) = facts.missing {
            to.text("envoy_setting_missing", missing);
        }
        to.number("duration_us", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Writes the fields as a `tracing` event, for whatever subscriber there is.
    pub(super) fn emit(&self) {
        let Self {
            facts,
            decision,
            verdict,
            at: _,
            took,
            texts,
        } = self;
        let [method, host, path, ip, request_id] = texts.all();
        let session = facts.session.as_deref();
        let evaluation = facts.evaluation.as_ref();
        let rule = evaluation.and_then(|evaluation| evaluation.decided_by);
        tracing::info!(
            target: TARGET,
            decision_id = %decision,
            request_id,
            bundle_version = facts.active.as_ref().map(|active| active.bundle.version.as_str()),
            route_id = facts.route.as_ref().map(|route| tracing::field::display(route.id)),
            route_name = facts.route.as_ref().and_then(|route| route.name.as_deref()),
            method,
            host,
            path,
            route_by = facts.by.map(route::By::name),
            ambiguity = facts.ambiguity.map(tracing::field::display),
            misnamed = facts.misnamed.then_some(true),
            headers_hidden = facts.hidden.then_some(true),
            ip,
            session = session.map(|stored| tracing::field::display(&stored.log_name)),
            user = session.map(|stored| stored.session.user_id.as_str()),
            email = session.map(|stored| stored.session.email.as_str()),
            allow = evaluation.map(|evaluation| evaluation.allow.value),
            allow_reasons = evaluation.map(|evaluation| tracing::field::display(evaluation.allow.reasons)),
            deny = evaluation.map(|evaluation| evaluation.deny.value),
            deny_reasons = evaluation.map(|evaluation| tracing::field::display(evaluation.deny.reasons)),
            rule = rule.map(tracing::field::display),
            outcome = verdict.name(),
            status = facts.page.unwrap_or(verdict.status()),
            envoy_setting_missing = facts.missing,
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "{MESSAGE}"
        );
    }
}

/// Five texts in one piece of memory, each bounded.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    ends: [usize; 5],
}

impl Texts {
    pub(super) fn new(texts: [&str; 5]) -> Self {
        let length = texts
            .iter()
            .map(|text| text.len().min(MAX_TEXT + ELLIPSIS.len()))
            .sum();
        let mut all = Self {
            text: String::with_capacity(length),
            ends: [0; 5],
        };
        for (text, end) in texts.iter().zip(&mut all.ends) {
            if text.len() > MAX_TEXT {
                all.text
                    .push_str(text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default());
                all.text.push_str(ELLIPSIS);
            } else {
                all.text.push_str(text);
            }
            *end = all.text.len();
        }
        all
    }

    pub(super) fn all(&self) -> [&str; 5] {
        let mut begin = 0;
        self.ends.map(|end| {
            let text = self.text.get(begin..end).unwrap_or_default();
            begin = end;
            text
        })
    }
}

pub(super) fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}
