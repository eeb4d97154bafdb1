//! Who is signed in.

use portcullis_document::{Node, Span};
use portcullis_policy::{Device, Standing};
use serde_json::{Map, Value};

use super::Given;
use crate::problem::{Fields, Problems, object};

/// Somebody who is signed in.
#[derive(Clone, Default)]
pub(crate) struct UserSpec {
    pub(crate) session_id: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) email: Option<String>,
    /// As the provider gives them.
    pub(crate) claims: Map<String, Value>,
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) devices: Vec<Device>,
    pub(crate) span: Option<Span>,
}

/// An e-mail address, the name of somebody who is given, or a map.
fn named(node: &Node, given: &Given, problems: &mut Problems) -> UserSpec {
    let Some(name) = node.as_str() else {
        return UserSpec::read(node, problems);
    };
    if let Some(user) = given.users.get(name) {
        return user.clone();
    }
    if !name.contains('@') {
        let message = format!("`{name}` is neither an e-mail address nor one of `given.users`");
        problems.add(node.span, message);
    }
    UserSpec {
        id: Some(name.to_owned()),
        email: Some(name.to_owned()),
        span: Some(node.span),
        ..UserSpec::default()
    }
}

/// Who is signed in: `user`, and over it what `session`, `claims`, `groups` and
/// `devices` say.
pub(super) fn read(fields: &Fields<'_>, given: &Given, problems: &mut Problems) -> Option<UserSpec> {
    let mut user = fields.get("user").map(|node| named(node, given, problems));
    if let Some(node) = fields.get("session") {
        if node.as_str() == Some("none") {
            if user.take().is_some() {
                problems.add(node.span, "`session: none` and a `user` exclude each other");
            }
        } else if let Some(fields) = problems.map(node, "session", &["id"]) {
            let session_id = fields.get("id").and_then(|node| problems.text(node, "id"));
            user.get_or_insert_default().session_id = session_id;
        }
    }
    for key in ["claims", "groups", "devices"] {
        let (Some(node), None) = (fields.get(key), &user) else {
            continue;
        };
        problems.add(
            node.span,
            format!("`{key}` without a `user` would count for nobody"),
        );
    }
    if let Some(user) = &mut user {
        user.add(fields, problems);
    }
    user
}

impl UserSpec {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let mut user = Self {
            span: Some(node.span),
            ..Self::default()
        };
        let keys = ["id", "email", "claims", "groups", "devices"];
        if let Some(fields) = problems.map(node, "user", &keys) {
            user.id = fields.get("id").and_then(|node| problems.text(node, "id"));
            user.email = fields.get("email").and_then(|node| problems.text(node, "email"));
            user.add(&fields, problems);
        }
        user
    }

    /// Adds claims, and takes the place of groups and devices.
    fn add(&mut self, fields: &Fields<'_>, problems: &mut Problems) {
        if let Some(node) = fields.get("claims") {
            problems.entries(node, "claims");
            self.claims.extend(object(node));
        }
        if let Some(node) = fields.get("groups") {
            self.groups = Some(problems.texts(node, "groups"));
        }
        if let Some(node) = fields.get("devices") {
            self.devices = problems
                .list(node, "devices")
                .iter()
                .filter_map(|node| device(node, problems))
                .collect();
        }
    }
}

fn device(node: &Node, problems: &mut Problems) -> Option<Device> {
    let fields = problems.map(node, "devices", &["id", "type", "standing"])?;
    let mut text = |key, default: &str| match fields.get(key) {
        Some(node) => problems.text(node, key),
        None => Some(default.to_owned()),
    };
    let (credential_id, type_id) = (text("id", "")?, text("type", "any")?);
    let standing = match fields.get("standing") {
        None => Standing::Enrolled,
        Some(node) => {
            let expected = "standing: unknown, registered, enrolled or approved";
            problems.parsed(node, "standing", expected, |text| match text {
                "unknown" => Some(Standing::Unknown),
                "registered" => Some(Standing::Registered),
                "enrolled" => Some(Standing::Enrolled),
                "approved" => Some(Standing::Approved),
                _ => None,
            })?
        }
    };
    Some(Device {
        type_id,
        credential_id,
        standing,
    })
}
