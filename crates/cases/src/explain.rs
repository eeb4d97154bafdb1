//! What would become of a request to a configuration, and why.

use core::fmt;

use portcullis_bundle::matcher::{Met, Target};
use portcullis_document::Span;
use portcullis_policy::{BlockTrace, Step, Trace, explain};
use serde_json::{Value, json};

use crate::configured::{Configured, ConfiguredRoute, Place};
use crate::situation::Situation;
use crate::trace_text::{one_line, step_text, trace_json, trace_text};
use crate::verdict::Outcome;

/// How many criteria of an operator that decided as a whole are named one by one.
const MAX_NAMED: usize = 10;

/// What would become of a request. It holds values of the request and the session.
pub struct Explanation<'c> {
    config: &'c Configured,
    request: String,
    route: Option<&'c ConfiguredRoute>,
    outcome: Outcome,
    trace: Option<Trace>,
    settings: Vec<&'static str>,
}

/// What the ext_authz filter of an Envoy needs that Portcullis does not configure, for
/// policies about client certificates; its listener must ask for them too.
const CERTIFICATE_SETTING: &str = "include_peer_certificate: true";
/// The same, for policies about calls in bodies.
const BODY_SETTING: &str = "with_request_body: {max_request_bytes: 65536, pack_as_bytes: true}";

/// Finds the route of a request and asks its policy.
#[must_use]
pub fn explain_request<'c>(
    config: &'c Configured,
    target: &Target,
    situation: &Situation,
) -> Explanation<'c> {
    let (met, route) = config.find(&situation.method, target);
    let refused = config.refuses(target);
    let asked = route.filter(|_| !refused);
    let program = asked.map(|route| route.policy.as_ref());
    let trace = match program {
        Some(Ok(program)) => Some(explain(program, &situation.input())),
        Some(Err(_)) | None => None,
    };
    let settings = match program {
        Some(Ok(program)) => {
            let certificate = program.asks_for_certificate() && config.has_client_authorities();
            let settings = [
                certificate.then_some(CERTIFICATE_SETTING),
                program.asks_for_mcp().then_some(BODY_SETTING),
            ];
            settings.into_iter().flatten().collect()
        }
        Some(Err(_)) | None => Vec::new(),
    };
    let outcome = match (&trace, met) {
        (Some(trace), _) => Outcome::of(&trace.evaluation),
        (None, Met::Route(_)) if refused => Outcome::Ambiguous,
        (None, Met::Route(_)) => Outcome::RouteInvalid,
        (None, Met::Internal) => Outcome::Internal,
        (None, Met::Nothing) => Outcome::NoRoute,
    };
    Explanation {
        config,
        request: request(target, situation),
        route,
        outcome,
        trace,
        settings,
    }
}

/// `GET https://…/ by … from … at …`.
fn request(target: &Target, situation: &Situation) -> String {
    let mut text = format!("{} https://{}", one_line(&situation.method), target.host);
    if let Some(port) = target.port {
        text.push_str(&format!(":{port}"));
    }
    text.push_str(target.path());
    match &situation.session {
        None => text.push_str(" by nobody"),
        Some(session) => {
            let email = Some(&session.email).filter(|email| !email.is_empty());
            let name = email.unwrap_or(&session.user_id);
            text.push_str(&format!(" by {}", one_line(name)));
        }
    }
    match situation.source_ip {
        Some(ip) => text.push_str(&format!(" from {ip}")),
        None => text.push_str(" from nowhere"),
    }
    text.push_str(&format!(" at {}", situation.now));
    text
}

/// What decided.
enum Decided<'t> {
    Step(&'t Step),
    Block(&'t BlockTrace),
}

impl Explanation<'_> {
    /// What happens.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn decided(&self) -> Option<Decided<'_>> {
        let trace = self.trace.as_ref()?;
        if let Some(step) = trace.deciding_step() {
            return Some(Decided::Step(step));
        }
        let mut blocks = trace.rules.iter().flat_map(|rule| &rule.blocks);
        blocks.find(|block| block.decided).map(Decided::Block)
    }

    /// What has no place of its own has that of the route.
    fn place(&self, span: Option<Span>) -> Option<Place> {
        match span {
            Some(span) => Some(self.config.place(span)),
            None => self.route.map(|route| route.place.clone()),
        }
    }

    /// The same as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let place = |place: Option<Place>| {
            place.map(|Place { file, span }| {
                json!({"file": file.as_ref(), "line": span.line, "column": span.column})
            })
        };
        let route = self.route.map(|route| {
            json!({
                "name": route.name,
                "from": route.from,
                "paths": route.paths,
                "place": place(Some(route.place.clone())),
                "errors": route.policy.as_ref().err(),
            })
        });
        let decided = self.decided().map(|decided| match decided {
            Decided::Step(step) => json!({
                "path": step.path,
                "place": place(self.place(step.span)),
                "condition": step.condition,
                "seen": step.seen,
                "reason": step.reason,
            }),
            Decided::Block(block) => json!({
                "path": block.path,
                "place": place(self.place(block.span)),
                "reasons": block.reasons,
            }),
        });
        let places = |span| self.config.place(span);
        json!({
            "request": self.request,
            "route": route,
            "outcome": self.outcome.to_string(),
            "status": self.outcome.status(),
            "decided_by": decided,
            "envoy_settings": self.settings,
            "trace": self.trace.as_ref().map(|trace| trace_json(trace, &places)),
        })
    }

    fn write_decided(&self, f: &mut fmt::Formatter<'_>, trace: &Trace) -> fmt::Result {
        let places = |span| self.config.place(span);
        match self.decided() {
            None => match trace.evaluation.decided_by {
                Some(path) => writeln!(f, "decided by: {path}"),
                None => writeln!(f, "decided by: nothing, for no allow rule has a criterion"),
            },
            Some(Decided::Step(step)) => {
                write!(f, "decided by: {}", step.path)?;
                if let Some(place) = self.place(step.span) {
                    write!(f, " at {place}")?;
                }
                let unplaced = Step {
                    span: None,
                    ..step.clone()
                };
                writeln!(f, ": {}", step_text(&unplaced, &places))
            }
            Some(Decided::Block(block)) => {
                write!(f, "decided by: {}", block.path)?;
                if let Some(place) = self.place(block.span) {
                    write!(f, " at {place}")?;
                }
                writeln!(f, ": all of its criteria together ({})", block.reasons)?;
                for step in block.steps.iter().take(MAX_NAMED) {
                    writeln!(f, "  {}", step_text(step, &places))?;
                }
                Ok(())
            }
        }
    }
}

/// The request, the route, the outcome, what decided, and the tree.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request: {}", self.request)?;
        match self.route {
            Some(route) => {
                write!(f, "route: {}", one_line(route.label()))?;
                writeln!(f, " at {} ({}, {})", route.place, route.from, route.paths)?;
            }
            None => writeln!(f, "route: none")?,
        }
        let meaning = match self.outcome {
            Outcome::Allow => ": the request goes to the upstream".to_owned(),
            Outcome::Login => ": a browser is sent to sign in (302), others get 401".to_owned(),
            Outcome::Device => ": the user must authenticate a device".to_owned(),
            Outcome::Internal => ": one of Portcullis' own endpoints, which no policy guards".to_owned(),
            Outcome::NoRoute => " (status 404): no route takes the request".to_owned(),
            Outcome::RouteInvalid => " (status 503): the route has an error and denies everybody".to_owned(),
            Outcome::Ambiguous => {
                " (status 400): `path_parameters: reject`, and the path has parameters".to_owned()
            }
            Outcome::Deny(refusal) => format!(" (status {})", refusal.status()),
            Outcome::Refused => String::new(),
        };
        writeln!(f, "outcome: {}{meaning}", self.outcome)?;
        if let Some(Err(errors)) = self.route.map(|route| &route.policy) {
            errors.iter().try_for_each(|error| writeln!(f, "  {error}"))?;
        }
        if let Some(trace) = &self.trace {
            self.write_decided(f, trace)?;
            let places = |span| self.config.place(span);
            f.write_str(&trace_text(trace, &places))?;
            for setting in &self.settings {
                writeln!(
                    f,
                    "an Envoy of your own needs, in its ext_authz filter: {setting}"
                )?;
            }
        }
        Ok(())
    }
}
