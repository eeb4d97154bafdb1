//! Secrets and the files that hold them.

use std::path::PathBuf;

use secrecy::SecretString;

use super::text;
use crate::codes::{SECRET_INVALID, SHADOWED_KEY};
use crate::report::{Problem, Report};
use crate::schema::Fields;
use crate::{Located, Secret, SecretError, key_from_base64, pem_text};

/// `shared_secret` or `cookie_secret`.
pub(super) fn key(report: &mut Report, fields: &Fields<'_>, name: &'static str) -> Option<Secret> {
    read(
        report,
        fields,
        name,
        |text| key_from_base64(text).map(|_| ()),
        "make one with `head -c32 /dev/urandom | base64`",
    )
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
            let message = format!("`{name}` is not used because `{name}_file` is set");
            report.add(Problem::warning(SHADOWED_KEY, field.key_span, message));
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
