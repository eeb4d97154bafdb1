//! `when`: the request, who makes it, and when.

use core::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use portcullis_document::{Node, Span};
use portcullis_policy::ForeignKey;
use serde_json::{Map, Value};

use super::{Given, UserSpec, user};
use crate::problem::{Fields, Problems, object};
use crate::situation::McpMessage;

const KEYS: [&str; 16] = [
    "method",
    "url",
    "host",
    "path",
    "headers",
    "source_ip",
    "session",
    "user",
    "claims",
    "groups",
    "devices",
    "certificate",
    "ssh",
    "mcp",
    "records",
    "time",
];

/// A request as it is written.
#[derive(Default)]
pub(crate) struct When {
    pub(crate) method: Option<String>,
    pub(crate) url: Option<(String, Span)>,
    pub(crate) headers: Vec<(String, String)>,
    /// `Some(None)`: it could not be determined.
    pub(crate) source_ip: Option<Option<IpAddr>>,
    pub(crate) user: Option<UserSpec>,
    pub(crate) certificate: Option<CertificateSpec>,
    pub(crate) ssh: Option<SshSpec>,
    pub(crate) mcp: McpMessage,
    pub(crate) records: Vec<Record>,
    pub(crate) time: Option<Timestamp>,
}

/// A text that stands in the file or in a file of its own.
#[derive(Clone)]
pub(crate) enum Blob {
    Inline(String),
    File(PathBuf),
}

/// A client certificate.
#[derive(Clone)]
pub(crate) struct CertificateSpec {
    pub(crate) pem: Option<Blob>,
    pub(crate) presented: bool,
    pub(crate) valid: bool,
    pub(crate) span: Span,
}

/// An SSH request.
pub(crate) struct SshSpec {
    pub(crate) username: String,
    pub(crate) key: Option<Blob>,
    pub(crate) span: Span,
}

/// A record that `record` criteria look into.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) found_by: Option<ForeignKey>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) span: Span,
}

impl When {
    pub(super) fn read(node: &Node, given: &Given, problems: &mut Problems) -> Self {
        let Some(fields) = problems.map(node, "when", &KEYS) else {
            return Self::default();
        };
        let url = match (fields.get("url"), fields.get("host"), fields.get("path")) {
            (Some(url), None, None) => problems.text(url, "url").map(|text| (text, url.span)),
            (Some(url), _, _) => {
                problems.add(url.span, "`url` stands for `host` and `path`; say either");
                None
            }
            (None, None, None) => None,
            (None, host, path) => {
                let mut text = |node: Option<&Node>, what, default: &str| match node {
                    Some(node) => problems.text(node, what).unwrap_or_default(),
                    None => default.to_owned(),
                };
                let span = host.or(path).map_or(node.span, |node| node.span);
                let host = text(host, "host", crate::situation::DEFAULT_HOST);
                Some((format!("https://{host}{}", text(path, "path", "/")), span))
            }
        };
        let headers = fields
            .get("headers")
            .map_or(&[][..], |node| problems.entries(node, "headers"));
        let headers = headers
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), problems.text(&entry.value, "headers")?)))
            .collect();
        Self {
            method: fields
                .get("method")
                .and_then(|node| problems.text(node, "method")),
            url,
            headers,
            source_ip: fields.get("source_ip").and_then(|node| {
                problems.parsed(node, "source_ip", "IP address or `unknown`", |text| match text {
                    "unknown" => Some(None),
                    text => text.parse().ok().map(Some),
                })
            }),
            user: user::read(&fields, given, problems),
            certificate: fields
                .get("certificate")
                .and_then(|node| CertificateSpec::read(node, problems)),
            ssh: fields.get("ssh").and_then(|node| SshSpec::read(node, problems)),
            mcp: fields
                .get("mcp")
                .map(|node| mcp(node, problems))
                .unwrap_or_default(),
            records: fields
                .get("records")
                .map(|node| records(node, problems))
                .unwrap_or_default(),
            time: fields.get("time").and_then(|node| time(node, problems)),
        }
    }
}

impl CertificateSpec {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let of = |pem, presented, valid| {
            let span = node.span;
            Some(Self {
                pem,
                presented,
                valid,
                span,
            })
        };
        match node.as_str() {
            Some("none") => of(None, false, true),
            Some("missing") => of(None, false, false),
            Some(pem) if pem.trim_start().starts_with("-----BEGIN ") => {
                of(Some(Blob::Inline(pem.to_owned())), true, true)
            }
            Some(_) => {
                let message = "a certificate is `none`, `missing`, PEM, or a map with `file` or `pem`";
                problems.add(node.span, message);
                None
            }
            None => {
                let fields = problems.map(node, "certificate", &["file", "pem", "presented", "valid"])?;
                let pem = blob(&fields, "pem", problems);
                let mut flag = |key| {
                    let node = fields.get(key)?;
                    problems.boolean(node, key)
                };
                of(
                    pem,
                    flag("presented").unwrap_or(true),
                    flag("valid").unwrap_or(true),
                )
            }
        }
    }
}

impl SshSpec {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let fields = problems.map(node, "ssh", &["username", "key", "file"])?;
        let username = fields
            .get("username")
            .and_then(|node| problems.text(node, "username"));
        Some(Self {
            username: username.unwrap_or_default(),
            key: blob(&fields, "key", problems),
            span: node.span,
        })
    }
}

/// The text of `key`, or the `file` that holds it.
fn blob(fields: &Fields<'_>, key: &str, problems: &mut Problems) -> Option<Blob> {
    match (fields.get(key), fields.get("file")) {
        (None, None) => None,
        (Some(node), None) => problems.text(node, key).map(Blob::Inline),
        (None, Some(node)) => problems.text(node, "file").map(|path| Blob::File(path.into())),
        (Some(_), Some(node)) => {
            problems.add(node.span, format!("`{key}` and `file` exclude each other"));
            None
        }
    }
}

fn mcp(node: &Node, problems: &mut Problems) -> McpMessage {
    if node.as_str() == Some("unreadable") {
        return McpMessage::Unreadable;
    }
    let Some(fields) = problems.map(node, "mcp", &["method", "tool"]) else {
        return McpMessage::Absent;
    };
    let method = fields
        .get("method")
        .and_then(|node| problems.text(node, "method"));
    McpMessage::Message {
        method: method.unwrap_or_else(|| "tools/call".to_owned()),
        tool: fields.get("tool").and_then(|node| problems.text(node, "tool")),
    }
}

pub(super) fn records(node: &Node, problems: &mut Problems) -> Vec<Record> {
    let mut records = Vec::new();
    for node in problems.list(node, "records") {
        let Some(fields) = problems.map(node, "records", &["type", "id", "data", "found_by", "expires_at"])
        else {
            continue;
        };
        let mut text = |key| match fields.get(key) {
            Some(value) => problems.text(value, key),
            None => {
                problems.add(node.span, format!("the record has no `{key}`"));
                None
            }
        };
        let (Some(kind), Some(id)) = (text("type"), text("id")) else {
            continue;
        };
        let data = match fields.get("data") {
            Some(data) => {
                problems.entries(data, "data");
                object(data)
            }
            None => Map::new(),
        };
        records.push(Record {
            kind,
            id,
            data,
            found_by: fields.get("found_by").and_then(|node| found_by(node, problems)),
            expires_at: fields.get("expires_at").and_then(|node| time(node, problems)),
            span: node.span,
        });
    }
    records
}

fn found_by(node: &Node, problems: &mut Problems) -> Option<ForeignKey> {
    let expected = "key: user.id, user.email, request.ip or request.client_certificate.fingerprint";
    problems.parsed(node, "found_by", expected, |text| match text {
        "user.id" => Some(ForeignKey::UserId),
        "user.email" => Some(ForeignKey::UserEmail),
        "request.ip" => Some(ForeignKey::Ip),
        "request.client_certificate.fingerprint" => Some(ForeignKey::CertificateFingerprint),
        _ => None,
    })
}

pub(super) fn time(node: &Node, problems: &mut Problems) -> Option<Timestamp> {
    let expected = "time such as 2026-01-15T12:00:00Z";
    problems.parsed(node, "time", expected, |text| text.parse().ok())
}
