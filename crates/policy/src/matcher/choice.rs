//! Values of which one suffices, each with the place that names it.

use serde_json::Value;

use super::equal;
use super::lookup::Lookup;
use crate::program::NodePath;

/// Values of which one suffices. Of equal ones the first place counts.
#[derive(Clone, Debug)]
pub(crate) struct ValueChoice {
    /// The texts, which are nearly all there is, by hash.
    texts: Lookup<NodePath>,
    /// Numbers, booleans, lists and objects, one by one.
    others: Box<[(Value, NodePath)]>,
}

impl ValueChoice {
    pub(crate) fn new(entries: impl IntoIterator<Item = (Value, NodePath)>) -> Self {
        let mut texts = Vec::new();
        let mut others = Vec::new();
        for (value, at) in entries {
            match value {
                Value::String(text) => texts.push((text.into_boxed_str(), at)),
                other => others.push((other, at)),
            }
        }
        others.sort_by_key(|(_, at)| *at);
        Self {
            texts: Lookup::new(texts),
            others: others.into_boxed_slice(),
        }
    }

    /// The first place that one of `values` meets.
    pub(crate) fn find(&self, values: &[Value]) -> Option<&NodePath> {
        values.iter().filter_map(|value| self.find_one(value)).min()
    }

    /// The same for texts.
    pub(crate) fn find_text(&self, texts: &[String]) -> Option<&NodePath> {
        texts.iter().filter_map(|text| self.texts.get(text)).min()
    }

    fn find_one(&self, value: &Value) -> Option<&NodePath> {
        match value {
            Value::String(text) => self.texts.get(text),
            other => self
                .others
                .iter()
                .find(|(wanted, _)| equal(wanted, other))
                .map(|(_, at)| at),
        }
    }
}
