use serde_json::json;

use crate::{Kind, Limits, Node, Span, SyntaxError, parse_yaml};

fn parse(text: &str) -> Node {
    parse_yaml(text, &Limits::default()).unwrap().unwrap()
}

fn error(text: &str) -> (&'static str, String) {
    let SyntaxError { span, code, .. } = parse_yaml(text, &Limits::default()).unwrap_err();
    (code, span.to_string())
}

fn small(max_bytes: usize, max_depth: usize, max_nodes: usize) -> Limits {
    Limits {
        max_bytes,
        max_depth,
        max_nodes,
    }
}

#[test]
fn a_document_becomes_a_tree_with_positions() {
    let root = parse("a: 1\nlist:\n  - x\n  - {k: \"v\"}\nnothing:\n");
    assert_eq!(root.span, Span::START);
    assert_eq!(
        root.to_json(),
        json!({"a": 1, "list": ["x", {"k": "v"}], "nothing": null})
    );
    let entries = root.as_map().unwrap();
    assert_eq!(entries[1].key_span, Span { line: 2, column: 1 });
    let list = root.get("list").unwrap().as_seq().unwrap();
    assert_eq!(list[0].span, Span { line: 3, column: 5 });
    assert_eq!(list[1].span, Span { line: 4, column: 5 });
    assert_eq!(list[1].get("k").unwrap().span, Span { line: 4, column: 9 });
    assert!(root.get("nothing").unwrap().is_null());
    assert_eq!(list[1].get("k").unwrap().as_scalar().unwrap().kind, Kind::Str);
}

#[test]
fn kinds_survive_into_json() {
    let root = parse(
        "[1, '1', 1.5, true, 'true', yes, ~, 2024-01-01, '2024-01-01', 0x10, 18446744073709551615, .inf]",
    );
    assert_eq!(
        root.to_json(),
        json!([
            1,
            "1",
            1.5,
            true,
            "true",
            "yes",
            null,
            "2024-01-01T00:00:00Z",
            "2024-01-01",
            16,
            18_446_744_073_709_551_615_u64,
            ".inf"
        ])
    );
}

#[test]
fn json_is_yaml() {
    let text = r#"{"a": [1, 2.5, "x\u00e9\n", null, true], "b": {}}"#;
    assert_eq!(
        parse(text).to_json(),
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
}

#[test]
fn empty_texts_have_no_document() {
    for text in ["", "\n", "# only a comment\n", "\u{feff}"] {
        assert_eq!(parse_yaml(text, &Limits::default()), Ok(None), "{text:?}");
    }
    assert!(parse("---\n").is_null());
    assert_eq!(parse("\u{feff}a: 1").to_json(), json!({"a": 1}));
}

#[test]
fn only_the_first_document_counts() {
    assert_eq!(parse("a: 1\n---\nb: [\n").to_json(), json!({"a": 1}));
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let root = parse("base: &b {x: 1, y: 2}\nuse: *b\nmerged:\n  y: 3\n  <<: *b\n");
    assert_eq!(root.get("use").unwrap().to_json(), json!({"x": 1, "y": 2}));
    assert_eq!(root.get("merged").unwrap().to_json(), json!({"y": 3, "x": 1}));
    let root = parse("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nm: {<<: [*a, *b]}\n");
    assert_eq!(root.get("m").unwrap().to_json(), json!({"k": 1, "l": 3}));
    // Where it is written is where it can be mended.
    assert_eq!(
        root.get("m").unwrap().get("l").unwrap().span,
        Span { line: 2, column: 17 }
    );
    assert_eq!(parse("'<<': 1").to_json(), json!({"<<": 1}));
    assert_eq!(
        parse("k: &k name\n*k : v\n").to_json(),
        json!({"k": "name", "name": "v"})
    );
}

#[test]
fn tags_of_the_core_schema_decide_the_kind() {
    assert_eq!(
        parse("[!!str 5, !!float 5, !!int 5, ! 5, !!bool true]").to_json(),
        json!(["5", 5.0, 5, "5", true])
    );
    assert_eq!(parse("!!map {a: !!seq [1]}").to_json(), json!({"a": [1]}));
    for text in [
        "!!int x",
        "!!binary aGk=",
        "!custom x",
        "!!seq {a: 1}",
        "!!bool 'maybe'",
    ] {
        assert_eq!(error(text).0, "yaml_tag", "{text}");
    }
}

#[test]
fn what_cannot_be_read_says_where() {
    for (text, code, place) in [
        ("a: 1\na: 2\n", "yaml_duplicate_key", "2:1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "yaml_duplicate_key", "4:3"),
        ("1: x", "yaml_key", "1:1"),
        ("~: x", "yaml_key", "1:1"),
        ("? [a]\n: x", "yaml_key", "1:3"),
        ("a: *b", "yaml_alias", "1:4"),
        ("a: &a\n  - *a\n", "yaml_alias", "2:5"),
        ("<<: 1", "yaml_merge", "1:5"),
        ("<<: [1]", "yaml_merge", "1:6"),
        ("a: [1, 2", "yaml_syntax", "1:9"),
        ("é: \u{1b}", "yaml_control_character", "1:4"),
        ("a: \"\\0\"", "yaml_control_character", "1:4"),
    ] {
        assert_eq!(error(text), (code, place.to_owned()), "{text:?}");
    }
    assert!(error("a: 1\n]").0 == "yaml_syntax");
}

#[test]
fn a_key_is_given_once_in_maps_of_any_size() {
    for size in [1, 2, 15, 16, 17, 18, 40] {
        let keys: String = (1..=size).map(|at| format!("k{at}: 1\n")).collect();
        assert_eq!(parse(&keys).as_map().unwrap().len(), size);
        let place = format!("{}:1", size + 1);
        for again in [1, size.div_ceil(2), size] {
            let twice = format!("{keys}k{again}: 2\n");
            assert_eq!(error(&twice), ("yaml_duplicate_key", place.clone()), "{twice}");
        }
        let merged = format!("<<: {{}}\n{keys}");
        assert_eq!(parse(&merged).as_map().unwrap().len(), size);
        for again in ["<<: {}", "'<<': {}"] {
            let twice = format!("{merged}{again}\n");
            assert_eq!(error(&twice).0, "yaml_duplicate_key", "{twice}");
        }
    }
}

#[test]
fn a_tab_is_shown_where_it_stands() {
    for (text, place) in [
        ("routes:\n\t- from: x\n", "2:1"),
        ("a:\n  b: 1\n  \tc: 2\n", "3:3"),
        ("a: 1\nb:\t\tx\n", "2:3"),
        ("\u{feff}é:\tx\n", "1:3"),
    ] {
        assert_eq!(error(text), ("yaml_syntax", place.to_owned()), "{text:?}");
    }
}

#[test]
fn what_follows_a_document_must_be_another() {
    assert_eq!(error("{a: 1} x"), ("yaml_syntax", "1:8".to_owned()));
    for more in ["---\n[", "---\n@x", "# x"] {
        assert!(
            parse_yaml(&format!("{{a: 1}}\n{more}\n"), &Limits::default()).is_ok(),
            "{more}"
        );
    }
}

#[test]
fn messages_are_short_whatever_the_text() {
    let long = "x".repeat(100_000);
    for text in [format!("? {long}\n: 1\n? {long}\n: 2\n"), format!("a: !{long} b")] {
        assert!(parse_yaml(&text, &Limits::default()).is_err_and(|error| error.message.len() < 300));
    }
}

#[test]
fn budgets_are_exact() {
    let text = "a: [1, 2]";
    // The map, its key, the list and two numbers.
    assert!(parse_yaml(text, &small(9, 2, 5)).is_ok());
    for (limits, code) in [
        (small(8, 2, 5), "yaml_too_large"),
        (small(9, 1, 5), "yaml_too_deep"),
        (small(9, 2, 4), "yaml_too_large"),
    ] {
        assert_eq!(parse_yaml(text, &limits).unwrap_err().code, code);
    }
    // An alias counts what it copies, in depth too.
    let text = "a: &a [[1]]\nb: [*a]\n";
    assert!(parse_yaml(text, &small(100, 4, 100)).is_ok());
    assert_eq!(
        parse_yaml(text, &small(100, 3, 100)).unwrap_err().code,
        "yaml_too_deep"
    );
}
