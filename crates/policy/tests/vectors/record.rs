//! The vectors as they stand in the files, and the look-ups that a server makes
//! before it asks a policy: which session counts, whose user, which e-mail.

use std::collections::BTreeMap;

use portcullis_model::Claims;
use portcullis_policy::{Http, Input, Legacy};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One case. What a file does not give is absent, and absence has a meaning.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) id: String,
    #[serde(rename = "group")]
    _group: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) route: Option<Route>,
    request: Option<Request>,
    session: Option<Session>,
    service_account: Option<ServiceAccount>,
    user: Option<User>,
    #[serde(rename = "groups")]
    _groups: Option<Vec<String>>,
    directory_email: Option<String>,
    #[serde(default)]
    records: Vec<Record>,
    now: Option<jiff::Timestamp>,
    #[serde(default)]
    pub(crate) expect: Expect,
    #[serde(default)]
    pub(crate) note: String,
    #[serde(default)]
    pub(crate) deviation: bool,
    pub(crate) pomerium_outcome: Option<String>,
    /// `later.json`: why the vector cannot be decided yet.
    pub(crate) reason: Option<String>,
    /// `later.json`: the unsupported criteria.
    #[serde(default)]
    pub(crate) criteria: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) error_stage: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) allow: Option<bool>,
    pub(crate) deny: Option<bool>,
    #[serde(default)]
    pub(crate) allow_reasons: Vec<String>,
    #[serde(default)]
    pub(crate) deny_reasons: Vec<String>,
    pub(crate) outcome: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    #[serde(default)]
    allow_any_authenticated_user: bool,
    #[serde(default)]
    cors_allow_preflight: bool,
    #[serde(default)]
    allowed_domains: Vec<String>,
    #[serde(default)]
    allowed_idp_claims: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    allowed_users: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    host: String,
    source_ip: core::net::IpAddr,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Session {
    #[serde(default)]
    id: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    claims: Map<String, Value>,
    expires_at: Option<jiff::Timestamp>,
    impersonate_session_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceAccount {
    id: String,
    user_id: String,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
struct User {
    #[serde(default)]
    email: String,
    #[serde(default, rename = "name")]
    _name: String,
    #[serde(default)]
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    data: Value,
}

/// Who asks, after the look-ups.
pub(crate) struct Subject {
    session_id: String,
    user_id: String,
    email: String,
    pub(crate) claims: Map<String, Value>,
}

impl Subject {
    pub(crate) fn borrow<'a>(&'a self, claims: &'a Claims) -> portcullis_policy::Subject<'a> {
        portcullis_policy::Subject {
            session_id: &self.session_id,
            user_id: &self.user_id,
            email: &self.email,
            claims,
        }
    }
}

impl Route {
    pub(crate) fn legacy(&self) -> Legacy {
        Legacy {
            public: false,
            cors_preflight: self.cors_allow_preflight,
            any_authenticated: self.allow_any_authenticated_user,
            domains: self.allowed_domains.clone(),
            claims: self.allowed_idp_claims.clone().into_iter().collect(),
            users: self.allowed_users.clone(),
        }
    }
}

impl Vector {
    pub(crate) fn input<'a>(&'a self, session: Option<portcullis_policy::Subject<'a>>) -> Input<'a> {
        let request = self.request.as_ref().expect("a request");
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        let http = Http {
            method: &request.method,
            host: &request.host,
            path: &request.path,
            source_ip: Some(request.source_ip),
            origin: header("Origin"),
            access_control_request_method: header("Access-Control-Request-Method"),
        };
        Input {
            http,
            session,
            now: self.now.expect("a time"),
        }
    }

    pub(crate) fn subject(&self) -> Option<Subject> {
        let now = self.now.expect("a time");
        if let Some(ServiceAccount { id, user_id }) = &self.service_account {
            return Some(self.with_user(id, user_id, Map::new()));
        }
        let own = self
            .session
            .clone()
            .filter(|session| session.expires_at.is_none_or(|end| end >= now))?;
        match own.impersonate_session_id {
            None => Some(self.with_user(&own.id, &own.user_id, own.claims)),
            // One level: whom that session impersonates does not matter.
            Some(id) => {
                let other: Session = self.record("session", &id)?;
                Some(self.with_user(&id, &other.user_id, other.claims))
            }
        }
    }

    fn record<T: for<'de> Deserialize<'de>>(&self, kind: &str, id: &str) -> Option<T> {
        let record = self
            .records
            .iter()
            .find(|record| record.kind == kind && record.id == id)?;
        Some(serde_json::from_value(record.data.clone()).expect("a legal record"))
    }

    fn with_user(&self, session_id: &str, user_id: &str, mut claims: Map<String, Value>) -> Subject {
        let own = self.session.as_ref().map(|session| session.user_id.as_str());
        let own = own.or(self
            .service_account
            .as_ref()
            .map(|account| account.user_id.as_str()));
        let user = if own == Some(user_id) {
            self.user.clone()
        } else {
            self.record("user", user_id)
        };
        let user = user.unwrap_or_default();
        claims.extend(user.claims);
        let directory = self.directory_email.clone().filter(|email| !email.is_empty());
        Subject {
            session_id: session_id.to_owned(),
            user_id: user_id.to_owned(),
            email: directory.unwrap_or(user.email),
            claims,
        }
    }
}

pub(crate) fn claims(stored: &Map<String, Value>) -> Claims {
    Claims::flatten(stored).expect("bounded claims")
}

pub(crate) const FIRST_LIGHT: &str = include_str!("../../../../tests/conformance/policy/first-light.json");
pub(crate) const LATER: &str = include_str!("../../../../tests/conformance/policy/later.json");

pub(crate) fn load(text: &str) -> Vec<Vector> {
    let mut file: Map<String, Value> = serde_json::from_str(text).expect("a file of vectors");
    let vectors = file.remove("vectors").expect("vectors");
    serde_json::from_value(vectors).expect("legal vectors")
}
