//! In which form a client wants to hear a refusal.

use crate::check::intake::{Request, Values};

#[cfg(test)]
mod tests;

/// The form of a refusal's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Kubernetes `Status` object.
    Kubernetes,
    /// A line of text: Envoy makes it the `grpc-message`.
    Grpc,
    /// A line of text, with `grpc-status` and `grpc-message` as headers.
    GrpcWeb,
    /// `{"error","code","decision_id","request_id"}`.
    Json,
    /// The page.
    Html,
}

/// The form for `request`.
#[must_use]
pub fn format(request: &Request<'_>) -> Format {
    if is_kubernetes(request) {
        return Format::Kubernetes;
    }
    match grpc(request) {
        Some(Grpc::Plain) => return Format::Grpc,
        Some(Grpc::Web) => return Format::GrpcWeb,
        None => {}
    }
    let accept = Accept::of(request);
    let by_script = is_xml_http_request(request) || is_fetch(request);
    // Of two that weigh the same the one that is named is meant, and HTML of two named.
    let json = (accept.json, accept.json_by_name > 0) > (accept.html, accept.html_by_name > 0);
    if json || (by_script && accept.html_by_name == 0) {
        Format::Json
    } else {
        Format::Html
    }
}

/// The kinds of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grpc {
    /// gRPC over HTTP/2.
    Plain,
    /// gRPC-Web.
    Web,
}

/// Which kind of gRPC `request` is, if any.
#[must_use]
pub fn grpc(request: &Request<'_>) -> Option<Grpc> {
    let media = request
        .headers
        .content_type?
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let rest = strip_prefix_ignore_case(media, "application/grpc")?;
    if let Some(rest) = strip_prefix_ignore_case(rest, "-web") {
        return (rest.is_empty() || rest.starts_with(['-', '+'])).then_some(Grpc::Web);
    }
    (rest.is_empty() || rest.starts_with('+')).then_some(Grpc::Plain)
}

/// Whether a Kubernetes client asks.
#[must_use]
pub fn is_kubernetes(request: &Request<'_>) -> bool {
    request
        .headers
        .user_agent
        .is_some_and(|agent| agent.contains("kubernetes/"))
}

/// Whether `X-Requested-With` is `XMLHttpRequest`, in any case.
#[must_use]
pub fn is_xml_http_request(request: &Request<'_>) -> bool {
    tokens(&request.headers.requested_with).any(|value| value.eq_ignore_ascii_case("XMLHttpRequest"))
}

/// Whether `Sec-Fetch-Mode` says that this is no navigation.
#[must_use]
pub fn is_fetch(request: &Request<'_>) -> bool {
    request
        .headers
        .sec_fetch_mode
        .is_some_and(|mode| !mode.trim().eq_ignore_ascii_case("navigate"))
}

/// Whether a websocket is asked for.
#[must_use]
pub fn is_websocket(request: &Request<'_>) -> bool {
    tokens(&request.headers.upgrade).any(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Whether the connection, or a stream of HTTP/2, is to become something else than
/// HTTP. Envoy takes no notice of HTTP/2 itself, which clients offer in clear text.
#[must_use]
pub fn is_upgrade(request: &Request<'_>) -> bool {
    tokens(&request.headers.upgrade).any(|value| !value.is_empty() && !value.eq_ignore_ascii_case("h2c"))
}

fn tokens<'a>(lines: &Values<'a>) -> impl Iterator<Item = &'a str> {
    lines.iter().flat_map(|line| line.split(',')).map(str::trim)
}

/// What `Accept` says of the two forms that we have; weights in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept {
    /// Whether there is any `Accept`.
    pub present: bool,
    /// `text/html`, by name or by a wildcard; 1000 without any `Accept`.
    pub html: u16,
    /// `text/html` by name.
    pub html_by_name: u16,
    /// `*/*`.
    pub any: u16,
    /// `application/json`, by name or by a wildcard; 1000 without any `Accept`.
    pub json: u16,
    /// `application/json` by name.
    pub json_by_name: u16,
}

impl Accept {
    /// Reads the `Accept` of `request`.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        let lines = &request.headers.accept;
        if lines.iter().all(|line| line.trim().is_empty()) {
            return Self {
                present: false,
                html: 1000,
                json: 1000,
                ..Self::default()
            };
        }
        let (mut html, mut text, mut json) = (None::<u16>, None::<u16>, None::<u16>);
        let (mut application, mut any) = (None::<u16>, None::<u16>);
        // Nobody sends more ranges than that in earnest.
        for range in tokens(lines).take(64) {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let slot = match media {
                _ if media.eq_ignore_ascii_case("text/html") => &mut html,
                _ if media.eq_ignore_ascii_case("application/json") => &mut json,
                "*/*" => &mut any,
                _ if media.eq_ignore_ascii_case("text/*") => &mut text,
                _ if media.eq_ignore_ascii_case("application/*") => &mut application,
                _ => continue,
            };
            *slot = Some((*slot).unwrap_or_default().max(weight(parts)));
        }
        Self {
            present: true,
            html: html.or(text).or(any).unwrap_or_default(),
            html_by_name: html.unwrap_or_default(),
            any: any.unwrap_or_default(),
            json_by_name: json.unwrap_or_default(),
            json: json.or(application).or(any).unwrap_or_default(),
        }
    }
}

fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> u16 {
    for parameter in parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        if name.trim().eq_ignore_ascii_case("q") {
            let quality: f32 = value.trim().parse().unwrap_or(0.0);
            // Saturates, and takes what is no number for nothing.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0..=1000"
            )]
            return (quality.clamp(0.0, 1.0) * 1000.0) as u16;
        }
    }
    1000
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.get(..prefix.len())
        .filter(|start| start.eq_ignore_ascii_case(prefix))?;
    text.get(prefix.len()..)
}
