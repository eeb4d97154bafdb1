//! Scalars that the loader converts: Go's `mapstructure` with weak typing.

use portcullis_document::{Kind, Node, Scalar, Span, Value};

/// A boolean; numbers count by being zero or not, and text by Go's `strconv.ParseBool`.
pub(crate) fn boolean(scalar: &Scalar) -> Option<bool> {
    match scalar.kind {
        Kind::Bool(value) => Some(value),
        Kind::Int | Kind::Float => scalar.as_f64().map(|number| number != 0.0),
        Kind::Str => match scalar.text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" | "" => Some(false),
            _ => None,
        },
        Kind::Null | Kind::Timestamp => None,
    }
}

/// An integer; a float loses its fraction, text is read as an integer, nothing is 0.
pub(crate) fn integer(scalar: &Scalar) -> Option<i128> {
    match scalar.kind {
        Kind::Bool(value) => Some(i128::from(value)),
        Kind::Int => scalar.as_int(),
        #[allow(clippy::cast_possible_truncation)] // that is the conversion; it saturates
        Kind::Float => scalar
            .as_f64()
            .filter(|number| number.is_finite())
            .map(|number| number as i128),
        Kind::Str if scalar.text.is_empty() => Some(0),
        Kind::Str => Scalar::plain(scalar.text.as_str()).as_int(),
        Kind::Null | Kind::Timestamp => None,
    }
}

/// A number.
pub(crate) fn float(scalar: &Scalar) -> Option<f64> {
    match scalar.kind {
        Kind::Bool(value) => Some(f64::from(u8::from(value))),
        Kind::Int | Kind::Float => scalar.as_f64(),
        Kind::Str if scalar.text.is_empty() => Some(0.0),
        Kind::Str => scalar.text.parse().ok().filter(|number: &f64| number.is_finite()),
        Kind::Null | Kind::Timestamp => None,
    }
}

/// Text; a number is printed, a boolean becomes `1` or `0`. A date is none: quote it.
pub(crate) fn text(scalar: &Scalar) -> Option<String> {
    match scalar.kind {
        Kind::Str => Some(scalar.text.clone()),
        Kind::Bool(value) => Some(if value { "1" } else { "0" }.to_owned()),
        Kind::Int => scalar.as_int().map(|int| int.to_string()),
        Kind::Float => scalar.as_f64().map(|float| float.to_string()),
        Kind::Null | Kind::Timestamp => None,
    }
}

/// A list of texts. One text is split at its commas and nothing is trimmed; null items are left out.
/// The error is the node that is no text.
pub(crate) fn strings(node: &Node) -> Result<Vec<(String, Span)>, &Node> {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == Kind::Str => Ok(if scalar.text.is_empty() {
            Vec::new()
        } else {
            scalar
                .text
                .split(',')
                .map(|part| (part.to_owned(), node.span))
                .collect()
        }),
        Value::Scalar(scalar) => text(scalar).map(|text| vec![(text, node.span)]).ok_or(node),
        Value::Seq(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| {
                item.as_scalar()
                    .and_then(text)
                    .map(|text| (text, item.span))
                    .ok_or(item)
            })
            .collect(),
        Value::Map(entries) if entries.is_empty() => Ok(Vec::new()),
        Value::Map(_) => Err(node),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::{Limits, Node, Scalar, parse_yaml};

    use super::{boolean, float, integer, strings, text};

    fn node(yaml: &str) -> Node {
        parse_yaml(yaml, &Limits::default()).unwrap().unwrap()
    }

    #[test]
    fn booleans_are_gos() {
        for (value, expected) in [
            (Scalar::plain("true"), Some(true)),
            (Scalar::plain("1"), Some(true)),
            (Scalar::plain("0"), Some(false)),
            (Scalar::string("T"), Some(true)),
            (Scalar::string("False"), Some(false)),
            (Scalar::string(""), Some(false)),
            (Scalar::plain("yes"), None),
            (Scalar::string("tRUE"), None),
        ] {
            assert_eq!(boolean(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers_and_texts_convert() {
        assert_eq!(integer(&Scalar::string("0x10")), Some(16));
        assert_eq!(integer(&Scalar::plain("1.9")), Some(1));
        assert_eq!(integer(&Scalar::plain("true")), Some(1));
        assert_eq!(integer(&Scalar::string("ten")), None);
        assert_eq!(integer(&Scalar::plain(".inf")), None);
        assert_eq!(float(&Scalar::string("0.5")), Some(0.5));
        assert_eq!(float(&Scalar::string("half")), None);
        assert_eq!(text(&Scalar::plain("0o17")), Some("15".into()));
        assert_eq!(text(&Scalar::plain("1.50")), Some("1.5".into()));
        assert_eq!(text(&Scalar::plain("true")), Some("1".into()));
        assert_eq!(text(&Scalar::plain("2024-01-01")), None);
    }

    #[test]
    fn a_text_becomes_a_list_at_its_commas() {
        let list = |yaml: &str| {
            strings(&node(yaml))
                .map(|list| list.into_iter().map(|(text, _)| text).collect::<Vec<_>>())
                .ok()
        };
        assert_eq!(list("a,b, c"), Some(vec!["a".into(), "b".into(), " c".into()]));
        assert_eq!(list("\"\""), Some(vec![]));
        assert_eq!(list("5"), Some(vec!["5".into()]));
        assert_eq!(list("[a, 5, ~]"), Some(vec!["a".into(), "5".into()]));
        assert_eq!(list("{}"), Some(vec![]));
        assert_eq!(list("[[a]]"), None);
        assert_eq!(list("{a: b}"), None);
    }
}
