//! `given`: what is tested, and what all cases share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use portcullis_document::{Node, Span};

use super::UserSpec;
use super::when::{Record, records, time};
use crate::problem::Problems;

const KEYS: [&str; 6] = ["config", "policy", "route", "users", "records", "time"];

/// What stands before the cases, or in one.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) policy: Option<PolicySource>,
    /// Whether what the cases exercise of it is counted: not of a policy that one
    /// case has for itself.
    pub(crate) counts: bool,
    /// Users whom cases name.
    pub(crate) users: BTreeMap<String, UserSpec>,
    pub(crate) records: Vec<Record>,
    pub(crate) time: Option<jiff::Timestamp>,
}

/// Where the policy comes from.
#[derive(Clone)]
pub(crate) enum PolicySource {
    /// A configuration: the URL says which route. Relative to the file of cases.
    Config { path: PathBuf, span: Span },
    /// A policy that stands in the file of cases.
    Inline(Rc<Node>),
    /// A policy as a text of its own, which positions count from.
    Text { text: String },
    /// The access fields of a route.
    Route(Rc<Node>),
}

impl Given {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let Some(fields) = problems.map(node, "given", &KEYS) else {
            return Self::default();
        };
        let sources = [fields.get("config"), fields.get("policy"), fields.get("route")];
        if let [_, second, ..] = sources.iter().flatten().collect::<Vec<_>>().as_slice() {
            let message = "only one of `config`, `policy` and `route` can be given";
            problems.add(second.span, message);
        }
        let [config, policy, route] = sources;
        let config = config.and_then(|node| {
            let path = problems.text(node, "config")?.into();
            Some(PolicySource::Config {
                path,
                span: node.span,
            })
        });
        let policy = policy.map(|node| match node.as_str() {
            Some(text) => PolicySource::Text {
                text: text.to_owned(),
            },
            None => PolicySource::Inline(Rc::new(node.clone())),
        });
        let route = route.map(|node| PolicySource::Route(Rc::new(node.clone())));
        let mut users = BTreeMap::new();
        if let Some(node) = fields.get("users") {
            for entry in problems.entries(node, "users") {
                let user = UserSpec::read(&entry.value, problems);
                users.insert(entry.key.clone(), user);
            }
        }
        let policy = config.or(policy).or(route);
        Self {
            counts: policy.is_some(),
            policy,
            users,
            records: fields
                .get("records")
                .map(|node| records(node, problems))
                .unwrap_or_default(),
            time: fields.get("time").and_then(|node| time(node, problems)),
        }
    }

    /// What a case says, over what its file says.
    pub(super) fn over(self, shared: &Self) -> Self {
        let mut users = shared.users.clone();
        users.extend(self.users);
        let mut records = shared.records.clone();
        records.extend(self.records);
        let is_config = matches!(self.policy, Some(PolicySource::Config { .. }));
        Self {
            counts: is_config || (self.policy.is_none() && shared.counts),
            policy: self.policy.or_else(|| shared.policy.clone()),
            users,
            records,
            time: self.time.or(shared.time),
        }
    }
}
