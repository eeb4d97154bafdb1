//! The certificates of the listener.

use super::report::Report;
use crate::certificate::Unusable;
use crate::{Certificate, Materials, Part, Version, codes};
use portcullis_config::{CertificateFiles, Global, Located, Span, UNREADABLE_FILE};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the certificate that serves where none is configured.
const SELF_SIGNED: &str = "certificate-self-signed";

#[derive(Default)]
pub(super) struct Certificates {
    /// In order: the first serves where no server name fits.
    pub(super) names: Vec<String>,
    pub(super) secrets: BTreeMap<String, Arc<Part<Certificate>>>,
}

pub(super) fn load(global: &Global, materials: &Materials, report: &mut Report) -> Certificates {
    let mut out = Certificates::default();
    for pair in &global.certificates {
        let CertificateFiles { cert, key, listed: _ } = pair;
        // The name follows from where the pair lies, not from its content nor its
        // place in the list: a rotation changes one secret and nothing else.
        let paths = [cert.value.to_string_lossy(), key.value.to_string_lossy()];
        let name = format!("certificate-{}", Version::of(&paths).short(16));
        let (chain, private) = (file(cert, materials, report), file(key, materials, report));
        let (Some(chain), Some(private)) = (chain, private) else {
            continue;
        };
        match Certificate::from_pem(chain, private) {
            Ok(certificate) => out.add(name, certificate),
            Err(why) => {
                let message = format!("the certificate `{}` cannot serve: {why}", shown(&cert.value));
                let span = match why {
                    Unusable::Chain(_) => cert.span,
                    Unusable::Key(_) => key.span,
                };
                report.error(span, codes::CERTIFICATE_INVALID, message, None);
            }
        }
    }
    if global.certificates.is_empty() {
        match materials.self_signed.as_ref().map(Certificate::from_materials) {
            Some(Ok(certificate)) => out.add(SELF_SIGNED.to_owned(), certificate),
            Some(Err(why)) => {
                let message = format!("the self-signed certificate cannot serve: {why}");
                report.error(Span::START, codes::CERTIFICATE_INVALID, message, None);
            }
            // Whoever only looks at a configuration need not make one.
            None => out.names.push(SELF_SIGNED.to_owned()),
        }
    }
    out
}

impl Certificates {
    fn add(&mut self, name: String, certificate: Certificate) {
        if self
            .secrets
            .insert(name.clone(), Arc::new(Part::new(certificate)))
            .is_none()
        {
            self.names.push(name);
        }
    }
}

/// What a file holds.
pub(super) fn file<'a>(
    file: &Located<PathBuf>,
    materials: &'a Materials,
    report: &mut Report,
) -> Option<&'a [u8]> {
    match content(file, materials) {
        Ok(bytes) => Some(bytes),
        Err(message) => {
            report.error(file.span, UNREADABLE_FILE, message, None);
            None
        }
    }
}

/// What a file holds, or what there is to be said about it.
pub(super) fn content<'a>(file: &Located<PathBuf>, materials: &'a Materials) -> Result<&'a [u8], String> {
    let why = match materials.files.get(&file.value) {
        Some(Ok(bytes)) => return Ok(bytes),
        Some(Err(why)) => why.as_str(),
        None => "it was not read",
    };
    Err(format!("the file `{}` cannot be read: {why}", shown(&file.value)))
}

/// Enough of a path to recognise it.
fn shown(path: &Path) -> String {
    let path = path.to_string_lossy();
    let mut short: String = path.chars().take(200).collect();
    if short.len() < path.len() {
        short.push('…');
    }
    short
}
