//! What an assertion says.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::Value;
use uuid::Uuid;

use super::VALIDITY_SECONDS;
use crate::record::Session;

/// Claims that every assertion has; a name of these in `jwt_claims_headers`
/// adds nothing to the token.
pub(super) const BASE: [&str; 11] = [
    "iss", "aud", "iat", "exp", "jti", "sub", "user", "email", "groups", "sid", "name",
];

/// The claims of one assertion, Pomerium's to the letter. For an anonymous
/// request it is the same shape with empty texts and no groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionClaims {
    /// Issuer: the request's host without port.
    pub iss: String,
    /// Audience: the request's host without port, a plain string.
    pub aud: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires, Unix seconds.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The user's id.
    pub sub: String,
    /// The user's id again.
    pub user: String,
    /// The user's e-mail address.
    pub email: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// The session's id.
    pub sid: String,
    /// The user's name.
    pub name: String,
    /// The claims that `jwt_claims_headers` names beyond these, in its order
    /// and each once, as far as the session has them. In the token each is one
    /// string, its values joined by `,`.
    pub extra: Vec<(String, Vec<String>)>,
}

impl AssertionClaims {
    /// The claims for a request to `hostname` (canonical, without port).
    /// `names` are the claims of `jwt_claims_headers`.
    #[must_use]
    pub fn new<'a>(
        session: Option<&Session>,
        hostname: &str,
        now: Timestamp,
        jti: Uuid,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let iat = now.as_second();
        let claim = |name: &str| session.and_then(|session| session.claims.get(name)).map(texts);
        let field = |get: fn(&Session) -> &String| session.map(get).cloned().unwrap_or_default();
        let user = field(|session| &session.user_id);
        let mut extra: Vec<(String, Vec<String>)> = Vec::new();
        for name in names {
            let new = !BASE.contains(&name) && extra.iter().all(|(known, _)| known != name);
            if let Some(values) = claim(name).filter(|_| new) {
                extra.push((name.to_owned(), values));
            }
        }
        Self {
            iss: hostname.to_owned(),
            aud: hostname.to_owned(),
            iat,
            exp: iat.saturating_add(VALIDITY_SECONDS),
            jti: jti.to_string(),
            sub: user.clone(),
            user,
            email: field(|session| &session.email),
            groups: claim("groups").unwrap_or_default(),
            sid: session.map(|session| session.id.to_string()).unwrap_or_default(),
            name: claim("name").map_or_else(|| field(|session| &session.name), |names| names.join(",")),
            extra,
        }
    }
}

/// The values that can stand as text; others (null, lists, objects) are left
/// out.
fn texts(values: &[Value]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    values.iter().filter_map(text).collect()
}

impl Serialize for AssertionClaims {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            iss,
            aud,
            iat,
            exp,
            jti,
            sub,
            user,
            email,
            groups,
            sid,
            name,
            extra,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", iss)?;
        map.serialize_entry("aud", aud)?;
        map.serialize_entry("iat", iat)?;
        map.serialize_entry("exp", exp)?;
        map.serialize_entry("jti", jti)?;
        map.serialize_entry("sub", sub)?;
        map.serialize_entry("user", user)?;
        map.serialize_entry("email", email)?;
        map.serialize_entry("groups", groups)?;
        map.serialize_entry("sid", sid)?;
        map.serialize_entry("name", name)?;
        for (name, values) in extra.iter().filter(|(name, _)| !BASE.contains(&name.as_str())) {
            map.serialize_entry(name, &values.join(","))?;
        }
        map.end()
    }
}
