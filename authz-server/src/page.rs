//! The page that says what went wrong and what to do next. Server-rendered,
//! escaped, without any script.

use askama::Template;
use portcullis_bundle::Advice;

mod look;

pub(crate) use look::paint;
pub use look::{Look, style_source};

#[cfg(test)]
mod tests;

/// The one style sheet, unless a look is configured. The policy admits it by its
/// hash and nothing else.
const STYLE: &str = include_str!("../templates/error.css");

/// The policy of a page with our own look. (A test holds the hash to the style sheet.)
const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-nkx/Ipa6R4uBvGioDFQWwO9OUggSgPFuCEMp+YBusEo='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of [`error`]'s page with this look, beside its content type. By its
/// content security policy nothing is loaded but the images of the look, nothing
/// runs and nobody may frame it.
#[must_use]
pub fn headers(look: Option<&Look>) -> [(&'static str, &str); 5] {
    [
        ("cache-control", "no-store"),
        ("content-security-policy", look.map_or(POLICY, Look::policy)),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ]
}

/// A link on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// Where it leads: a path of this host or an https URL that we built.
    pub href: &'a str,
    /// What it says.
    pub label: &'a str,
}

/// What an error page says.
#[derive(Debug, Clone, Copy, Default, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The HTTP status.
    pub status: u16,
    /// A few words, such as `Access denied`.
    pub title: &'a str,
    /// What happened, one or two sentences.
    pub message: &'a str,
    /// What the reader can do next.
    pub next_step: &'a str,
    /// The stable code, such as `policy_denied`.
    pub code: &'a str,
    /// Who is signed in, if anybody.
    pub signed_in_as: Option<&'a str>,
    /// Our own id of the decision.
    pub decision_id: Option<&'a str>,
    /// The `x-request-id` of the request.
    pub request_id: Option<&'a str>,
    /// The page that tells who is signed in, where it is not that of this host.
    pub session_page: Option<&'a str>,
    /// A way on.
    pub link: Option<Link<'a>>,
    /// Why, in sentences; only where the route shows it.
    pub reasons: &'a [&'static str],
    /// What the route's sub-policies say; only where the route shows it.
    pub advice: &'a [Advice],
    /// How it looks, where that is configured.
    pub look: Option<&'a Look>,
}

impl ErrorPage<'_> {
    fn style(&self) -> &str {
        self.look.map_or(STYLE, Look::style)
    }
}

/// The parts of a text, and whether each is a name: it stood between backticks.
fn spans(text: &str) -> Vec<(bool, &str)> {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| (at % 2 == 1, part)).collect()
}

/// The page as HTML. Every text is escaped, whoever it came from.
#[must_use]
pub fn error(page: &ErrorPage<'_>) -> String {
    // Rendering only fails if writing to a string does.
    page.render()
        .unwrap_or_else(|_| page.code.chars().filter(char::is_ascii_alphanumeric).collect())
}
