//! The refusals by name: code, status and words of each.

use http::StatusCode;

use super::{Extra, Fault, START_AGAIN, TELL};

impl Fault {
    pub(in crate::web) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Page not found",
            "There is no such page here.",
            "Check the address for a misspelling.",
        )
    }

    pub(in crate::web) fn unknown_host() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_host",
            "No such site",
            "Nothing is configured at this address.",
            "Check the address for a misspelling.",
        )
    }

    pub(in crate::web) fn bad_host() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_host",
            "Bad request",
            "The request does not name one host.",
            "Check the address.",
        )
    }

    /// A sign-out that nobody went to.
    pub(in crate::web) fn not_a_navigation() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not_navigation",
            "Not signed out",
            "An image, a script or a page that is loaded in advance cannot sign anybody out.",
            "Open this address in the browser, or follow a link to it.",
        )
    }

    pub(in crate::web) fn method_not_allowed(allow: &'static str) -> Self {
        let mut fault = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method not allowed",
            "This page does not take requests of this kind.",
            START_AGAIN,
        );
        fault.0.header = Extra::Allow(allow);
        fault
    }

    pub(in crate::web) fn query_too_long() -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "query_too_long",
            "Address too long",
            "The query of this address is too long.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn duplicate_parameter() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "duplicate_parameter",
            "Bad request",
            "A parameter of this address stands there twice.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn missing_parameter() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "missing_parameter",
            "Bad request",
            "A parameter of this address is missing.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn not_ready() -> Self {
        Self::unavailable(
            "not_ready",
            "Not ready yet",
            "This service has only just started and has no configuration yet.",
        )
    }

    pub(in crate::web) fn too_slow() -> Self {
        Self::unavailable("deadline", "No answer in time", "This page took too long.")
    }

    pub(super) fn unavailable(code: &'static str, title: &'static str, message: &'static str) -> Self {
        let mut fault = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            title,
            message,
            "Try again in a few seconds. If this goes on, tell whoever runs this site what stands below.",
        );
        fault.0.header = Extra::RetryAfter;
        fault
    }

    /// What must not happen; `why` goes to the log alone.
    pub(in crate::web) fn internal(why: &str) -> Self {
        tracing::error!(why, "a page failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong",
            "This is a fault of this service.",
            TELL,
        )
    }

    pub(in crate::web) fn not_configured() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "login_not_configured",
            "Signing in is not set up",
            "This site has no sign-in service of its own, and Pomerium's hosted one cannot be used with Portcullis.",
            "Whoever runs this site can set `authenticate_service_url` to a host of their own and configure an \
             identity provider.",
        )
    }

    pub(in crate::web) fn login_required() -> Self {
        let mut fault = Self::new(
            StatusCode::UNAUTHORIZED,
            "login_required",
            "Sign in first",
            "This request needs a signed-in user.",
            "Open this site in a browser tab, sign in there, and send the request again.",
        );
        fault.0.header = Extra::Authenticate;
        fault
    }

    pub(in crate::web) fn signature() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "signature_invalid",
            "This link cannot be used",
            "The address was changed, or is not one of ours.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn link_expired() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "link_expired",
            "This link has expired",
            "Signing in took too long, or this is an old address from the history.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn bad_redirect() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "redirect_not_allowed",
            "This sign-in leads elsewhere",
            "The address to return to is not one of this site's.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn state_invalid() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "state_invalid",
            "This sign-in cannot be finished",
            "What the identity provider sent back does not belong to a sign-in that began here.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn login_expired() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "login_expired",
            "Signing in took too long",
            "The sign-in was begun more than five minutes ago.",
            "Sign in again.",
        )
    }

    pub(in crate::web) fn other_browser() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "other_browser",
            "This sign-in began elsewhere",
            "The sign-in was begun in another browser, in another tab at the same moment, or this browser does not \
             keep our cookies.",
            "Start again from the page that you wanted to open, and allow cookies for this site.",
        )
    }

    pub(in crate::web) fn redirect_loop() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "redirect_loop",
            "Signing in goes round in circles",
            "You were signed in several times within a minute, and each time this browser came back without its \
             session: it does not keep our session cookie, or the application that you opened takes it away.",
            "Allow cookies for this site, check that the clock of your device is right, delete the cookies of this \
             site, and try again in a minute. If this goes on, tell whoever runs this site what stands below.",
        )
    }

    pub(in crate::web) fn ambiguous_cookies() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "ambiguous_cookies",
            "Two cookies of one name",
            "This browser sent our cookie twice, with different values; one may come from another site of the domain.",
            "Delete the cookies of this site and of its parent domain, then sign in again.",
        )
    }

    pub(in crate::web) fn stillborn() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "session_stillborn",
            "Sign-in failed",
            "What the identity provider gave us has expired already.",
            TELL,
        )
    }

    pub(in crate::web) fn token_invalid() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "callback_invalid",
            "This sign-in cannot be finished",
            "The address was changed, or was made for another site.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn not_a_form() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_a_form",
            "Bad request",
            "The identity provider's answer is no form that can be read.",
            START_AGAIN,
        )
    }

    pub(in crate::web) fn session_unknown() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "session_unknown",
            "No such session",
            "This is none of your sessions, or the page that names it is of another host.",
            "Open your session page again and end it there.",
        )
    }

    pub(in crate::web) fn no_assertion() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "no_assertion",
            "Access denied",
            "No route of this host is open to you, so there is no assertion for it.",
            "Ask whoever runs this site for access.",
        )
    }

    pub(in crate::web) fn two_tokens() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "two_tokens",
            "Two tokens",
            "This request carries two tokens, or one beside another `Authorization`.",
            "Send one of them.",
        )
    }

    pub(in crate::web) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "Not from here",
            "This request was made by a page of another site.",
            "Open this page directly.",
        )
    }

    /// The provider's answer to the browser, RFC 6749 section 4.1.2.1.
    pub(in crate::web) fn provider_error(error: &str) -> Self {
        let shown: String = error
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            .take(64)
            .collect();
        let denied = matches!(shown.as_str(), "access_denied" | "unauthorized_client");
        let (status, code, title) = if denied {
            (StatusCode::UNAUTHORIZED, "idp_denied", "Sign-in refused")
        } else {
            (StatusCode::BAD_REQUEST, "idp_error", "Sign-in failed")
        };
        let mut fault = Self::new(
            status,
            code,
            title,
            format!("The identity provider answered `{shown}`."),
            "Sign in again, perhaps with another account.",
        );
        if denied {
            fault.0.header = Extra::Authenticate;
        }
        fault
    }
}
