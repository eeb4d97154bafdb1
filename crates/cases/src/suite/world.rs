//! From what a case says to what a policy is asked.

use std::path::Path;

use portcullis_bundle::matcher::Target;
use portcullis_document::Span;
use portcullis_model::Claims;
use portcullis_policy::{Leaf, PresentedKey, RecordSet};

use crate::case_file::{Blob, CertificateSpec, Given, Record, SshSpec, UserSpec, When};
use crate::situation::{Certificate, DEFAULT_NOW, DEFAULT_SOURCE_IP, Session, Situation, SshRequest};

type Problem = (Span, String);
type Read<'r> = &'r dyn Fn(&Path) -> Result<String, String>;

/// The situation of a case.
///
/// # Errors
/// When a file, a certificate, a key or the claims cannot be read.
pub(super) fn situation(
    given: &Given,
    when: &When,
    target: &Target,
    read: impl Fn(&Path) -> Result<String, String>,
) -> Result<Situation, Problem> {
    let now = when.time.or(given.time).unwrap_or(DEFAULT_NOW);
    let records = records(given.records.iter().chain(&when.records))?;
    let mut situation = Situation {
        method: when.method.clone().unwrap_or_else(|| "GET".to_owned()),
        host: target.host.as_str().to_owned(),
        path: target.decoded_path().to_owned(),
        source_ip: when.source_ip.unwrap_or(Some(DEFAULT_SOURCE_IP)),
        session: when.user.as_ref().map(session).transpose()?,
        certificate: match &when.certificate {
            Some(spec) => certificate(spec, &read)?,
            None => Certificate::default(),
        },
        ssh: when.ssh.as_ref().map(|spec| ssh(spec, &read)).transpose()?,
        mcp: when.mcp.clone(),
        records,
        ..Situation::get(target.host.as_str(), now)
    };
    for (name, value) in &when.headers {
        situation.header(name, value);
    }
    Ok(situation)
}

/// A record that says by what it is found says it for all of its type.
fn records<'r>(records: impl Iterator<Item = &'r Record> + Clone) -> Result<RecordSet, Problem> {
    let mut set = RecordSet::new();
    for record in records.clone() {
        if let Some(key) = record.found_by {
            let said = set.set_foreign_key(&record.kind, key);
            said.map_err(|error| (record.span, error.to_string()))?;
        }
    }
    for record in records {
        set.insert(&record.kind, &record.id, record.data.clone(), record.expires_at)
            .map_err(|error| (record.span, error.to_string()))?;
    }
    Ok(set)
}

fn session(user: &UserSpec) -> Result<Session, Problem> {
    let claims = Claims::flatten(&user.claims);
    Ok(Session {
        id: user.session_id.clone().unwrap_or_else(|| "session".to_owned()),
        user_id: user.id.clone().unwrap_or_default(),
        email: user.email.clone().unwrap_or_default(),
        claims: claims.map_err(|error| (user.span.unwrap_or(Span::START), error.to_string()))?,
        groups: user.groups.clone(),
        devices: user.devices.clone(),
    })
}

fn blob(blob: &Blob, span: Span, read: Read<'_>) -> Result<String, Problem> {
    match blob {
        Blob::Inline(text) => Ok(text.clone()),
        Blob::File(path) => read(path).map_err(|why| (span, why)),
    }
}

/// One that is presented and cannot be read is a certificate all the same, as at a
/// server.
fn certificate(spec: &CertificateSpec, read: Read<'_>) -> Result<Certificate, Problem> {
    let leaf = match &spec.pem {
        None => None,
        Some(pem) => {
            let pem = blob(pem, spec.span, read)?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                return Err((spec.span, "the certificate is no PEM".to_owned()));
            }
            Leaf::from_pem(&pem).ok()
        }
    };
    Ok(Certificate {
        presented: spec.presented,
        valid: spec.valid,
        // As at a server, names count only where an authority vouches for them.
        leaf: leaf.map(|leaf| if spec.valid { leaf } else { leaf.without_names() }),
    })
}

fn ssh(spec: &SshSpec, read: Read<'_>) -> Result<SshRequest, Problem> {
    let key = match &spec.key {
        None => None,
        Some(key) => {
            let line = blob(key, spec.span, read)?;
            let key = PresentedKey::from_authorized_key(line.trim());
            Some(key.map_err(|error| (spec.span, format!("the SSH key: {error}")))?)
        }
    };
    Ok(SshRequest {
        username: spec.username.clone(),
        key,
    })
}
