//! Stage 5: what Envoy is told.
//!
//! [`response`] alone builds what goes back. An allow needs a proof: the policy's
//! `Allowed` or that the route is one of our own; everything else is a denial.

pub mod assertions;
pub mod login;
pub mod negotiate;

mod own;
mod refuse;
mod response;
mod upstream;

use super::identify::Identity;
use super::intake::Request;
use super::route::{InternalRoute, Unroutable};
use crate::feed::Active;
use crate::in_band::Page;
use crate::sign_in::{self, SignInError};
use crate::state::AuthzServer;
use jiff::Timestamp;
use portcullis_bundle::Route;
use portcullis_model::DecisionId;
use portcullis_policy::{Challenge, Evaluation, Outcome, Reason, Reasons, Refusal};
use refuse::Told;
use response::Proof;

pub use refuse::ROBOTS;
pub use response::Reply;
pub(crate) use upstream::Reserved;

/// How a Check ended. The name is the stable code of bodies, logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The policy allows.
    Allowed,
    /// One of our own pages, which looks for itself.
    InternalRoute,
    /// One of our own pages, which is the answer.
    InternalPage,
    /// The policy allows, and the route answers itself: it leads to no upstream.
    Answered,
    /// The policy does not allow.
    PolicyDenied,
    /// Sent to the sign-in.
    LoginRedirect,
    /// Needs a sign-in and cannot be redirected.
    LoginRequired,
    /// Needs a device that is signed in; not offered yet.
    DeviceRequired,
    /// The policy does not accept the device.
    DeviceUnauthorized,
    /// The policy asks for a client certificate, and there is none.
    ClientCertificateRequired,
    /// The client certificate is not valid.
    ClientCertificateInvalid,
    /// The policy allows, but the route takes no websockets.
    UpgradeRefused,
    /// Envoy found no route.
    NoRoute,
    /// Envoy named a route that we do not know.
    RouteUnknown,
    /// The route's configuration has an error.
    RouteInvalid,
    /// No bundle has arrived yet.
    NotReady,
    /// The request cannot be read without doubt.
    BadRequest,
    /// Behind somebody else's Envoy: the request can be read in two ways.
    AmbiguousRequest,
    /// One of our own pages needs the body, which the check does not hold whole.
    BodyNotDelivered,
    /// One of our own pages is no text, and a check's answer is.
    NotInBand,
    /// The policy allows, but the request has no room for the headers that we set.
    HeadersTooLarge,
    /// Nobody can say whether the session lives.
    SessionStoreUnavailable,
    /// A login is needed and no authenticate service is configured.
    AuthenticateNotConfigured,
    /// A login is needed and the configured service is Pomerium's hosted one.
    HostedAuthenticate,
    /// A login is needed and no identity provider is configured.
    ProviderNotConfigured,
    /// Our own fault, a panic included.
    Internal,
}

impl Verdict {
    /// Every verdict, in the order of their numbers.
    pub const ALL: [Self; 26] = [
        Self::Allowed,
        Self::InternalRoute,
        Self::InternalPage,
        Self::Answered,
        Self::PolicyDenied,
        Self::LoginRedirect,
        Self::LoginRequired,
        Self::DeviceRequired,
        Self::DeviceUnauthorized,
        Self::ClientCertificateRequired,
        Self::ClientCertificateInvalid,
        Self::UpgradeRefused,
        Self::NoRoute,
        Self::RouteUnknown,
        Self::RouteInvalid,
        Self::NotReady,
        Self::BadRequest,
        Self::AmbiguousRequest,
        Self::BodyNotDelivered,
        Self::NotInBand,
        Self::HeadersTooLarge,
        Self::SessionStoreUnavailable,
        Self::AuthenticateNotConfigured,
        Self::HostedAuthenticate,
        Self::ProviderNotConfigured,
        Self::Internal,
    ];

    /// The stable code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::InternalRoute => "internal_route",
            Self::InternalPage => "internal_page",
            Self::Answered => "answered",
            Self::PolicyDenied => "policy_denied",
            Self::LoginRedirect => "login_redirect",
            Self::LoginRequired => "login_required",
            Self::DeviceRequired => "device_required",
            Self::DeviceUnauthorized => "device_unauthorized",
            Self::ClientCertificateRequired => "client_certificate_required",
            Self::ClientCertificateInvalid => "client_certificate_invalid",
            Self::UpgradeRefused => "upgrade_refused",
            Self::NoRoute => "no_route",
            Self::RouteUnknown => "route_unknown",
            Self::RouteInvalid => "route_invalid",
            Self::NotReady => "not_ready",
            Self::BadRequest => "bad_request",
            Self::AmbiguousRequest => "ambiguous_request",
            Self::BodyNotDelivered => "body_not_delivered",
            Self::NotInBand => "not_in_band",
            Self::HeadersTooLarge => "headers_too_large",
            Self::SessionStoreUnavailable => "session_store_unavailable",
            Self::AuthenticateNotConfigured => "authenticate_not_configured",
            Self::HostedAuthenticate => "hosted_authenticate",
            Self::ProviderNotConfigured => "identity_provider_not_configured",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status of the answer; 200 stands for "goes on to the upstream", and for
    /// a page, or what a route answers, whatever its own status is.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Allowed | Self::InternalRoute | Self::InternalPage | Self::Answered => 200,
            Self::LoginRedirect => 302,
            Self::BadRequest | Self::AmbiguousRequest => 400,
            Self::LoginRequired => 401,
            Self::PolicyDenied | Self::DeviceRequired | Self::UpgradeRefused => 403,
            Self::NoRoute => 404,
            Self::BodyNotDelivered => 405,
            Self::HeadersTooLarge => 431,
            Self::NotInBand => 501,
            // As in Pomerium: names of nginx and of Windows, which no registry has.
            Self::DeviceUnauthorized => 450,
            Self::ClientCertificateRequired | Self::ClientCertificateInvalid => 495,
            Self::RouteUnknown
            | Self::RouteInvalid
            | Self::NotReady
            | Self::SessionStoreUnavailable
            | Self::AuthenticateNotConfigured
            | Self::HostedAuthenticate
            | Self::ProviderNotConfigured
            | Self::Internal => 503,
        }
    }
}

impl From<Unroutable> for Verdict {
    fn from(unroutable: Unroutable) -> Self {
        match unroutable {
            Unroutable::NoRoute => Self::NoRoute,
            Unroutable::Unknown => Self::RouteUnknown,
            Unroutable::Invalid => Self::RouteInvalid,
            Unroutable::Ambiguous(_) => Self::AmbiguousRequest,
        }
    }
}

/// The answer and how it is counted.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) verdict: Verdict,
}

/// What a refusal may speak of.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) decision: DecisionId,
    pub(crate) request: Option<&'a Request<'a>>,
    /// Whether whoever sent a request that cannot be read is a browser.
    pub(crate) html: bool,
    pub(crate) active: Option<&'a Active>,
    pub(crate) now: Timestamp,
}

/// The answer to a route's policy.
pub(crate) fn answer(
    server: &AuthzServer,
    situation: &Situation<'_>,
    route: &Route,
    identity: &Identity,
    evaluation: &Evaluation,
    now: Timestamp,
) -> Answer {
    let (Some(request), Some(active)) = (situation.request, situation.active) else {
        return refusal(situation, Verdict::Internal);
    };
    let told = |reasons| Told {
        session: identity.session.as_deref(),
        details: route.error_details.as_deref().map(|advice| (reasons, advice)),
    };
    match &evaluation.outcome {
        // Envoy would upgrade, wherever some route of its listener may: it asks us first.
        Outcome::Allow(_) if negotiate::is_websocket(request) && !route.allow_websockets => refuse::refusal(
            situation,
            Verdict::UpgradeRefused,
            Told {
                details: None,
                ..told(Reasons::EMPTY)
            },
        ),
        Outcome::Allow(allowed) => {
            if let Some(own) = own::of(server, request, route) {
                return own::answer(situation, request, route, own);
            }
            match upstream::headers(server, active, request, route, identity, allowed, now) {
                Ok(ok) if !upstream::fits(request, &ok) => refusal(situation, Verdict::HeadersTooLarge),
                Ok(ok) => Answer {
                    reply: response::allow(&Proof::policy(allowed), ok),
                    verdict: Verdict::Allowed,
                },
                Err(error) => {
                    tracing::error!(%error, decision_id = %situation.decision, "an allowed request cannot be passed on");
                    refusal(situation, Verdict::Internal)
                }
            }
        }
        Outcome::Deny(reasons) => {
            let verdict = refused(evaluation.refusal(), *reasons);
            refuse::refusal(situation, verdict, told(*reasons))
        }
        Outcome::Challenge(Challenge::Device) => {
            let reasons = Reasons::of(Reason::DeviceUnauthenticated);
            refuse::refusal(situation, Verdict::DeviceRequired, told(reasons))
        }
        Outcome::Challenge(Challenge::Login) => {
            login_answer(server, situation, active, request, route, identity, now)
        }
    }
}

/// How a refusal for `reasons` is counted and answered.
fn refused(refusal: Option<Refusal>, reasons: Reasons) -> Verdict {
    match refusal {
        Some(Refusal::Status(450)) => Verdict::DeviceUnauthorized,
        Some(Refusal::Status(495)) if reasons.contains(Reason::ClientCertificateRequired) => {
            Verdict::ClientCertificateRequired
        }
        Some(Refusal::Status(495)) => Verdict::ClientCertificateInvalid,
        // No message of MCP is read yet, so that there is none to answer.
        Some(Refusal::Status(_) | Refusal::McpJsonRpc) | None => Verdict::PolicyDenied,
    }
}

fn login_answer(
    server: &AuthzServer,
    situation: &Situation<'_>,
    active: &Active,
    request: &Request<'_>,
    route: &Route,
    identity: &Identity,
    now: Timestamp,
) -> Answer {
    if login::line(request, identity.credentials) != login::Line::Redirect {
        return refusal(situation, Verdict::LoginRequired);
    }
    // The host that was asked for: the route's own may be a pattern.
    let host = &request.host;
    let mut return_to = sign_in::return_to(host, route.port, request.target);
    if !route.depends_on.is_empty() {
        let own = [(host.clone(), route.port.unwrap_or(443))];
        let hosts = sign_in::known_hosts(active.settings(), own.iter().chain(&route.depends_on));
        if let Some(through) = sign_in::through(active.settings(), &hosts, &return_to, now) {
            return_to = through;
        }
    }
    let binding = super::identify::binding_cookie(request, active);
    match sign_in::start(active, host, &return_to, binding, now, server.random()) {
        Ok(start) => refuse::redirect(situation, &start),
        Err(SignInError::NotConfigured) => refusal(situation, Verdict::AuthenticateNotConfigured),
        Err(SignInError::Hosted) => refusal(situation, Verdict::HostedAuthenticate),
        Err(SignInError::NoProvider) => refusal(situation, Verdict::ProviderNotConfigured),
        Err(SignInError::Random(_) | SignInError::Url) => refusal(situation, Verdict::Internal),
    }
}

/// Lets a request of one of our own pages pass, untouched: the page itself looks
/// at the cookies.
pub(crate) fn internal(proof: &InternalRoute) -> Answer {
    Answer {
        reply: response::allow(&Proof::internal(proof), response::Upstream::default()),
        verdict: Verdict::InternalRoute,
    }
}

/// One of our own pages as the answer.
pub(crate) fn page(page: Page) -> Answer {
    let Page {
        status,
        headers,
        body,
    } = page;
    Answer {
        reply: response::deny_with(status, headers, body),
        verdict: Verdict::InternalPage,
    }
}

/// A denial with `verdict`, whoever asks.
pub(crate) fn refusal(situation: &Situation<'_>, verdict: Verdict) -> Answer {
    refuse::refusal(situation, verdict, Told::default())
}

/// The denial when something panicked: nothing of the request is looked at again.
pub(crate) fn fault(decision: DecisionId, now: Timestamp) -> Answer {
    refusal(
        &Situation {
            decision,
            request: None,
            html: false,
            active: None,
            now,
        },
        Verdict::Internal,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_and_devices_have_a_status_of_their_own() {
        let (missing, other) = (Reason::ClientCertificateRequired, Reason::EmailUnauthorized);
        for (refusal, reasons, code, status) in [
            (None, &[][..], "policy_denied", 403),
            (Some(Refusal::Status(403)), &[other], "policy_denied", 403),
            (
                Some(Refusal::Status(450)),
                &[other, missing],
                "device_unauthorized",
                450,
            ),
            (
                Some(Refusal::Status(495)),
                &[other, missing],
                "client_certificate_required",
                495,
            ),
            (
                Some(Refusal::Status(495)),
                &[Reason::InvalidClientCertificate],
                "client_certificate_invalid",
                495,
            ),
        ] {
            let verdict = refused(refusal, reasons.iter().copied().collect());
            assert_eq!((verdict.name(), verdict.status()), (code, status), "{refusal:?}");
        }
    }
}
