//! Whatever is written in YAML means the same in JSON and TOML.

use portcullis_config::{Config, Parsed};
use portcullis_document::{Entry, Kind, Limits, Node, Value, parse_yaml};

use super::{corpus, read};

/// The value in JSON; `None` if JSON has no such value.
fn json(node: &Node) -> Option<String> {
    Some(match &node.value {
        Value::Scalar(scalar) => match scalar.kind {
            Kind::Timestamp => return None,
            Kind::Float => scalar.as_f64().filter(|float| float.is_finite())?.to_string(),
            Kind::Null | Kind::Bool(_) | Kind::Int | Kind::Str => scalar.to_json().to_string(),
        },
        Value::Seq(items) => {
            let items: Option<Vec<_>> = items.iter().map(json).collect();
            format!("[\n{}\n]", items?.join(", "))
        }
        Value::Map(entries) => {
            let entries: Option<Vec<_>> = entries
                .iter()
                .map(|entry| Some(format!("{}: {}", quoted(&entry.key), json(&entry.value)?)))
                .collect();
            format!("{{\n{}}}", entries?.join(",\n"))
        }
    })
}

/// The value in TOML; `None` if something in it is null. In a list or a policy that is not as if it were not
/// there.
fn toml(node: &Node) -> Option<String> {
    Some(match &node.value {
        Value::Scalar(scalar) => match scalar.kind {
            Kind::Null => return None,
            Kind::Timestamp => scalar.as_rfc3339().unwrap(),
            Kind::Int => scalar.as_int().unwrap().to_string(),
            Kind::Float => match scalar.as_f64().unwrap() {
                float if float.is_finite() => format!("{float:?}"),
                float => format!("{float}").to_lowercase(),
            },
            Kind::Bool(value) => value.to_string(),
            Kind::Str => quoted(&scalar.text),
        },
        Value::Seq(items) => {
            let items: Option<Vec<_>> = items.iter().map(toml).collect();
            format!("[\n{}\n]", items?.join(", "))
        }
        Value::Map(entries) => format!("{{ {} }}", pairs(entries)?.join(", ")),
    })
}

fn pairs(entries: &[Entry]) -> Option<Vec<String>> {
    let pair = |entry: &Entry| Some(format!("{} = {}", quoted(&entry.key), toml(&entry.value)?));
    entries.iter().map(pair).collect()
}

/// JSON's strings are TOML's too, but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned())
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// What a configuration is, and what is said of it, but for places.
fn meaning(parsed: &Parsed) -> (Option<String>, Vec<String>) {
    let mut said: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|d| {
            without_places(&format!(
                "{} {} {} {:?} {:?}",
                d.severity, d.code, d.message, d.help, d.route
            ))
        })
        .collect();
    said.sort();
    let debug = |config: &Config| without_places(&format!("{:#?}{:#?}", config.global, config.routes));
    (parsed.config.as_ref().map(debug), said)
}

fn without_places(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    let marks = [
        "line: ",
        "column: ",
        "in line ",
        "config.yaml:",
        "config.json:",
        "config.toml:",
    ];
    while let Some((at, mark)) = marks
        .iter()
        .filter_map(|mark| rest.find(mark).map(|at| (at, mark)))
        .min()
    {
        kept.push_str(&rest[..at]);
        rest = rest[at + mark.len()..].trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    }
    kept + rest
}

#[test]
fn json_and_toml_mean_what_yaml_means() {
    let (mut in_json, mut in_toml) = (0, 0);
    for (_, yaml) in corpus::texts()
        .into_iter()
        .filter(|(name, _)| name == "config.yaml")
    {
        let Ok(Some(root)) = parse_yaml(&yaml, &Limits::default()) else {
            continue;
        };
        let Some(entries) = root.as_map().filter(|entries| !entries.is_empty()) else {
            continue;
        };
        let expected = meaning(&read("config.yaml", Some(&yaml), []));
        if let Some(text) = json(&root) {
            assert_eq!(
                meaning(&read("config.json", Some(&text), [])),
                expected,
                "{yaml}\n{text}"
            );
            in_json += 1;
        }
        if let Some(pairs) = pairs(entries) {
            let text = pairs.join("\n");
            assert_eq!(
                meaning(&read("config.toml", Some(&text), [])),
                expected,
                "{yaml}\n{text}"
            );
            in_toml += 1;
        }
    }
    assert!(in_json > 200 && in_toml > 200, "{in_json} {in_toml}");
}
