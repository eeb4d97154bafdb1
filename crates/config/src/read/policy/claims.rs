//! Claims that let somebody pass: those of a route and those of its sub-policies.

use portcullis_document::{Kind, Node, Value};

use crate::read::{keep, texts};
use crate::report::Report;

/// `allowed_idp_claims`: each value a list, a single text split at its commas; the values of a list keep
/// their JSON type.
pub(super) fn read(report: &mut Report, node: &Node) -> Vec<(String, Vec<serde_json::Value>)> {
    node.as_map()
        .unwrap_or_default()
        .iter()
        .filter(|entry| !entry.value.is_null())
        .map(|entry| (entry.key.clone(), values(report, &entry.value)))
        .collect()
}

fn values(report: &mut Report, node: &Node) -> Vec<serde_json::Value> {
    const NAME: &str = "allowed_idp_claims";
    match &node.value {
        Value::Scalar(scalar) if scalar.kind == Kind::Str => texts(report, node, NAME)
            .into_iter()
            .map(serde_json::Value::String)
            .collect(),
        Value::Scalar(_) | Value::Map(_) => vec![node.to_json()],
        Value::Seq(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .filter(|item| keep(report, item.as_str() != Some(""), item.span, NAME))
            .map(Node::to_json)
            .collect(),
    }
}
