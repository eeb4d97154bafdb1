//! Where the processes of a deployment find each other.

use core::net::IpAddr;
use std::path::PathBuf;

use portcullis_document::Span;

use super::text;
use crate::codes::{ADDRESS, IGNORED_PART, SHADOWED_KEY, URL_INVALID};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{GoUrl, GrpcAddress, ServiceUrl, value};

/// What the kernel takes as the path of a Unix socket, its end included.
const MAX_SOCKET_PATH: usize = 108;

/// `grpc_address`: `IP:PORT`, `:PORT` or `unix:///path`; an empty text counts as not set.
pub(super) fn grpc_address(report: &mut Report, fields: &Fields<'_>) -> Option<GrpcAddress> {
    let text = text(fields, "grpc_address")?;
    let address = match text.strip_prefix("unix://") {
        Some(path) => (path.starts_with('/') && path.len() > 1 && path.len() < MAX_SOCKET_PATH)
            .then(|| GrpcAddress::Unix(PathBuf::from(path))),
        None => tcp(&text),
    };
    if address.is_none() {
        let message = "`grpc_address` takes IP:PORT, :PORT or unix:///path";
        report.add(Problem::error(
            ADDRESS,
            fields.get("grpc_address")?.node.span,
            message,
        ));
    }
    address
}

fn tcp(text: &str) -> Option<GrpcAddress> {
    let (host, port) = value::host_and_port(text)?;
    let is_address = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok();
    (host.as_deref().is_none_or(is_address)).then_some(GrpcAddress::Tcp { host, port: port? })
}

/// `authorize_internal_service_url`, or else `authorize_service_url` and `authorize_service_urls` together,
/// as in Pomerium.
pub(super) fn authorize(report: &mut Report, fields: &Fields<'_>) -> Vec<ServiceUrl> {
    let internal = "authorize_internal_service_url";
    let public = ["authorize_service_url", "authorize_service_urls"];
    let mut urls = Vec::new();
    let wins = text(fields, internal).is_some();
    for name in public {
        let Some(field) = fields.get(name) else {
            continue;
        };
        let mut texts = value::strings(field.node).unwrap_or_default();
        texts.retain(|(text, _)| !text.is_empty());
        if texts.is_empty() {
            continue;
        }
        if wins {
            let message = format!("`{name}` is not used because `{internal}` is set");
            report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
        }
        for (text, span) in texts {
            urls.extend(url(report, name, &text, span));
        }
    }
    match (text(fields, internal), fields.get(internal)) {
        (Some(text), Some(field)) => url(report, internal, &text, field.node.span)
            .into_iter()
            .collect(),
        _ => urls,
    }
}

fn url(report: &mut Report, name: &str, text: &str, span: Span) -> Option<ServiceUrl> {
    let parsed = GoUrl::parse(text).ok().and_then(|url| {
        let tls = match url.scheme.as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (host, port) = value::host_and_port(&url.host)?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let service = ServiceUrl {
            tls,
            host: host?,
            port,
            span,
        };
        (port != 0).then_some((service, url))
    });
    let Some((service, url)) = parsed else {
        let message = format!("`{name}` takes http or https URLs with a host");
        report.add(Problem::error(URL_INVALID, span, message));
        return None;
    };
    let bare = matches!(url.path.as_str(), "" | "/") && url.user.is_none();
    if !bare || !url.raw_query.is_empty() || !url.fragment.is_empty() {
        let message = format!("of `{name}` only the scheme, the host and the port have an effect");
        report.add(Problem::warning(IGNORED_PART, span, message));
    }
    Some(service)
}
