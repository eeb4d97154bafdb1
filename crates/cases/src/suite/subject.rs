//! What a case asks: a program, or why there is none.

use std::rc::Rc;
use std::sync::Arc;

use portcullis_document::{Limits, Node, Span, Value, parse_yaml};
use portcullis_policy::{Legacy, Policy, PolicyError, Program, compile, parse};

use crate::configured::{Configured, ConfiguredRoute, Place};
use crate::problem::{Problem, Problems};
use crate::verdict::Outcome;

/// The name of a policy that is a text of its own: positions count from its start.
const TEXT: &str = "policy";

const ROUTE: [&str; 8] = [
    "allow_public_unauthenticated_access",
    "allow_any_authenticated_user",
    "cors_allow_preflight",
    "allowed_domains",
    "allowed_idp_claims",
    "allowed_users",
    "default_client_certificate_rule",
    "policy",
];

/// What a case asks.
pub(crate) struct Subject {
    /// Which one it is, for what is counted.
    pub(crate) place: Place,
    /// The route's name, where it is one of a configuration.
    pub(crate) route: Option<String>,
    pub(crate) program: Result<Program, Refused>,
    places: Rc<dyn Fn(Span) -> Place>,
}

/// Why there is nothing to decide with.
pub(crate) struct Refused {
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<&'static str>,
    pub(crate) why: Option<String>,
}

impl Subject {
    /// A policy that stands in the file of cases.
    pub(super) fn inline(file: Arc<str>, node: &Node) -> Self {
        let program = parse(node).and_then(|policy| compile(&policy));
        Self::of(file, node.span, program)
    }

    /// A policy as a text of its own.
    pub(super) fn text(text: &str) -> Self {
        let program = match parse_yaml(text, &Limits::default()) {
            Err(error) => Err((error.code, error.to_string())),
            Ok(None) => Err(("empty_document", "the text is empty".to_owned())),
            Ok(Some(node)) => parse(&node)
                .and_then(|policy| compile(&policy))
                .map_err(|errors| first(&errors)),
        };
        Self::with(TEXT.into(), Span::START, program)
    }

    /// The access fields of a route.
    pub(super) fn route(file: Arc<str>, node: &Node) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let legacy = legacy(node, &mut problems);
        let legacy = problems.finish(legacy)?;
        let embedded = node.get("policy").filter(|policy| !policy.is_null());
        let program = embedded
            .map(parse)
            .transpose()
            .and_then(|embedded| compile(&Policy::from_route(&legacy, embedded.as_ref())));
        Ok(Self::of(file, node.span, program))
    }

    /// A route of a configuration.
    pub(super) fn of_route(config: &Rc<Configured>, route: &ConfiguredRoute) -> Self {
        let places = Rc::clone(config);
        Self {
            place: route.place.clone(),
            route: Some(route.label().to_owned()),
            program: route.policy.clone().map_err(|errors| Refused {
                outcome: Outcome::RouteInvalid,
                code: None,
                why: Some(errors.join("\n")),
            }),
            places: Rc::new(move |span| places.place(span)),
        }
    }

    /// What no policy decides.
    pub(super) fn without_policy(outcome: Outcome) -> Self {
        let mut subject = Self::with(TEXT.into(), Span::START, Err(("", String::new())));
        subject.program = Err(Refused {
            outcome,
            code: None,
            why: None,
        });
        subject
    }

    /// Where a span of its policy lies.
    pub(crate) fn place_of(&self, span: Span) -> Place {
        (self.places)(span)
    }

    fn of(file: Arc<str>, span: Span, program: Result<Program, Vec<PolicyError>>) -> Self {
        Self::with(file, span, program.map_err(|errors| first(&errors)))
    }

    fn with(file: Arc<str>, span: Span, program: Result<Program, (&'static str, String)>) -> Self {
        let program = program.map_err(|(code, why)| Refused {
            outcome: Outcome::Refused,
            code: Some(code),
            why: Some(format!("{file}:{why}")),
        });
        Self {
            place: Place {
                file: Arc::clone(&file),
                span,
            },
            route: None,
            program,
            places: Rc::new(move |span| Place {
                file: Arc::clone(&file),
                span,
            }),
        }
    }
}

fn first(errors: &[PolicyError]) -> (&'static str, String) {
    errors.first().map_or(("", String::new()), |error| {
        (error.code, format!("{}: {}", error.span, error.message))
    })
}

fn legacy(node: &Node, problems: &mut Problems) -> Option<Legacy> {
    let fields = problems.map(node, "route", &ROUTE)?;
    let mut flag = |key| {
        let node = fields.get(key)?;
        problems.boolean(node, key)
    };
    let mut legacy = Legacy {
        public: flag("allow_public_unauthenticated_access").unwrap_or(false),
        any_authenticated: flag("allow_any_authenticated_user").unwrap_or(false),
        cors_preflight: flag("cors_allow_preflight").unwrap_or(false),
        default_client_certificate_rule: flag("default_client_certificate_rule").unwrap_or(false),
        ..Legacy::default()
    };
    let mut texts = |key| {
        fields
            .get(key)
            .map(|node| problems.texts(node, key))
            .unwrap_or_default()
    };
    legacy.domains = texts("allowed_domains");
    legacy.users = texts("allowed_users");
    if let Some(node) = fields.get("allowed_idp_claims") {
        for entry in problems.entries(node, "allowed_idp_claims") {
            let values = match &entry.value.value {
                Value::Seq(items) => items.iter().map(Node::to_json).collect(),
                Value::Scalar(_) | Value::Map(_) => vec![entry.value.to_json()],
            };
            legacy.claims.push((entry.key.clone(), values));
        }
    }
    Some(legacy)
}
