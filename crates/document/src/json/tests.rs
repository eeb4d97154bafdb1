use proptest::prelude::*;
use serde_json::json;

use crate::{Kind, Limits, Node, Span, SyntaxError, parse_json};

fn parse(text: &str) -> Node {
    parse_json(text, &Limits::default()).unwrap().unwrap()
}

fn error(text: &str) -> (&'static str, String, String) {
    let SyntaxError { span, code, message } = parse_json(text, &Limits::default()).unwrap_err();
    (code, span.to_string(), message)
}

#[test]
fn a_text_becomes_a_tree_with_positions() {
    let root = parse("\u{feff} {\"é😀\": [1,\r\n \"x\"], \"b\": {\"k\": null}}");
    assert_eq!(root.span, Span { line: 1, column: 2 });
    let entries = root.as_map().unwrap();
    assert_eq!(entries[0].key_span, Span { line: 1, column: 3 });
    let list = entries[0].value.as_seq().unwrap();
    assert_eq!(entries[0].value.span, Span { line: 1, column: 9 });
    assert_eq!(list[0].span, Span { line: 1, column: 10 });
    assert_eq!(list[1].span, Span { line: 2, column: 2 });
    assert_eq!(entries[1].key_span, Span { line: 2, column: 8 });
    assert_eq!(
        root.get("b").unwrap().get("k").unwrap().span,
        Span { line: 2, column: 19 }
    );
    assert_eq!(root.to_json(), json!({"é😀": [1, "x"], "b": {"k": null}}));
}

#[test]
fn scalars_have_jsons_kinds_and_not_yamls() {
    for (text, kind) in [
        ("1", Kind::Int),
        ("-9223372036854775808", Kind::Int),
        ("18446744073709551615", Kind::Int),
        ("18446744073709551616", Kind::Float),
        ("-0", Kind::Float),
        ("1.0", Kind::Float),
        ("1E+2", Kind::Float),
        ("true", Kind::Bool(true)),
        ("null", Kind::Null),
        ("\"2024-01-01\"", Kind::Str),
        ("\"true\"", Kind::Str),
        ("\"\"", Kind::Str),
    ] {
        assert_eq!(parse(text).as_scalar().unwrap().kind, kind, "{text}");
    }
    let text = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\u{7f}\u{85}\u{2028}\"";
    assert_eq!(
        parse(text).as_str(),
        Some("\"\\/\u{8}\u{c}\n\r\té😀\u{7f}\u{85}\u{2028}")
    );
}

#[test]
fn nothing_but_space_is_no_document() {
    for text in ["", " \n\t\r ", "\u{feff}"] {
        assert_eq!(parse_json(text, &Limits::default()), Ok(None), "{text:?}");
    }
}

#[test]
fn what_is_not_json_is_refused_where_it_stands() {
    for (text, place, message) in [
        (
            "{'a': 1}",
            "1:2",
            "a key in double quotes is expected here, and there is `'`",
        ),
        (
            "{a: 1}",
            "1:2",
            "a key in double quotes is expected here, and there is `a`",
        ),
        (
            "{\"a\": 1,}",
            "1:9",
            "a key in double quotes is expected here, and there is `}`",
        ),
        ("[1,]", "1:4", "a value is expected here, and there is `]`"),
        ("[1 2]", "1:4", "`,` or `]` is expected here, and there is `2`"),
        ("{\"a\" 1}", "1:6", "`:` is expected here, and there is `1`"),
        (
            "{\"a\": 1 // x\n}",
            "1:9",
            "`,` or `}` is expected here, and there is `/`",
        ),
        (
            "{} é",
            "1:4",
            "the end of the text is expected here, and there is `é`",
        ),
        (
            "{\"é\": [\n",
            "2:1",
            "a value is expected here, and the text ends",
        ),
        ("[\"é", "1:2", "the string does not end"),
        (
            "[\"é\n\"]",
            "1:4",
            "the character U+000A in a string must be escaped",
        ),
        (
            "[\"\t\"]",
            "1:3",
            "the character U+0009 in a string must be escaped",
        ),
        ("[\"é\\x\"]", "1:4", "there is no such escape in JSON"),
        ("[\"\\u12g4\"]", "1:3", "`\\u` takes four hexadecimal digits"),
        ("[\"\\ud83d\"]", "1:3", "half of a surrogate pair stands alone"),
        (
            "[\"\\ud83d\\u0041\"]",
            "1:3",
            "half of a surrogate pair stands alone",
        ),
        ("[\"\\ude00\"]", "1:3", "half of a surrogate pair stands alone"),
        ("[01]", "1:2", "a number begins with no zero"),
        ("[-01]", "1:2", "a number begins with no zero"),
        ("[1.]", "1:4", "a digit is expected here, and there is `]`"),
        ("[.5]", "1:2", "a value is expected here, and there is `.`"),
        ("[+1]", "1:2", "a value is expected here, and there is `+`"),
        ("[1e]", "1:4", "a digit is expected here, and there is `]`"),
        ("[-]", "1:3", "a digit is expected here, and there is `]`"),
        ("[1e999]", "1:2", "the number is too large"),
        ("[NaN]", "1:2", "a value is expected here, and there is `N`"),
        ("[nul]", "1:2", "a value is expected here, and there is `n`"),
        ("[truex]", "1:6", "`,` or `]` is expected here, and there is `x`"),
        (
            "[\u{b}1]",
            "1:2",
            "a value is expected here, and there is the character U+000B",
        ),
        ("---\na: 1", "1:2", "a digit is expected here, and there is `-`"),
    ] {
        assert_eq!(
            error(text),
            ("json_syntax", place.to_owned(), message.to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn a_key_is_given_once_and_no_string_holds_nul() {
    let twice = error("{\"é\": 1,\n \"\\u00e9\": 2}");
    assert_eq!(twice.0, "json_duplicate_key");
    assert_eq!(
        (&*twice.1, &*twice.2),
        ("2:2", "the key `é` is given twice, first in line 1")
    );
    for size in [1, 15, 16, 17, 40] {
        let keys: String = (0..size).map(|at| format!("\"k{at}\": 1,\n")).collect();
        for again in [0, size / 2, size - 1] {
            let found = error(&format!("{{{keys}\"k{again}\": 2}}"));
            assert_eq!(
                (found.0, found.1),
                ("json_duplicate_key", format!("{}:1", size + 1))
            );
        }
    }
    let nul = error("[\"é\", \"a\\u0000\"]");
    assert_eq!((nul.0, &*nul.1), ("json_control_character", "1:7"));
}

#[test]
fn budgets_are_exact() {
    let text = "{\"a\":[1,2]}";
    let limits = |max_bytes, max_depth, max_nodes| Limits {
        max_bytes,
        max_depth,
        max_nodes,
    };
    // The object, its key, the array and two numbers.
    assert!(parse_json(text, &limits(11, 2, 5)).is_ok());
    for (limits, code) in [
        (limits(10, 2, 5), "json_too_large"),
        (limits(11, 1, 5), "json_too_deep"),
        (limits(11, 2, 4), "json_too_large"),
    ] {
        assert_eq!(parse_json(text, &limits).unwrap_err().code, code);
    }
    for open in ["[", "{\"a\":"] {
        assert_eq!(error(&open.repeat(1_000_000)).0, "json_too_deep");
    }
}

/// `serde_json` reads floats within one unit of the last place, unless asked to be exact.
fn same(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, theirs) {
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Number(a), Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || ((a - b) / a).abs() < 1e-15
        }
        _ => ours == theirs,
    }
}

/// Both readers take the text and mean the same by it, or neither takes it.
fn agree(text: &str) {
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    match (parse_json(text, &Limits::default()), theirs) {
        (Ok(Some(ours)), Ok(theirs)) => {
            assert!(
                same(&ours.to_json(), &theirs),
                "{text:?}: {} {theirs}",
                ours.to_json()
            );
        }
        (Ok(None), Err(_)) => assert!(text.trim_start_matches('\u{feff}').trim().is_empty()),
        (Err(_), Err(_)) => {}
        // `serde_json` takes these.
        (Err(error), Ok(_)) if error.code != "json_syntax" => {}
        // A byte order mark.
        (Ok(Some(_)), Err(_)) if text.starts_with('\u{feff}') => {}
        (ours, theirs) => panic!("{text:?}: {ours:?} {theirs:?}"),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[^\0]*".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[^\0]{0,6}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_others_write_is_read(value in any_json()) {
        for text in [serde_json::to_string(&value).unwrap(), format!("{value:#}")] {
            let ours = parse(&text).to_json();
            prop_assert!(same(&ours, &serde_json::from_str(&text).unwrap()), "{text}: {ours}");
        }
    }

    #[test]
    fn mutations_are_judged_as_others_judge_them(
        value in any_json(),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..4, "[-+\\[\\]{}\",:.\\\\/eEu0-9dDa-f \n\ttrulns]{0,3}"), 0..4),
    ) {
        let mut chars: Vec<char> = value.to_string().chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len().max(1)).min(chars.len());
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        agree(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn noise_is_judged_as_others_judge_it(text in "[-+\\[\\]{}\",:.\\\\/eEu0-9 \n\ttrue]{0,24}", any in "\\PC{0,20}") {
        agree(&text);
        agree(&any);
        agree(&format!("\"{text}\""));
        agree(&format!("[{text}]"));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&String::from_utf8_lossy(&bytes));
    }
}
