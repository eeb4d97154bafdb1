//! Texts found in constant time, however many a policy lists.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Up to this many texts, looking at each is faster than hashing.
const FEW: usize = 8;

/// Texts with a value each; of equal texts the lowest value counts.
#[derive(Clone, Debug)]
enum Lookup<V> {
    Few(Box<[(Box<str>, V)]>),
    Many(HashMap<Box<str>, V>),
}

impl<V: Copy + Ord> Lookup<V> {
    fn new(mut entries: Vec<(Box<str>, V)>) -> Self {
        entries.sort_unstable();
        entries.dedup_by(|later, earlier| later.0 == earlier.0);
        if entries.len() <= FEW {
            Self::Few(entries.into_boxed_slice())
        } else {
            Self::Many(entries.into_iter().collect())
        }
    }

    fn get(&self, text: &str) -> Option<V> {
        match self {
            Self::Few(entries) => entries
                .iter()
                .find(|(key, _)| key.as_ref() == text)
                .map(|(_, value)| *value),
            Self::Many(entries) => entries.get(text).copied(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Few(entries) => entries.len(),
            Self::Many(entries) => entries.len(),
        }
    }

    /// All entries, sorted: the one order for serialising and for people.
    fn sorted(&self) -> Vec<(&str, V)> {
        let mut entries: Vec<_> = match self {
            Self::Few(entries) => entries
                .iter()
                .map(|(key, value)| (key.as_ref(), *value))
                .collect(),
            Self::Many(entries) => entries
                .iter()
                .map(|(key, value)| (key.as_ref(), *value))
                .collect(),
        };
        entries.sort_unstable();
        entries
    }
}

/// A set of texts. Serialised as a sorted list.
#[derive(Clone, Debug)]
pub(crate) struct TextSet(Lookup<()>);

impl TextSet {
    pub(crate) fn new(texts: impl IntoIterator<Item = Box<str>>) -> Self {
        Self(Lookup::new(texts.into_iter().map(|text| (text, ())).collect()))
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.0.get(text).is_some()
    }

    /// The texts, sorted.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.sorted().into_iter().map(|(text, ())| text).collect()
    }
}

impl Serialize for TextSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.texts())
    }
}

impl<'de> Deserialize<'de> for TextSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Vec::<Box<str>>::deserialize(deserializer)?))
    }
}

/// Texts, each with the index of the criterion that names it first. Serialised
/// as a sorted list of pairs.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(Lookup<u32>);

impl Keyed {
    pub(crate) fn new(entries: Vec<(Box<str>, u32)>) -> Self {
        Self(Lookup::new(entries))
    }

    pub(crate) fn get(&self, text: &str) -> Option<u32> {
        self.0.get(text)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Keyed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.sorted())
    }
}

impl<'de> Deserialize<'de> for Keyed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Vec::deserialize(deserializer)?))
    }
}
