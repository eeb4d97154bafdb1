//! `device`: the WebAuthn credential of a session and its enrolment.

#[cfg(test)]
mod tests;

use portcullis_document::{Entry, Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::code;
use crate::parse::{Problems, shown};

const KEYS: [&str; 3] = ["approved", "is", "type"];
/// The type of device that is meant where none is named.
const ANY: &str = "any";

/// One device credential of a session, with what the records of the credential
/// and of its enrolment say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The id of the type, such as `any` or `enclave_only`.
    pub type_id: String,
    /// The id of the credential.
    pub credential_id: String,
    /// How far the device has come.
    pub standing: Standing,
}

/// How far a device has come on its way to approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The session names a credential of which there is no record.
    Unknown,
    /// The credential is known, its enrolment is not.
    Registered,
    /// Enrolled, and approved by nobody.
    Enrolled,
    /// Enrolled and approved: `approved_by` is not empty.
    Approved,
}

/// What a `device` criterion makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceVerdict {
    /// Every condition holds.
    Pass,
    /// The device is enrolled and does not meet a condition.
    Unauthorized,
    /// The session has no enrolled device of the type.
    Unauthenticated,
    /// Nobody is signed in.
    NoSession,
}

/// The conditions of a `device` criterion; all must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceTest {
    approved: Option<bool>,
    is: Option<Box<str>>,
    #[serde(rename = "type")]
    type_id: Option<Box<str>>,
}

impl DeviceTest {
    /// Reads `{approved: …, is: …, type: …}`. Any value of `approved` is taken as
    /// JavaScript takes it for true or false, as in Pomerium.
    pub(crate) fn parse(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            problems.add(
                node.span,
                code::VALUE_TYPE,
                format!(
                    "found {} in `device`, expected an object with `approved`, `is` or `type`",
                    node.describe()
                ),
            );
            return None;
        };
        let mut test = Self {
            approved: None,
            is: None,
            type_id: None,
        };
        let mut whole = true;
        for entry in entries {
            let text = match entry.key.as_str() {
                "approved" => {
                    test.approved = Some(truthy(&entry.value.to_json()));
                    continue;
                }
                "is" => &mut test.is,
                "type" => &mut test.type_id,
                _ => {
                    problems.add_with_help(
                        entry.key_span,
                        code::MATCHER_UNKNOWN,
                        format!(
                            "unknown key `{}`, expected one of `approved`, `is`, `type`",
                            shown(&entry.key)
                        ),
                        problems.did_you_mean(&entry.key, KEYS),
                    );
                    whole = false;
                    continue;
                }
            };
            *text = string(entry, problems);
            whole &= text.is_some();
        }
        whole.then_some(test)
    }

    /// The verdict on a session's devices; `None` when nobody is signed in, which
    /// fails even where there is no condition. (In Pomerium `{}` and
    /// `{approved: false}` open a route to everybody.) The first credential of the
    /// type counts, whatever the others are.
    pub(crate) fn check(&self, devices: Option<&[Device]>) -> DeviceVerdict {
        let Some(devices) = devices else {
            return DeviceVerdict::NoSession;
        };
        let device = devices.iter().find(|device| device.type_id == self.device_type());
        let standing = device.map_or(Standing::Unknown, |device| device.standing);
        let known = device.filter(|device| device.standing >= Standing::Registered);
        let passes = self
            .approved
            .is_none_or(|approved| approved == (standing == Standing::Approved))
            && self
                .is
                .as_deref()
                .is_none_or(|id| known.is_some_and(|device| device.credential_id == id))
            && (self.type_id.is_none() || known.is_some());
        if passes {
            DeviceVerdict::Pass
        } else if standing >= Standing::Enrolled {
            DeviceVerdict::Unauthorized
        } else {
            DeviceVerdict::Unauthenticated
        }
    }

    /// The type of device that is asked for, which the WebAuthn page needs.
    pub(crate) fn device_type(&self) -> &str {
        self.type_id.as_deref().unwrap_or(ANY)
    }

    /// The value in a policy.
    pub(crate) fn to_json(&self) -> Value {
        let text = |text: &Option<Box<str>>| text.as_deref().map(Value::from);
        let entries = [
            ("approved", self.approved.map(Value::from)),
            ("is", text(&self.is)),
            ("type", text(&self.type_id)),
        ];
        Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect::<Map<_, _>>(),
        )
    }
}

impl core::fmt::Display for DeviceTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let article = match self.approved {
            Some(true) => "an approved device",
            Some(false) => "a device that is not approved",
            None => "a device",
        };
        write!(f, "{article} of type `{}`", self.device_type())?;
        match &self.is {
            Some(id) => write!(f, " with the id `{id}`"),
            None => Ok(()),
        }
    }
}

fn string(entry: &Entry, problems: &mut Problems) -> Option<Box<str>> {
    // An unquoted date is a string in JSON, as Pomerium reads it.
    let Value::String(text) = entry.value.to_json() else {
        problems.add(
            entry.value.span,
            code::VALUE_TYPE,
            format!(
                "found {} in `{}`, expected a string",
                entry.value.describe(),
                entry.key
            ),
        );
        return None;
    };
    Some(text.into())
}

/// What JavaScript takes for true: everything but `false`, `0`, `""` and `null`.
fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
