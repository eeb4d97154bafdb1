//! Refusals: status, headers and a body in the form that the client reads.

mod words;

use super::negotiate::{Format, format};
use super::response::{Denial, deny, is_sendable};
use super::{Answer, Situation, Verdict};
use crate::page::{self, ErrorPage};
use crate::sessions::StoredSession;
use crate::sign_in::{self, SignIn};
use portcullis_bundle::Advice;
use portcullis_policy::{Reason, Reasons};
use serde_json::{Map, Value, json};
use words::Words;

/// The body of `/robots.txt` on a host that refuses.
pub const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Longest request id that is repeated in a body.
const MAX_REQUEST_ID: usize = 128;

/// What a refusal by a policy may tell besides its code. Nothing else of the
/// policy goes out: neither its values nor its shape.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// To whom.
    pub(super) session: Option<&'a StoredSession>,
    /// Why, and what the sub-policies say, where the route shows its details.
    pub(super) details: Option<(Reasons, &'a [Advice])>,
}

/// A denial with `verdict`.
pub(super) fn refusal(situation: &Situation<'_>, verdict: Verdict, told: Told<'_>) -> Answer {
    let denial = robots(situation, verdict).unwrap_or_else(|| denial(situation, verdict, told));
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
        return refusal(situation, Verdict::Internal, Told::default());
    }
    let mut headers = vec![
        ("location", start.location.clone()),
        ("cache-control", "no-store".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
    ];
    headers.extend(start.set_cookie.clone().map(|cookie| ("set-cookie", cookie)));
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
    (asked && matches!(verdict.status(), 302 | 401 | 403 | 404 | 450 | 495)).then(|| Denial {
        status: 200,
        headers: vec![
            ("content-type", "text/plain; charset=utf-8".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        body: ROBOTS.to_owned(),
    })
}

fn denial(situation: &Situation<'_>, verdict: Verdict, told: Told<'_>) -> Denial {
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
    let look = situation.active.and_then(|active| active.error_look.as_ref());

    let mut headers: Vec<(&'static str, String)> = page::headers(look)
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
    if verdict == Verdict::BodyNotDelivered {
        headers.push(("allow", "GET, HEAD".to_owned()));
    }

    let (content_type, body) = match format {
        Format::Html => {
            let (reasons, advice) = told.details.unwrap_or_default();
            let is_get = situation.request.is_some_and(|request| request.method == "GET");
            let session_page = session_page(situation, status);
            let sentences: Vec<&str> = reasons.iter().map(Reason::sentence).collect();
            let page = ErrorPage {
                status,
                title: words.title,
                message: words.message,
                next_step: words.next_step,
                code: verdict.name(),
                signed_in_as: told
                    .session
                    .map(|stored| stored.session.email.as_str())
                    .filter(|who| !who.is_empty()),
                decision_id: Some(&decision),
                request_id,
                session_page: session_page.as_deref(),
                // The same address is asked for with GET, which must be what was asked.
                link: words.link.filter(|link| !link.href.is_empty() || is_get),
                reasons: &sentences,
                advice,
                look,
            };
            ("text/html; charset=utf-8", page::error(&page))
        }
        Format::Json => {
            let mut body = Map::from_iter([
                ("error".to_owned(), words.title.into()),
                ("code".to_owned(), verdict.name().into()),
                ("decision_id".to_owned(), decision.into()),
                ("request_id".to_owned(), request_id.into()),
            ]);
            if let Some((reasons, advice)) = told.details {
                body.insert("reasons".to_owned(), reasons.iter().map(reason).collect());
                body.insert("advice".to_owned(), advice.iter().map(self::advice).collect());
            }
            ("application/json", Value::Object(body).to_string())
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

/// Where the page leads to whoever wants to see who they are, as in Pomerium; and from
/// there back, but for the query, which may hold what is nobody else's business.
fn session_page(situation: &Situation<'_>, status: u16) -> Option<String> {
    let (request, active) = (situation.request?, situation.active?);
    let path = request.target.split('?').next().unwrap_or_default();
    let port = request.port.unwrap_or(443);
    let is_client_error = (400..500).contains(&status);
    is_client_error
        .then(|| sign_in::session_page(active, &request.host, port, path, situation.now))
        .flatten()
}

fn reason(reason: Reason) -> Value {
    json!({"reason": reason.name(), "text": reason.sentence()})
}

fn advice(advice: &Advice) -> Value {
    let Advice {
        explanation,
        remediation,
    } = advice;
    json!({"explanation": explanation, "remediation": remediation})
}

fn kubernetes_status(status: u16, message: &str) -> String {
    let reason = match status {
        401 => "Unauthorized",
        403 | 450 | 495 => "Forbidden",
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
        403 | 450 | 495 => "7",
        404 => "12",
        429 | 502 | 503 | 504 => "14",
        _ => "2",
    }
}
