//! A certificate authority for one test or one demo.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Browsers refuse server certificates that are valid for longer.
const VALID: Duration = Duration::from_secs(390 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// An authority whose key exists only in memory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

/// A server certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS#8).
    pub key: String,
    /// The public key (SubjectPublicKeyInfo, DER).
    pub public_key: Vec<u8>,
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn new(name: &str) -> Result<Self, rcgen::Error> {
        Self::made(name, 1, None)
    }

    /// An authority below this one.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn intermediate(&self, name: &str) -> Result<Self, rcgen::Error> {
        Self::made(name, 0, Some(self))
    }

    fn made(name: &str, depth: u8, above: Option<&Self>) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params);
        let key = KeyPair::generate()?;
        let certificate = match above {
            None => params.self_signed(&key)?,
            Some(above) => params.signed_by(&key, &above.issuer)?,
        };
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            der,
        })
    }

    /// The authority's certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Issues a server certificate for `names`; each host is named, since
    /// OpenSSL refuses a wildcard directly below a top-level name.
    ///
    /// # Errors
    ///
    /// When a name is not a valid DNS name or no key can be made.
    pub fn issue(&self, names: &[&str]) -> Result<Leaf, rcgen::Error> {
        self.issue_for(names, vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// Issues a certificate for a service that is also a client of others (mutual
    /// TLS).
    ///
    /// # Errors
    ///
    /// As [`Self::issue`].
    pub fn issue_peer(&self, names: &[&str]) -> Result<Leaf, rcgen::Error> {
        let both = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue_for(names, both)
    }

    fn issue_for(&self, names: &[&str], usages: Vec<ExtendedKeyUsagePurpose>) -> Result<Leaf, rcgen::Error> {
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params
            .distinguished_name
            .push(DnType::CommonName, *names.first().unwrap_or(&"localhost"));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        validity(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            public_key: rcgen::PublicKeyData::subject_public_key_info(&key),
        })
    }
}

impl Leaf {
    /// Writes `tls.crt` and `tls.key` (readable by the owner alone).
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join("tls.crt"), &self.certificate)?;
        let key = directory.join("tls.key");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(key)?;
        file.write_all(self.key.as_bytes())
    }
}

fn validity(params: &mut CertificateParams) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + VALID).into();
}
