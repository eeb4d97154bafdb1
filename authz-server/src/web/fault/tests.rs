use portcullis_idp::IdpError;
use portcullis_session::record::RecordError;

use super::Fault;
use crate::fixture::documents::{Refusal, hold};
use crate::sessions::SessionError;

/// The lower-case texts of the two sources that are no codes.
const NO_CODES: [&str; 7] = [
    "access_denied",
    "unauthorized_client",
    "error",
    "code",
    "request_id",
    "true",
    "x-pomerium-intercepted-response",
];

fn every() -> Vec<Fault> {
    vec![
        Fault::not_found(),
        Fault::unknown_host(),
        Fault::bad_host(),
        Fault::not_a_navigation(),
        Fault::method_not_allowed("GET, HEAD"),
        Fault::query_too_long(),
        Fault::duplicate_parameter(),
        Fault::missing_parameter(),
        Fault::not_ready(),
        Fault::too_slow(),
        Fault::internal("a test"),
        Fault::not_configured(),
        Fault::login_required(),
        Fault::signature(),
        Fault::link_expired(),
        Fault::bad_redirect(),
        Fault::state_invalid(),
        Fault::login_expired(),
        Fault::other_browser(),
        Fault::redirect_loop(),
        Fault::ambiguous_cookies(),
        Fault::stillborn(),
        Fault::token_invalid(),
        Fault::not_a_form(),
        Fault::session_unknown(),
        Fault::no_assertion(),
        Fault::two_tokens(),
        Fault::cross_site(),
        Fault::provider_error("access_denied"),
        Fault::provider_error("temporarily_unavailable"),
        IdpError::Unavailable {
            step: "token",
            reason: "".into(),
        }
        .into(),
        IdpError::Refused {
            error: "invalid_grant".to_owned(),
        }
        .into(),
        IdpError::OtherUser.into(),
        SessionError::Unavailable(String::new()).into(),
        SessionError::Record(RecordError::TooLarge).into(),
    ]
}

#[test]
fn the_document_holds_every_refusal_of_a_page() {
    let faults = every();
    let mut refusals: Vec<Refusal<'_>> = faults
        .iter()
        .map(|fault| Refusal {
            code: fault.0.code,
            status: fault.0.status.as_u16(),
            title: fault.0.title,
            message: &fault.0.message,
            next_step: fault.0.next_step,
        })
        .collect();
    hold("refusals of pages", &mut refusals);
}

#[test]
fn no_refusal_is_missing_above() {
    let sources = [include_str!("../fault.rs"), include_str!("kinds.rs")];
    let known: Vec<&str> = every().iter().map(|fault| fault.0.code).collect();
    for text in sources
        .iter()
        .flat_map(|source| source.split('"').skip(1).step_by(2))
    {
        let is_code = text.len() > 1
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-'));
        if is_code && !NO_CODES.contains(&text) {
            assert!(known.contains(&text), "`{text}` is not among them");
        }
    }
    for (at, code) in known.iter().enumerate() {
        assert!(!known[..at].contains(code), "two refusals are called `{code}`");
    }
}

#[test]
fn who_cannot_answer_now_is_asked_once_more_and_nobody_else() {
    for fault in every() {
        let (status, before) = (fault.0.status.as_u16(), fault.0.retry.clone());
        assert_eq!(before, None, "{}", fault.0.code);
        let once_more = fault.once_more().0.retry;
        assert_eq!(once_more.as_deref(), (status == 503).then_some(""));
    }
    // A way that is known already stays.
    let known = Fault::not_ready().retry_at("/there").once_more();
    assert_eq!(known.0.retry.as_deref(), Some("/there"));
}
