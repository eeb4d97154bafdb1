use super::{RegexError, check};

/// Each was given to RE2, which takes it too.
const GOOD: &str = include_str!("good.txt");
/// Each is refused here; RE2 refuses most of them, and reads the rest in another way.
const BAD: &str = include_str!("bad.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

#[test]
fn what_re2_takes_is_taken() {
    assert!(lines(GOOD).count() > 60);
    for pattern in lines(GOOD) {
        assert!(check(pattern).is_ok(), "{pattern}: {:?}", check(pattern));
    }
}

#[test]
fn what_re2_refuses_or_reads_otherwise_is_refused() {
    assert!(lines(BAD).count() > 60);
    for pattern in lines(BAD) {
        assert!(check(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn bombs_are_refused_at_once() {
    for bomb in [
        "(((a{100}){100}){100}){100}".to_owned(),
        "a{1001}".to_owned(),
        "(a{101}){10}".to_owned(),
        format!("{}a{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("{}a{}", "(?:".repeat(101), "){1}".repeat(101)),
        "\\pL{100}".to_owned(),
        "(.{100}){9}(.{100}){9}(.{100}){9}".to_owned(),
        "a".repeat(5_000),
        "(a|".repeat(1_000),
        "[".repeat(4_000),
        format!("({})", "x{1000}".repeat(500)),
    ] {
        assert!(check(&bomb).is_err(), "{bomb:.40}");
    }
}

#[test]
fn an_error_says_what_and_where() {
    let text = |pattern: &str| check(pattern).unwrap_err().to_string();
    assert_eq!(
        text("^/a(?=b)$"),
        "look-around, including look-ahead and look-behind, is not supported (at character 4)"
    );
    assert_eq!(
        text("/(a)\\1"),
        "backreferences are not supported (at character 5)"
    );
    assert_eq!(text("/é(?x)"), "Envoy does not have this flag (at character 5)");
    assert_eq!(
        text("/[a-z&&b]"),
        "Envoy does not have operations on classes (at character 3)"
    );
    assert_eq!(check("a{2000}"), Err(RegexError::Repeat { at: 1 }));
    assert_eq!(check(&"a".repeat(4_097)), Err(RegexError::TooLong));
}

#[test]
fn the_first_character_is_known_where_it_is_easy() {
    for (pattern, first) in [
        ("^/a$", Some('/')),
        ("/a", Some('/')),
        ("\\A(?i)(admin|x)", None),
        ("(?i)^admin", Some('a')),
        ("(?:(x)y)", Some('x')),
        ("a|/b", None),
        ("a*/", None),
        (".*", None),
        ("", None),
    ] {
        assert_eq!(check(pattern).unwrap().first, first, "{pattern}");
    }
}
