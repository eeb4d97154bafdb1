//! Options that need or exclude each other.

use portcullis_document::Node;
use portcullis_policy::Legacy;

use super::part;
use crate::codes::{DEPENDS_ON, EXCLUSIVE_KEYS, HALF_PAIR, POLICY_CONFLICT, URL_INVALID, WRONG_VALUE};
use crate::report::{Problem, Report};
use crate::schema::{Field, Fields};
use crate::{GoUrl, value};

const GLOBAL_PAIRS: [(&str, &str); 5] = [
    ("certificate", "certificate_key"),
    ("certificate_file", "certificate_key_file"),
    ("autocert_eab_key_id", "autocert_eab_mac_key"),
    ("metrics_certificate", "metrics_certificate_key"),
    ("metrics_certificate_file", "metrics_certificate_key_file"),
];
const ROUTE_PAIRS: [(&str, &str); 2] = [
    ("tls_client_cert", "tls_client_key"),
    ("tls_client_cert_file", "tls_client_key_file"),
];
const ROUTE_EXCLUSIVE: [(&str, &str); 2] = [
    (
        "kubernetes_service_account_token",
        "kubernetes_service_account_token_file",
    ),
    ("prefix_rewrite", "regex_rewrite_pattern"),
];

pub(super) fn global(report: &mut Report, fields: &Fields<'_>) {
    report.extend(GLOBAL_PAIRS.iter().filter_map(|pair| half(fields, *pair)));
    report.extend(exclusive(
        fields,
        ("autocert_trusted_ca", "autocert_trusted_ca_file"),
    ));
    if let Some(field) = fields.get("certificates") {
        for node in super::items(field) {
            let has = |name: &str| {
                node.as_map().into_iter().flatten().any(|entry| {
                    let empty = |node: &Node| {
                        node.is_null() || node.as_scalar().is_some_and(|scalar| scalar.text.is_empty())
                    };
                    entry.key.eq_ignore_ascii_case(name) && !empty(&entry.value)
                })
            };
            if has("cert") != has("key") || !has("cert") {
                let message = "an item of `certificates` needs both `cert` and `key`";
                report.add(Problem::error(HALF_PAIR, node.span, message));
            }
        }
    }
}

pub(super) fn route(report: &mut Report, fields: &Fields<'_>) {
    report.extend(ROUTE_PAIRS.iter().filter_map(|pair| half(fields, *pair)));
    report.extend(ROUTE_EXCLUSIVE.iter().filter_map(|pair| exclusive(fields, *pair)));
    for (wide, narrow) in Legacy::CONFLICTS {
        if let (Some(wide), Some(narrow)) = (set(fields, wide), set(fields, narrow)) {
            let message = format!("`{}` and `{}` contradict each other", wide.name, narrow.name);
            let later = wide.key_span.max(narrow.key_span);
            report.add(Problem::error(POLICY_CONFLICT, later, message).help("remove one of them"));
        }
    }
    mcp(report, fields);
    for (host, span) in fields
        .get("depends_on")
        .and_then(|field| value::strings(field.node).ok())
        .unwrap_or_default()
    {
        // A URL counts by its host.
        if host.contains("://") && GoUrl::parse(&host).map_or(true, |url| url.host.is_empty()) {
            let message = "`depends_on` takes hosts, or URLs with one";
            report.add(Problem::error(URL_INVALID, span, message));
        }
    }
    if let Some(field) = fields.get("depends_on")
        && value::strings(field.node).is_ok_and(|hosts| hosts.len() > 5)
    {
        report.add(Problem::error(
            DEPENDS_ON,
            field.node.span,
            "`depends_on` takes at most five hosts",
        ));
    }
}

/// What Pomerium refuses in `mcp`, though we do not implement it yet.
fn mcp(report: &mut Report, fields: &Fields<'_>) {
    let Some(field) = fields.get("mcp") else {
        return;
    };
    let parts = field.node.as_map().unwrap_or_default();
    let sides = parts
        .iter()
        .filter(|entry| !entry.value.is_null())
        .filter(|entry| {
            ["server", "client"]
                .iter()
                .any(|side| entry.key.eq_ignore_ascii_case(side))
        });
    if sides.count() != 1 {
        let message = "`mcp` needs either `server` or `client`";
        report.add(Problem::error(WRONG_VALUE, field.key_span, message));
    }
    let server = part(field.node, "server").and_then(|server| part(server, "authorization_server_url"));
    if let Some(node) = server
        && let Some(text) = node.as_str().filter(|text| !text.is_empty())
        && !GoUrl::parse(text).is_ok_and(|url| url.scheme == "https" && !url.host.is_empty())
    {
        let message = "`mcp.server.authorization_server_url` takes an https URL";
        report.add(Problem::error(URL_INVALID, node.span, message));
    }
}

/// The option, if it is set to something: not false, not empty.
fn set<'a, 'd>(fields: &'a Fields<'d>, name: &str) -> Option<&'a Field<'d>> {
    let field = fields.get(name)?;
    let flag = name.starts_with("allow_");
    let something = match field.node.as_scalar() {
        Some(scalar) if flag => value::boolean(scalar) == Some(true),
        Some(scalar) => !scalar.text.is_empty(),
        None => value::strings(field.node).is_ok_and(|list| !list.is_empty()),
    };
    something.then_some(field)
}

fn half(fields: &Fields<'_>, (one, other): (&str, &str)) -> Option<Problem> {
    let (present, missing) = match (set(fields, one), set(fields, other)) {
        (Some(present), None) => (present, other),
        (None, Some(present)) => (present, one),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let message = format!("`{}` needs `{missing}`", present.name);
    Some(Problem::error(HALF_PAIR, present.key_span, message))
}

fn exclusive(fields: &Fields<'_>, (one, other): (&str, &str)) -> Option<Problem> {
    let (one, other) = (set(fields, one)?, set(fields, other)?);
    let message = format!("`{}` and `{}` exclude each other", one.name, other.name);
    let later = one.key_span.max(other.key_span);
    Some(Problem::error(EXCLUSIVE_KEYS, later, message).help("remove one of them"))
}
