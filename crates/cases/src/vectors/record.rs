//! The vectors as they stand in a file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One vector. What a file does not give, or gives as `null`, is absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vector {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "group")]
    _group: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
    #[serde(rename = "deviation")]
    _deviation: Option<bool>,
    #[serde(rename = "pomerium_outcome")]
    _pomerium_outcome: Option<String>,
    #[serde(rename = "verified")]
    _verified: Option<bool>,
    pub(super) policy: Option<String>,
    pub(super) route: Option<Route>,
    /// Scripts of sub-policies: a single one may stand without a list.
    pub(super) rego: Option<Scripts>,
    pub(super) request: Option<Request>,
    pub(super) session: Option<Session>,
    pub(super) service_account: Option<ServiceAccount>,
    pub(super) user: Option<User>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) directory_email: Option<String>,
    pub(super) records: Option<Vec<Record>>,
    pub(super) now: Option<Timestamp>,
    pub(super) expect: Expect,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scripts {
    One(String),
    Many(Vec<String>),
}

/// What must come out. Only what is given is compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) parse_error: Option<bool>,
    /// At which stage Pomerium refuses the policy; ours are others.
    #[serde(rename = "error_stage")]
    _error_stage: Option<String>,
    pub(super) allow: Option<bool>,
    pub(super) deny: Option<bool>,
    pub(super) reasons: Option<Vec<String>>,
    pub(super) allow_reasons: Option<Vec<String>>,
    pub(super) deny_reasons: Option<Vec<String>>,
    pub(super) outcome: Option<String>,
    pub(super) additional_data: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    allow_public_unauthenticated_access: Option<bool>,
    allow_any_authenticated_user: Option<bool>,
    cors_allow_preflight: Option<bool>,
    allowed_domains: Option<Vec<String>>,
    allowed_idp_claims: Option<BTreeMap<String, ClaimValues>>,
    allowed_users: Option<Vec<String>>,
    default_client_certificate_rule: Option<bool>,
}

/// The values of which one suffices: a single one may stand without a list.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum ClaimValues {
    Many(Vec<Value>),
    One(Value),
}

impl ClaimValues {
    fn list(self) -> Vec<Value> {
        match self {
            Self::Many(values) => values,
            // As in a configuration, a claim without a value lets nobody pass.
            Self::One(Value::Null) => Vec::new(),
            Self::One(value) => vec![value],
        }
    }
}

impl Route {
    pub(super) fn legacy(&self) -> portcullis_policy::Legacy {
        let flag = |flag: Option<bool>| flag.unwrap_or(false);
        portcullis_policy::Legacy {
            public: flag(self.allow_public_unauthenticated_access),
            cors_preflight: flag(self.cors_allow_preflight),
            any_authenticated: flag(self.allow_any_authenticated_user),
            domains: self.allowed_domains.clone().unwrap_or_default(),
            claims: self
                .allowed_idp_claims
                .clone()
                .unwrap_or_default()
                .into_iter()
                .map(|(name, values)| (name, values.list()))
                .collect(),
            users: self.allowed_users.clone().unwrap_or_default(),
            default_client_certificate_rule: flag(self.default_client_certificate_rule),
            ..portcullis_policy::Legacy::default()
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) host: Option<String>,
    /// Empty where it is not known.
    pub(super) source_ip: Option<String>,
    pub(super) headers: Option<BTreeMap<String, String>>,
    pub(super) client_cert: Option<ClientCert>,
    pub(super) ssh: Option<Ssh>,
    pub(super) mcp: Option<Mcp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientCert {
    pub(super) presented: Option<bool>,
    pub(super) valid: Option<bool>,
    pub(super) leaf: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ssh {
    pub(super) username: Option<String>,
    pub(super) publickey: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mcp {
    #[serde(rename = "id")]
    _id: Option<Value>,
    pub(super) method: Option<String>,
    pub(super) tool: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    id: Option<String>,
    user_id: Option<String>,
    claims: Option<Map<String, Value>>,
    expires_at: Option<Timestamp>,
    impersonate_session_id: Option<String>,
    device_credentials: Option<Vec<DeviceCredential>>,
}

impl Session {
    pub(super) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    pub(super) fn data(&self) -> SessionData {
        SessionData {
            user_id: self.user_id.clone(),
            claims: self.claims.clone(),
            expires_at: self.expires_at,
            impersonate_session_id: self.impersonate_session_id.clone(),
            device_credentials: self.device_credentials.clone(),
        }
    }
}

/// The data of a session record; what else one may hold decides nothing.
#[derive(Deserialize, Clone, Default)]
pub(super) struct SessionData {
    pub(super) user_id: Option<String>,
    pub(super) claims: Option<Map<String, Value>>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) impersonate_session_id: Option<String>,
    pub(super) device_credentials: Option<Vec<DeviceCredential>>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceCredential {
    pub(super) type_id: Option<String>,
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceAccount {
    pub(super) id: String,
    pub(super) user_id: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    #[serde(rename = "name")]
    _name: Option<String>,
    email: Option<String>,
    claims: Option<Map<String, Value>>,
}

impl User {
    pub(super) fn data(&self) -> UserData {
        UserData {
            email: self.email.clone(),
            claims: self.claims.clone(),
        }
    }
}

/// The data of a user record; what else one may hold decides nothing.
#[derive(Deserialize, Clone, Default)]
pub(super) struct UserData {
    pub(super) email: Option<String>,
    pub(super) claims: Option<Map<String, Value>>,
}

/// The data of a directory record.
#[derive(Deserialize, Clone, Default)]
pub(super) struct DirectoryData {
    pub(super) email: Option<String>,
    pub(super) group_ids: Option<Vec<String>>,
}

/// The data of a device credential record.
#[derive(Deserialize, Clone, Default)]
pub(super) struct CredentialData {
    pub(super) enrollment_id: Option<String>,
}

/// The data of a device enrolment record.
#[derive(Deserialize, Clone, Default)]
pub(super) struct EnrollmentData {
    pub(super) approved_by: Option<String>,
}

/// A further record. Its data is whatever its type has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) data: Value,
    pub(super) expires_at: Option<Timestamp>,
}
