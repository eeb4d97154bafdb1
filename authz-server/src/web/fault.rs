//! Everything that a page can refuse with: one stable code, one status, and
//! what to do next. The only place that turns a failure of a page into an answer.

use std::borrow::Cow;

use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use portcullis_idp::IdpError;
use serde_json::json;

use crate::page::{self, ErrorPage, Link, Look};
use crate::sessions::SessionError;

mod kinds;

#[cfg(test)]
mod tests;

/// A refusal. Boxed, since it is the rare end of everything that a page does.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    message: Cow<'static, str>,
    next_step: &'static str,
    /// Where "Try again" leads: a URL that we built or checked. Without anything in it
    /// it is the address of the page itself.
    retry: Option<Box<str>>,
    /// Whether the page goes there by itself after a moment.
    by_itself: bool,
    /// What the browser is to keep or to forget all the same, as `Set-Cookie` values.
    cookies: Vec<String>,
    header: Extra,
}

/// The header that the status asks for.
#[derive(Clone, Copy, Debug)]
enum Extra {
    None,
    Allow(&'static str),
    RetryAfter,
    Authenticate,
}

/// The form in which the client wants to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Page,
    Json,
}

const START_AGAIN: &str = "Start again from the page that you wanted to open.";
const TELL: &str = "Try again. If this goes on, tell whoever runs this site what stands below.";

impl Fault {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        message: impl Into<Cow<'static, str>>,
        next_step: &'static str,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            title,
            message: message.into(),
            next_step,
            retry: None,
            by_itself: false,
            cookies: Vec::new(),
            header: Extra::None,
        }))
    }

    /// With a link that starts over.
    pub(super) fn retry_at(mut self, url: impl AsRef<str>) -> Self {
        self.0.retry.get_or_insert(url.as_ref().into());
        self
    }

    /// With a link to the same address, where whoever cannot answer now may do so soon.
    /// For what was asked with GET.
    pub(super) fn once_more(self) -> Self {
        match self.0.status {
            StatusCode::SERVICE_UNAVAILABLE => self.retry_at(""),
            _ => self,
        }
    }

    /// With a page that starts over by itself, a moment after it was shown: for
    /// what will most probably work then. It needs [`Fault::retry_at`].
    pub(super) fn by_itself(mut self) -> Self {
        self.0.by_itself = true;
        self
    }

    /// With these `Set-Cookie` values.
    pub(super) fn with_cookies(mut self, cookies: Vec<String>) -> Self {
        self.0.cookies = cookies;
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl From<IdpError> for Fault {
    fn from(error: IdpError) -> Self {
        tracing::warn!(%error, "a sign-in failed at the identity provider");
        match error {
            IdpError::Unavailable { .. } => Self::unavailable(
                "idp_unavailable",
                "Identity provider unavailable",
                "The identity provider cannot be reached at the moment.",
            ),
            IdpError::Refused { .. } => Self::new(
                StatusCode::BAD_REQUEST,
                "idp_refused",
                "Sign-in failed",
                "The identity provider did not accept the sign-in; its answer may have been used before.",
                "Sign in again.",
            ),
            IdpError::Invalid { .. } | IdpError::OtherUser => Self::new(
                StatusCode::BAD_GATEWAY,
                "idp_invalid",
                "Sign-in failed",
                "The identity provider's answer could not be verified.",
                TELL,
            ),
        }
    }
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unavailable(why) => {
                tracing::error!(why, "a page could not reach the session store");
                Self::unavailable(
                    "sessions_unavailable",
                    "Sessions unavailable",
                    "Sessions cannot be read or kept at the moment.",
                )
            }
            SessionError::Record(error) => {
                tracing::error!(%error, "a session could not be written down");
                Self::new(
                    StatusCode::BAD_GATEWAY,
                    "session_too_large",
                    "Sign-in failed",
                    "The identity provider says more about you than can be kept.",
                    TELL,
                )
            }
            SessionError::Exists => Self::internal("a new session's id is taken"),
        }
    }
}

impl Fault {
    /// The answer; `session_page` is where a page of it leads to that tells who is
    /// signed in.
    pub(super) fn into_response(
        self,
        form: Form,
        look: Option<&Look>,
        request_id: Option<&str>,
        session_page: Option<&str>,
    ) -> Response {
        let Parts {
            status,
            code,
            title,
            message,
            next_step,
            retry,
            by_itself,
            cookies,
            header,
        } = *self.0;
        let mut response = match form {
            Form::Page => {
                let html = page::error(&ErrorPage {
                    status: status.as_u16(),
                    title,
                    message: &message,
                    next_step,
                    code,
                    request_id,
                    link: retry.as_deref().map(|href| Link {
                        href,
                        label: "Try again",
                    }),
                    session_page,
                    look,
                    ..ErrorPage::default()
                });
                let mut response = (status, Html(html)).into_response();
                for (name, value) in page::headers(look) {
                    // Without its policy a page gets the default one, which admits less.
                    if let Ok(value) = HeaderValue::from_str(value) {
                        response.headers_mut().insert(name, value);
                    }
                }
                let refresh = retry.as_deref().filter(|_| by_itself);
                let refresh = refresh.map(|url| HeaderValue::try_from(format!("1;url={url}")));
                if let Some(Ok(refresh)) = refresh {
                    response.headers_mut().insert(header::REFRESH, refresh);
                }
                response
            }
            Form::Json => {
                let body = json!({ "error": title, "code": code, "request_id": request_id });
                (status, axum::Json(body)).into_response()
            }
        };
        response.headers_mut().insert(
            "x-pomerium-intercepted-response",
            HeaderValue::from_static("true"),
        );
        for cookie in cookies {
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        let header = match header {
            Extra::None => None,
            Extra::Allow(methods) => Some((header::ALLOW, methods)),
            Extra::RetryAfter => Some((header::RETRY_AFTER, "5")),
            Extra::Authenticate => Some((header::WWW_AUTHENTICATE, "Bearer")),
        };
        if let Some((name, value)) = header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
