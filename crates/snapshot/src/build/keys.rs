//! The root keys: from the configuration, from a file, or generated.

use super::certificates::file;
use super::report::Report;
use crate::{Materials, codes};
use portcullis_bundle::Keys;
use portcullis_config::{Global, Secret, Span, keys_from_list, pem_text, secrets_in};
use portcullis_model::Secrets;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

pub(super) fn keys(global: &Global, materials: &Materials, report: &mut Report) -> Option<Keys> {
    let generated = &materials.generated;
    let shared_secret = match global.shared_secret.as_slice() {
        [] => Some(generated.shared_secret.into()),
        all => secrets(all, "shared_secret", materials, report),
    };
    let cookie_secret = match global.cookie_secret.as_slice() {
        [] => Some(generated.cookie_secret.into()),
        all => secrets(all, "cookie_secret", materials, report),
    };
    let signing_key_pem = match &global.signing_key {
        None => Some(None),
        Some(secret) => signing_key(secret, materials, report).map(Some),
    };
    Some(Keys {
        shared_secret: shared_secret?,
        cookie_secret: cookie_secret?,
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

/// 32 bytes in base64 each; a file may hold several. What stands in the
/// configuration itself has been checked there.
fn secrets(all: &[Secret], key: &str, materials: &Materials, report: &mut Report) -> Option<Secrets> {
    let read: Option<Vec<_>> = all
        .iter()
        .map(|secret| text(secret, key, materials, report).map(|(text, span)| (text, span, secret)))
        .collect();
    let read = read?;
    let mut texts = Vec::new();
    for (text, span, secret) in &read {
        match secret {
            Secret::Inline(_) => texts.push((text.as_str(), *span)),
            Secret::File(_) => texts.extend(secrets_in(text).into_iter().map(|text| (text, *span))),
        }
    }
    let bare: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
    let (keys, problems) = keys_from_list(&bare);
    let keys = Zeroizing::new(keys);
    let mut good = true;
    for (index, problem) in problems {
        let Some((_, span)) = texts.get(index) else {
            continue;
        };
        let message = format!("`{key}`: {problem}");
        if !problem.is_warning() {
            good = false;
            let help = "32 random bytes in base64, without a line end: `head -c32 /dev/urandom | base64 | tr -d '\\n'`";
            report.error(*span, codes::SECRET_INVALID, message, Some(help));
        } else if all.iter().any(|secret| matches!(secret, Secret::File(_))) {
            report.warning(*span, codes::SECRET_REPEATED, message);
        }
    }
    let secrets = Secrets::new(keys.iter().copied()).ok();
    secrets.filter(|_| good)
}

/// PEM, or base64 of PEM, that holds keys each of which can sign RS256 or ES256.
fn signing_key(secret: &Secret, materials: &Materials, report: &mut Report) -> Option<SecretString> {
    let (text, span) = text(secret, "signing_key", materials, report)?;
    match signing_pem(text.trim()) {
        Ok(Signing { pem, repeated }) => {
            for (number, before) in repeated {
                let message = format!("`signing_key`: key {number} is key {before} again");
                report.warning(span, codes::SECRET_REPEATED, message);
            }
            Some(pem)
        }
        Err(why) => {
            let help =
                "an ECDSA key on P-256 or an RSA key, as PEM or as base64 of PEM; of several the first signs";
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

/// The keys that sign, or only verify still.
struct Signing {
    pem: SecretString,
    /// Numbers of keys that stand there before, and of those.
    repeated: Vec<(usize, usize)>,
}

fn signing_pem(text: &str) -> Result<Signing, String> {
    let pem = Zeroizing::new(pem_text(text).map_err(|error| error.to_string())?);
    let mut keys: Vec<PrivateKeyDer<'_>> = Vec::new();
    for key in PrivateKeyDer::pem_slice_iter(pem.as_bytes()) {
        if keys.len() >= Secrets::MAX {
            return Err(format!("it holds more than {} keys", Secrets::MAX));
        }
        keys.push(key.map_err(|_| "a block of it is damaged")?);
    }
    if keys.is_empty() {
        return Err("it holds no private key".to_owned());
    }
    let mut repeated = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let number = index.saturating_add(1);
        let which = if keys.len() == 1 {
            "the key".to_owned()
        } else {
            format!("key {number}")
        };
        can_sign(key).map_err(|why| format!("{which} is {why}"))?;
        let before = keys
            .iter()
            .position(|other| other.secret_der() == key.secret_der());
        if let Some(before) = before.filter(|before| *before < index) {
            repeated.push((number, before.saturating_add(1)));
        }
    }
    Ok(Signing {
        pem: pem.as_str().to_owned().into(),
        repeated,
    })
}

/// What a key is that cannot.
fn can_sign(key: &PrivateKeyDer<'_>) -> Result<(), &'static str> {
    let key = any_supported_type(key).map_err(|_| "of no supported type")?;
    let schemes = [
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::RSA_PKCS1_SHA256,
    ];
    let scheme = key.choose_scheme(&schemes);
    scheme.map(|_| ()).ok_or("neither ECDSA on P-256 nor RSA")
}
