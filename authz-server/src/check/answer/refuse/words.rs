//! What a refusal says, in words.

use super::super::Verdict;
use crate::page::Link;

#[cfg(test)]
mod tests;

/// What a page says.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) message: &'static str,
    pub(super) next_step: &'static str,
    pub(super) link: Option<Link<'static>>,
}

/// Asks for the same address once more. It is a reference without a path, so that
/// nothing of the request stands in the page.
const SAME_ADDRESS: Link<'static> = Link {
    href: "",
    label: "Try again",
};

impl Words {
    pub(super) fn of(verdict: Verdict) -> Self {
        let (title, message, next_step) = match verdict {
            Verdict::PolicyDenied => (
                "Access denied",
                "The policy of this application does not let you in.",
                "If you think that it should, send the decision id below to whoever runs it.",
            ),
            Verdict::LoginRequired => (
                "Sign in first",
                "This request needs a signed-in user and could not be redirected to the sign-in.",
                "Open this site in a browser tab, sign in there, and send the request again.",
            ),
            Verdict::DeviceRequired => (
                "Device not accepted",
                "The policy of this application asks for a registered device, which cannot be checked here.",
                "Send the decision id below to whoever runs the application.",
            ),
            Verdict::DeviceUnauthorized => (
                "Device not accepted",
                "The policy of this application does not accept the device that you use.",
                "If you think that it should, send the decision id below to whoever runs it.",
            ),
            Verdict::ClientCertificateRequired => (
                "Certificate required",
                "This application asks for a client certificate, and your client sent none.",
                "Install the certificate that you were given, restart your browser, and try again.",
            ),
            Verdict::ClientCertificateInvalid => (
                "Certificate not accepted",
                "The client certificate that your client sent is not valid here.",
                "Choose another certificate, or ask whoever runs the application for a new one.",
            ),
            Verdict::UpgradeRefused => (
                "No websockets here",
                "The policy of this application lets you in, but it takes no websockets.",
                "Whoever runs it can set `allow_websockets` for it.",
            ),
            Verdict::NoRoute => (
                "No such application",
                "Nothing is configured at this address.",
                "Check the address for a misspelling.",
            ),
            Verdict::BadRequest => (
                "Bad request",
                "The request cannot be read without doubt and was not passed on.",
                "Check the address and the headers that your client sends.",
            ),
            Verdict::AmbiguousRequest => (
                "Bad request",
                "The address can be read in two ways and the request was not passed on.",
                "Check the address, its host and port too: `//`, `..`, `;` and escaped slashes are refused.",
            ),
            Verdict::BodyNotDelivered => (
                "Method not allowed",
                "This page needs what the request brings with it, which the proxy in front does not hand over.",
                "Whoever runs it can set `with_request_body` in its ext_authz filter.",
            ),
            Verdict::NotInBand => (
                "Not served here",
                "The proxy in front has no way to hand this over: it is no text.",
                "Whoever runs it can route this path to the authorization server's own web pages.",
            ),
            Verdict::HeadersTooLarge => (
                "Headers too large",
                "Your browser sends so many headers, or such long ones, that there is no room for those that say who is asking.",
                "Delete the cookies of this site, or send fewer and shorter headers.",
            ),
            Verdict::RouteInvalid => (
                "Misconfigured application",
                "The configuration of this application has an error; it refuses everybody until that is mended.",
                "Whoever runs it finds the error with `portcullis check` and in the log.",
            ),
            Verdict::NotReady => (
                "Starting up",
                "The server has no configuration yet.",
                "Try again in a few seconds.",
            ),
            Verdict::RouteUnknown => (
                "Not ready",
                "The proxy and the authorization server do not hold the same configuration.",
                "Try again in a few seconds. If this goes on, send the decision id below to whoever runs the site.",
            ),
            Verdict::SessionStoreUnavailable => (
                "Sessions unavailable",
                "Your session could not be looked up, so the request was not passed on.",
                "Try again in a few seconds.",
            ),
            Verdict::AuthenticateNotConfigured => (
                "Sign-in not configured",
                "This application needs a signed-in user, and no authenticate service is configured.",
                "Whoever runs it can set `authenticate_service_url` to a host of their own, and the `idp_…` options.",
            ),
            Verdict::HostedAuthenticate => (
                "Sign-in not available",
                "The configured authenticate service is Pomerium's hosted one, which cannot be used here.",
                "Whoever runs it can set `authenticate_service_url` to a host of their own, and the `idp_…` options.",
            ),
            Verdict::ProviderNotConfigured => (
                "Sign-in not configured",
                "This application needs a signed-in user, and no identity provider is configured.",
                "Whoever runs it can set `idp_provider`, `idp_provider_url`, `idp_client_id` and `idp_client_secret`.",
            ),
            Verdict::Internal
            | Verdict::Allowed
            | Verdict::InternalRoute
            | Verdict::InternalPage
            | Verdict::Answered
            | Verdict::LoginRedirect => (
                "Something went wrong",
                "The request could not be decided and was not passed on.",
                "Try again. If this goes on, send the decision id below to whoever runs the site.",
            ),
        };
        let link = match verdict {
            Verdict::LoginRequired => Some(Link {
                href: "/",
                label: "Sign in",
            }),
            Verdict::NotReady
            | Verdict::RouteUnknown
            | Verdict::SessionStoreUnavailable
            | Verdict::Internal => Some(SAME_ADDRESS),
            _ => None,
        };
        Self {
            title,
            message,
            next_step,
            link,
        }
    }
}
