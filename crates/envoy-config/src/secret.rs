//! Certificates with their keys.

use crate::proto::inline;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use portcullis_snapshot::Certificate;
use secrecy::ExposeSecret as _;

pub(crate) fn message(name: &str, certificate: &Certificate) -> tls::Secret {
    let certificate = tls::TlsCertificate {
        certificate_chain: Some(inline(&certificate.chain)),
        private_key: Some(inline(certificate.key.expose_secret())),
        ..Default::default()
    };
    tls::Secret {
        name: name.to_owned(),
        r#type: Some(tls::secret::Type::TlsCertificate(certificate)),
    }
}
