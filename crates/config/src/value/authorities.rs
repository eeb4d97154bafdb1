//! Certificates of authorities in PEM.

use x509_parser::pem::Pem;

/// Why a text holds no authorities that Envoy would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// No PEM block at all.
    #[error("there is no certificate")]
    None,
    /// A block that does not end, or whose base64 is broken.
    #[error("block {0} is broken")]
    Broken(usize),
    /// A block of another kind; what it holds is not shown, as it may be a private key.
    #[error("block {0} is no certificate")]
    Other(usize),
    /// A block that is called a certificate and is none.
    #[error("the certificate in block {0} cannot be read")]
    Unreadable(usize),
}

/// Checks that a text in PEM holds certificates, one at least, and nothing else. Comments may stand
/// around the blocks.
///
/// # Errors
/// See [`AuthoritiesError`]; blocks count from 1.
pub fn check_authorities(pem: &[u8]) -> Result<(), AuthoritiesError> {
    let mut count = 0_usize;
    for block in Pem::iter_from_buffer(pem) {
        count = count.saturating_add(1);
        let block = block.map_err(|_| AuthoritiesError::Broken(count))?;
        if block.label != "CERTIFICATE" {
            return Err(AuthoritiesError::Other(count));
        }
        match x509_parser::parse_x509_certificate(&block.contents) {
            Ok(([], _)) => {}
            Ok(_) | Err(_) => return Err(AuthoritiesError::Unreadable(count)),
        }
    }
    if count == 0 {
        Err(AuthoritiesError::None)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthoritiesError, check_authorities};

    const ONE: &str = include_str!("authorities/ca.pem");

    #[test]
    fn certificates_and_comments_are_all_there_may_be() {
        assert_eq!(check_authorities(ONE.as_bytes()), Ok(()));
        let two = format!("# first\n{ONE}\nsecond\n{ONE}");
        assert_eq!(check_authorities(two.as_bytes()), Ok(()));
        let key = format!("{ONE}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        let cut = ONE.replacen("-----END", "-----EN", 1);
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, error) in [
            ("", AuthoritiesError::None),
            ("no PEM", AuthoritiesError::None),
            (&key, AuthoritiesError::Other(2)),
            (&cut, AuthoritiesError::Broken(1)),
            (empty, AuthoritiesError::Unreadable(1)),
        ] {
            assert_eq!(check_authorities(text.as_bytes()), Err(error), "{text}");
        }
        assert_eq!(check_authorities(&[0xff, 0]), Err(AuthoritiesError::None));
    }
}
