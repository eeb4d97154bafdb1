//! The route fields from before PPL, as the policy that they stand for.

use core::iter::repeat;

use portcullis_document::Span;
use serde_json::Value;

use crate::ast::{
    Action, Block, Condition, Criterion, ListClause, Operator, Policy, Rule, TextClause, TextField,
};

/// A route's own access fields, as Pomerium reads them. Two are equal when they
/// say the same, wherever that stands.
#[derive(Clone, Debug, Default)]
pub struct Legacy {
    /// `allow_public_unauthenticated_access`: everybody.
    pub public: bool,
    /// `cors_allow_preflight`: CORS preflight requests.
    pub cors_preflight: bool,
    /// `allow_any_authenticated_user`: everybody who is signed in.
    pub any_authenticated: bool,
    /// `allowed_domains`: e-mail domains.
    pub domains: Vec<String>,
    /// `allowed_idp_claims`: claim names, each with values of which one suffices.
    pub claims: Vec<(String, Vec<Value>)>,
    /// `allowed_users`: user ids or e-mail addresses.
    pub users: Vec<String>,
    /// Whether a client CA is configured anywhere and its enforcement is not left
    /// to policies: then every route refuses certificates that are not valid.
    pub default_client_certificate_rule: bool,
    /// Where the fields stand, as far as that is known.
    pub places: LegacyPlaces,
}

/// Where a route's own access fields stand in their file. Each list runs beside
/// the one of its name in [`Legacy`]; what it does not reach has no place.
#[derive(Clone, Debug, Default)]
pub struct LegacyPlaces {
    /// The key `allow_public_unauthenticated_access`.
    pub public: Option<Span>,
    /// The key `cors_allow_preflight`.
    pub cors_preflight: Option<Span>,
    /// The key `allow_any_authenticated_user`.
    pub any_authenticated: Option<Span>,
    /// The entries of `allowed_domains`.
    pub domains: Vec<Span>,
    /// The values of `allowed_idp_claims`, by claim.
    pub claims: Vec<Vec<Span>>,
    /// The entries of `allowed_users`.
    pub users: Vec<Span>,
}

impl PartialEq for Legacy {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            public,
            cors_preflight,
            any_authenticated,
            domains,
            claims,
            users,
            default_client_certificate_rule,
            places: _,
        } = self;
        *public == other.public
            && *cors_preflight == other.cors_preflight
            && *any_authenticated == other.any_authenticated
            && *domains == other.domains
            && *claims == other.claims
            && *users == other.users
            && *default_client_certificate_rule == other.default_client_certificate_rule
    }
}

impl Legacy {
    /// The fields of which a route may have one alone, the wider one first:
    /// Pomerium refuses a route that says both. Claims are not looked at.
    pub const CONFLICTS: [(&str, &str); 5] = [
        (
            "allow_public_unauthenticated_access",
            "allow_any_authenticated_user",
        ),
        ("allow_public_unauthenticated_access", "allowed_users"),
        ("allow_public_unauthenticated_access", "allowed_domains"),
        ("allow_any_authenticated_user", "allowed_users"),
        ("allow_any_authenticated_user", "allowed_domains"),
    ];

    /// The alternatives that the fields stand for, in Pomerium's order.
    fn criteria(&self) -> Vec<Criterion> {
        let Self {
            public,
            cors_preflight,
            any_authenticated,
            domains,
            claims,
            users,
            default_client_certificate_rule: _,
            places,
        } = self;
        let is = |field, text: &String| Condition::Text {
            field,
            clauses: vec![TextClause::Is(Value::String(text.clone()))],
        };
        let mut criteria = Vec::new();
        let mut add = |condition, span| criteria.push(Criterion { span, condition });
        for (given, condition, span) in [
            (*public, Condition::Accept, places.public),
            (*cors_preflight, Condition::CorsPreflight, places.cors_preflight),
            (
                *any_authenticated,
                Condition::AuthenticatedUser,
                places.any_authenticated,
            ),
        ] {
            if given {
                add(condition, span);
            }
        }
        for (domain, span) in domains.iter().zip(placed(&places.domains)) {
            add(is(TextField::Domain, domain), span);
        }
        let spans = places.claims.iter().map(Vec::as_slice).chain(repeat(&[][..]));
        let mut claims: Vec<_> = claims.iter().zip(spans).collect();
        claims.sort_by(|((a, _), _), ((b, _), _)| a.cmp(b));
        for ((name, values), spans) in claims {
            for (value, span) in values.iter().zip(placed(spans)) {
                let condition = Condition::Claim {
                    path: name.clone(),
                    clauses: vec![ListClause::Has(value.clone())],
                };
                add(condition, span);
            }
        }
        for (user, span) in users.iter().zip(placed(&places.users)) {
            add(is(TextField::User, user), span);
            add(is(TextField::Email, user), span);
        }
        criteria
    }
}

/// The places of a list's entries, which may be more than places are known.
fn placed(spans: &[Span]) -> impl Iterator<Item = Option<Span>> {
    spans.iter().copied().map(Some).chain(repeat(None))
}

impl Policy {
    /// The policy of a route: its own fields as one allow rule of alternatives,
    /// then the rules of its `policy` document. The rule is left out when the
    /// fields say nothing and there is a document. The default rule about client
    /// certificates, if it is to be there, is the last.
    #[must_use]
    pub fn from_route(legacy: &Legacy, embedded: Option<&Self>) -> Self {
        let criteria = legacy.criteria();
        let allow = |criteria| Rule {
            action: Action::Allow,
            blocks: vec![Block {
                span: None,
                operator: Operator::Or,
                criteria,
            }],
        };
        let mut rules = Vec::new();
        if embedded.is_none() || !criteria.is_empty() {
            rules.push(allow(criteria));
        }
        let mut warnings = Vec::new();
        if let Some(embedded) = embedded {
            rules.extend(embedded.rules.iter().cloned());
            warnings.clone_from(&embedded.warnings);
        }
        if legacy.default_client_certificate_rule {
            rules.push(Rule {
                action: Action::Deny,
                ..allow(vec![Criterion {
                    span: None,
                    condition: Condition::InvalidClientCertificate,
                }])
            });
        }
        Self { rules, warnings }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_is_that_of_pomerium() {
        let legacy = Legacy {
            public: true,
            cors_preflight: true,
            any_authenticated: true,
            domains: vec!["d".into()],
            claims: vec![
                ("z".into(), vec![json!(1)]),
                ("a".into(), vec![json!("x"), json!(true)]),
            ],
            users: vec!["u".into()],
            ..Legacy::default()
        };
        let is = |field, text: &str| Condition::Text {
            field,
            clauses: vec![TextClause::Is(json!(text))],
        };
        let has = |path: &str, value| Condition::Claim {
            path: path.into(),
            clauses: vec![ListClause::Has(value)],
        };
        let conditions: Vec<_> = legacy.criteria().into_iter().map(|c| c.condition).collect();
        assert_eq!(
            conditions,
            [
                Condition::Accept,
                Condition::CorsPreflight,
                Condition::AuthenticatedUser,
                is(TextField::Domain, "d"),
                has("a", json!("x")),
                has("a", json!(true)),
                has("z", json!(1)),
                is(TextField::User, "u"),
                is(TextField::Email, "u"),
            ]
        );
    }

    #[test]
    fn what_has_a_place_keeps_it() {
        let at = |line| Span { line, column: 3 };
        let bare = Legacy {
            public: true,
            any_authenticated: true,
            domains: vec!["d".into(), "e".into()],
            claims: vec![
                ("z".into(), vec![json!(1)]),
                ("a".into(), vec![json!("x"), json!(true)]),
                ("b".into(), vec![json!("y")]),
            ],
            users: vec!["u".into(), "v".into()],
            ..Legacy::default()
        };
        let placed = Legacy {
            places: LegacyPlaces {
                public: Some(at(1)),
                cors_preflight: Some(at(2)),
                any_authenticated: Some(at(3)),
                domains: vec![at(4), at(5)],
                claims: vec![vec![at(6)], vec![at(7), at(8)]],
                users: vec![at(9)],
            },
            ..bare.clone()
        };
        assert_eq!(placed, bare, "places say nothing");
        let lines = |legacy: &Legacy| -> Vec<_> {
            let policy = Policy::from_route(legacy, None);
            policy
                .criteria()
                .map(|(_, span)| span.map(|span| span.line))
                .collect()
        };
        let known = [1, 3, 4, 5, 7, 8].map(Some);
        // No place is known of the claim `b` and the user `v`.
        let last = [None, Some(6), Some(9), Some(9), None, None];
        assert_eq!(lines(&placed), [&known[..], &last].concat());
        assert_eq!(lines(&bare), [None; 12]);
    }

    #[test]
    fn empty_fields_add_no_rule_to_a_document() {
        let embedded = Policy {
            warnings: Vec::new(),
            rules: vec![Rule {
                action: Action::Deny,
                blocks: vec![Block {
                    span: None,
                    operator: Operator::Or,
                    criteria: vec![Criterion {
                        span: None,
                        condition: Condition::Accept,
                    }],
                }],
            }],
        };
        assert_eq!(Policy::from_route(&Legacy::default(), Some(&embedded)), embedded);
        assert!(Policy::from_route(&Legacy::default(), None).is_empty());
        let widened = Policy::from_route(
            &Legacy {
                public: true,
                ..Legacy::default()
            },
            Some(&embedded),
        );
        assert_eq!(widened.rules.len(), 2);
        assert_eq!(widened.rules[0].action, Action::Allow);
        assert!(!widened.is_empty());
        let guarded = Policy::from_route(
            &Legacy {
                default_client_certificate_rule: true,
                ..Legacy::default()
            },
            Some(&embedded),
        );
        assert_eq!(guarded.rules.len(), 2);
        assert_eq!(guarded.rules[1].action, Action::Deny);
        let names: Vec<_> = guarded.criteria().map(|(name, _)| name).collect();
        assert_eq!(names, ["accept", "invalid_client_certificate"]);
    }
}
