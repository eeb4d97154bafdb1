//! Server certificates.

use crate::CertificatePem;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, Serializer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// A certificate chain with its key, which has been checked to fit.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// PEM: the certificate, then its intermediates.
    pub chain: String,
    /// PEM of the private key. Serialised as its hash, so that a change of the
    /// key is a change of the content and no serialised form holds it.
    #[serde(serialize_with = "as_hash")]
    pub key: SecretString,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key.expose_secret() == other.key.expose_secret()
    }
}

impl Eq for Certificate {}

fn as_hash<S: Serializer>(key: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    // Hashed where it lies: a copy of the key would stay in freed memory.
    hex::encode(digest(&SHA256, key.expose_secret().as_bytes())).serialize(serializer)
}

/// Why a certificate cannot serve, and which of its two files is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The chain, or that it does not fit the key.
    Chain(String),
    /// The key.
    Key(String),
}

impl core::fmt::Display for Unusable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Chain(why) | Self::Key(why) => f.write_str(why),
        }
    }
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Self::Chain(why)
    }
}

/// Longest chain that is accepted; real ones have two or three certificates.
const MAX_CHAIN: usize = 16;

impl Certificate {
    /// Checks a chain and its key the way Envoy would, so that it is refused here,
    /// with a position, and not there. The error says what is wrong.
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let chain_text = text(chain, "certificate")?;
        let key_text = text(key, "key").map_err(Unusable::Key)?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate file is not valid PEM: {error}"))?;
        let Some(leaf) = certificates.first() else {
            return Err("the certificate file holds no certificate".to_owned().into());
        };
        if certificates.len() > MAX_CHAIN {
            return Err(format!("the chain has more than {MAX_CHAIN} certificates").into());
        }
        for (at, der) in certificates.iter().enumerate() {
            let (rest, _) = X509Certificate::from_der(der)
                .map_err(|_| format!("certificate {} of the chain is not valid X.509", at + 1))?;
            if !rest.is_empty() {
                return Err(format!("certificate {} of the chain is followed by other data", at + 1).into());
            }
        }
        check_key_type(leaf)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            let why = "the key file holds no usable private key (an encrypted key cannot be read)";
            Unusable::Key(why.to_owned())
        })?;
        let key = any_supported_type(&key)
            .map_err(|_| Unusable::Key("the private key is of no supported type".to_owned()))?;
        // Any other doubt of rustls (it refuses X.509 v1, which Envoy serves) is none
        // about the key.
        let fit = CertifiedKey::new(certificates, key).keys_match();
        if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = fit {
            return Err("the private key does not belong to the certificate"
                .to_owned()
                .into());
        }
        Ok(Self {
            chain: chain_text,
            key: key_text.into(),
        })
    }

    /// The same for a certificate that we made ourselves.
    pub(crate) fn from_materials(pem: &CertificatePem) -> Result<Self, Unusable> {
        Self::from_pem(pem.chain.as_bytes(), pem.key.expose_secret().as_bytes())
    }
}

fn text(bytes: &[u8], what: &str) -> Result<String, String> {
    core::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| format!("the {what} file is not text; PEM is needed"))
}

/// Envoy serves RSA of at least 2048 bits and ECDSA on the three NIST curves.
fn check_key_type(leaf: &CertificateDer<'_>) -> Result<(), String> {
    let bad = || "the certificate's public key cannot be read".to_owned();
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| bad())?;
    match leaf.public_key().parsed().map_err(|_| bad())? {
        PublicKey::RSA(rsa) if rsa.key_size() < 2048 => Err(format!(
            "the RSA key has {} bits; at least 2048 are needed",
            rsa.key_size()
        )),
        PublicKey::RSA(_) => Ok(()),
        PublicKey::EC(point) if matches!(point.key_size(), 256 | 384 | 521..=528) => Ok(()),
        _ => Err("the certificate's key is neither RSA nor ECDSA on P-256, P-384 or P-521".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn error(chain: &str, key: &str) -> String {
        Certificate::from_pem(chain.as_bytes(), key.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_pair_is_accepted_and_hides_its_key() {
        let (chain, key) = pair();
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(certificate.chain, chain);
        let json = serde_json::to_string(&certificate).unwrap();
        assert!(!json.contains("PRIVATE"), "{json}");
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
        let other = Certificate {
            chain,
            key: "another".to_owned().into(),
        };
        assert_ne!(
            serde_json::to_string(&other).unwrap(),
            json,
            "the key is part of the content"
        );
    }

    #[test]
    fn what_envoy_would_refuse_is_refused() {
        let (chain, key) = pair();
        let (_, other) = pair();
        assert_eq!(
            error(&chain, &other),
            "the private key does not belong to the certificate"
        );
        assert!(error("", &key).contains("no certificate"));
        assert!(error(&chain, "").contains("no usable private key"));
        assert!(error(&key, &key).contains("no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(error(broken, &key).contains("not valid X.509"));
        assert!(error(&broken.replace("AAAA", "!"), &key).contains("not valid PEM"));
        assert!(error(&chain.repeat(17), &key).contains("more than 16"));
        assert!(
            Certificate::from_pem(&[0xff], key.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("not text")
        );
    }

    #[test]
    fn an_ed25519_certificate_is_refused() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let cert = rcgen::CertificateParams::new(["a.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        assert!(error(&cert.pem(), &key.serialize_pem()).contains("neither RSA nor ECDSA"));
    }
}
