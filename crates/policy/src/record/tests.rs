use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;
use serde_json::json;

use super::RecordVerdict::{Fails, Holds, NoSession, Undecided};
use super::*;
use crate::parse::Problems;

fn read(text: &str) -> Result<RecordTest, Vec<String>> {
    let node = parse_yaml(text, &Limits::default()).unwrap().unwrap();
    let mut problems = Problems::default();
    RecordTest::parse(&node, &mut problems).ok_or_else(|| {
        let found = problems.into_errors();
        found
            .iter()
            .map(|error| format!("{} {}", error.span, error.code))
            .collect()
    })
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn keys() -> RecordKeys<'static> {
    RecordKeys {
        user: Some(("u-alice", "alice@example.com")),
        ip: "10.1.2.3".parse().ok(),
        fingerprint: Some(&[0xab; 32]),
        now: at("2026-01-15T12:00:00Z"),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// One record of type `t` under `id`.
fn one(foreign_key: ForeignKey, id: &str, data: Value) -> RecordSet {
    let mut set = RecordSet::new();
    set.set_foreign_key("t", foreign_key).unwrap();
    set.insert("t", id, object(data), None).unwrap();
    set
}

#[test]
fn operators() {
    let set = one(
        ForeignKey::UserId,
        "u-alice",
        json!({
            "country": "US", "teams": ["eng", "it"], "one": ["eng"], "none": [], "score": 5, "text": "07.5",
            "big": 9_007_199_254_740_993_i64, "nested": {"a": {"b": true}}, "dotted.name": 1, "null": null,
        }),
    );
    for (asked, wanted) in [
        ("field: country, is: US", Holds),
        ("field: country, is: us", Fails),
        ("field: country, not: US", Fails),
        ("field: country, not: DE", Holds),
        ("field: country, in: [DE, US]", Holds),
        ("field: country, in: []", Fails),
        ("field: country, not_in: [DE, US]", Fails),
        ("field: country, not_in: [DE, 5]", Holds),
        ("field: country, contains: S, starts_with: U, ends_with: S", Holds),
        ("field: country, contains: S, starts_with: S", Fails),
        // A single value is a list of one.
        ("field: country, has: US", Holds),
        ("field: country, exclude: US", Fails),
        ("field: teams, has: eng", Holds),
        ("field: teams, has: [eng, it]", Fails),
        ("field: teams, is: eng", Fails),
        ("field: one, is: eng", Holds),
        ("field: teams, exclude: ops", Holds),
        ("field: teams, exclude: it", Fails),
        ("field: teams, not: it", Fails),
        ("field: teams, in: [it, ops]", Holds),
        ("field: teams, not_in: [it, ops]", Fails),
        ("field: teams, starts_with: i", Holds),
        ("field: none, has: eng", Fails),
        ("field: none, exclude: eng", Holds),
        ("field: score, is: 5", Holds),
        ("field: score, is: 5.0", Holds),
        ("field: score, is: '5'", Fails),
        ("field: score, contains: '5'", Fails),
        ("field: score, '<': 5", Fails),
        ("field: score, '<=': 5", Holds),
        ("field: score, '=': 5.0", Holds),
        ("field: score, '>': 4.5", Holds),
        ("field: score, '>=': '5'", Holds),
        ("field: score, '>': 4, '<': 6", Holds),
        ("field: score, '>': 4, '<': 5", Fails),
        ("field: text, '=': 7.5", Holds),
        ("field: text, '<': '7.6'", Holds),
        ("field: big, '>': 9007199254740992", Holds),
        ("field: big, '=': 9007199254740992", Fails),
        ("field: country, '>': 0", Fails),
        ("field: one, '>': 0", Fails),
        ("field: none, '>': 0", Fails),
        ("field: nested.a.b, is: true", Holds),
        ("field: nested.a, is: {b: true}", Holds),
        ("field: nested.b, is: true", Fails),
        ("field: dotted.name, is: 1", Holds),
        ("field: 'null', is: null", Holds),
        // Without the field nothing holds, negative operators neither.
        ("field: missing, not: x", Fails),
        ("field: missing, not_in: []", Fails),
        ("field: missing, exclude: x", Fails),
        ("exists: true", Holds),
        ("exists: false", Fails),
        ("field: country, exists: true", Holds),
        ("field: missing, exists: true", Fails),
        ("field: missing, exists: false", Holds),
        ("field: country, exists: true, is: US", Holds),
    ] {
        let text = format!("{{type: t, {asked}}}");
        let test = read(&text).unwrap();
        assert_eq!(test.check(Some(&set), &keys()), wanted, "{text}");
        let json = test.to_json();
        assert_eq!(read(&json.to_string()).unwrap(), test, "{json}");
        let kept = serde_json::to_string(&test).unwrap();
        assert_eq!(serde_json::from_str::<RecordTest>(&kept).unwrap(), test, "{kept}");
        assert!(test.to_string().starts_with("a record of type `t`"));
    }
}

#[test]
fn no_record_no_source_no_session() {
    let set = one(ForeignKey::UserId, "u-bob", json!({"a": 1}));
    let nobody = RecordKeys { user: None, ..keys() };
    let nameless = RecordKeys {
        user: Some(("", "")),
        ..keys()
    };
    for (asked, absent) in [
        ("exists: true", Fails),
        ("exists: false", Holds),
        ("field: a, exists: false", Holds),
        ("field: a, is: 1", Fails),
        ("field: a, not: 1", Fails),
        ("field: a, exclude: 1", Fails),
        ("field: a, exists: false, not: 1", Fails),
    ] {
        let test = read(&format!("{{type: t, {asked}}}")).unwrap();
        assert_eq!(test.check(Some(&set), &keys()), absent, "{asked}");
        assert_eq!(test.check(Some(&set), &nameless), absent, "{asked}");
        assert_eq!(test.check(None, &keys()), absent, "{asked}");
        assert_eq!(test.check(Some(&RecordSet::new()), &keys()), absent, "{asked}");
        assert_eq!(test.check(Some(&set), &nobody), NoSession, "{asked}");
        assert_eq!(test.check(None, &nobody), NoSession, "{asked}");
    }
    let empty = one(ForeignKey::UserId, "", json!({}));
    let exists = read("{type: t, exists: true}").unwrap();
    assert_eq!(exists.check(Some(&empty), &nameless), Fails);
}

#[test]
fn foreign_keys() {
    let exists = read("{type: t, exists: true}").unwrap();
    let hex = hex::encode([0xab; 32]);
    for (foreign_key, id, wanted) in [
        (ForeignKey::UserId, "u-alice", Holds),
        (ForeignKey::UserId, "alice@example.com", Fails),
        (ForeignKey::UserEmail, "alice@example.com", Holds),
        (ForeignKey::UserEmail, "u-alice", Fails),
        (ForeignKey::CertificateFingerprint, &hex, Holds),
        (ForeignKey::CertificateFingerprint, "u-alice", Fails),
        (ForeignKey::Ip, "10.1.2.3", Holds),
        (ForeignKey::Ip, "10.0.0.0/8", Holds),
        (ForeignKey::Ip, "10.1.2.9/24", Holds),
        (ForeignKey::Ip, "::ffff:10.0.0.0/104", Holds),
        (ForeignKey::Ip, "0.0.0.0/0", Holds),
        (ForeignKey::Ip, "::/0", Fails),
        (ForeignKey::Ip, "11.0.0.0/8", Fails),
    ] {
        let set = one(foreign_key, id, json!({}));
        assert_eq!(exists.check(Some(&set), &keys()), wanted, "{foreign_key:?} {id}");
    }
    // Without a session, records of addresses and certificates are found still.
    let nobody = RecordKeys { user: None, ..keys() };
    let by_ip = one(ForeignKey::Ip, "10.0.0.0/8", json!({}));
    assert_eq!(exists.check(Some(&by_ip), &nobody), Holds);
    let mapped = RecordKeys {
        ip: "::ffff:10.9.9.9".parse().ok(),
        ..keys()
    };
    assert_eq!(exists.check(Some(&by_ip), &mapped), Holds);
    let somewhere = RecordKeys { ip: None, ..keys() };
    assert_eq!(exists.check(Some(&by_ip), &somewhere), Undecided);
    let by_certificate = one(ForeignKey::CertificateFingerprint, &hex, json!({}));
    let bare = RecordKeys {
        fingerprint: None,
        ..keys()
    };
    assert_eq!(exists.check(Some(&by_certificate), &bare), Fails);
    let by_email = one(ForeignKey::UserEmail, "x", json!({}));
    assert_eq!(exists.check(Some(&by_email), &nobody), NoSession);
    for (foreign_key, name) in [
        (ForeignKey::UserId, "\"user.id\""),
        (ForeignKey::UserEmail, "\"user.email\""),
        (ForeignKey::Ip, "\"request.ip\""),
        (
            ForeignKey::CertificateFingerprint,
            "\"request.client_certificate.fingerprint\"",
        ),
    ] {
        assert_eq!(serde_json::to_string(&foreign_key).unwrap(), name);
    }
}

#[test]
fn the_longest_prefix_and_live_records() {
    let mut set = RecordSet::new();
    set.set_foreign_key("net", ForeignKey::Ip).unwrap();
    let mut add = |id: &str, data: Value, end: Option<&str>| {
        set.insert("net", id, object(data), end.map(at)).unwrap();
    };
    add("0.0.0.0/0", json!({"zone": "world"}), None);
    add("10.0.0.0/8", json!({"zone": "inside"}), None);
    add(
        "lab",
        json!({"zone": "lab", "$index": {"cidr": "10.1.2.0/24"}}),
        None,
    );
    add(
        "desk",
        json!({"zone": "desk", "$index.cidr": "10.1.2.3"}),
        Some("2026-06-01T00:00:00Z"),
    );
    add("2001:db8::/32", json!({"zone": "six"}), None);
    assert_eq!(set.len(), 5);
    let zone = |ip: &str, now: &str| {
        let keys = RecordKeys {
            ip: ip.parse().ok(),
            now: at(now),
            ..keys()
        };
        let test = read("{type: net, field: zone, exists: true}").unwrap();
        test.value(Some(&set), &keys)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    for (ip, now, wanted) in [
        ("10.1.2.3", "2026-01-15T12:00:00Z", "desk"),
        ("10.1.2.3", "2026-06-01T00:00:00Z", "desk"),
        ("10.1.2.3", "2026-06-01T00:00:01Z", "lab"),
        ("10.1.2.4", "2026-01-15T12:00:00Z", "lab"),
        ("10.1.3.4", "2026-01-15T12:00:00Z", "inside"),
        ("192.0.2.1", "2026-01-15T12:00:00Z", "world"),
        ("2001:db8::7", "2026-01-15T12:00:00Z", "six"),
        ("2001:db9::7", "2026-01-15T12:00:00Z", ""),
    ] {
        assert_eq!(zone(ip, now), wanted, "{ip} {now}");
    }
}

#[test]
fn sets_refuse_what_cannot_be_found() {
    let mut set = RecordSet::new();
    assert!(set.is_empty());
    set.insert("t", "a", Map::new(), None).unwrap();
    set.insert("t", "a", object(json!({"x": 1})), None).unwrap();
    assert_eq!(set.len(), 1, "replaced");
    assert_eq!(set.set_foreign_key("t", ForeignKey::UserId), Ok(()));
    assert_eq!(
        set.set_foreign_key("t", ForeignKey::Ip),
        Err(RecordSetError::OtherKey("t".to_owned()))
    );
    set.set_foreign_key("net", ForeignKey::Ip).unwrap();
    for (id, data) in [
        ("host.example", json!({})),
        ("10.0.0.0/33", json!({})),
        ("10.0.0.1", json!({"$index": {"cidr": "x"}})),
        ("10.0.0.1", json!({"$index": {"cidr": 5}})),
    ] {
        assert!(
            matches!(
                set.insert("net", id, object(data), None),
                Err(RecordSetError::Address(_))
            ),
            "{id}"
        );
    }
    let expired = at("2026-01-15T11:59:59Z");
    set.insert("t", "u-alice", Map::new(), Some(expired)).unwrap();
    let exists = read("{type: t, exists: true}").unwrap();
    assert_eq!(exists.check(Some(&set), &keys()), Fails);
}

#[test]
fn problems_have_places() {
    for (text, wanted) in [
        ("t", "1:1 policy_value_type"),
        ("[]", "1:1 policy_value_type"),
        ("{type: t}", "1:1 policy_value_invalid"),
        ("{exists: true}", "1:1 policy_value_invalid"),
        ("{type: t, field: a}", "1:1 policy_value_invalid"),
        ("{type: t, is: a}", "1:1 policy_value_invalid"),
        ("{type: '', exists: true}", "1:8 policy_value_type"),
        ("{type: 5, exists: true}", "1:8 policy_value_type"),
        ("{type: t, field: [a], is: a}", "1:18 policy_value_type"),
        ("{type: t, exists: 'true'}", "1:19 policy_value_type"),
        ("{type: t, field: a, in: a}", "1:25 policy_value_type"),
        ("{type: t, field: a, not_in: {}}", "1:29 policy_value_type"),
        ("{type: t, field: a, contains: 5}", "1:31 policy_value_type"),
        ("{type: t, field: a, '<': x}", "1:26 policy_value_type"),
        ("{type: t, field: a, '<': inf}", "1:26 policy_value_type"),
        ("{type: t, field: a, '<': [5]}", "1:26 policy_value_type"),
        ("{type: t, field: a, '==': 5}", "1:21 policy_matcher_unknown"),
        (
            "{type: t, exists: true, foreign_key: user.id, field: a}",
            "1:25 policy_matcher_unknown",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), [wanted], "{text}");
    }
    assert_eq!(
        read("{}").unwrap_err(),
        ["1:1 policy_value_invalid", "1:1 policy_value_invalid"]
    );
}

proptest! {
    /// The look-up by prefixes agrees with looking at every range.
    #[test]
    fn longest_prefix_by_looking_at_all(
        ranges in prop::collection::vec((any::<[u8; 4]>(), 0..=32_u8), 0..20),
        address in any::<[u8; 4]>(),
        near in any::<prop::sample::Index>(),
    ) {
        let mut set = RecordSet::new();
        set.set_foreign_key("net", ForeignKey::Ip).unwrap();
        let mut all = Vec::new();
        for (octets, length) in &ranges {
            let range = ipnet::Ipv4Net::new((*octets).into(), *length).unwrap().trunc();
            set.insert("net", &range.to_string(), object(json!({"range": range.to_string()})), None).unwrap();
            all.push(range);
        }
        // Half of the addresses lie near a range.
        let address = match ranges.get(near.index(ranges.len() * 2 + 1)) {
            Some((octets, _)) => [octets[0], octets[1], octets[2], address[3]],
            None => address,
        };
        let wanted = all.iter().filter(|range| range.contains(&core::net::Ipv4Addr::from(address)))
            .max_by_key(|range| range.prefix_len()).map(ToString::to_string);
        let keys = RecordKeys { ip: Some(IpAddr::from(address)), ..keys() };
        let found = set.find("net", &keys).and_then(|data| data["range"].as_str()).map(str::to_owned);
        prop_assert_eq!(found, wanted);
    }
}
