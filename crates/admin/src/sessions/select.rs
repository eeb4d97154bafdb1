//! Which sessions a selection means.

use portcullis_session::record::Session;
use serde_json::Value;

use crate::protocol::Selection;

/// The claim that names the user at the provider (OpenID Connect Core section 2).
const SUBJECT: &str = "sub";

/// Whether `session` meets every condition of `selection`; one without any is met by
/// all.
pub(super) fn meets(selection: &Selection, session: &Session) -> bool {
    let Selection {
        user,
        subject,
        provider,
        before,
    } = selection;
    user.as_ref().is_none_or(|user| is_user(user, session))
        && subject
            .as_ref()
            .is_none_or(|subject| has_subject(subject, session))
        && provider
            .as_ref()
            .is_none_or(|provider| *provider == session.provider_id)
        && before.is_none_or(|before| session.issued_at < before)
}

/// By e-mail address, whatever its case, or by user id. What is empty is nobody.
fn is_user(user: &str, session: &Session) -> bool {
    !user.is_empty() && (session.user_id == user || session.email.to_lowercase() == user.to_lowercase())
}

fn has_subject(subject: &str, session: &Session) -> bool {
    let values = session.claims.get(SUBJECT).unwrap_or_default();
    values.iter().any(|value| match value {
        Value::String(text) => text == subject,
        // A provider of plain OAuth2 may number its users.
        Value::Number(number) => number.to_string() == subject,
        _ => false,
    })
}
