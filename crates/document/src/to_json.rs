//! A node as JSON, as Pomerium's YAML-to-JSON step would print it.

use crate::{Kind, Node, Scalar, Value};

impl Node {
    /// This value as JSON. Timestamps become RFC 3339 strings; `.inf` and `.nan`, which JSON lacks,
    /// stay strings.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::Seq(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }
}

impl Scalar {
    /// This value as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let text = || serde_json::Value::String(self.text.clone());
        match self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => serde_json::Value::Bool(value),
            Kind::Int => self.as_int().map_or_else(text, |int| {
                i64::try_from(int)
                    .map(serde_json::Number::from)
                    .or_else(|_| u64::try_from(int).map(serde_json::Number::from))
                    .map_or_else(|_| text(), serde_json::Value::Number)
            }),
            Kind::Float => self
                .as_f64()
                .and_then(serde_json::Number::from_f64)
                .map_or_else(text, serde_json::Value::Number),
            Kind::Timestamp => self.as_rfc3339().map_or_else(text, serde_json::Value::String),
            Kind::Str => text(),
        }
    }
}
