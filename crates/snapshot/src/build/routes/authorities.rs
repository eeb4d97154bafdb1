//! The authorities that upstreams are verified by, where a route names its own.

use crate::build::certificates::content;
use crate::{Materials, codes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_config::{Pem, Span, UNREADABLE_FILE};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// More authorities than any system has.
const MAX: usize = 1_000;

/// How many columns a line of PEM has (RFC 7468).
const LINE: usize = 64;

/// A problem: where, its code and what to say.
pub(super) type Problem = (Span, &'static str, String);

/// Reads each file once, however many routes name it.
pub(super) struct Authorities<'a> {
    materials: &'a Materials,
    files: HashMap<&'a Path, Result<Arc<str>, (&'static str, String)>>,
}

impl<'a> Authorities<'a> {
    pub(super) fn new(materials: &'a Materials) -> Self {
        Self {
            materials,
            files: HashMap::new(),
        }
    }

    /// The certificates in PEM.
    pub(super) fn of(&mut self, pem: &'a Pem) -> Result<Arc<str>, Problem> {
        match pem {
            Pem::Inline(pem) => {
                certificates(&pem.value).map_err(|why| (pem.span, codes::AUTHORITY_INVALID, why))
            }
            Pem::File(file) => self
                .files
                .entry(file.value.as_path())
                .or_insert_with(|| match content(file, self.materials) {
                    Ok(bytes) => certificates(bytes).map_err(|why| (codes::AUTHORITY_INVALID, why)),
                    Err(why) => Err((UNREADABLE_FILE, why)),
                })
                .clone()
                .map_err(|(code, why)| (file.span, code, why)),
        }
    }
}

/// The certificates of a PEM text, written anew: what else stands in it, perhaps a
/// private key, goes nowhere.
fn certificates(pem: &[u8]) -> Result<Arc<str>, String> {
    let mut out = String::with_capacity(pem.len());
    let mut count = 0_usize;
    for der in CertificateDer::pem_slice_iter(pem) {
        let der = der.map_err(|error| format!("the authorities are not valid PEM: {error}"))?;
        count += 1;
        if count > MAX {
            return Err(format!("there are more than {MAX} authorities"));
        }
        match X509Certificate::from_der(&der) {
            Ok(([], _)) => {}
            _ => return Err(format!("authority {count} is not a valid X.509 certificate")),
        }
        write(&der, &mut out);
    }
    if count == 0 {
        return Err("there is no certificate of an authority".to_owned());
    }
    Ok(out.into())
}

/// Appends a certificate in PEM.
pub(in crate::build) fn write(der: &[u8], out: &mut String) {
    out.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut line = 0;
    for character in STANDARD.encode(der).chars() {
        if line == LINE {
            out.push('\n');
            line = 0;
        }
        out.push(character);
        line += 1;
    }
    out.push_str("\n-----END CERTIFICATE-----\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_taken_over() {
        let made = rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap();
        let (pem, key) = (
            made.cert.pem().replace('\r', ""),
            made.signing_key.serialize_pem(),
        );
        let all = format!("a comment\n{key}\n{pem}\nmore\n{pem}");
        assert_eq!(
            certificates(all.as_bytes()).unwrap().as_ref(),
            format!("{pem}{pem}")
        );
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let made = rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap();
        let error = |text: &str| certificates(text.as_bytes()).unwrap_err();
        assert!(error("").contains("no certificate"));
        assert!(error(&made.signing_key.serialize_pem()).contains("no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(error(&(made.cert.pem() + broken)).contains("authority 2 is not"));
        assert!(error(&broken.replace("AAAA", "!")).contains("not valid PEM"));
        assert!(error(&made.cert.pem().repeat(1_001)).contains("more than 1000"));
    }
}
