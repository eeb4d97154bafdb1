//! `redirect`.

use portcullis_document::{Node, Scalar, Span};
use portcullis_model::HostPattern;

use super::{part, targets};
use crate::codes::{HOST_INVALID, REDIRECT_INVALID, REDIRECT_LOOP, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::{Fields, excerpt};
use crate::{Redirect, value};

/// The redirect, if there is one; what is wrong with it has then been reported.
pub(super) fn read(
    report: &mut Report,
    fields: &Fields<'_>,
    from: Option<&HostPattern>,
    insecure: bool,
) -> Option<Redirect> {
    let field = fields.get("redirect")?;
    let node = field.node;
    let text = |name: &str| scalar(node, name).and_then(value::text);
    let number = |name: &str| scalar(node, name).and_then(value::integer);
    let flag = |name: &str| scalar(node, name).and_then(value::boolean);
    let redirect = Redirect {
        https_redirect: flag("https_redirect"),
        scheme_redirect: text("scheme_redirect"),
        host_redirect: text("host_redirect"),
        // A negative one has been reported.
        port_redirect: number("port_redirect")
            .filter(|port| *port >= 0)
            .map(|port| u32::try_from(port).unwrap_or(u32::MAX)),
        path_redirect: text("path_redirect"),
        prefix_rewrite: text("prefix_rewrite"),
        response_code: number("response_code").and_then(|code| i32::try_from(code).ok()),
        strip_query: flag("strip_query"),
    };
    check(report, node, &redirect);
    shadowed(report, node, "scheme_redirect", "https_redirect");
    shadowed(report, node, "prefix_rewrite", "path_redirect");
    if leads_back(&redirect, from, insecure) {
        let message = "the redirect leads back to the same URL";
        report.add(
            Problem::warning(REDIRECT_LOOP, field.key_span, message)
                .help("set `host_redirect` or another part that is to change"),
        );
    }
    Some(redirect)
}

fn check(report: &mut Report, node: &Node, redirect: &Redirect) {
    let span = |name: &str| part(node, name).map_or(node.span, |node| node.span);
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(scheme) = filled(&redirect.scheme_redirect)
        && !["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        let message = format!(
            "`scheme_redirect` takes `http` or `https`, not `{}`",
            excerpt(&scheme)
        );
        report.add(Problem::error(REDIRECT_INVALID, span("scheme_redirect"), message));
    }
    if let Some(host) = filled(&redirect.host_redirect)
        && !targets::is_authority(&host)
    {
        let message = "`host_redirect` takes a host, perhaps with a port";
        report.add(Problem::error(HOST_INVALID, span("host_redirect"), message));
    }
    if redirect
        .port_redirect
        .is_some_and(|port| port > u32::from(u16::MAX))
    {
        let message = "`port_redirect` is not between 1 and 65535";
        report.add(Problem::error(REDIRECT_INVALID, span("port_redirect"), message));
    }
    let has_port = |host: &String| value::host_and_port(host).is_some_and(|(_, port)| port.is_some());
    if redirect.port_redirect.is_some_and(|port| port > 0)
        && redirect.host_redirect.as_ref().is_some_and(has_port)
    {
        let message = "`host_redirect` has a port, and `port_redirect` would put another behind it";
        report.add(Problem::error(REDIRECT_INVALID, span("port_redirect"), message));
    }
    if let Some(path) = filled(&redirect.path_redirect) {
        report.extend(targets::location("path_redirect", &path, span("path_redirect")));
    }
    if let Some(path) = filled(&redirect.prefix_rewrite) {
        report.extend(targets::path("prefix_rewrite", &path, span("prefix_rewrite")));
    }
}

/// Of two parts that are both set, which Envoy cannot have, the stronger counts.
fn shadowed(report: &mut Report, node: &Node, weak: &str, strong: &str) {
    if part(node, strong).is_some()
        && let Some(span) = key_span(node, weak)
    {
        let message = format!("`{weak}` is not used because `{strong}` is set");
        report.add(Problem::warning(SHADOWED_KEY, span, message));
    }
}

fn key_span(node: &Node, name: &str) -> Option<Span> {
    let mut entries = node.as_map()?.iter();
    entries
        .find(|entry| entry.key.eq_ignore_ascii_case(name) && !entry.value.is_null())
        .map(|entry| entry.key_span)
}

fn scalar<'d>(node: &'d Node, name: &str) -> Option<&'d Scalar> {
    part(node, name)?.as_scalar()
}

/// Whether nothing of the URL changes: whoever follows goes in a circle. The query does not count, as the
/// second time there is none to strip.
fn leads_back(redirect: &Redirect, from: Option<&HostPattern>, insecure: bool) -> bool {
    let Redirect {
        https_redirect,
        scheme_redirect,
        host_redirect,
        port_redirect,
        path_redirect,
        prefix_rewrite,
        response_code: _,
        strip_query: _,
    } = redirect;
    let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let scheme = match https_redirect {
        Some(https) => https.then_some("https"),
        None => scheme_redirect.as_deref().filter(|scheme| !scheme.is_empty()),
    };
    let own_scheme = if insecure { "http" } else { "https" };
    let same_host = match host_redirect.as_deref() {
        None | Some("") => true,
        Some(host) => from.is_some_and(|from| from.as_str().eq_ignore_ascii_case(host)),
    };
    same_host
        && scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(own_scheme))
        && port_redirect.unwrap_or(0) == 0
        && !set(path_redirect)
        && !set(prefix_rewrite)
}
