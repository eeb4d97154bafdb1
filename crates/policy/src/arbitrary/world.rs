//! Arbitrary requests, with all that a policy may look at.

use core::net::IpAddr;
use std::sync::LazyLock;

use jiff::Timestamp;
use portcullis_model::Claims;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{KEYS, text, value};
use crate::device::{Device, Standing};
use crate::input::{ClientCertificate, Http, Input, Mcp, Ssh, Subject};
use crate::record::{ForeignKey, RecordSet};
use crate::{Leaf, PresentedKey};

/// An [`Input`] that owns what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) preflight: bool,
    pub(crate) session: Option<Person>,
    /// Whether a certificate is presented, and whether it is valid.
    pub(crate) certificate: (bool, bool),
    pub(crate) leaf: Option<Leaf>,
    /// The user name and the key.
    pub(crate) ssh: Option<(String, Option<PresentedKey>)>,
    pub(crate) mcp: Message,
    pub(crate) records: bool,
    pub(crate) now: Timestamp,
}

/// A [`Subject`] that owns what it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) user_id: String,
    pub(crate) email: String,
    pub(crate) claims: Claims,
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) devices: Vec<Device>,
}

/// An [`Mcp`] that owns what it is about.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Absent,
    Call(&'static str, Option<String>),
    Unreadable,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            path: "/".into(),
            source_ip: Some([10, 0, 0, 1].into()),
            preflight: false,
            session: None,
            certificate: (false, true),
            leaf: None,
            ssh: None,
            mcp: Message::Absent,
            records: false,
            now: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Request {
    pub(crate) fn input(&self) -> Input<'_> {
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
            session: self.session.as_ref().map(|person| Subject {
                session_id: "s",
                user_id: &person.user_id,
                email: &person.email,
                claims: &person.claims,
                groups: person.groups.as_deref(),
                devices: &person.devices,
            }),
            client_certificate: ClientCertificate {
                presented: self.certificate.0,
                valid: self.certificate.1,
                leaf: self.leaf.as_ref(),
            },
            ssh: self.ssh.as_ref().map(|(username, key)| Ssh {
                username,
                key: key.as_ref(),
            }),
            mcp: match &self.mcp {
                Message::Absent => Mcp::Absent,
                Message::Call(method, tool) => Mcp::Message {
                    method,
                    tool: tool.as_deref(),
                },
                Message::Unreadable => Mcp::Unreadable,
            },
            records: self.records.then_some(&*RECORDS),
            now: self.now,
        }
    }
}

static PRESENTED: LazyLock<Vec<PresentedKey>> = LazyLock::new(|| {
    let key = |text: &&str| PresentedKey::from_authorized_key(text).expect("a key");
    KEYS.iter().map(key).collect()
});

/// People by user id, networks by address.
static RECORDS: LazyLock<RecordSet> = LazyLock::new(|| {
    let mut records = RecordSet::new();
    records
        .set_foreign_key("networks", ForeignKey::Ip)
        .expect("no records yet");
    let data = |value: Value| value.as_object().cloned().unwrap_or_else(Map::new);
    for (kind, id, value) in [
        ("people", "a", json!({"a": "b"})),
        ("people", "b", json!({"a": ["a", "b"]})),
        ("networks", "10.0.0.0/16", json!({"n": 5})),
        ("networks", "2001:db8::/32", json!({"n": 4})),
    ] {
        records
            .insert(kind, id, data(value), None)
            .expect("a record that can be found");
    }
    records
});

fn leaf() -> impl Strategy<Value = Leaf> {
    let names = || {
        prop::collection::vec(text(), 0..3).prop_map(|names| names.into_iter().map(String::into).collect())
    };
    (1_u8..3, names(), names()).prop_map(|(byte, san_dns, san_email)| Leaf {
        fingerprint: [byte; 32],
        spki_hash: [byte; 32],
        san_dns,
        san_email,
        san_uri: [].into(),
        san_ip: [].into(),
        san_user_principal_name: [].into(),
    })
}

fn device() -> impl Strategy<Value = Device> {
    let standing = prop::sample::select(vec![
        Standing::Unknown,
        Standing::Registered,
        Standing::Enrolled,
        Standing::Approved,
    ]);
    let kind = prop::sample::select(vec!["any", "any", "b"]);
    (kind, text(), standing).prop_map(|(kind, credential_id, standing)| Device {
        type_id: kind.to_owned(),
        credential_id,
        standing,
    })
}

fn person() -> impl Strategy<Value = Person> {
    let claims = prop::collection::vec((text(), prop::collection::vec(value(), 0..3)), 0..4);
    let groups = prop::option::of(prop::collection::vec(text(), 0..3));
    (
        text(),
        text(),
        claims,
        groups,
        prop::collection::vec(device(), 0..3),
    )
        .prop_map(|(user_id, email, claims, groups, devices)| Person {
            user_id,
            email,
            claims: claims.into_iter().collect(),
            groups,
            devices,
        })
}

/// Any request.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let key = prop::sample::select(&PRESENTED[..]);
    let message = prop_oneof![
        Just(Message::Absent),
        text().prop_map(|tool| Message::Call("tools/call", Some(tool))),
        Just(Message::Call("tools/call", None)),
        Just(Message::Call("initialize", None)),
        Just(Message::Unreadable),
    ];
    let address = prop::sample::select(vec!["10.0.0.1", "10.9.0.1", "::ffff:10.0.0.1", "2001:db8::1"])
        .prop_map(|text| text.parse().expect("an address"));
    // The days of one week, and the hours of a day.
    let now = (0_i64..7 * 24)
        .prop_map(|hour| Timestamp::from_second(1_767_916_800 + hour * 3_600).expect("a time"));
    let http = (
        text(),
        text(),
        prop::option::weighted(0.9, address),
        any::<bool>(),
    );
    let rest = (
        any::<(bool, bool)>(),
        prop::option::of(leaf()),
        prop::option::of((text(), prop::option::of(key))),
        message,
        any::<bool>(),
        now,
    );
    (http, prop::option::weighted(0.8, person()), rest).prop_map(
        |((method, path, source_ip, preflight), session, (certificate, leaf, ssh, mcp, records, now))| {
            Request {
                method,
                path,
                source_ip,
                preflight,
                session,
                certificate,
                leaf,
                ssh,
                mcp,
                records,
                now,
            }
        },
    )
}
