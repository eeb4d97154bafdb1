//! The root keys: from the configuration, from a file, or generated.

use super::certificates::file;
use super::report::Report;
use crate::{Materials, codes};
use portcullis_bundle::Keys;
use portcullis_config::{Global, Secret, Span, key_from_base64, pem_text};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use zeroize::Zeroizing;

pub(super) fn keys(global: &Global, materials: &Materials, report: &mut Report) -> Option<Keys> {
    let generated = &materials.generated;
    let shared_secret = match &global.shared_secret {
        None => Some(generated.shared_secret),
        Some(secret) => key(secret, "shared_secret", materials, report),
    };
    let cookie_secret = match &global.cookie_secret {
        None => Some(generated.cookie_secret),
        Some(secret) => key(secret, "cookie_secret", materials, report),
    };
    let signing_key_pem = match &global.signing_key {
        None => Some(None),
        Some(secret) => signing_key(secret, materials, report).map(Some),
    };
    Some(Keys {
        shared_secret: SecretBox::new(Box::new(shared_secret?)),
        cookie_secret: SecretBox::new(Box::new(cookie_secret?)),
        signing_key_pem: signing_key_pem?,
    })
}

/// A secret's text and where to point at. Files must be UTF-8.
pub(super) fn text(
    secret: &Secret,
    key: &str,
    materials: &Materials,
    report: &mut Report,
) -> Option<(Zeroizing<String>, Span)> {
    match secret {
        Secret::Inline(text) => Some((Zeroizing::new(text.value.expose_secret().to_owned()), text.span)),
        Secret::File(path) => match core::str::from_utf8(file(path, materials, report)?) {
            Ok(text) => Some((Zeroizing::new(text.to_owned()), path.span)),
            Err(_) => {
                let message = format!("the file of `{key}` is not text");
                report.error(path.span, codes::SECRET_INVALID, message, None);
                None
            }
        },
    }
}

/// 32 bytes in base64.
fn key(secret: &Secret, key: &str, materials: &Materials, report: &mut Report) -> Option<[u8; 32]> {
    let (text, span) = text(secret, key, materials, report)?;
    match key_from_base64(&text) {
        Ok(key) => Some(key),
        Err(why) => {
            let help = "32 random bytes in base64, without a line end: `head -c32 /dev/urandom | base64 | tr -d '\\n'`";
            report.error(span, codes::SECRET_INVALID, format!("`{key}`: {why}"), Some(help));
            None
        }
    }
}

/// PEM, or base64 of PEM, that holds a key which can sign RS256 or ES256.
fn signing_key(secret: &Secret, materials: &Materials, report: &mut Report) -> Option<SecretString> {
    let (text, span) = text(secret, "signing_key", materials, report)?;
    match signing_pem(text.trim()) {
        Ok(pem) => Some(pem),
        Err(why) => {
            let help = "an ECDSA key on P-256 or an RSA key, as PEM or as base64 of PEM";
            report.error(
                span,
                codes::SECRET_INVALID,
                format!("`signing_key`: {why}"),
                Some(help),
            );
            None
        }
    }
}

fn signing_pem(text: &str) -> Result<SecretString, String> {
    let pem = Zeroizing::new(pem_text(text).map_err(|error| error.to_string())?);
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "it holds no private key")?;
    let key = any_supported_type(&key).map_err(|_| "the key is of no supported type")?;
    key.choose_scheme(&[
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::RSA_PKCS1_SHA256,
    ])
    .ok_or("the key is neither ECDSA on P-256 nor RSA")?;
    Ok(pem.as_str().to_owned().into())
}
