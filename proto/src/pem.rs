//! Certificates and keys from PEM texts.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a PEM text is of no use. Never shows a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Not PEM, or without a certificate.
    #[error("there is no certificate in the PEM text")]
    Certificate,
    /// Not PEM, or without a private key.
    #[error("there is no private key in the PEM text")]
    PrivateKey,
    /// The key is not the certificate's, or of a kind that cannot be used.
    #[error("the private key does not fit the certificate")]
    Mismatch,
    /// A root certificate that cannot be used.
    #[error("the root certificate cannot be used")]
    Root,
}

pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(PemError::Certificate),
    }
}

pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| PemError::PrivateKey)
}

pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|_| PemError::Root)?;
    }
    Ok(roots)
}

/// The one crypto library, whatever the process has installed.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
