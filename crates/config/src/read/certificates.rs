//! Certificates of the main listener.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{items, secrets, text};
use crate::schema::Fields;
use crate::value::{self, pem_from_base64};
use crate::{Certificate, CertificateFiles, Located};

/// The pair in the file itself, then `certificates`, then `certificate_file`, as in Pomerium. What is wrong
/// with them has been reported.
pub(super) fn read(fields: &Fields<'_>) -> Vec<Certificate> {
    let mut pairs: Vec<Certificate> = inline(fields).into_iter().collect();
    pairs.extend(listed(fields).into_iter().map(Certificate::Files));
    if let (Some(cert), Some(key)) = (
        secrets::path(fields, "certificate_file"),
        secrets::path(fields, "certificate_key_file"),
    ) {
        pairs.push(Certificate::Files(CertificateFiles {
            cert,
            key,
            listed: false,
        }));
    }
    pairs
}

fn inline(fields: &Fields<'_>) -> Option<Certificate> {
    let chain = pem_from_base64(&text(fields, "certificate")?).ok()?;
    let key = pem_from_base64(&text(fields, "certificate_key")?).ok()?;
    let span = |name| Some(fields.get(name)?.node.span);
    Some(Certificate::Inline {
        chain: Located {
            value: chain.into_bytes(),
            span: span("certificate")?,
        },
        key: Located {
            value: SecretString::from(key),
            span: span("certificate_key")?,
        },
    })
}

fn listed(fields: &Fields<'_>) -> Vec<CertificateFiles> {
    let nodes = fields.get("certificates").map(items).unwrap_or_default();
    let entries = nodes.into_iter().filter_map(|node| node.as_map());
    let pairs = entries.filter_map(|entries| {
        let path = |name: &str| {
            let entry = entries
                .iter()
                .find(|entry| entry.key.eq_ignore_ascii_case(name))?;
            let text = value::text(entry.value.as_scalar()?).filter(|text| !text.is_empty())?;
            Some(Located {
                value: PathBuf::from(text),
                span: entry.value.span,
            })
        };
        Some(CertificateFiles {
            cert: path("cert")?,
            key: path("key")?,
            listed: true,
        })
    });
    pairs.collect()
}
