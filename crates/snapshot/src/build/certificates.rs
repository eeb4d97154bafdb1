//! The certificates of the listener.

use super::report::Report;
use crate::certificate::Unusable;
use crate::{Certificate, Materials, Part, Version, codes};
use portcullis_config::{self as config, CertificateFiles, Global, Located, Span, UNREADABLE_FILE};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the certificate that serves where none is configured.
const SELF_SIGNED: &str = "certificate-self-signed";

/// Name of the certificate that is written in the configuration itself. There is
/// one at most, so that another in its place is a rotation.
const INLINE: &str = "certificate-inline";

#[derive(Default)]
pub(super) struct Certificates {
    /// In order: the first serves where no server name fits. `None` where the
    /// listener speaks plain HTTP.
    pub(super) names: Option<Vec<String>>,
    pub(super) secrets: BTreeMap<String, Arc<Part<Certificate>>>,
}

pub(super) fn load(global: &Global, materials: &Materials, report: &mut Report) -> Certificates {
    let mut out = Certificates {
        names: Some(Vec::new()),
        ..Certificates::default()
    };
    for pair in &global.certificates {
        match pair {
            config::Certificate::Files(pair) => out.files(pair, materials, report),
            config::Certificate::Inline { chain, key } => out.inline(chain, key, report),
        }
    }
    if global.insecure_server {
        // Read all the same, so that a broken certificate is no surprise later.
        return Certificates::default();
    }
    if global.certificates.is_empty() {
        match materials.self_signed.as_ref().map(Certificate::from_materials) {
            Some(Ok(certificate)) => out.add(SELF_SIGNED.to_owned(), certificate),
            Some(Err(why)) => {
                let message = format!("the self-signed certificate cannot serve: {why}");
                report.error(Span::START, codes::CERTIFICATE_INVALID, message, None);
            }
            // Whoever only looks at a configuration need not make one.
            None => out.names = Some(vec![SELF_SIGNED.to_owned()]),
        }
    }
    out
}

impl Certificates {
    fn files(&mut self, pair: &CertificateFiles, materials: &Materials, report: &mut Report) {
        let CertificateFiles { cert, key, listed: _ } = pair;
        // The name follows from where the pair lies, not from its content nor its
        // place in the list: a rotation changes one secret and nothing else.
        let paths = [cert.value.to_string_lossy(), key.value.to_string_lossy()];
        let name = format!("certificate-{}", Version::of(&paths).short(16));
        let (chain, private) = (file(cert, materials, report), file(key, materials, report));
        let (Some(chain), Some(private)) = (chain, private) else {
            return;
        };
        match Certificate::from_pem(chain, private) {
            Ok(certificate) => self.add(name, certificate),
            Err(why) => {
                let what = format!("the certificate `{}`", shown(&cert.value));
                unusable(&what, &why, [cert.span, key.span], report);
            }
        }
    }

    fn inline(&mut self, chain: &Located<Vec<u8>>, key: &Located<SecretString>, report: &mut Report) {
        match Certificate::from_pem(&chain.value, key.value.expose_secret().as_bytes()) {
            Ok(certificate) => self.add(INLINE.to_owned(), certificate),
            Err(why) => unusable("`certificate`", &why, [chain.span, key.span], report),
        }
    }

    fn add(&mut self, name: String, certificate: Certificate) {
        if self
            .secrets
            .insert(name.clone(), Arc::new(Part::new(certificate)))
            .is_none()
        {
            self.names.get_or_insert_default().push(name);
        }
    }
}

fn unusable(what: &str, why: &Unusable, [chain, key]: [Span; 2], report: &mut Report) {
    let span = match why {
        Unusable::Chain(_) => chain,
        Unusable::Key(_) => key,
    };
    let message = format!("{what} cannot serve: {why}");
    report.error(span, codes::CERTIFICATE_INVALID, message, None);
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
