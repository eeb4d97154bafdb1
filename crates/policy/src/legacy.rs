//! The route fields from before PPL, as the policy that they stand for.

use serde_json::Value;

use crate::ast::{
    Action, Block, Condition, Criterion, ListClause, Operator, Policy, Rule, TextClause, TextField,
};

/// A route's own access fields, as Pomerium reads them.
#[derive(Clone, Debug, Default, PartialEq)]
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
}

impl Legacy {
    /// The alternatives that the fields stand for, in Pomerium's order.
    fn conditions(&self) -> Vec<Condition> {
        let Self {
            public,
            cors_preflight,
            any_authenticated,
            domains,
            claims,
            users,
            default_client_certificate_rule: _,
        } = self;
        let is = |field, text: &String| Condition::Text {
            field,
            clauses: vec![TextClause::Is(Value::String(text.clone()))],
        };
        let mut conditions = Vec::new();
        conditions.extend(public.then_some(Condition::Accept));
        conditions.extend(cors_preflight.then_some(Condition::CorsPreflight));
        conditions.extend(any_authenticated.then_some(Condition::AuthenticatedUser));
        conditions.extend(domains.iter().map(|domain| is(TextField::Domain, domain)));
        let mut claims: Vec<_> = claims.iter().collect();
        claims.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, values) in claims {
            conditions.extend(values.iter().map(|value| Condition::Claim {
                path: name.clone(),
                clauses: vec![ListClause::Has(value.clone())],
            }));
        }
        for user in users {
            conditions.push(is(TextField::User, user));
            conditions.push(is(TextField::Email, user));
        }
        conditions
    }
}

impl Policy {
    /// The policy of a route: its own fields as one allow rule of alternatives,
    /// then the rules of its `policy` document. The rule is left out when the
    /// fields say nothing and there is a document. The default rule about client
    /// certificates, if it is to be there, is the last.
    #[must_use]
    pub fn from_route(legacy: &Legacy, embedded: Option<&Self>) -> Self {
        let criteria: Vec<Criterion> = legacy
            .conditions()
            .into_iter()
            .map(|condition| Criterion {
                span: None,
                condition,
            })
            .collect();
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
            default_client_certificate_rule: false,
        };
        let is = |field, text: &str| Condition::Text {
            field,
            clauses: vec![TextClause::Is(json!(text))],
        };
        let has = |path: &str, value| Condition::Claim {
            path: path.into(),
            clauses: vec![ListClause::Has(value)],
        };
        assert_eq!(
            legacy.conditions(),
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
