use proptest::prelude::*;
use regex::Regex;

use super::{Host, HostError, HostPattern};

fn pattern(text: &str) -> HostPattern {
    HostPattern::parse(text).unwrap()
}

fn matches(text: &str, host: &str) -> bool {
    pattern(text).matches(&Host::parse(host).unwrap())
}

#[test]
fn only_a_domain_at_the_end_is_somebodys() {
    for text in [
        "a.test",
        "10.0.0.1",
        "[::1]",
        "*.example.com",
        "a-*.b.test",
        "*a*.test",
    ] {
        assert!(pattern(text).ends_in_a_domain(), "{text}");
    }
    for text in ["*", "*.*", "app.*", "*example.com", "10.0.0.*", "*.example.c*"] {
        assert!(!pattern(text).ends_in_a_domain(), "{text}");
    }
}

#[test]
fn a_pattern_has_one_spelling() {
    for (text, expected) in [
        ("*.Example.COM.", "*.example.com"),
        ("**.example.com", "*.example.com"),
        ("a-*.b.test", "a-*.b.test"),
        ("a.*.b_c", "a.*.b_c"),
        ("*", "*"),
        ("*.*", "*.*"),
        ("10.0.0.*", "10.0.0.*"),
        ("App.Example.com", "app.example.com"),
    ] {
        assert_eq!(pattern(text).as_str(), expected, "{text}");
        assert_eq!(pattern(text).to_string(), expected);
    }
    assert!(matches!(pattern("a.test"), HostPattern::Exact(_)));
    assert!(matches!(pattern("*.test"), HostPattern::Wildcard(_)));
    assert_eq!(pattern("A.test").exact().unwrap().as_str(), "a.test");
    assert_eq!(pattern("*.test").exact(), None);
}

#[test]
fn what_no_host_fits_is_refused() {
    let long = format!("*.{}example", "a.".repeat(130));
    let label = format!("*.{}.example", "a".repeat(64));
    for (text, error) in [
        ("", HostError::Empty),
        ("*.example.com:443", HostError::Port),
        ("u@*.example.com", HostError::UserInfo),
        ("*.bücher.test", HostError::NotAscii),
        ("*..test", HostError::Label),
        (".*.test", HostError::Label),
        ("*.-a.test", HostError::Label),
        ("-*.test", HostError::Label),
        ("*-.test", HostError::Label),
        ("*.a b", HostError::Label),
        ("*/a", HostError::Label),
        ("[*]", HostError::Label),
        ("[::*]", HostError::Label),
        ("*.a\r\n", HostError::Label),
        ("*.a\0", HostError::Label),
        (&long, HostError::TooLong),
        (&label, HostError::Label),
    ] {
        assert_eq!(HostPattern::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_star_is_any_text_also_none() {
    for (text, host) in [
        ("*.example.com", "a.example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*example.com", "example.com"),
        ("a-*.test", "a-x.b.test"),
        ("a*a*a.test", "aaa.test"),
        ("*ab*ab", "abab"),
        ("10.0.0.*", "10.0.0.7"),
        ("*", "[::1]"),
        ("a.test", "A.test"),
    ] {
        assert!(matches(text, host), "{text} {host}");
    }
    for (text, host) in [
        ("*.example.com", "example.com"),
        ("*.example.com", "a.example.com.evil.test"),
        ("*.example.com", "a-example.com"),
        ("*.example.com", "aexample.com"),
        ("a*a.test", "a.test"),
        ("*ab*ab", "xab"),
        ("a*b*c", "acb"),
        ("a.test", "b.test"),
    ] {
        assert!(!matches(text, host), "{text} {host}");
    }
}

#[test]
fn pieces_stand_between_the_stars() {
    let pieces = |text: &str| pattern(text).pieces().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(pieces("*.example.com"), ["", ".example.com"]);
    assert_eq!(pieces("a*b*.test"), ["a", "b", ".test"]);
    assert_eq!(pieces("*"), ["", ""]);
    assert_eq!(pieces("a.test"), ["a.test"]);
}

#[test]
fn json_is_the_text() {
    for text in ["a.test", "*.test"] {
        let json = serde_json::to_string(&pattern(text)).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<HostPattern>(&json).unwrap(), pattern(text));
    }
    assert!(serde_json::from_str::<HostPattern>("\"*..test\"").is_err());
}

/// The stars are bounded by the length of a host, and so is the time: the naive way would take for ever.
#[test]
fn many_stars_are_cheap() {
    let text = format!("{}b", "a*".repeat(126));
    let host = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    for _ in 0..1_000 {
        assert!(!matches(&text, &host));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_glob_is_the_regular_expression(
        text in "[ab*]{1,4}(\\.[ab*]{1,3}){0,2}",
        host in "[ab]{1,5}(\\.[ab]{1,3}){0,3}",
    ) {
        let pattern = HostPattern::parse(&text).unwrap();
        let pieces: Vec<String> = pattern.pieces().map(regex::escape).collect();
        let reference = Regex::new(&format!("^{}$", pieces.join("(.*)"))).unwrap();
        prop_assert_eq!(
            pattern.matches(&Host::parse(&host).unwrap()),
            reference.is_match(&host),
            "{} {}", text, host
        );
    }

    #[test]
    fn any_text_is_answered_and_what_is_read_is_canonical(text in "\\PC{0,40}|[a-c*.:@\\[\\]-]{0,40}") {
        if let Ok(pattern) = HostPattern::parse(&text) {
            prop_assert_eq!(&HostPattern::parse(pattern.as_str()).unwrap(), &pattern);
            prop_assert_eq!(pattern.exact().is_none(), text.contains('*'));
        }
    }
}

#[test]
fn a_dot_behind_the_host_is_for_stars_at_the_end_alone() {
    for (pattern, host, fits) in [
        ("app.example.com", "app.example.com", false),
        ("*.example.com", "app.example.com", false),
        ("app.*", "app.example.com", true),
        ("app.*", "app", true),
        ("*", "app", true),
        ("*.example.*", "example.com", false),
    ] {
        let read = HostPattern::parse(pattern).unwrap();
        let host = Host::parse(host).unwrap();
        assert_eq!(read.matches_with_dot(&host), fits, "{pattern} {host}");
    }
}
