//! Requests made of choices.

use core::net::IpAddr;

use jiff::Timestamp;
use portcullis_model::Claims;
use portcullis_policy::{
    ClientCertificate, Device, ForeignKey, Http, Input, Leaf, Mcp, PresentedKey, RecordSet, Ssh, Standing,
    Subject,
};
use serde_json::{Map, Value};

/// A request that owns what it is about.
#[derive(Default)]
pub(super) struct Request {
    method: String,
    path: String,
    source_ip: Option<IpAddr>,
    preflight: bool,
    session: Option<Session>,
    presented: bool,
    valid: bool,
    leaf: Option<Leaf>,
    ssh: Option<(String, Option<PresentedKey>)>,
    mcp: Option<(String, Option<String>)>,
    mcp_unreadable: bool,
    records: Option<RecordSet>,
    now: Timestamp,
}

#[derive(Default)]
struct Session {
    user_id: String,
    email: String,
    claims: Claims,
    groups: Option<Vec<String>>,
    devices: Vec<Device>,
}

/// Choices, one after the other; after the last one always the first of what
/// there is.
struct Choices<'a> {
    left: core::str::Bytes<'a>,
    words: Vec<&'a str>,
}

impl<'a> Choices<'a> {
    fn below(&mut self, bound: usize) -> usize {
        let digit = match self.left.next() {
            Some(byte @ b'0'..=b'9') => byte - b'0',
            Some(byte @ b'a'..=b'z') => byte - b'a' + 10,
            Some(byte) => byte,
            None => 0,
        };
        usize::from(digit) % bound.max(1)
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// A word of the policy, or nothing.
    fn word(&mut self) -> &'a str {
        let at = self.below(36) * 36 + self.below(36);
        let count = self.words.len().saturating_add(1);
        self.words.get(at % count).copied().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        let (first, second) = (self.word(), self.below(6));
        match second {
            1 => format!("{first}@{}", self.word()),
            2 => format!("{}{first}", self.word()),
            _ => first.to_owned(),
        }
    }

    fn value(&mut self) -> Value {
        match self.below(6) {
            4 => Value::from(self.below(10)),
            5 => Value::from(self.yes()),
            _ => Value::from(self.text()),
        }
    }

    fn values(&mut self) -> Vec<Value> {
        (0..self.below(4)).map(|_| self.value()).collect()
    }
}

impl Request {
    pub(super) fn new(choices: &str, policy: &str) -> Self {
        let words = policy
            .split(|c: char| c.is_whitespace() || "{}[],'\"".contains(c))
            .filter(|word| !word.is_empty() && !word.ends_with(':'))
            .take(1_000)
            .collect();
        let mut choices = Choices {
            left: choices.bytes(),
            words,
        };
        let c = &mut choices;
        Self {
            session: c.yes().then(|| session(c)),
            method: ["GET", "POST", "OPTIONS", ""]
                .get(c.below(4))
                .copied()
                .unwrap_or_default()
                .to_owned(),
            path: c.text(),
            source_ip: c.yes().then(|| address(c)).flatten(),
            preflight: c.yes(),
            presented: c.yes(),
            valid: c.yes(),
            leaf: c.yes().then(|| leaf(c)),
            ssh: c.yes().then(|| (c.text(), key(c, policy))),
            mcp: c.yes().then(|| {
                let method = if c.yes() {
                    c.text()
                } else {
                    "tools/call".to_owned()
                };
                (method, c.yes().then(|| c.text()))
            }),
            mcp_unreadable: c.yes(),
            records: c.yes().then(|| records(c)),
            now: Timestamp::from_second(
                i64::try_from(c.below(36) * 36 * 36 + c.below(36)).unwrap_or_default() * 60_000,
            )
            .unwrap_or_default(),
        }
    }

    pub(super) fn input(&self) -> Input<'_> {
        let header = self.preflight.then_some("x");
        Input {
            http: Http {
                method: &self.method,
                host: "app.example.com",
                path: &self.path,
                source_ip: self.source_ip,
                origin: header,
                access_control_request_method: header,
            },
            session: self.session.as_ref().map(|session| Subject {
                session_id: "s",
                user_id: &session.user_id,
                email: &session.email,
                claims: &session.claims,
                groups: session.groups.as_deref(),
                devices: &session.devices,
            }),
            client_certificate: ClientCertificate {
                presented: self.presented,
                valid: self.valid,
                leaf: self.leaf.as_ref(),
            },
            ssh: self.ssh.as_ref().map(|(username, key)| Ssh {
                username,
                key: key.as_ref(),
            }),
            mcp: match &self.mcp {
                _ if self.mcp_unreadable => Mcp::Unreadable,
                None => Mcp::Absent,
                Some((method, tool)) => Mcp::Message {
                    method,
                    tool: tool.as_deref(),
                },
            },
            records: self.records.as_ref().map(|records| records as _),
            now: self.now,
        }
    }
}

fn session(c: &mut Choices<'_>) -> Session {
    let claims = (0..c.below(4)).map(|_| {
        let word = c.word();
        (word.strip_prefix("claim/").unwrap_or(word).to_owned(), c.values())
    });
    let claims = claims.collect();
    let standings = [
        Standing::Unknown,
        Standing::Registered,
        Standing::Enrolled,
        Standing::Approved,
    ];
    Session {
        user_id: c.text(),
        email: c.text(),
        claims,
        groups: c.yes().then(|| (0..c.below(4)).map(|_| c.text()).collect()),
        devices: (0..c.below(3))
            .map(|_| Device {
                type_id: if c.yes() { c.text() } else { "any".to_owned() },
                credential_id: c.text(),
                standing: standings.get(c.below(4)).copied().unwrap_or(Standing::Unknown),
            })
            .collect(),
    }
}

/// An address of the policy or near one.
fn address(c: &mut Choices<'_>) -> Option<IpAddr> {
    let word = c.word();
    let text = word.split_once('/').map_or(word, |(address, _)| address);
    text.parse().ok().or_else(|| "10.0.0.1".parse().ok())
}

fn leaf(c: &mut Choices<'_>) -> Leaf {
    let names = |c: &mut Choices<'_>| (0..c.below(3)).map(|_| c.text().into_boxed_str()).collect();
    Leaf {
        fingerprint: [u8::try_from(c.below(36)).unwrap_or_default(); 32],
        spki_hash: [u8::try_from(c.below(36)).unwrap_or_default(); 32],
        san_dns: names(c),
        san_email: names(c),
        san_uri: names(c),
        san_ip: names(c),
        san_user_principal_name: names(c),
    }
}

/// A key that stands in the policy.
fn key(c: &mut Choices<'_>, policy: &str) -> Option<PresentedKey> {
    let mut lines = policy.match_indices("ssh-ed25519").map(|(at, _)| {
        let line = policy.get(at..).unwrap_or_default();
        let end = line.find(['\'', '"', '\n', ',', ']']).unwrap_or(line.len());
        line.get(..end).unwrap_or_default()
    });
    let wanted = c.below(4);
    PresentedKey::from_authorized_key(lines.nth(wanted)?).ok()
}

fn records(c: &mut Choices<'_>) -> RecordSet {
    let mut set = RecordSet::new();
    let keys = [
        ForeignKey::UserId,
        ForeignKey::UserEmail,
        ForeignKey::Ip,
        ForeignKey::CertificateFingerprint,
    ];
    for _ in 0..c.below(4) {
        let (record_type, id) = (c.word(), c.text());
        let foreign_key = keys.get(c.below(4)).copied().unwrap_or_default();
        let data = (0..c.below(4))
            .map(|_| (c.text(), c.value()))
            .collect::<Map<_, _>>();
        // What cannot be kept is not there.
        let _kept = set
            .set_foreign_key(record_type, foreign_key)
            .and_then(|()| set.insert(record_type, &id, data, None));
    }
    set
}
