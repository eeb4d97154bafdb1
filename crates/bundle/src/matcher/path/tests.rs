use super::*;

/// What Envoy 1.40 was seen to make of these; `""` where it answers 400.
const SPELLINGS: &[(&str, &str)] = &[
    // Dots.
    ("/", "/"),
    ("/.", "/"),
    ("/..", "/"),
    ("/a/.", "/a/"),
    ("/a/..", "/"),
    ("/a/...", "/a/..."),
    ("/a/..b", "/a/..b"),
    ("/a/b..", "/a/b.."),
    ("/a/../../b", "/b"),
    ("/a/%2e%2e/b", "/b"),
    ("/a/.%2E/b", "/b"),
    ("/a/%2e", "/a/"),
    ("/a/%252e", "/a/%252e"),
    // Parameters of dots, which are dropped where the dots are no escapes.
    ("/a/.;/b", "/a/b"),
    ("/a/.;x/b", "/a/b"),
    ("/a/..;", "/"),
    ("/a/..;x=1;y/b", "/b"),
    ("/a/..;a/..;b/c", "/c"),
    ("/a/c/..;x/../b", "/b"),
    ("/a/.;./b", "/a/b"),
    ("/a/..;\\b", "/"),
    ("/a/\\..;/b", "/a/..;/b"),
    ("/a/%2e%2e;/b", "/a/..;/b"),
    ("/a/%2e;/b", "/a/.;/b"),
    ("/a/..%3b/b", "/a/..%3b/b"),
    ("/a;x/../b", "/b"),
    ("/a;x/b;y", "/a;x/b;y"),
    // Slashes.
    ("//", "//"),
    ("///", "//"),
    ("//..", "/"),
    ("//..;//", "//"),
    ("/a/..//", "//"),
    ("//a", "/a"),
    ("/a///b//", "/a/b/"),
    ("/a//../b", "/a/b"),
    ("/a\\b", "/a/b"),
    ("/a\\..\\b", "/b"),
    ("/a/b/..\\..", "/"),
    ("/a%2fb", ""),
    ("/a%5Cb", ""),
    ("/a/.;%2f", ""),
    ("/%%2f", ""),
    // What begins no escape, and what must not become one.
    ("/%", "/%"),
    ("/%4", "/%4"),
    ("/%zz", "/%zz"),
    ("/%4|", "/%4%7C"),
    ("/%%2541", "/%%2541"),
    ("/%%41", "/%A"),
    ("/%%41g", "/%Ag"),
    ("/%%41b", "/%25Ab"),
    ("/%%%41b", "/%%25Ab"),
    ("/%%41%42", "/%25AB"),
    ("/%a%62", "/%25ab"),
    ("/a/%2%65", "/a/%252e"),
    ("/%2%2e", "/%2."),
    ("/%%35%43b", "/%255Cb"),
    ("/%/../%41b", "/Ab"),
    ("/a%00", ""),
    ("/a/..;%00/b", "/b"),
];

#[test]
fn every_spelling_becomes_what_envoy_makes_of_it() {
    for (written, normal) in SPELLINGS {
        assert_eq!(normalized(written).unwrap_or_default(), *normal, "{written}");
    }
}

#[test]
fn a_byte_as_it_is_stays_unless_it_is_odd() {
    for byte in b'!'..=b'~' {
        let c = char::from(byte);
        let normal = match c {
            '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' => format!("/a%{byte:02X}b"),
            '\\' => "/a/b".to_owned(),
            _ => format!("/a{c}b"),
        };
        assert_eq!(normalized(&format!("/a{c}b")), Some(normal));
    }
}

#[test]
fn an_escape_stays_as_it_is_spelled_unless_it_is_of_an_unreserved_character() {
    for byte in u8::MIN..=u8::MAX {
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            let normal = match byte {
                0 | b'/' | b'\\' => None,
                b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    Some(format!("/a{}b", char::from(byte)))
                }
                _ => Some(format!("/a{escape}b")),
            };
            assert_eq!(normalized(&format!("/a{escape}b")), normal, "{escape}");
        }
    }
}

#[test]
fn a_long_path_is_walked_once() {
    let deep = format!("{}{}", "/a".repeat(50_000), "/..".repeat(50_000));
    assert_eq!(normalized(&deep).as_deref(), Some("/"));
    let slashes = "/".repeat(100_000);
    assert_eq!(normalized(&slashes).as_deref(), Some("//"));
    let odd = "|".repeat(100_000);
    assert_eq!(
        normalized(&format!("/{odd}")).map(|path| path.len()),
        Some(300_001)
    );
}
