//! JSON values as YAML in block style. Texts stay quoted as in JSON, which YAML
//! reads the same, so that no reader takes `n` or `1.0` for something else.

use serde_json::Value;

/// `value` as a document.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    node(value, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// Writes `value`; a map or list that is not empty begins where the line stands
/// and goes on at `indent`.
fn node(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (name, value)) in map.iter().enumerate() {
                if index > 0 {
                    margin(indent, out);
                }
                out.push_str(&key(name));
                out.push(':');
                below(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    margin(indent, out);
                }
                out.push_str("- ");
                node(item, indent + 2, out);
                if !out.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The value of a key: beside it if it is a scalar or empty, else in lines of its own.
fn below(value: &Value, indent: usize, out: &mut String) {
    let inner = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if inner {
        out.push('\n');
        margin(indent, out);
        node(value, indent, out);
    } else {
        out.push(' ');
        node(value, indent, out);
        out.push('\n');
    }
}

fn margin(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Plain where no reader can take it for anything but a text.
fn key(name: &str) -> String {
    let word = name.len() > 3 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if word && !["true", "false", "null"].contains(&name) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_reads_back_the_same() {
        let value = json!({
            "name": "a: \"b\"\n# no", "n": "n", "@type": "x/y", "number": 1.5, "none": null,
            "empty": {}, "list": [1, {"port_value": 80, "deep": [[], [true, "yes"]]}, []],
        });
        let text = document(&value);
        let read = portcullis_document::parse_yaml(&text, &portcullis_document::Limits::default());
        assert_eq!(read.unwrap().unwrap().to_json(), value, "{text}");
        assert!(text.contains("\n  - port_value: 80\n"), "{text}");
        assert!(text.contains("\"n\": \"n\"\n"), "{text}");
    }

    #[test]
    fn a_scalar_is_a_document_too() {
        assert_eq!(document(&json!("x")), "\"x\"\n");
        assert_eq!(document(&json!({})), "{}\n");
    }
}
