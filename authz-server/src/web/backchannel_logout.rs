//! `POST /.pomerium/backchannel_logout`: the provider says that somebody has signed
//! out there (OpenID Connect Back-Channel Logout 1.0). Pomerium has no such page.
//!
//! No browser comes here and no cookie counts, so that there is nothing to forge from
//! another site: the signature alone says who speaks.

use core::time::Duration;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use portcullis_idp::{IdpError, LogoutToken};
use portcullis_session::record::Session;
use portcullis_session::refresh::SID;
use serde_json::{Value, json};

use super::query::Query;
use super::visit::Visit;
use crate::sessions::{SessionError, picked};
use crate::state::AuthzServer;

pub(super) const PATH: &str = "/.pomerium/backchannel_logout";
const PARAMETER: &str = "logout_token";
/// The longest form that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// How long the sessions may take to end. A provider does not wait for long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Sessions that are ended at a time.
const AT_ONCE: usize = 16;
/// When what was being written meanwhile is looked at: a login that was under way, or
/// one that this server has not heard of yet. The second time is after the longest that
/// any login can take ([`super::DEADLINE`]).
const SETTLED: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(25)];
/// How much later than the token a session may have begun, by the clock of a server that
/// is not the provider's, and still be one that it ends.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// The same by the clocks of our own servers, and after the token came here.
const OWN_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// Why nothing was done.
enum Refusal {
    /// It is no logout token for us; the same will never be one.
    Invalid(String),
    /// Not now: the provider shall try again.
    Later(&'static str),
}

/// Whose sessions end.
#[derive(Clone, Debug)]
struct Ended {
    provider_id: String,
    subject: Option<String>,
    session: Option<String>,
    /// Who has begun a session after that has logged in again: the token may come once
    /// more, to another server or to this one after a restart.
    until: Timestamp,
}

pub(super) async fn receive(visit: &Visit, body: Body) -> Response {
    match take(visit, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(Refusal::Invalid(reason)) => {
            tracing::warn!(reason, "a back-channel logout was refused");
            let said = json!({"error": "invalid_request", "error_description": reason});
            (StatusCode::BAD_REQUEST, axum::Json(said)).into_response()
        }
        Err(Refusal::Later(reason)) => {
            tracing::error!(reason, "a back-channel logout was put off");
            let said = json!({"error": "temporarily_unavailable", "error_description": reason});
            let mut response = (StatusCode::SERVICE_UNAVAILABLE, axum::Json(said)).into_response();
            let after = HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, after);
            response
        }
    }
}

async fn take(visit: &Visit, body: Body) -> Result<(), Refusal> {
    let settings = visit.settings().provider.as_ref();
    let (Some(provider), Some(settings)) = (&visit.active.provider, settings) else {
        return Err(Refusal::invalid("there is no identity provider"));
    };
    let text = form(&visit.parts.headers, body).await?;
    let form = Query::parse(&text).map_err(|_| Refusal::invalid("the form is too large"))?;
    let written = form
        .get(PARAMETER)
        .map_err(|_| Refusal::invalid("`logout_token` stands there twice"))?
        .ok_or_else(|| Refusal::invalid("`logout_token` is missing"))?;
    let now = visit.now.as_second();
    let token = provider.verify_logout_token(written, now).await?;
    let taken = visit.server.logout_tokens().take(&settings.id, &token, now);
    let taken = taken.ok_or_else(|| Refusal::invalid("the logout token was used before"))?;
    let ended = Ended::by(token, settings.id.clone(), visit.now);
    let count = tokio::time::timeout(PATIENCE, end(&visit.server, &ended)).await;
    let count = count
        .map_err(|_| Refusal::Later("the sessions did not end in time"))?
        .map_err(|error| {
            tracing::error!(%error, "sessions could not be ended");
            Refusal::Later("sessions cannot be ended at the moment")
        })?;
    taken.keep();
    tracing::info!(
        sessions = count,
        by_session = ended.session.is_some(),
        "sessions ended, as the identity provider says"
    );
    let server = Arc::clone(&visit.server);
    tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        for settled in SETTLED {
            tokio::time::sleep_until(began + settled).await;
            if let Err(error) = end(&server, &ended).await {
                tracing::warn!(%error, "sessions that began during a back-channel logout were not looked for");
            }
        }
    });
    Ok(())
}

/// The form's text.
async fn form(headers: &HeaderMap, body: Body) -> Result<String, Refusal> {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (kind, None) = (kinds.next(), kinds.next()) else {
        return Err(Refusal::invalid("several content types"));
    };
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::invalid(
            "the content type is not `application/x-www-form-urlencoded`",
        ));
    }
    let bytes = to_bytes(body, MAX_BYTES)
        .await
        .map_err(|_| Refusal::invalid("the form is too large or broke off"))?;
    String::from_utf8(bytes.into()).map_err(|_| Refusal::invalid("the form is no text"))
}

/// Ends the sessions; how many that were. All are tried, whatever becomes of one.
async fn end(server: &Arc<AuthzServer>, ended: &Ended) -> Result<usize, SessionError> {
    let pick = ended.clone();
    let found = picked(server, move |session| pick.is(session)).await?;
    let count = found.len();
    let revoked: Vec<_> = futures::stream::iter(found)
        .map(|id| server.sessions().revoke(id))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    revoked.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}

impl Ended {
    fn by(token: LogoutToken, provider_id: String, now: Timestamp) -> Self {
        let LogoutToken {
            id: _,
            subject,
            session,
            issued_at,
            stale_at: _,
        } = token;
        let issued_at = Timestamp::from_second(issued_at).unwrap_or(now);
        let later = |time: Timestamp, skew| time.saturating_add(skew).unwrap_or(Timestamp::MAX);
        Self {
            provider_id,
            subject,
            session,
            until: later(issued_at, SKEW).min(later(now, OWN_SKEW)),
        }
    }

    fn is(&self, session: &Session) -> bool {
        let said = |name: &str| session.claims.get(name).unwrap_or_default();
        let says = |name: &str, wanted: &Option<String>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| matches!(said(name), [Value::String(text)] if text == wanted))
        };
        // Of a session without a name at the provider nobody can say that it is not the
        // one, and the user is.
        let unnamed = self.subject.is_some() && said(SID).is_empty();
        session.provider_id == self.provider_id
            && session.issued_at <= self.until
            && says("sub", &self.subject)
            && (unnamed || says(SID, &self.session))
    }
}

impl Refusal {
    fn invalid(reason: &'static str) -> Self {
        Self::Invalid(reason.to_owned())
    }
}

impl From<IdpError> for Refusal {
    fn from(error: IdpError) -> Self {
        match error {
            IdpError::Unavailable { .. } => {
                tracing::warn!(%error, "a logout token could not be verified");
                Self::Later("the identity provider's keys cannot be read at the moment")
            }
            IdpError::Invalid { step, reason } => Self::Invalid(format!("{step}: {reason}")),
            IdpError::Refused { .. } | IdpError::OtherUser => Self::invalid("logout token: not acceptable"),
        }
    }
}
