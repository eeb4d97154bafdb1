//! How requests go upstream.

use core::net::IpAddr;

use portcullis_document::Node;
use portcullis_model::{HeaderName, Host};

use super::{boolean, secrets, targets, text};
use crate::codes::{HOST_INVALID, IGNORED_PART, NO_EFFECT, SHADOWED_KEY, TLS_CA, TLS_SKIP_VERIFY};
use crate::report::{Problem, Report};
use crate::schema::{Fields, reserved_in_requests};
use crate::value::{check_authorities, from_base64};
use crate::{HostRewrite, Located, Pem, To, Upstream, UpstreamTls};

/// The upstream with its options; `None` if there is none of which an error has not been reported.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>, to: Option<Vec<To>>) -> Option<Upstream> {
    let prefix_rewrite = prefix_rewrite(report, fields, to.as_deref().unwrap_or_default());
    let host_rewrite = host_rewrite(report, fields);
    let speaks_tls = to.iter().flatten().any(|to| to.tls);
    let tls = tls(report, fields, speaks_tls || to.is_none());
    Some(Upstream {
        to: to?,
        prefix_rewrite,
        host_rewrite,
        tls,
    })
}

fn prefix_rewrite(report: &mut Report, fields: &Fields<'_>, to: &[To]) -> Option<String> {
    let rewrite = text(fields, "prefix_rewrite")?;
    report.extend(targets::path(
        "prefix_rewrite",
        &rewrite,
        fields.get("prefix_rewrite")?.node.span,
    ));
    if to.first().is_some_and(|to| !matches!(to.path.as_str(), "" | "/"))
        && let Some(field) = fields.get("to")
    {
        let message = "the path of `to` is not used because `prefix_rewrite` is set";
        report.add(Problem::warning(IGNORED_PART, field.node.span, message));
    }
    Some(rewrite)
}

/// Pomerium's order: a text, a header, and only then the client's own host.
fn host_rewrite(report: &mut Report, fields: &Fields<'_>) -> HostRewrite {
    let header = host_rewrite_header(report, fields);
    let literal = text(fields, "host_rewrite");
    if let (Some(host), Some(field)) = (&literal, fields.get("host_rewrite"))
        && !targets::is_authority(host)
    {
        let message = "`host_rewrite` takes a host, perhaps with a port";
        report.add(Problem::error(HOST_INVALID, field.node.span, message));
    }
    let preserve = boolean(fields, "preserve_host_header") == Some(true);
    let set = [
        ("host_rewrite", literal.is_some()),
        ("host_rewrite_header", header.is_some()),
        ("preserve_host_header", preserve),
    ];
    let mut set = set.into_iter().filter_map(|(name, set)| set.then_some(name));
    if let Some(winner) = set.next() {
        for loser in set {
            shadowed(report, fields, loser, winner);
        }
    }
    match (literal, header) {
        (Some(host), _) => HostRewrite::Literal(host),
        (None, Some(header)) => HostRewrite::Header(header),
        (None, None) if preserve => HostRewrite::Preserve,
        (None, None) => HostRewrite::Upstream,
    }
}

fn host_rewrite_header(report: &mut Report, fields: &Fields<'_>) -> Option<HeaderName> {
    let name = HeaderName::parse(&text(fields, "host_rewrite_header")?).ok()?;
    report.extend(reserved_in_requests(
        &name,
        fields.get("host_rewrite_header")?.node.span,
    ));
    Some(name)
}

fn shadowed(report: &mut Report, fields: &Fields<'_>, loser: &str, winner: &str) {
    if let Some(field) = fields.get(loser) {
        let message = format!("`{loser}` is not used because `{winner}` is set");
        report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
    }
}

fn tls(report: &mut Report, fields: &Fields<'_>, has_effect: bool) -> UpstreamTls {
    let tls = UpstreamTls {
        skip_verify: boolean(fields, "tls_skip_verify") == Some(true),
        ca: authorities(report, fields),
        server_name: server_name(report, fields),
    };
    if tls.skip_verify
        && has_effect
        && let Some(field) = fields.get("tls_skip_verify")
    {
        let message = "`tls_skip_verify` trusts whoever answers in the upstream's place";
        report.add(
            Problem::warning(TLS_SKIP_VERIFY, field.key_span, message)
                .help("give the upstream's authority in `tls_custom_ca_file`"),
        );
    }
    let set = [
        ("tls_skip_verify", tls.skip_verify),
        ("tls_custom_ca", tls.ca.is_some()),
        ("tls_custom_ca_file", tls.ca.is_some()),
        ("tls_server_name", tls.server_name.is_some()),
        ("tls_upstream_server_name", tls.server_name.is_some()),
    ];
    for (name, set) in set.into_iter().filter(|_| !has_effect) {
        if let (true, Some(field)) = (set, fields.get(name)) {
            let message = format!("`{name}` has no effect: no URL of `to` is https");
            report.add(Problem::warning(NO_EFFECT, field.key_span, message));
        }
    }
    tls
}

/// The file wins over what stands in the configuration, as in Pomerium.
fn authorities(report: &mut Report, fields: &Fields<'_>) -> Option<Pem> {
    if let Some(file) = secrets::path(fields, "tls_custom_ca_file") {
        if text(fields, "tls_custom_ca").is_some() {
            shadowed(report, fields, "tls_custom_ca", "tls_custom_ca_file");
        }
        return Some(Pem::File(file));
    }
    let pem = from_base64(&text(fields, "tls_custom_ca")?).ok()?;
    let span = fields.get("tls_custom_ca")?.node.span;
    if let Err(error) = check_authorities(&pem) {
        let message = format!("`tls_custom_ca` takes certificates in PEM in base64: {error}");
        report.add(Problem::error(TLS_CA, span, message));
    }
    Some(Pem::Inline(Located { value: pem, span }))
}

/// The newer name wins over the older one, as in Pomerium.
fn server_name(report: &mut Report, fields: &Fields<'_>) -> Option<String> {
    let names = ["tls_upstream_server_name", "tls_server_name"];
    let mut set = names
        .into_iter()
        .filter_map(|name| Some((name, text(fields, name)?, fields.get(name)?.node)));
    let (winner, name, node) = set.next()?;
    if let Some((loser, ..)) = set.next() {
        shadowed(report, fields, loser, winner);
    }
    certificate_name(&name).or_else(|| {
        report.add(not_a_name(winner, node));
        None
    })
}

/// What a certificate can be for: a host name, or an IP address without brackets.
fn certificate_name(text: &str) -> Option<String> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) => Host::parse(text)
            .ok()
            .filter(|host| host.as_ip().is_none())
            .map(|host| host.as_str().to_owned()),
    }
}

fn not_a_name(key: &str, node: &Node) -> Problem {
    let message = format!("`{key}` takes a host name or an IP address");
    Problem::error(HOST_INVALID, node.span, message)
}
