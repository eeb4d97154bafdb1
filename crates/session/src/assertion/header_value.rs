//! A claim as a header's value.

use super::AssertionClaims;

/// Bytes of a claim header's value.
pub const MAX_HEADER_VALUE: usize = 8 * 1024;

/// Claims that are one text for people to read, where a comma means nothing
/// (OpenID Connect Core, section 5.1).
const FREE_TEXT: [&str; 8] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "address.formatted",
    "address.street_address",
];

/// The value of the header for a claim: a list joined by `,`, empty if there is
/// no such claim (a client's own value must not stand in its place).
///
/// An upstream splits at the comma, so one value must not be able to pass for
/// another, or for two: an element with a comma is left out, and so is whatever
/// has a control character or a blank at either end, never a cleaned form of it
/// (a group `ad\nmin` must not become `admin`). What is over
/// [`MAX_HEADER_VALUE`] is left out too, element by element.
#[must_use]
pub fn claim_header_value(claims: &AssertionClaims, claim: &str) -> String {
    let AssertionClaims {
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
    } = claims;
    match claim {
        "iss" => one(iss),
        "aud" => one(aud),
        "iat" => iat.to_string(),
        "exp" => exp.to_string(),
        "jti" => one(jti),
        "sub" => one(sub),
        "user" => one(user),
        "email" => one(email),
        "sid" => one(sid),
        "name" => one(name),
        "groups" => list(groups),
        other => match extra
            .iter()
            .find(|(name, _)| name == other)
            .map(|(_, values)| values.as_slice())
        {
            Some([text]) if FREE_TEXT.contains(&other) => one(text),
            Some(values) => list(values),
            None => String::new(),
        },
    }
}

fn one(text: &str) -> String {
    if is_clean(text) && text.len() <= MAX_HEADER_VALUE {
        text.to_owned()
    } else {
        String::new()
    }
}

fn list(values: &[String]) -> String {
    let mut line = String::new();
    for value in values
        .iter()
        .filter(|value| !value.is_empty() && !value.contains(',') && is_clean(value))
    {
        if line.len().saturating_add(value.len()) < MAX_HEADER_VALUE {
            if !line.is_empty() {
                line.push(',');
            }
            line.push_str(value);
        }
    }
    line
}

/// Without what a header cannot carry or a parser would take away.
fn is_clean(text: &str) -> bool {
    !text.chars().any(char::is_control) && text.trim() == text
}
