//! JSON, TOML and the environment: what is said of them, word for word, and that they mean what YAML means.

#[cfg(test)]
#[path = "support/corpus.rs"]
mod corpus;
#[cfg(test)]
#[path = "formats/environment.rs"]
mod environment;
#[cfg(test)]
#[path = "formats/robustness.rs"]
mod robustness;
#[cfg(test)]
#[path = "formats/translation.rs"]
mod translation;

use portcullis_config::{Parsed, Source, parse_with_environment};

/// A case of a `.cases` file.
struct Case<'f> {
    title: &'f str,
    lines: Vec<&'f str>,
    expected: Vec<&'f str>,
}

fn cases(file: &str) -> Vec<Case<'_>> {
    let cases = file.split("\n===").skip(1).map(|case| {
        let (title, body) = case.split_once('\n').unwrap_or((case, ""));
        Case {
            title: title.trim(),
            lines: body
                .lines()
                .take_while(|line| !line.starts_with(">>> "))
                .collect(),
            expected: body
                .lines()
                .filter_map(|line| line.strip_prefix(">>> "))
                .collect(),
        }
    });
    cases.collect()
}

/// One text, or none, under an environment.
fn read<'v>(
    name: &str,
    text: Option<&str>,
    variables: impl IntoIterator<Item = (&'v str, String)>,
) -> Parsed {
    let source = text.map(|text| Source {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    parse_with_environment(source.as_slice(), variables)
}

/// What is said, as `.cases` files write it.
fn said(parsed: &Parsed, file: &str) -> Vec<String> {
    let shown = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.to_string().replacen(&format!(" {file}:"), " ", 1));
    shown
        .flat_map(|shown| {
            shown
                .lines()
                .map(|line| line.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn compare(cases: Vec<Case<'_>>, read: impl Fn(&Case<'_>) -> Vec<String>) {
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for case in cases {
        let found = read(&case);
        if found != case.expected {
            let said: String = found.iter().map(|line| format!(">>> {line}\n")).collect();
            wrong.push_str(&format!(
                "\n=== {}\n{}\n{said}",
                case.title,
                case.lines.join("\n").trim_end()
            ));
        }
    }
    assert!(wrong.is_empty(), "these are the words now:\n{wrong}");
}

#[test]
fn json() {
    compare(
        cases(include_str!("../../../tests/conformance/config/json.cases")),
        |case| {
            said(
                &read("config.json", Some(&case.lines.join("\n")), []),
                "config.json",
            )
        },
    );
}

#[test]
fn toml() {
    compare(
        cases(include_str!("../../../tests/conformance/config/toml.cases")),
        |case| {
            said(
                &read("config.toml", Some(&case.lines.join("\n")), []),
                "config.toml",
            )
        },
    );
}

#[test]
fn the_extension_decides_in_any_case() {
    let codes = |name: &str| -> Vec<_> {
        let parsed = read(name, Some("routes: ["), []);
        parsed
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code)
            .collect()
    };
    for (name, code) in [
        ("config.yaml", "yaml_syntax"),
        ("config.yml", "yaml_syntax"),
        ("config", "yaml_syntax"),
        ("json", "yaml_syntax"),
        ("config.json.bak", "yaml_syntax"),
        ("a.d/config.json", "json_syntax"),
        ("config.JSON", "json_syntax"),
        ("config.toml", "toml_syntax"),
        ("Config.Toml", "toml_syntax"),
    ] {
        assert_eq!(codes(name), [code], "{name}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    for (name, text) in [
        ("c.json", "\u{feff}{}"),
        ("c.toml", "\u{feff}routes = []"),
        ("c.yaml", "\u{feff}{}"),
    ] {
        assert!(read(name, Some(text), []).config.is_some(), "{name}");
    }
}
