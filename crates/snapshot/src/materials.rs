//! What a configuration refers to and cannot hold itself.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// File contents, generated keys and facts of the machine.
#[derive(Debug)]
pub struct Materials {
    /// What each referenced file holds, or why it cannot be read (a short text
    /// such as `no such file or directory`).
    pub files: BTreeMap<PathBuf, Result<Vec<u8>, String>>,
    /// Keys that serve where the configuration has none.
    pub generated: Generated,
    /// Serves where the configuration has no certificate.
    pub self_signed: Option<CertificatePem>,
    /// Whether the machine can listen on IPv4 alone: an address without a host
    /// then means `0.0.0.0` and not also `[::]`.
    pub ipv4_only: bool,
    /// Whether every host of a route logs in for itself where the configuration names
    /// no authenticate service that can be used.
    pub each_host_logs_in: bool,
}

/// Random keys, made once when the process starts, so that a reload does not
/// change them. There is no default on purpose: known keys would be no keys.
pub struct Generated {
    /// In place of `shared_secret`.
    pub shared_secret: [u8; 32],
    /// In place of `cookie_secret`.
    pub cookie_secret: [u8; 32],
}

impl core::fmt::Debug for Generated {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Generated(..)")
    }
}

/// A certificate and its key as PEM.
#[derive(Clone, Debug)]
pub struct CertificatePem {
    /// The certificate, then its intermediates.
    pub chain: String,
    /// The private key.
    pub key: SecretString,
}
