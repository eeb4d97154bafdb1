//! What a case asks: a program, or why there is none.

use std::rc::Rc;
use std::sync::Arc;

use portcullis_config::codes::POLICY_CONFLICT;
use portcullis_document::{Limits, Node, Span, parse_yaml};
use portcullis_policy::{Legacy, LegacyPlaces, Policy, PolicyError, Program, compile, parse};

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
        let program = no_conflict(node, &legacy)
            .and_then(|()| embedded.map(parse).transpose())
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
        places: LegacyPlaces {
            public: Some(key_span(node, "allow_public_unauthenticated_access")),
            any_authenticated: Some(key_span(node, "allow_any_authenticated_user")),
            cors_preflight: Some(key_span(node, "cors_allow_preflight")),
            ..LegacyPlaces::default()
        },
        ..Legacy::default()
    };
    let mut texts = |key| -> (Vec<String>, Vec<Span>) {
        let Some(node) = fields.get(key) else {
            return Default::default();
        };
        let items = problems.list(node, key).iter();
        items
            .filter_map(|item| Some((problems.text(item, key)?, item.span)))
            .unzip()
    };
    (legacy.domains, legacy.places.domains) = texts("allowed_domains");
    (legacy.users, legacy.places.users) = texts("allowed_users");
    if let Some(node) = fields.get("allowed_idp_claims") {
        for entry in problems.entries(node, "allowed_idp_claims") {
            let one = || core::slice::from_ref(&entry.value);
            let values = entry.value.as_seq().unwrap_or_else(one).iter();
            let (values, spans) = values.map(|value| (value.to_json(), value.span)).unzip();
            legacy.claims.push((entry.key.clone(), values));
            legacy.places.claims.push(spans);
        }
    }
    Some(legacy)
}

/// Whether the server would take the fields together.
fn no_conflict(node: &Node, legacy: &Legacy) -> Result<(), Vec<PolicyError>> {
    let is_set = |name| match name {
        "allow_public_unauthenticated_access" => legacy.public,
        "allow_any_authenticated_user" => legacy.any_authenticated,
        "allowed_domains" => !legacy.domains.is_empty(),
        "allowed_users" => !legacy.users.is_empty(),
        _ => false,
    };
    let mut conflicts = Legacy::CONFLICTS.into_iter();
    let Some((wide, narrow)) = conflicts.find(|(wide, narrow)| is_set(wide) && is_set(narrow)) else {
        return Ok(());
    };
    Err(vec![PolicyError {
        span: key_span(node, wide).max(key_span(node, narrow)),
        code: POLICY_CONFLICT,
        message: format!("`{wide}` and `{narrow}` contradict each other"),
        help: None,
    }])
}

/// Where the key of a field stands.
fn key_span(node: &Node, name: &str) -> Span {
    let mut entries = node.as_map().unwrap_or_default().iter();
    entries
        .find(|entry| entry.key == name)
        .map_or(node.span, |entry| entry.key_span)
}
