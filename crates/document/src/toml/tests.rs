use proptest::prelude::*;
use serde_json::json;

use crate::{Kind, Limits, Node, Span, SyntaxError, parse_toml};

fn parse(text: &str) -> Node {
    parse_toml(text, &Limits::default()).unwrap().unwrap()
}

fn error(text: &str) -> (&'static str, String, String) {
    let SyntaxError { span, code, message } = parse_toml(text, &Limits::default()).unwrap_err();
    (code, span.to_string(), message)
}

fn at(node: &Node, path: &[&str]) -> String {
    let end = path.iter().fold(node, |node, step| match step.parse::<usize>() {
        Ok(index) => &node.as_seq().unwrap()[index],
        Err(_) => node.get(step).unwrap(),
    });
    end.span.to_string()
}

const SAMPLE: &str = "\u{feff}# é
address = ':443'
set.\"é x\".y = 1 # é
idp = { scopes = [ 'ü', \"b\" ],
  k.l = true }

[[routes]]
from = \"https://a\"
to = [\"http://é\", 'x']

[routes.tls.\"ü\"]
verify = false

[[routes]]
from = '''
x'''
";

#[test]
fn a_text_becomes_a_tree_with_positions() {
    let root = parse(SAMPLE);
    assert_eq!(
        root.to_json(),
        json!({
            "address": ":443",
            "set": {"é x": {"y": 1}},
            "idp": {"scopes": ["ü", "b"], "k": {"l": true}},
            "routes": [
                {"from": "https://a", "to": ["http://é", "x"], "tls": {"ü": {"verify": false}}},
                {"from": "x"},
            ],
        })
    );
    for (path, place) in [
        (&[][..], "1:1"),
        (&["address"], "2:11"),
        (&["set"], "3:1"),
        (&["set", "é x"], "3:5"),
        (&["set", "é x", "y"], "3:15"),
        (&["idp"], "4:7"),
        (&["idp", "scopes"], "4:18"),
        (&["idp", "scopes", "0"], "4:20"),
        (&["idp", "scopes", "1"], "4:25"),
        (&["idp", "k"], "5:3"),
        (&["idp", "k", "l"], "5:9"),
        (&["routes"], "7:1"),
        (&["routes", "0"], "7:1"),
        (&["routes", "0", "from"], "8:8"),
        (&["routes", "0", "to", "1"], "9:19"),
        (&["routes", "0", "tls"], "11:9"),
        (&["routes", "0", "tls", "ü"], "11:1"),
        (&["routes", "0", "tls", "ü", "verify"], "12:10"),
        (&["routes", "1"], "14:1"),
        (&["routes", "1", "from"], "15:8"),
    ] {
        assert_eq!(at(&root, path), place, "{path:?}");
    }
    let keys: Vec<_> = root
        .as_map()
        .unwrap()
        .iter()
        .map(|e| (&*e.key, e.key_span.to_string()))
        .collect();
    let expected = [
        ("address", "2:1"),
        ("set", "3:1"),
        ("idp", "4:1"),
        ("routes", "7:3"),
    ];
    assert_eq!(keys, expected.map(|(key, place)| (key, place.to_owned())));
}

#[test]
fn scalars_have_their_kinds() {
    for (text, kind, json) in [
        ("1_000", Kind::Int, json!(1_000)),
        ("+5", Kind::Int, json!(5)),
        ("-9223372036854775808", Kind::Int, json!(i64::MIN)),
        ("0xDEAD_beef", Kind::Int, json!(0xdead_beef_u32)),
        ("0o17", Kind::Int, json!(15)),
        ("0b11", Kind::Int, json!(3)),
        ("1.50", Kind::Float, json!(1.5)),
        ("1_0.2_5e+1", Kind::Float, json!(102.5)),
        ("5e+22", Kind::Float, json!(5e22)),
        ("-inf", Kind::Float, json!("-.inf")),
        ("nan", Kind::Float, json!(".nan")),
        ("true", Kind::Bool(true), json!(true)),
        ("'true'", Kind::Str, json!("true")),
        ("\"2024-01-01\"", Kind::Str, json!("2024-01-01")),
        ("\"\\u00e9\\U0001F600\\e\\x41\"", Kind::Str, json!("é😀\u{1b}A")),
        ("2024-01-01", Kind::Timestamp, json!("2024-01-01T00:00:00Z")),
        (
            "1979-05-27T07:32:00Z",
            Kind::Timestamp,
            json!("1979-05-27T07:32:00Z"),
        ),
        (
            "1979-05-27 00:32:00.999-07:00",
            Kind::Timestamp,
            json!("1979-05-27T00:32:00.999-07:00"),
        ),
        // Times without a zone have no RFC 3339 form.
        (
            "1979-05-27T07:32:00",
            Kind::Timestamp,
            json!("1979-05-27T07:32:00"),
        ),
        ("07:32:00", Kind::Timestamp, json!("07:32:00")),
    ] {
        let root = parse(&format!("k = {text}"));
        let value = root.get("k").unwrap();
        assert_eq!(
            (value.as_scalar().unwrap().kind, value.to_json()),
            (kind, json),
            "{text}"
        );
    }
}

#[test]
fn a_text_that_sets_nothing_is_no_document() {
    for text in ["", "\n", "# only a comment", "\u{feff}\r\n"] {
        assert_eq!(parse_toml(text, &Limits::default()), Ok(None), "{text:?}");
    }
    assert_eq!(parse("[a]").to_json(), json!({"a": {}}));
}

#[test]
fn what_cannot_be_read_says_where() {
    for (text, code, place) in [
        ("a = 1\na = 2", "toml_duplicate_key", "2:1"),
        ("é = {x = 1, 'x' = 2}", "toml_syntax", "1:1"),
        ("\"é\" = {x = 1, 'x' = 2}", "toml_duplicate_key", "1:15"),
        ("[a]\nb = 1\n[a]\n", "toml_duplicate_key", "3:2"),
        ("[a]\n[[a]]\n", "toml_duplicate_key", "2:3"),
        ("a.b = 1\n[a]\n", "toml_duplicate_key", "2:2"),
        ("a = {}\na.b = 1\n", "toml_syntax", "2:1"),
        ("a = [1]\n[[a]]\n", "toml_duplicate_key", "2:3"),
        ("a = \"\u{e9}\\q\"", "toml_syntax", "1:8"),
        ("a = \"é\n\"", "toml_syntax", "1:7"),
        ("a = [\n1\n2]", "toml_syntax", "3:1"),
        ("a = \"é\nb = 1\nc = \"\n", "toml_syntax", "1:7"),
        ("a = '''\nb = 1\n", "toml_syntax", "3:1"),
        ("a = {\nb = 1\nc = 2}", "toml_syntax", "3:1"),
        ("a = \"\"\"\né\n\\q\"\"\"", "toml_syntax", "3:2"),
        ("'é' = \u{1}", "toml_syntax", "1:7"),
        ("a = 'é' b", "toml_syntax", "1:9"),
        ("a = [1, 2", "toml_syntax", "1:10"),
        ("a = 99999999999999999999", "toml_syntax", "1:5"),
        ("a = 1e999", "toml_syntax", "1:5"),
        ("a = 01", "toml_syntax", "1:5"),
        ("a = yes", "toml_syntax", "1:5"),
        ("a: 1", "toml_syntax", "1:4"),
        ("a = 2024-13-01", "toml_syntax", "1:5"),
        ("a = [\"\\u0000\"]", "toml_control_character", "1:6"),
        ("\"\\u0000\" = 1", "toml_control_character", "1:1"),
    ] {
        let found = error(text);
        assert_eq!((found.0, &*found.1), (code, place), "{text:?}: {}", found.2);
        assert!(!found.2.is_empty() && !found.2.contains('\n') && found.2.len() < 300);
    }
    assert_eq!(error("a = 1\n'a' = 2").2, "`'a'` is given twice");
    let long = "x".repeat(100_000);
    assert!(error(&format!("{long} = 1\n{long} = 2")).2.len() < 300);
}

#[test]
fn budgets_hold() {
    let limits = |max_bytes, max_depth, max_nodes| Limits {
        max_bytes,
        max_depth,
        max_nodes,
    };
    // A key, the list and two numbers; the root and the list are two levels.
    let text = "a = [1, 2]";
    assert!(parse_toml(text, &limits(10, 2, 4)).is_ok());
    for (limits, code) in [
        (limits(9, 2, 4), "toml_too_large"),
        (limits(10, 1, 4), "toml_too_deep"),
        (limits(10, 2, 3), "toml_too_large"),
    ] {
        assert_eq!(parse_toml(text, &limits).unwrap_err().code, code);
    }
    for (text, levels) in [("a.b.c = 1", 3), ("[a.b]\nc = [{}]", 5), ("[[a]]\n[[a.b]]", 5)] {
        assert!(parse_toml(text, &limits(99, levels, 99)).is_ok(), "{text}");
        let error = parse_toml(text, &limits(99, levels - 1, 99)).unwrap_err();
        assert_eq!(error.code, "toml_too_deep", "{text}");
    }
}

/// An answer, whatever it is. (What takes for ever never ends this.)
fn soon(text: &str) -> Result<Option<Node>, SyntaxError> {
    parse_toml(text, &Limits::default())
}

#[test]
fn no_nesting_is_a_danger() {
    let dotted = vec!["a"; 60].join(".");
    let braces = format!("{dotted} = {{").repeat(60);
    for text in [
        format!("a = {}", "[".repeat(1_000_000)),
        format!("a = {}", "{a=".repeat(500_000)),
        format!("{} = 1", vec!["a"; 1_000_000].join(".")),
        format!("[{}]", vec!["a"; 1_000_000].join(".")),
        format!("[[{}]]", vec!["a"; 1_000_000].join(".")),
        braces.clone(),
        format!("{braces}{}", "}".repeat(60)),
    ] {
        assert_eq!(soon(&text).unwrap_err().code, "toml_too_deep", "{}", &text[..40]);
    }
}

#[test]
fn many_tables_take_no_more_than_their_share() {
    let mut text: String = (0..30_000).map(|at| format!("[k{at}.b]\n")).collect();
    (0..30_000).for_each(|at| text.push_str(&format!("[k{at}]\n")));
    assert!(soon(&text).is_ok());
    let text: String = (0..50_000).map(|at| format!("a.k{at}.b = 1\n")).collect();
    assert!(soon(&text).is_ok());
    let line = format!("a = [{}]", "'é',".repeat(200_000));
    assert!(soon(&line).is_ok());
    assert_eq!(
        soon(&format!("a = [{}]", "1,".repeat(2_100_000)))
            .unwrap_err()
            .code,
        "toml_too_large"
    );
    for mistakes in [
        "= ".repeat(200_000),
        "]".repeat(400_000),
        "a = \"\n".repeat(100_000),
        "a=1\n".repeat(100_000),
    ] {
        assert!(soon(&mistakes).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_toml(&text, &Limits::default());
        let _ = parse_toml(&String::from_utf8_lossy(&bytes), &Limits::default());
    }

    #[test]
    fn mutations_are_answered_within_the_text(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, "[-\\[\\]{}=.,'\"a-c0-9é \n]{0,4}"), 1..6)
    ) {
        let mut chars: Vec<char> = SAMPLE.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len());
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        let text: String = chars.into_iter().collect();
        let lines: Vec<_> = text.split('\n').collect();
        if let Err(error) = parse_toml(&text, &Limits::default()) {
            let line = lines.get(error.span.line as usize - 1);
            prop_assert!(line.is_some_and(|line| error.span.column as usize <= line.chars().count() + 1), "{error}");
        }
    }
}

#[test]
fn the_root_begins_the_text() {
    assert_eq!(parse("\n\na = 1").span, Span::START);
}
