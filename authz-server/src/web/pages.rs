//! The pages that are no errors: user, sign-out confirmation, signed out.
//! Server-rendered, escaped, without scripts or anything from elsewhere.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;
use portcullis_session::record::Session;
use serde_json::Value;

use super::fault::Fault;
use super::look::Look;

/// Groups, and values of one claim, that the page shows.
const MAX_SHOWN_VALUES: usize = 50;
/// As many of them are seen at once; the others are unfolded.
const MAX_UNFOLDED: usize = 12;

/// Where a form of the page may lead.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    None,
    /// A page of this host.
    Own,
    /// Anywhere: Chromium applies `form-action` to the redirects that follow a
    /// submission, and the sign-out ends at the identity provider.
    Followed,
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage<'a> {
    look: Look<'a>,
    heading: &'a str,
    host: &'a str,
    sub: &'a str,
    email: &'a str,
    groups: Vec<String>,
    folded_groups: Vec<String>,
    more_groups: usize,
    issued_at: Moment,
    expires_at: Moment,
    claims: Vec<ClaimRow<'a>>,
    /// `None` where there is no saying now.
    sessions: Option<Vec<SessionRow>>,
    more_sessions: usize,
    way_back: Option<WayBack>,
}

/// The application from which the page was asked for.
pub(super) struct WayBack {
    /// Its address, which was checked.
    pub(super) href: String,
    /// Its host, for people.
    pub(super) host: String,
}

/// One of the user's sessions, as the page lists it.
struct SessionRow {
    issued_at: Moment,
    expires_at: Moment,
    /// Where it is ended; `None` for the one that the page was asked for with.
    end: Option<String>,
}

/// One of the user's sessions, the newest first.
pub(super) struct OwnSession {
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Where it is ended; `None` for the one that the page is asked for with.
    pub(super) end: Option<String>,
}

struct ClaimRow<'a> {
    name: &'a str,
    values: String,
    /// How many they are, where that is too much to be seen at once.
    folded: Option<usize>,
}

struct Moment {
    machine: String,
    human: String,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    look: Look<'a>,
}

#[derive(Template)]
#[template(path = "sign_out_confirm.html")]
struct ConfirmPage<'a> {
    look: Look<'a>,
    email: &'a str,
    action: &'a str,
}

#[derive(Template)]
#[template(path = "program_confirm.html")]
struct ProgramPage<'a> {
    look: Look<'a>,
    email: &'a str,
    listener: &'a str,
    host: &'a str,
    action: &'a str,
}

/// What we know of the user. Never the provider's tokens, nor the session's id.
pub(super) fn user(
    look: Look<'_>,
    session: &Session,
    host: &str,
    sessions: Option<(Vec<OwnSession>, usize)>,
    way_back: Option<WayBack>,
) -> Result<Response, Fault> {
    let heading = [&session.name, &session.email, &session.user_id]
        .into_iter()
        .map(String::as_str)
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    let groups = session.claims.get("groups").unwrap_or_default();
    let seen = groups.iter().take(MAX_UNFOLDED).map(text_of);
    let folded = groups
        .iter()
        .take(MAX_SHOWN_VALUES)
        .skip(MAX_UNFOLDED)
        .map(text_of);
    let row = |own: OwnSession| SessionRow {
        issued_at: Moment::of(own.issued_at),
        expires_at: Moment::of(own.expires_at),
        end: own.end,
    };
    let (sessions, more_sessions) = match sessions {
        Some((sessions, more)) => (Some(sessions.into_iter().map(row).collect()), more),
        None => (None, 0),
    };
    let page = UserPage {
        look,
        heading,
        host,
        sub: &session.user_id,
        email: &session.email,
        groups: seen.collect(),
        folded_groups: folded.collect(),
        more_groups: groups.len().saturating_sub(MAX_UNFOLDED),
        issued_at: Moment::of(session.issued_at),
        expires_at: Moment::of(session.expires_at),
        claims: session
            .claims
            .iter()
            .map(|(name, values)| ClaimRow {
                name,
                values: joined(values),
                folded: Some(values.len()).filter(|count| *count > MAX_UNFOLDED),
            })
            .collect(),
        sessions,
        more_sessions,
        way_back,
    };
    render(&page, &page.look, Forms::Own, false)
}

/// The end of a sign-out.
pub(super) fn signed_out(look: Look<'_>) -> Result<Response, Fault> {
    let page = SignedOutPage { look };
    render(&page, &page.look, Forms::None, false)
}

/// Asks whether the sign-out is meant; `action` is where the answer goes.
pub(super) fn confirm_sign_out(look: Look<'_>, email: &str, action: &str) -> Result<Response, Fault> {
    let page = ConfirmPage { look, email, action };
    render(&page, &page.look, Forms::Followed, false)
}

/// Asks whether the program at `listener` may have a token for `host`; `action` is
/// where the answer goes.
pub(super) fn confirm_program(
    look: Look<'_>,
    email: &str,
    listener: &str,
    host: &str,
    action: &str,
) -> Result<Response, Fault> {
    let page = ProgramPage {
        look,
        email,
        listener,
        host,
        action,
    };
    render(&page, &page.look, Forms::Followed, false)
}

impl Moment {
    fn of(time: Timestamp) -> Self {
        Self {
            machine: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            human: time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn joined(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().take(MAX_SHOWN_VALUES).map(text_of).collect();
    let more = values.len().saturating_sub(MAX_SHOWN_VALUES);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

/// The page with the headers that go with it. `images` says that it shows some
/// beside those of its look.
pub(super) fn render(
    page: &impl Template,
    look: &Look<'_>,
    forms: Forms,
    images: bool,
) -> Result<Response, Fault> {
    let html = page
        .render()
        .map_err(|_| Fault::internal("a page cannot be rendered"))?;
    let mut response = Html(html).into_response();
    let (form_action, referrer) = match forms {
        Forms::None => (" form-action 'none';", "no-referrer"),
        Forms::Own => (" form-action 'self';", "same-origin"),
        // With `no-referrer` the form's own `Origin` would be `null`.
        Forms::Followed => ("", "same-origin"),
    };
    let policy = format!(
        "default-src 'none'; {}{form_action} base-uri 'none'; frame-ancestors 'none'",
        look.sources(images)
    );
    let policy =
        HeaderValue::from_str(&policy).map_err(|_| Fault::internal("a page's policy is no header value"))?;
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
        .headers_mut()
        .insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    harden(&mut response);
    Ok(response)
}

/// What every answer carries unless it says otherwise.
pub(super) fn harden(response: &mut Response) {
    const DEFAULTS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in DEFAULTS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
