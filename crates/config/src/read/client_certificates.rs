//! What certificates are asked of clients: `downstream_mtls`.

use std::path::PathBuf;

use portcullis_document::{Node, Span};
use portcullis_policy::{SanPatterns, SanType};

use super::part;
use crate::codes::{EXCLUSIVE_KEYS, NO_EFFECT, NOT_IMPLEMENTED_UNSAFE, TLS_CA, WRONG_TYPE, WRONG_VALUE};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::value::{self, check_authorities, from_base64};
use crate::{ClientCertificates, Located, Pem};

/// Pomerium's default.
const MAX_VERIFY_DEPTH: u32 = 1;

/// The options; `None` where no authority is set, so that no client is asked for a certificate.
pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Option<ClientCertificates> {
    let node = fields.get("downstream_mtls")?.node;
    let authorities = pem(report, node, "ca", "ca_file");
    if let Some(Pem::Inline(pem)) = &authorities
        && !pem.value.is_empty()
        && let Err(error) = check_authorities(&pem.value)
    {
        let message = format!("`downstream_mtls.ca` takes certificates in PEM in base64: {error}");
        report.add(Problem::error(TLS_CA, pem.span, message));
    }
    let revoked = pem(report, node, "crl", "crl_file");
    let default_deny = default_deny(report, node);
    let max_verify_depth = max_verify_depth(report, node);
    let names = names(report, node);
    let Some(authorities) = authorities else {
        without_authorities(report, node);
        return None;
    };
    Some(ClientCertificates {
        authorities,
        revoked,
        default_deny,
        max_verify_depth,
        names,
    })
}

/// An option and its place, if it says anything.
fn written<'d>(node: &'d Node, name: &str) -> Option<(String, &'d Node)> {
    let node = part(node, name)?;
    let text = value::text(node.as_scalar()?).filter(|text| !text.is_empty())?;
    Some((text, node))
}

fn pem(report: &mut Report, node: &Node, inline: &str, file: &str) -> Option<Pem> {
    let (inline_text, file_text) = (written(node, inline), written(node, file));
    if let (Some((_, one)), Some((_, other))) = (&inline_text, &file_text) {
        let message = format!("`downstream_mtls.{inline}` and `downstream_mtls.{file}` exclude each other");
        let later = one.span.max(other.span);
        report.add(Problem::error(EXCLUSIVE_KEYS, later, message).help("remove one of them"));
    }
    if let Some((path, node)) = file_text {
        return Some(Pem::File(Located {
            value: PathBuf::from(path),
            span: node.span,
        }));
    }
    let (text, node) = inline_text?;
    // That it is no base64 has been said.
    let value = from_base64(&text).unwrap_or_default();
    Some(Pem::Inline(Located {
        value,
        span: node.span,
    }))
}

/// Whether every route refuses what is not valid, which its policy can be left to.
fn default_deny(report: &mut Report, node: &Node) -> bool {
    let Some((text, node)) = written(node, "enforcement") else {
        return true;
    };
    if text.eq_ignore_ascii_case("reject_connection") {
        let message = "`downstream_mtls.enforcement` of `reject_connection` is not implemented yet: \
                       connections are taken, and requests refused";
        report.add(Problem::error(NOT_IMPLEMENTED_UNSAFE, node.span, message).help(
            "use `policy_with_default_deny`, which lets no request through that has no valid certificate",
        ));
    }
    !text.eq_ignore_ascii_case("policy")
}

fn max_verify_depth(report: &mut Report, node: &Node) -> u32 {
    let Some((_, node)) = written(node, "max_verify_depth") else {
        return MAX_VERIFY_DEPTH;
    };
    // That it is no number has been said.
    let Some(depth) = node.as_scalar().and_then(value::integer) else {
        return MAX_VERIFY_DEPTH;
    };
    u32::try_from(depth).unwrap_or_else(|_| {
        let message = format!(
            "`downstream_mtls.max_verify_depth` takes a number up to {}",
            u32::MAX
        );
        report.add(Problem::error(WRONG_VALUE, node.span, message));
        MAX_VERIFY_DEPTH
    })
}

/// A list of maps of one entry each: a kind of name, and an expression for it.
fn names(report: &mut Report, node: &Node) -> Vec<(SanType, String)> {
    const KEY: &str = "downstream_mtls.match_subject_alt_names";
    let Some(node) = part(node, "match_subject_alt_names") else {
        return Vec::new();
    };
    let wrong = |span: Span| {
        let message =
            format!("`{KEY}` takes a list of maps of one entry each, such as `dns: .*\\.example\\.com`");
        Problem::error(WRONG_TYPE, span, message)
    };
    let empty = node.as_scalar().is_some_and(|scalar| scalar.text.is_empty());
    let Some(items) = node.as_seq() else {
        report.extend((!empty).then(|| wrong(node.span)));
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in items {
        let entry = match item.as_map() {
            Some([entry]) => entry,
            _ => {
                report.add(wrong(item.span));
                continue;
            }
        };
        let Some(pattern) = entry.value.as_scalar().and_then(value::text) else {
            report.add(wrong(entry.value.span));
            continue;
        };
        let read = entry.key.to_ascii_lowercase().parse::<SanType>();
        match read.and_then(|kind| SanPatterns::new([(kind, pattern.as_str())]).map(|_| kind)) {
            Ok(kind) => names.push((kind, pattern)),
            Err(error) => report.add(Problem::error(
                WRONG_VALUE,
                item.span,
                format!("`{KEY}`: {error}"),
            )),
        }
    }
    if let Err(error) = SanPatterns::new(names.iter().map(|(kind, pattern)| (*kind, pattern.as_str()))) {
        report.add(Problem::error(
            WRONG_VALUE,
            node.span,
            format!("`{KEY}`: {error}"),
        ));
    }
    names
}

/// What stands beside an authority that is not set asks nobody for a certificate, as in Pomerium.
fn without_authorities(report: &mut Report, node: &Node) {
    for name in [
        "crl",
        "crl_file",
        "match_subject_alt_names",
        "max_verify_depth",
        "enforcement",
    ] {
        let default = match name {
            "enforcement" => "policy_with_default_deny",
            "max_verify_depth" => "1",
            _ => "",
        };
        let Some(found) = part(node, name) else { continue };
        let says_nothing = match found.as_scalar() {
            Some(scalar) => scalar.text.is_empty() || scalar.text.eq_ignore_ascii_case(default),
            None => found.as_seq().is_some_and(<[Node]>::is_empty),
        };
        if !says_nothing {
            let message = format!(
                "`downstream_mtls.{name}` has no effect: no authority is set, so that no client is asked for a certificate"
            );
            report
                .add(Problem::warning(NO_EFFECT, found.span, message).help("set `downstream_mtls.ca_file`"));
        }
    }
}
