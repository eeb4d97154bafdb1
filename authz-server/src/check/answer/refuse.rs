//! Refusals: status, headers and a body in the form that the client reads.

use super::negotiate::{Format, format};
use super::response::{Denial, deny, is_sendable};
use super::{Answer, Situation, Verdict};
use crate::page::{self, ErrorPage, Link};
use crate::sessions::StoredSession;
use crate::sign_in::SignIn;
use serde_json::json;

/// The body of `/robots.txt` on a host that refuses.
pub const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Longest request id that is repeated in a body.
const MAX_REQUEST_ID: usize = 128;

/// A denial with `verdict` to whoever `session` belongs to.
pub(super) fn refusal(
    situation: &Situation<'_>,
    verdict: Verdict,
    session: Option<&StoredSession>,
) -> Answer {
    let denial = robots(situation, verdict).unwrap_or_else(|| denial(situation, verdict, session));
    Answer {
        reply: deny(denial),
        verdict,
    }
}

/// Sends the browser to the sign-in.
pub(super) fn redirect(situation: &Situation<'_>, start: &SignIn) -> Answer {
    let verdict = Verdict::LoginRedirect;
    if let Some(denial) = robots(situation, verdict) {
        return Answer {
            reply: deny(denial),
            verdict,
        };
    }
    // A redirect without its location would be an empty page.
    if !is_sendable(&start.location) {
        return refusal(situation, Verdict::Internal, None);
    }
    let headers = vec![
        ("location", start.location.clone()),
        ("cache-control", "no-store".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("set-cookie", start.set_cookie.clone()),
    ];
    Answer {
        reply: deny(Denial {
            status: verdict.status(),
            headers,
            body: String::new(),
        }),
        verdict,
    }
}

/// On a host that refuses, crawlers are told to stay away (as by Pomerium). A
/// fault of ours is not hidden behind it, and a CONNECT never gets a 2xx.
fn robots(situation: &Situation<'_>, verdict: Verdict) -> Option<Denial> {
    let request = situation.request?;
    let asked = request.path == "/robots.txt" && matches!(request.method, "GET" | "HEAD");
    (asked && matches!(verdict.status(), 302 | 401 | 403 | 404)).then(|| Denial {
        status: 200,
        headers: vec![
            ("content-type", "text/plain; charset=utf-8".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        body: ROBOTS.to_owned(),
    })
}

fn denial(situation: &Situation<'_>, verdict: Verdict, session: Option<&StoredSession>) -> Denial {
    let status = verdict.status();
    let decision = situation.decision.to_string();
    let request_id = situation
        .request
        .and_then(|request| request.headers.request_id)
        .filter(|id| !id.is_empty() && id.len() <= MAX_REQUEST_ID);
    let words = Words::of(verdict);
    let unread = if situation.html {
        Format::Html
    } else {
        Format::Json
    };
    let format = situation.request.map_or(unread, format);
    let line = format!("{} ({}, decision {decision})", words.title, verdict.name());

    let mut headers: Vec<(&'static str, String)> = page::headers()
        .into_iter()
        .filter(|(name, _)| {
            format == Format::Html || matches!(*name, "cache-control" | "x-content-type-options")
        })
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    // Lets a client tell our page from one of the upstream's, as with Pomerium.
    headers.push(("x-pomerium-intercepted-response", "true".to_owned()));
    if verdict == Verdict::LoginRequired {
        let realm = situation.request.map_or("", |request| request.host.as_str());
        headers.push(("www-authenticate", format!("Bearer realm=\"{realm}\"")));
    }
    if status == 503 {
        headers.push(("retry-after", "5".to_owned()));
    }

    let (content_type, body) = match format {
        Format::Html => {
            let page = ErrorPage {
                status,
                title: words.title,
                message: words.message,
                next_step: words.next_step,
                code: verdict.name(),
                signed_in_as: session
                    .map(|stored| stored.session.email.as_str())
                    .filter(|who| !who.is_empty()),
                decision_id: Some(&decision),
                request_id,
                link: words.link,
            };
            ("text/html; charset=utf-8", page::error(&page))
        }
        Format::Json => {
            let body = json!({
                "error": words.title,
                "code": verdict.name(),
                "decision_id": decision,
                "request_id": request_id,
            });
            ("application/json", body.to_string())
        }
        Format::Kubernetes => ("application/json", kubernetes_status(status, &line)),
        Format::Grpc => ("text/plain; charset=utf-8", line),
        Format::GrpcWeb => {
            headers.push(("grpc-status", grpc_status(status).to_owned()));
            headers.push(("grpc-message", line.clone()));
            ("text/plain; charset=utf-8", line)
        }
    };
    headers.push(("content-type", content_type.to_owned()));
    Denial {
        status,
        headers,
        body,
    }
}

fn kubernetes_status(status: u16, message: &str) -> String {
    let reason = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        _ => "",
    };
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    })
    .to_string()
}

/// gRPC's own mapping of HTTP statuses.
fn grpc_status(status: u16) -> &'static str {
    match status {
        400 => "13",
        401 => "16",
        403 => "7",
        404 => "12",
        429 | 502 | 503 | 504 => "14",
        _ => "2",
    }
}

/// What a page says.
struct Words {
    title: &'static str,
    message: &'static str,
    next_step: &'static str,
    link: Option<Link<'static>>,
}

impl Words {
    fn of(verdict: Verdict) -> Self {
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
            Verdict::HeadersTooLarge => (
                "Headers too large",
                "The headers of this request leave no room for those that say who is asking.",
                "Delete the cookies of this site, or send fewer and shorter headers.",
            ),
            Verdict::RouteInvalid => (
                "Misconfigured application",
                "The configuration of this application has an error; it refuses everybody until that is mended.",
                "Whoever runs it finds the error with `portcullis check` and in the log.",
            ),
            Verdict::NotReady => (
                "Starting",
                "The server has no configuration yet.",
                "Try again in a few seconds.",
            ),
            Verdict::RouteUnknown => (
                "Not ready",
                "The proxy and the authorization server do not hold the same configuration.",
                "Try again in a few seconds; if it stays, send the decision id below to whoever runs the site.",
            ),
            Verdict::SessionStoreUnavailable => (
                "Sessions unavailable",
                "Your session could not be looked up, so the request was not passed on.",
                "Try again in a few seconds.",
            ),
            Verdict::AuthenticateNotConfigured => (
                "Sign-in not configured",
                "This application needs a signed-in user, and no authenticate service is configured.",
                "Set `authenticate_service_url` to a host of your own, and the `idp_…` options.",
            ),
            Verdict::HostedAuthenticate => (
                "Sign-in not available",
                "The configured authenticate service is Pomerium's hosted one, which cannot be used here.",
                "Set `authenticate_service_url` to a host of your own, and the `idp_…` options.",
            ),
            Verdict::ProviderNotConfigured => (
                "Sign-in not configured",
                "This application needs a signed-in user, and no identity provider is configured.",
                "Set `idp_provider`, `idp_provider_url`, `idp_client_id` and `idp_client_secret`.",
            ),
            Verdict::Internal | Verdict::Allowed | Verdict::InternalRoute | Verdict::LoginRedirect => (
                "Something went wrong",
                "The request could not be decided and was not passed on.",
                "Try again; if it stays, send the decision id below to whoever runs the site.",
            ),
        };
        let link = (verdict == Verdict::LoginRequired).then_some(Link {
            href: "/",
            label: "Sign in",
        });
        Self {
            title,
            message,
            next_step,
            link,
        }
    }
}
