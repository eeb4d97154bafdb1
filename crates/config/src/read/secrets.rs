//! Secrets and the files that hold them.

use std::path::PathBuf;

use portcullis_document::{Node, Span};
use secrecy::SecretString;

use super::{keep, text};
use crate::codes::{SECRET_INVALID, SECRET_REPEATED, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Located, Secret, SecretError, keys_from_list, pem_text, secrets_in, value};

/// `shared_secret` or `cookie_secret`: one, or a list of which the first is in use and the others still open
/// what was made with them.
pub(super) fn keys(report: &mut Report, fields: &Fields<'_>, name: &'static str) -> Vec<Secret> {
    // A single path is taken as it stands, whatever is in it.
    let files = list(report, fields, &format!("{name}_file"), |text| vec![text]);
    if !files.is_empty() {
        if let Some(field) = fields.get(name).filter(|field| !is_empty(field.node)) {
            shadowed(report, name, field.key_span);
        }
        let path = |(text, span): (String, Span)| Located {
            value: PathBuf::from(text),
            span,
        };
        return files.into_iter().map(|file| Secret::File(path(file))).collect();
    }
    let inline = list(report, fields, name, secrets_in);
    let texts: Vec<&str> = inline.iter().map(|(text, _)| text.as_str()).collect();
    for (index, problem) in keys_from_list(&texts).1 {
        let Some((_, span)) = inline.get(index) else {
            continue;
        };
        report.add(if problem.is_warning() {
            Problem::warning(SECRET_REPEATED, *span, format!("`{name}`: {problem}"))
        } else {
            let problem = Problem::error(SECRET_INVALID, *span, format!("`{name}` is wrong: {problem}"));
            problem.help("make one with `head -c32 /dev/urandom | base64`")
        });
    }
    // Also wrong ones count as set, so that nothing else complains about their absence.
    let secret = |(text, span): (String, Span)| {
        Secret::Inline(Located {
            value: SecretString::from(text),
            span,
        })
    };
    inline.into_iter().map(secret).collect()
}

/// The texts of a list with their places, without empty ones. `split` says what a text that is no list holds.
fn list(
    report: &mut Report,
    fields: &Fields<'_>,
    name: &str,
    split: impl Fn(&str) -> Vec<&str>,
) -> Vec<(String, Span)> {
    let Some(node) = fields.get(name).map(|field| field.node) else {
        return Vec::new();
    };
    if node.as_scalar().is_some() {
        let text = text(fields, name).unwrap_or_default();
        let parts = split(&text).into_iter().filter(|part| !part.is_empty());
        return parts.map(|part| (part.to_owned(), node.span)).collect();
    }
    let mut texts = value::strings(node).unwrap_or_default();
    texts.retain(|(text, span)| keep(report, !text.is_empty(), *span, name));
    texts
}

/// Whether nothing is said.
fn is_empty(node: &Node) -> bool {
    value::strings(node).is_ok_and(|texts| texts.iter().all(|(text, _)| text.is_empty()))
}

fn shadowed(report: &mut Report, name: &str, span: Span) {
    let message = format!("`{name}` is not used because `{name}_file` is set");
    report.add(Problem::warning(SHADOWED_KEY, span, message));
}

pub(super) fn signing_key(report: &mut Report, fields: &Fields<'_>) -> Option<Secret> {
    let help = "give a private key in PEM, or base64 of it, or its path in `signing_key_file`";
    read(
        report,
        fields,
        "signing_key",
        |text| pem_text(text).map(|_| ()),
        help,
    )
}

/// A secret of any shape.
pub(super) fn opaque(report: &mut Report, fields: &Fields<'_>, name: &'static str) -> Option<Secret> {
    read(report, fields, name, |_| Ok(()), "")
}

/// A path and where it stands.
pub(super) fn path(fields: &Fields<'_>, name: &str) -> Option<Located<PathBuf>> {
    let span = fields.get(name)?.node.span;
    text(fields, name).map(|text| Located {
        value: PathBuf::from(text),
        span,
    })
}

/// The file wins over the inline value, which is then not even looked at.
fn read(
    report: &mut Report,
    fields: &Fields<'_>,
    name: &'static str,
    check: impl Fn(&str) -> Result<(), SecretError>,
    help: &str,
) -> Option<Secret> {
    let inline = text(fields, name);
    if let Some(file) = path(fields, &format!("{name}_file")) {
        if inline.is_some()
            && let Some(field) = fields.get(name)
        {
            shadowed(report, name, field.key_span);
        }
        return Some(Secret::File(file));
    }
    let inline = inline?;
    let span = fields.get(name)?.node.span;
    if let Err(error) = check(&inline) {
        report.add(Problem::error(SECRET_INVALID, span, format!("`{name}` is wrong: {error}")).help(help));
    }
    // Also a wrong one counts as set, so that nothing else complains about its absence.
    Some(Secret::Inline(Located {
        value: SecretString::from(inline),
        span,
    }))
}
