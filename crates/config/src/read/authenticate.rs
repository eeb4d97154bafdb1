//! Where people log in.

use portcullis_document::Span;
use portcullis_model::Host;

use super::text;
use crate::codes::{HOSTED_AUTHENTICATE, HTTP_SCHEME, IDP_INCOMPLETE, IGNORED_PART, URL_INVALID};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Authenticate, Global, GoUrl, Route};

const KEY: &str = "authenticate_service_url";
const REPLACEMENT: &str = "set `authenticate_service_url` to a host of your own, such as \
                           `https://authenticate.example.com`, and `idp_provider: oidc` with its settings; \
                           for `authz-server -c`, where each host logs in for itself, leave it out and check \
                           `--for authz-server`";

pub(super) fn read(report: &mut Report, fields: &Fields<'_>, has_idp: bool) -> Option<Authenticate> {
    let field = fields.get(KEY)?;
    let raw = text(fields, KEY)?;
    let span = field.node.span;
    let Some((url, host, port)) = url(&raw) else {
        let message = format!("`{KEY}` takes an http or https URL with a host");
        report.add(Problem::error(URL_INVALID, span, message));
        return None;
    };
    if is_hosted(&host) {
        let message = "the hosted authenticate service cannot be used; a login ends in a page that says so";
        report.add(Problem::warning(HOSTED_AUTHENTICATE, span, message).help(REPLACEMENT));
        return Some(Authenticate::Hosted { url: raw });
    }
    if url.scheme == "http" {
        let message = format!("`{KEY}` is served over https whatever its scheme");
        report.add(Problem::warning(HTTP_SCHEME, span, message).help("write `https://`"));
    }
    let bare = matches!(url.path.as_str(), "" | "/") && url.user.is_none();
    if !bare || !url.raw_query.is_empty() || !url.fragment.is_empty() {
        let message = format!("of `{KEY}` only the host and the port have an effect");
        report.add(Problem::warning(IGNORED_PART, span, message));
    }
    // Incomplete settings have been reported where they stand.
    if !has_idp
        && !["idp_provider", "idp_provider_url", "idp_client_id"]
            .iter()
            .any(|key| fields.present(key).is_some())
    {
        let message = "there is no identity provider, so that nobody can log in";
        report.add(
            Problem::warning(IDP_INCOMPLETE, field.key_span, message)
                .help("set `idp_provider: oidc` with its settings"),
        );
    }
    Some(Authenticate::Own { host, port, url: raw })
}

/// Without the option Pomerium uses its hosted service, which is worth a word where a login can happen.
pub(super) fn advise(report: &mut Report, global: &Global, routes: &[Route]) {
    if global.authenticate.is_none() && !report.is_fatal() && !routes.is_empty() {
        let message = format!("`{KEY}` is not set and the hosted service, the default, cannot be used");
        report.add(Problem::warning(HOSTED_AUTHENTICATE, Span::START, message).help(REPLACEMENT));
    }
}

fn url(raw: &str) -> Option<(GoUrl, Host, u16)> {
    let url = GoUrl::parse(raw)
        .ok()
        .filter(|url| matches!(url.scheme.as_str(), "http" | "https"))?;
    let (host, port) = crate::value::host_and_port(&url.host)?;
    let host = host?;
    let host = Host::parse(&host)
        .or_else(|_| Host::parse(&format!("[{host}]")))
        .ok()?;
    let port = port.unwrap_or(443);
    Some((url, host, port))
}

fn is_hosted(host: &Host) -> bool {
    let host = host.as_str();
    host == "authenticate.pomerium.io" || host == "pomerium.app" || host.ends_with(".pomerium.app")
}
