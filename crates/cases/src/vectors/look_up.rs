//! The look-ups that a server makes before it asks a policy: which session counts,
//! whose user, which e-mail, which devices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portcullis_model::Claims;
use portcullis_policy::{Device, ForeignKey, RecordSet, Standing};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fixtures::Fixtures;
use super::record::{
    CredentialData, DirectoryData, EnrollmentData, Mcp, Record, Request, SessionData, UserData, Vector,
};
use crate::situation::{
    Certificate, DEFAULT_HOST, DEFAULT_NOW, DEFAULT_SOURCE_IP, McpMessage, Session, Situation, SshRequest,
};

/// Each type of records by its short name and by the one in Pomerium's store.
const SESSION: [&str; 2] = ["session", "type.googleapis.com/session.Session"];
const USER: [&str; 2] = ["user", "type.googleapis.com/user.User"];
const DIRECTORY_USER: [&str; 2] = ["directory_user", "pomerium.io/DirectoryUser"];
const CREDENTIAL: [&str; 2] = [
    "device_credential",
    "type.googleapis.com/pomerium.device.Credential",
];
const ENROLLMENT: [&str; 2] = [
    "device_enrollment",
    "type.googleapis.com/pomerium.device.Enrollment",
];

/// What the policy of the vector is asked.
///
/// # Errors
/// When a name leads nowhere or a record cannot be read.
pub(super) fn situation(vector: &Vector, fixtures: &Fixtures) -> Result<Situation, String> {
    let now = vector.now.unwrap_or(DEFAULT_NOW);
    let absent = Request::default();
    let request = vector.request.as_ref().unwrap_or(&absent);
    let text = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    let certificate = match &request.client_cert {
        None => Certificate::default(),
        Some(given) => Certificate {
            presented: given.presented.unwrap_or(false),
            valid: given.valid.unwrap_or(true),
            leaf: match &given.leaf {
                Some(name) => fixtures.leaf(name)?,
                None => None,
            },
        },
    };
    let ssh = match &request.ssh {
        None => None,
        Some(given) => Some(SshRequest {
            username: given.username.clone().unwrap_or_default(),
            key: match &given.publickey {
                Some(name) => fixtures.key(name)?,
                None => None,
            },
        }),
    };
    // A message without a method is none, as in Pomerium.
    let mcp = match &request.mcp {
        Some(Mcp {
            method: Some(method),
            tool,
            ..
        }) if !method.is_empty() => McpMessage::Message {
            method: method.clone(),
            tool: tool.clone(),
        },
        _ => McpMessage::Absent,
    };
    let records = vector.records.as_deref().unwrap_or_default();
    let source_ip = match request.source_ip.as_deref() {
        None => Some(DEFAULT_SOURCE_IP),
        Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| format!("`{text}` is no IP address"))?),
    };
    let session = LookUp { vector, records, now }.session()?;
    let records = record_set(records, session.as_ref(), &certificate)?;
    let mut situation = Situation {
        method: text(&request.method, "GET"),
        host: text(&request.host, DEFAULT_HOST),
        path: text(&request.path, "/"),
        source_ip,
        session,
        certificate,
        ssh,
        mcp,
        records,
        ..Situation::get(DEFAULT_HOST, now)
    };
    for (name, value) in request.headers.iter().flatten() {
        situation.header(name, value);
    }
    Ok(situation)
}

/// Every record, found by what its id is: files of vectors do not say by what the
/// records of a type are found.
fn record_set(
    records: &[Record],
    session: Option<&Session>,
    certificate: &Certificate,
) -> Result<RecordSet, String> {
    let found_by = |record: &Record| {
        let is_fingerprint = |id: &str| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let indexed = record
            .data
            .get("$index")
            .is_some_and(|index| index.get("cidr").is_some());
        if session.is_some_and(|session| session.user_id == record.id) {
            ForeignKey::UserId
        } else if session.is_some_and(|session| session.email == record.id) {
            ForeignKey::UserEmail
        } else if indexed || is_range(&record.id) {
            ForeignKey::Ip
        } else if certificate.presented && is_fingerprint(&record.id) {
            ForeignKey::CertificateFingerprint
        } else {
            ForeignKey::UserId
        }
    };
    let mut set = RecordSet::new();
    let mut types: BTreeMap<&str, ForeignKey> = BTreeMap::new();
    for record in records {
        let key = types.entry(&record.kind).or_default();
        if *key == ForeignKey::UserId {
            *key = found_by(record);
        }
    }
    for (kind, key) in &types {
        set.set_foreign_key(kind, *key)
            .map_err(|error| error.to_string())?;
    }
    for record in records {
        let Value::Object(data) = &record.data else {
            return Err(format!("the data of the record `{}` is no object", record.id));
        };
        // What has no address cannot be found by one, which is no mistake of the file.
        if types.get(record.kind.as_str()) == Some(&ForeignKey::Ip)
            && !is_range(&record.id)
            && data.get("$index").is_none()
        {
            continue;
        }
        set.insert(&record.kind, &record.id, data.clone(), record.expires_at)
            .map_err(|error| error.to_string())?;
    }
    Ok(set)
}

fn is_range(id: &str) -> bool {
    let address = id.split_once('/').map_or(id, |(address, _)| address);
    address.parse::<core::net::IpAddr>().is_ok()
}

struct LookUp<'a> {
    vector: &'a Vector,
    records: &'a [Record],
    now: Timestamp,
}

impl LookUp<'_> {
    /// A service account, else the session, else the one that it impersonates: one
    /// level, and nobody where that one is gone.
    fn session(&self) -> Result<Option<Session>, String> {
        let lives = |end| self.lives(end);
        if let Some(account) = &self.vector.service_account
            && lives(account.expires_at)
        {
            let data = SessionData {
                user_id: account.user_id.clone(),
                ..SessionData::default()
            };
            return self.with_user(&account.id, data).map(Some);
        }
        let Some(own) = &self.vector.session else {
            return Ok(None);
        };
        let data = own.data();
        if !lives(data.expires_at) {
            return Ok(None);
        }
        match data.impersonate_session_id.as_deref().filter(|id| !id.is_empty()) {
            None => self.with_user(own.id(), data).map(Some),
            Some(id) => {
                let other = match self.record::<SessionData>(SESSION, id)? {
                    None if id == own.id() => Some(data.clone()),
                    other => other,
                };
                match other.filter(|other| lives(other.expires_at)) {
                    None => Ok(None),
                    Some(other) => self.with_user(id, other).map(Some),
                }
            }
        }
    }

    /// The session with what is known of its user: claims of the user's record over
    /// those of the session, and the directory's e-mail before the user's.
    fn with_user(&self, id: &str, session: SessionData) -> Result<Session, String> {
        let user_id = session.user_id.unwrap_or_default();
        let own = match &self.vector.service_account {
            Some(account) => account.user_id.clone(),
            None => self
                .vector
                .session
                .as_ref()
                .and_then(|session| session.data().user_id),
        };
        let is_own = own.is_some_and(|own| own == user_id);
        let (mut user, mut directory): (Option<UserData>, Option<DirectoryData>) = (None, None);
        if is_own {
            user = self.vector.user.as_ref().map(super::record::User::data);
            if self.vector.groups.is_some() || self.vector.directory_email.is_some() {
                directory = Some(DirectoryData {
                    email: self.vector.directory_email.clone(),
                    group_ids: self.vector.groups.clone(),
                });
            }
        }
        if user.is_none() && !user_id.is_empty() {
            user = self.record(USER, &user_id)?;
        }
        if directory.is_none() && !user_id.is_empty() {
            directory = self.record(DIRECTORY_USER, &user_id)?;
        }
        let (user, directory) = (user.unwrap_or_default(), directory.unwrap_or_default());
        let mut claims: Map<String, Value> = session.claims.unwrap_or_default();
        claims.extend(user.claims.unwrap_or_default());
        let email = directory.email.filter(|email| !email.is_empty());
        let mut devices = Vec::new();
        for credential in session.device_credentials.unwrap_or_default() {
            let id = credential.id.unwrap_or_default();
            devices.push(self.device(credential.type_id.unwrap_or_default(), id)?);
        }
        Ok(Session {
            id: id.to_owned(),
            user_id,
            email: email.or(user.email).unwrap_or_default(),
            claims: Claims::stored(&claims).map_err(|error| error.to_string())?,
            groups: directory.group_ids,
            devices,
        })
    }

    fn device(&self, kind: String, id: String) -> Result<Device, String> {
        let standing = match self.record::<CredentialData>(CREDENTIAL, &id)? {
            None => Standing::Unknown,
            Some(credential) => {
                let enrollment = credential.enrollment_id.unwrap_or_default();
                match self.record::<EnrollmentData>(ENROLLMENT, &enrollment)? {
                    None => Standing::Registered,
                    Some(found) => match found.approved_by.as_deref() {
                        None | Some("") => Standing::Enrolled,
                        Some(_) => Standing::Approved,
                    },
                }
            }
        };
        Ok(Device {
            type_id: kind,
            credential_id: id,
            standing,
        })
    }

    fn lives(&self, end: Option<Timestamp>) -> bool {
        end.is_none_or(|end| end >= self.now)
    }

    /// The data of a record; one that has expired is none.
    fn record<T: DeserializeOwned>(&self, kind: [&str; 2], id: &str) -> Result<Option<T>, String> {
        let record = self
            .records
            .iter()
            .find(|record| kind.contains(&record.kind.as_str()) && record.id == id);
        record
            .filter(|record| self.lives(record.expires_at))
            .map(|record| {
                serde_json::from_value(record.data.clone())
                    .map_err(|error| format!("the record `{}` `{}`: {error}", record.kind, record.id))
            })
            .transpose()
    }
}
