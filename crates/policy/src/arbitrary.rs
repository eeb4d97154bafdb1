//! Arbitrary policies and requests for property tests. The values come from a
//! few, so that criteria pass and fail about as often.

use core::net::IpAddr;

use portcullis_model::Claims;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ast::{
    Action, Block, Condition, Criterion, ListClause, Operator, Policy, Rule, TextClause, TextField,
};
use crate::input::{Http, Input, Subject};

/// An [`Input`] that owns what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) preflight: bool,
    /// User id, e-mail, claims.
    pub(crate) session: Option<(String, String, Claims)>,
}

impl Request {
    pub(crate) fn input(&self) -> Input<'_> {
        let header = self.preflight.then_some("x");
        Input {
            http: Http {
                method: &self.method,
                host: "app.example.com",
                path: &self.path,
                source_ip: self.source_ip,
                origin: header,
                access_control_request_method: header,
            },
            session: self.session.as_ref().map(|(user_id, email, claims)| Subject {
                session_id: "s",
                user_id,
                email,
                claims,
            }),
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "a@b", "b@a", "c@a@b", "GET", "OPTIONS", "/a"])
        .prop_map(String::from)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::String),
        1 => prop::sample::select(vec![
            json!(5), json!(5.0), json!(true), json!(null), json!(["a"]), json!({"a": 1, "b": 2}),
        ]),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop::sample::select(vec!["10.0.0.1", "10.9.0.1", "::ffff:10.0.0.1", "2001:db8::1"])
        .prop_map(|text| text.parse().expect("an address"))
}

fn text_clause() -> impl Strategy<Value = TextClause> {
    prop_oneof![
        4 => value().prop_map(TextClause::Is),
        1 => value().prop_map(TextClause::Not),
        1 => prop::collection::vec(value(), 0..12).prop_map(TextClause::In),
        1 => prop::collection::vec(value(), 0..4).prop_map(TextClause::NotIn),
        1 => text().prop_map(TextClause::Contains),
        1 => text().prop_map(TextClause::StartsWith),
        1 => text().prop_map(TextClause::EndsWith),
    ]
}

fn list_clause() -> impl Strategy<Value = ListClause> {
    prop_oneof![
        4 => value().prop_map(ListClause::Has),
        1 => value().prop_map(ListClause::Is),
        1 => value().prop_map(ListClause::Exclude),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = prop::sample::select(vec![
        TextField::User,
        TextField::Email,
        TextField::Domain,
        TextField::HttpMethod,
        TextField::HttpPath,
    ]);
    // Mostly one clause, so that criteria can be put together to a choice.
    let size = || prop::sample::select(vec![0_usize, 1, 1, 1, 1, 2]);
    let range = prop::sample::select(vec!["10.0.0.0/16", "10.9.0.0/16", "2001:db8::/32", "0.0.0.0/0"]);
    prop_oneof![
        1 => Just(Condition::Accept),
        1 => Just(Condition::Reject),
        1 => Just(Condition::AuthenticatedUser),
        1 => Just(Condition::CorsPreflight),
        6 => (field, size().prop_flat_map(|size| prop::collection::vec(text_clause(), size)))
            .prop_map(|(field, clauses)| Condition::Text { field, clauses }),
        3 => (text(), size().prop_flat_map(|size| prop::collection::vec(list_clause(), size)))
            .prop_map(|(path, clauses)| Condition::Claim { path, clauses }),
        2 => prop::collection::vec(range, 0..3).prop_map(|ranges| {
            Condition::SourceIp(ranges.iter().map(|text| text.parse().expect("a range")).collect())
        }),
    ]
}

pub(crate) fn rule(action: impl Strategy<Value = Action>) -> impl Strategy<Value = Rule> {
    let operator = prop::sample::select(vec![Operator::And, Operator::Or, Operator::Not, Operator::Nor]);
    let criterion = condition().prop_map(|condition| Criterion {
        span: None,
        condition,
    });
    let block = (operator, prop::collection::vec(criterion, 0..6))
        .prop_map(|(operator, criteria)| Block { operator, criteria });
    (action, prop::collection::vec(block, 0..3)).prop_map(|(action, blocks)| Rule { action, blocks })
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let action = prop::sample::select(vec![Action::Allow, Action::Allow, Action::Deny]);
    prop::collection::vec(rule(action), 0..4).prop_map(|rules| Policy { rules })
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let claims = prop::collection::vec((text(), prop::collection::vec(value(), 0..3)), 0..4);
    let session = (text(), text(), claims)
        .prop_map(|(user_id, email, claims)| (user_id, email, claims.into_iter().collect()));
    (
        text(),
        text(),
        prop::option::of(address()),
        any::<bool>(),
        prop::option::of(session),
    )
        .prop_map(|(method, path, source_ip, preflight, session)| Request {
            method,
            path,
            source_ip,
            preflight,
            session,
        })
}
