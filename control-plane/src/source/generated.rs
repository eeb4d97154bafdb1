//! What is made once when the process starts and serves where the
//! configuration has nothing: keys, and a self-signed certificate.

use portcullis_snapshot::{CertificatePem, Generated};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::SourceError;

/// Generated material; a reload does not change it.
#[derive(Debug)]
pub(crate) struct Material {
    shared_secret: SecretBox<[u8; 32]>,
    cookie_secret: SecretBox<[u8; 32]>,
    certificate: CertificatePem,
}

impl Material {
    pub(crate) fn make() -> Result<Self, SourceError> {
        Ok(Self {
            shared_secret: random()?,
            cookie_secret: random()?,
            certificate: self_signed()?,
        })
    }

    pub(crate) fn keys(&self) -> Generated {
        let Self {
            shared_secret,
            cookie_secret,
            certificate: _,
        } = self;
        Generated {
            shared_secret: *shared_secret.expose_secret(),
            cookie_secret: *cookie_secret.expose_secret(),
        }
    }

    pub(crate) fn certificate(&self) -> CertificatePem {
        self.certificate.clone()
    }
}

fn random() -> Result<SecretBox<[u8; 32]>, SourceError> {
    let mut failed = false;
    let key = SecretBox::init_with_mut(|bytes: &mut [u8; 32]| {
        failed = aws_lc_rs::rand::fill(bytes).is_err();
    });
    if failed { Err(SourceError::Random) } else { Ok(key) }
}

/// A certificate for whatever host is asked for: nobody trusts it, it lets a
/// first try come up. A client must be told to accept it.
fn self_signed() -> Result<CertificatePem, SourceError> {
    let make = || -> Result<CertificatePem, rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let mut params = rcgen::CertificateParams::new(vec!["*".to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Portcullis self-signed");
        let certificate = params.self_signed(&key)?;
        Ok(CertificatePem {
            chain: certificate.pem(),
            key: SecretString::from(key.serialize_pem()),
        })
    };
    make().map_err(|error| SourceError::Certificate(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_random_and_stay_the_same() {
        let (one, two) = (Material::make().unwrap(), Material::make().unwrap());
        assert_ne!(one.keys().shared_secret, [0; 32]);
        assert_ne!(one.keys().shared_secret, one.keys().cookie_secret);
        assert_ne!(one.keys().shared_secret, two.keys().shared_secret);
        assert_eq!(one.keys().shared_secret, one.keys().shared_secret);
        assert!(one.certificate().chain.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(
            one.certificate()
                .key
                .expose_secret()
                .starts_with("-----BEGIN PRIVATE KEY-----")
        );
    }
}
