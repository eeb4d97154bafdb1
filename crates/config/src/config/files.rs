//! The files that a configuration names.

use std::path::PathBuf;

use portcullis_document::Span;

use super::{Action, Certificate, Config, Pem, Secret};

/// The code of a diagnostic about a referenced file that cannot be read.
pub const UNREADABLE_FILE: &str = "unreadable_file";

/// A file that must be read before the configuration can take effect, and watched afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// The path as written.
    pub path: PathBuf,
    /// Where it is written.
    pub span: Span,
    /// The code of a diagnostic that says it cannot be read: [`UNREADABLE_FILE`].
    pub code: &'static str,
    /// The option that names it.
    pub key: &'static str,
}

/// Every file that `config` names, in the order of the options; a path that occurs twice is listed twice.
#[must_use]
pub fn file_references(config: &Config) -> Vec<FileReference> {
    let global = &config.global;
    let mut references = Vec::new();
    let mut add = |path: &PathBuf, span, key| {
        references.push(FileReference {
            path: path.clone(),
            span,
            code: UNREADABLE_FILE,
            key,
        });
    };
    let pairs = global
        .certificates
        .iter()
        .filter_map(|certificate| match certificate {
            Certificate::Files(pair) => Some(pair),
            Certificate::Inline { .. } => None,
        });
    for pair in pairs {
        add(&pair.cert.value, pair.cert.span, pair.cert_key());
        add(&pair.key.value, pair.key.span, pair.key_key());
    }
    if let Some(clients) = &global.client_certificates {
        if let Pem::File(file) = &clients.authorities {
            add(&file.value, file.span, "downstream_mtls.ca_file");
        }
        if let Some(Pem::File(file)) = &clients.revoked {
            add(&file.value, file.span, "downstream_mtls.crl_file");
        }
    }
    let secrets = [
        (
            global
                .idp
                .as_ref()
                .map_or(&[][..], |idp| idp.client_secret.as_slice()),
            "idp_client_secret_file",
        ),
        (&global.shared_secret, "shared_secret_file"),
        (&global.cookie_secret, "cookie_secret_file"),
        (global.signing_key.as_slice(), "signing_key_file"),
    ];
    let secrets = secrets
        .into_iter()
        .flat_map(|(secrets, key)| secrets.iter().map(move |secret| (secret, key)));
    for (secret, key) in secrets {
        if let Secret::File(file) = secret {
            add(&file.value, file.span, key);
        }
    }
    for route in &config.routes {
        let ca = match &route.action {
            Some(Action::Upstream(upstream)) => upstream.tls.ca.as_ref(),
            Some(Action::Redirect(_) | Action::Respond(_)) | None => None,
        };
        if let Some(Pem::File(file)) = ca {
            add(&file.value, file.span, "tls_custom_ca_file");
        }
        for file in &route.unused_files {
            add(&file.value, file.span, "tls_client_cert_file");
        }
    }
    references
}
