//! `record`: what outside data says about the user, the address or the
//! certificate of a request.
//!
//! A record belongs to a type; by which key the records of a type are found is
//! the data source's to say, not the policy's.

mod field;
mod parse;
mod set;
#[cfg(test)]
mod tests;

use core::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use set::{RecordSet, RecordSetError};

use field::FieldTest;

/// By what the records of a type are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ForeignKey {
    /// The id of the user.
    #[default]
    #[serde(rename = "user.id")]
    UserId,
    /// The e-mail address of the user.
    #[serde(rename = "user.email")]
    UserEmail,
    /// The address of the client: a record whose address or range holds it, of
    /// several the one with the longest prefix.
    #[serde(rename = "request.ip")]
    Ip,
    /// SHA-256 of the client certificate, as lower-case hex.
    #[serde(rename = "request.client_certificate.fingerprint")]
    CertificateFingerprint,
}

/// What records are found by: the parts of a request that a [`ForeignKey`] can
/// mean.
#[derive(Clone, Copy, Debug)]
pub struct RecordKeys<'a> {
    /// The user's id and e-mail address; `None` when nobody is signed in.
    pub user: Option<(&'a str, &'a str)>,
    /// The address of the client; `None` when it is not known.
    pub ip: Option<IpAddr>,
    /// SHA-256 of the client certificate; `None` when there is none.
    pub fingerprint: Option<&'a [u8; 32]>,
    /// The time of the decision: a record that has expired is none.
    pub now: Timestamp,
}

/// Where records are looked up. Look-ups must be total and quick: they happen
/// within a decision.
pub trait Records: core::fmt::Debug {
    /// By what the records of a type are found; [`ForeignKey::UserId`] for a type
    /// that is not known.
    fn foreign_key(&self, record_type: &str) -> ForeignKey;

    /// The data of the record of a type; `None` if there is none. An empty user
    /// id or e-mail address finds nothing.
    fn find(&self, record_type: &str, keys: &RecordKeys<'_>) -> Option<&Map<String, Value>>;
}

/// What a `record` criterion makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordVerdict {
    /// Every condition holds.
    Holds,
    /// One does not, or there is no record to hold it against.
    Fails,
    /// The records are found by the user, and nobody is signed in. Not even
    /// `exists: false` holds then.
    NoSession,
    /// The records are found by an address that is not known.
    Undecided,
}

/// The conditions of a `record` criterion; all must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordTest {
    #[serde(rename = "type")]
    record_type: Box<str>,
    field: Option<Box<str>>,
    exists: Option<bool>,
    tests: Vec<FieldTest>,
}

impl RecordTest {
    /// The verdict; `None` when there is no source of records, which is as good
    /// as an empty one.
    ///
    /// Operators compare the value of the field and fail without record or
    /// field, negative ones too. `exists` asks for the record, with `field` for
    /// the field.
    pub(crate) fn check(&self, records: Option<&dyn Records>, keys: &RecordKeys<'_>) -> RecordVerdict {
        let foreign_key = records.map_or(ForeignKey::default(), |records| {
            records.foreign_key(&self.record_type)
        });
        match foreign_key {
            ForeignKey::UserId | ForeignKey::UserEmail if keys.user.is_none() => {
                return RecordVerdict::NoSession;
            }
            ForeignKey::Ip if keys.ip.is_none() => return RecordVerdict::Undecided,
            _ => {}
        }
        let record = records.and_then(|records| records.find(&self.record_type, keys));
        let value = record.and_then(|record| walk(record, self.field.as_deref()?));
        let exists = if self.field.is_some() {
            value.is_some()
        } else {
            record.is_some()
        };
        let holds = self.exists.is_none_or(|wanted| wanted == exists)
            && self
                .tests
                .iter()
                .all(|test| value.is_some_and(|value| test.holds(value)));
        if holds {
            RecordVerdict::Holds
        } else {
            RecordVerdict::Fails
        }
    }

    /// The value of the field in the record that a request finds, for people.
    pub(crate) fn value<'a>(
        &self,
        records: Option<&'a dyn Records>,
        keys: &RecordKeys<'_>,
    ) -> Option<&'a Value> {
        walk(records?.find(&self.record_type, keys)?, self.field.as_deref()?)
    }

    /// The value in a policy.
    pub(crate) fn to_json(&self) -> Value {
        let head = [
            ("type", Some(Value::from(&*self.record_type))),
            ("field", self.field.as_deref().map(Value::from)),
            ("exists", self.exists.map(Value::from)),
        ];
        let head = head.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let tests = self.tests.iter().map(FieldTest::entry);
        Value::Object(
            head.chain(tests)
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }
}

impl core::fmt::Display for RecordTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "a record of type `{}`", self.record_type)?;
        if let Some(field) = &self.field {
            write!(f, " whose field `{field}`")?;
        }
        if let Some(exists) = self.exists {
            f.write_str(if exists { " exists" } else { " does not exist" })?;
        }
        for (place, test) in self.tests.iter().enumerate() {
            let (operator, operand) = test.entry();
            let and = if place > 0 || self.exists.is_some() {
                " and"
            } else {
                ""
            };
            write!(f, "{and} `{operator}` {operand}")?;
        }
        Ok(())
    }
}

/// The value under a name; a name with dots that is none itself leads into
/// objects.
fn walk<'a>(record: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    record.get(field).or_else(|| {
        let mut names = field.split('.');
        let first = record.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name))
    })
}
