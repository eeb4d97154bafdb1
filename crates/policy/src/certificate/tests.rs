//! The certificates in `tests/` were made by OpenSSL.

use portcullis_document::{Limits, parse_yaml};
use proptest::prelude::*;

use super::*;
use crate::parse::Problems;

const NAMES: &str = include_str!("tests/names.pem");
const NO_NAMES: &str = include_str!("tests/no_names.pem");
const BROKEN_NAME: &str = include_str!("tests/broken_name.pem");
/// As `openssl x509 -fingerprint -sha256` shows it.
const FINGERPRINT: &str =
    "E4:04:80:79:08:36:04:12:A3:D0:05:6B:34:AB:BB:AF:B9:8E:AF:0A:6D:F6:8C:89:14:E7:3C:0C:77:B1:C4:98";
/// SHA-256 of what `openssl x509 -pubkey` shows.
const SPKI: &str = "6yruT/WfKfQvJ/4ESNeXNH6AHUkBbRgCh6kbBZTO5xg=";

fn leaf() -> Leaf {
    Leaf::from_pem(NAMES).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn read(text: &str) -> Result<CertificateTest, Vec<String>> {
    let node = parse_yaml(text, &Limits::default()).unwrap().unwrap();
    let mut problems = Problems::default();
    CertificateTest::parse(&node, &mut problems).ok_or_else(|| {
        let found = problems.into_errors();
        found
            .iter()
            .map(|error| format!("{} {}", error.span, error.code))
            .collect()
    })
}

fn boxed(names: &[&str]) -> Box<[Box<str>]> {
    names.iter().map(|name| Box::from(*name)).collect()
}

#[test]
fn what_a_leaf_says() {
    let leaf = leaf();
    assert_eq!(hex::encode_upper(leaf.fingerprint), FINGERPRINT.replace(':', ""));
    assert_eq!(STANDARD.encode(leaf.spki_hash), SPKI);
    assert_eq!(leaf.san_dns, boxed(&["a.example", "*.b.example"]));
    assert_eq!(leaf.san_email, boxed(&["al@example.com"]));
    assert_eq!(leaf.san_uri, boxed(&["spiffe://example.com/x"]));
    assert_eq!(leaf.san_ip, boxed(&["192.0.2.7", "2001:db8::1"]));
    assert_eq!(leaf.san_user_principal_name, boxed(&["al@corp.example"]));
    assert_eq!(Leaf::from_der(&der(NAMES)), Ok(leaf.clone()));
    assert_eq!(Leaf::from_pem(&format!("a chain\n{NAMES}\n{NO_NAMES}")), Ok(leaf));
    let none = Leaf::from_pem(NO_NAMES).unwrap();
    assert!(none.san_dns.is_empty() && none.san_ip.is_empty());
}

#[test]
fn what_is_no_leaf() {
    let key = NAMES.replace("CERTIFICATE", "PRIVATE KEY");
    for (text, error) in [
        (String::new(), LeafError::Pem),
        ("x".repeat(200_000), LeafError::TooLarge),
        (NAMES.replace("-----END", "-----EN"), LeafError::Pem),
        (format!("{key}{NAMES}"), LeafError::Pem),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            LeafError::Der,
        ),
        (BROKEN_NAME.to_owned(), LeafError::Names),
    ] {
        assert_eq!(Leaf::from_pem(&text), Err(error));
    }
    let mut der = der(NAMES);
    der.push(0);
    assert_eq!(Leaf::from_der(&der), Err(LeafError::Der));
    assert_eq!(Leaf::from_der(&[]), Err(LeafError::Der));
    assert_eq!(Leaf::from_der(&vec![0x30; 70_000]), Err(LeafError::TooLarge));
    for length in 0..der.len() - 1 {
        assert!(Leaf::from_der(&der[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn conditions() {
    let other = "0".repeat(64);
    let lower = FINGERPRINT.replace(':', "").to_lowercase();
    for (text, wanted) in [
        ("{}".to_owned(), true),
        (format!("{{fingerprint: '{FINGERPRINT}'}}"), true),
        (format!("{{fingerprint: '{lower}'}}"), true),
        (format!("{{fingerprint: ['{other}', '{lower}']}}"), true),
        (format!("{{fingerprint: '{other}'}}"), false),
        ("{fingerprint: []}".to_owned(), false),
        (format!("{{spki_hash: '{SPKI}'}}"), true),
        (format!("{{spki_hash: ['{SPKI}', '{SPKI}']}}"), true),
        (format!("{{spki_hash: '{}'}}", STANDARD.encode([7; 32])), false),
        ("{san_dns: a.example}".to_owned(), true),
        ("{san_dns: b.example}".to_owned(), false),
        ("{san_dns: A.example}".to_owned(), false),
        ("{san_dns: {ends_with: .b.example}}".to_owned(), true),
        // Each operator may be met by another name, and `not` by any that
        // differs.
        ("{san_dns: {is: a.example, starts_with: '*'}}".to_owned(), true),
        ("{san_dns: {is: a.example, starts_with: x}}".to_owned(), false),
        ("{san_dns: {not: a.example}}".to_owned(), true),
        ("{san_email: {not: al@example.com}}".to_owned(), false),
        ("{san_email: {in: [x, al@example.com]}}".to_owned(), true),
        ("{san_email: {in: []}}".to_owned(), false),
        ("{san_email: {}}".to_owned(), true),
        ("{san_email: 5}".to_owned(), false),
        ("{san_email: [al@example.com]}".to_owned(), false),
        ("{san_email: {not: 5}}".to_owned(), true),
        ("{san_uri: {contains: example.com}}".to_owned(), true),
        ("{san_uri: {contains: ''}}".to_owned(), true),
        ("{san_dns: a.example, san_uri: x}".to_owned(), false),
    ] {
        let test = read(&text).unwrap();
        assert_eq!(test.holds(Some(&leaf())), wanted, "{text}");
        assert!(!test.holds(None), "{text}");
        let json = test.to_json();
        assert_eq!(read(&json.to_string()).unwrap(), test, "{json}");
        let kept = serde_json::to_string(&test).unwrap();
        assert_eq!(
            serde_json::from_str::<CertificateTest>(&kept).unwrap(),
            test,
            "{kept}"
        );
        assert!(!test.to_string().is_empty());
    }
    let none = Leaf::from_pem(NO_NAMES).unwrap();
    for (text, wanted) in [
        ("{}", true),
        ("{san_dns: {}}", true),
        ("{san_dns: {not: x}}", false),
        ("{san_dns: {contains: ''}}", false),
    ] {
        assert_eq!(read(text).unwrap().holds(Some(&none)), wanted, "{text}");
    }
}

#[test]
fn problems_have_places() {
    let hex = "a".repeat(64);
    let pairs = FINGERPRINT;
    for (text, wanted) in [
        ("leaf".to_owned(), "1:1 policy_value_type"),
        ("[]".to_owned(), "1:1 policy_value_type"),
        ("{serial: 1}".to_owned(), "1:2 policy_matcher_unknown"),
        ("{fingerprint: 5}".to_owned(), "1:15 policy_value_type"),
        ("{fingerprint: {is: x}}".to_owned(), "1:15 policy_value_type"),
        (format!("{{fingerprint: ['{hex}', 5]}}"), "1:84 policy_value_type"),
        (
            format!("{{fingerprint: '{}'}}", hex.to_uppercase()),
            "1:15 policy_value_invalid",
        ),
        (
            format!("{{fingerprint: '{}'}}", &hex[1..]),
            "1:15 policy_value_invalid",
        ),
        (format!("{{fingerprint: '{hex}a'}}"), "1:15 policy_value_invalid"),
        (
            format!("{{fingerprint: '{}'}}", pairs.to_lowercase()),
            "1:15 policy_value_invalid",
        ),
        (
            format!("{{fingerprint: '{pairs}:00'}}"),
            "1:15 policy_value_invalid",
        ),
        (
            format!("{{fingerprint: '{}'}}", &pairs[3..]),
            "1:15 policy_value_invalid",
        ),
        (
            format!("{{fingerprint: '{pairs}:'}}"),
            "1:15 policy_value_invalid",
        ),
        ("{fingerprint: ''}".to_owned(), "1:15 policy_value_invalid"),
        ("{spki_hash: AAAA}".to_owned(), "1:13 policy_value_invalid"),
        (
            format!("{{spki_hash: '{}'}}", SPKI.trim_end_matches('=')),
            "1:13 policy_value_invalid",
        ),
        (
            format!(
                "{{spki_hash: '{}'}}",
                SPKI.replace('/', "_")
                    .replace('+', "-")
                    .replacen(['A', 'B', 'C'], "-", 1)
            ),
            "1:13 policy_value_invalid",
        ),
        (
            "{san_dns: {not_in: [x]}}".to_owned(),
            "1:12 policy_matcher_unknown",
        ),
        (
            "{san_dns: {matches: x}}".to_owned(),
            "1:12 policy_matcher_unknown",
        ),
        ("{san_dns: {in: x}}".to_owned(), "1:16 policy_value_type"),
        ("{san_uri: {contains: 5}}".to_owned(), "1:22 policy_value_type"),
    ] {
        assert_eq!(read(&text).unwrap_err(), [wanted], "{text}");
    }
    for kept in [r#"{"fingerprint":["00"]}"#, r#"{"other":1}"#] {
        assert!(serde_json::from_str::<CertificateTest>(kept).is_err(), "{kept}");
    }
}

fn matches(patterns: &[(&str, &str)]) -> bool {
    let patterns = patterns
        .iter()
        .map(|(kind, pattern)| (kind.parse().unwrap(), *pattern));
    SanPatterns::new(patterns).unwrap().matches(&leaf())
}

#[test]
fn patterns_are_anchored_each_on_its_own() {
    for (kind, pattern, wanted) in [
        ("dns", r"a\.example", true),
        ("dns", r"\.example", false),
        ("dns", "a", false),
        ("dns", r".*\.example", true),
        ("dns", r"(?i)A\.EXAMPLE", true),
        ("dns", "x|a.example", true),
        ("dns", "a|a.example", true),
        ("dns", "", false),
        ("email", "al@example.com", true),
        ("email", "a.example", false),
        ("uri", "spiffe://example.com/.*", true),
        ("ip_address", r"192\.0\.2\.\d+", true),
        ("ip_address", "2001:db8::1", true),
        ("user_principal_name", ".*@corp.example", true),
        ("user_principal_name", ".*@example.com", false),
    ] {
        assert_eq!(matches(&[(kind, pattern)]), wanted, "{kind} {pattern}");
    }
    // Joined as Pomerium joins them, each of these would match.
    assert!(!matches(&[("dns", "a"), ("dns", "x")]));
    assert!(!matches(&[("dns", "x"), ("dns", "example")]));
    // One name of any kind suffices.
    assert!(matches(&[("email", "nobody"), ("dns", "a.example")]));
    assert!(matches(&[]));
    assert!(SanPatterns::default().is_empty());
}

#[test]
fn patterns_that_cannot_be_used() {
    let refused = |pattern: &str| {
        SanPatterns::new([(SanType::Dns, pattern)])
            .unwrap_err()
            .to_string()
    };
    let huge = "x".repeat(5_000);
    let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    for (pattern, reason) in [
        (
            "(",
            "`(` is no regular expression that can be used: unclosed group",
        ),
        ("a)|(?:b", "unopened group"),
        ("(?x)a # comment", "unclosed group"),
        (r"a(?=b)", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        (r"(\w{1000}){1000}", "it is too large"),
        (&huge, "it is longer than 4096 bytes"),
        (&deep, "nest"),
    ] {
        let found = refused(pattern);
        assert!(found.contains(reason), "{found}");
        assert!(found.len() < 400);
    }
    let many = core::iter::repeat_n((SanType::Dns, "a"), 101);
    assert_eq!(SanPatterns::new(many).unwrap_err(), SanPatternError::TooMany);
    assert_eq!("cn".parse::<SanType>(), Err(SanPatternError::Type));
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Leaf::from_der(&bytes);
    }

    #[test]
    fn bent_certificates(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut der = der(NAMES);
        let at = at.index(der.len());
        der[at] = byte;
        let _ = Leaf::from_der(&der);
        der.remove(cut.index(der.len()));
        let _ = Leaf::from_der(&der);
    }

    /// A pattern matches a name only as a whole.
    #[test]
    fn a_pattern_of_literals_matches_itself_alone(pattern in "[a-e*.]{0,12}") {
        let wanted = leaf().san_dns.iter().any(|name| **name == *pattern);
        prop_assert_eq!(matches(&[("dns", &regex::escape(&pattern))]), wanted);
    }
}
