//! What client certificates are judged by.

use super::certificates::content;
use super::report::Report;
use super::routes::pem_of;
use crate::{ClientCertificates, Materials, codes};
use portcullis_config::codes::NO_EFFECT;
use portcullis_config::{self as config, Global, Pem, Span, UNREADABLE_FILE};
use portcullis_policy::{ClientAuthorities, ClientRequirements};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use std::sync::Arc;

/// The name of each authority goes to every client in its handshake: more make that slow,
/// and there are clients that refuse it.
const MANY: usize = 50;

/// Reads the authorities and the lists of revoked certificates; `None` where some of it
/// cannot be used, which is reported: no other configuration may take its place that
/// asks for less.
pub(super) fn authorities(
    clients: &config::ClientCertificates,
    materials: &Materials,
    report: &mut Report,
) -> Option<Arc<ClientAuthorities>> {
    let config::ClientCertificates {
        authorities,
        revoked,
        default_deny: _,
        max_verify_depth,
        names,
    } = clients;
    let span = span(authorities);
    let read = ders::<CertificateDer<'_>>(authorities, "downstream_mtls.ca", materials, report);
    // Both, before either may end it: every problem is reported.
    let revoked = match revoked {
        None => Some(Vec::new()),
        Some(pem) => {
            let lists =
                ders::<CertificateRevocationListDer<'_>>(pem, "downstream_mtls.crl", materials, report);
            lists.filter(|lists| {
                if lists.is_empty() {
                    let message = "`downstream_mtls.crl`: there is no list of revoked certificates";
                    report.error(
                        self::span(pem),
                        codes::CLIENT_AUTHORITY_INVALID,
                        message.to_owned(),
                        None,
                    );
                }
                !lists.is_empty()
            })
        }
    };
    let requirements = ClientRequirements {
        authorities: read?,
        revoked: revoked?,
        max_depth: *max_verify_depth,
        names: names.clone(),
    };
    if requirements.authorities.len() > MANY && !materials.each_host_logs_in {
        let message = format!(
            "`downstream_mtls.ca` holds {} authorities, and every client is sent the name of each in its handshake: more than {MANY} slow it down, and some clients refuse it",
            requirements.authorities.len()
        );
        report.warning(span, codes::MANY_CLIENT_AUTHORITIES, message);
    }
    match ClientAuthorities::new(requirements) {
        Ok(authorities) => Some(Arc::new(authorities)),
        Err(error) => {
            let message = format!("`downstream_mtls`: {error}");
            report.error(span, codes::CLIENT_AUTHORITY_INVALID, message, None);
            None
        }
    }
}

/// Warns where our own Envoy does not speak TLS: it then asks nobody for a certificate.
pub(super) fn advise(global: &Global, materials: &Materials, report: &mut Report) {
    // Another's Envoy listens by its own configuration.
    if !global.insecure_server || materials.each_host_logs_in {
        return;
    }
    if let Some(clients) = &global.client_certificates {
        let then = if clients.default_deny {
            ", and every route refuses everybody"
        } else {
            ""
        };
        let message = format!(
            "`downstream_mtls` without TLS (`insecure_server`) asks no client for a certificate{then}"
        );
        report.warning(span(&clients.authorities), NO_EFFECT, message);
    }
}

/// What Envoy asks of clients for that.
pub(super) fn asked_for(authorities: &ClientAuthorities) -> ClientCertificates {
    let mut pem = String::new();
    for der in &authorities.requirements().authorities {
        pem_of(der, &mut pem);
    }
    ClientCertificates {
        authorities: pem,
        intermediates: authorities.take_intermediates(),
    }
}

fn span(pem: &Pem) -> Span {
    match pem {
        Pem::Inline(pem) => pem.span,
        Pem::File(file) => file.span,
    }
}

/// The blocks of one kind; others, perhaps a private key, go nowhere.
fn ders<T: PemObject + AsRef<[u8]>>(
    pem: &Pem,
    key: &str,
    materials: &Materials,
    report: &mut Report,
) -> Option<Vec<Vec<u8>>> {
    let bytes = match pem {
        Pem::Inline(pem) => pem.value.as_slice(),
        Pem::File(file) => match content(file, materials) {
            Ok(bytes) => bytes,
            Err(why) => {
                report.error(file.span, UNREADABLE_FILE, why, None);
                return None;
            }
        },
    };
    let blocks = T::pem_slice_iter(bytes).map(|block| block.map(|der| der.as_ref().to_vec()));
    match blocks.collect::<Result<Vec<_>, _>>() {
        Ok(ders) => Some(ders),
        Err(error) => {
            let message = format!("`{key}` is not valid PEM: {error}");
            report.error(span(pem), codes::CLIENT_AUTHORITY_INVALID, message, None);
            None
        }
    }
}
