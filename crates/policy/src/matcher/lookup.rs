//! Texts found in constant time, however many a policy lists.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Up to this many texts, looking at each is faster than hashing.
const FEW: usize = 6;

/// The bytes before each text in memory: its length, and which value it has.
const HEADER: usize = 8;

/// Texts with a value each; of equal texts the lowest value counts.
#[derive(Clone, Debug)]
pub(crate) struct Lookup<V> {
    texts: Texts,
    /// The distinct values, sorted.
    values: Box<[V]>,
}

/// Texts, each with the index of its value.
#[derive(Clone, Debug)]
enum Texts {
    /// Sorted.
    Few(Box<[(Box<str>, u32)]>),
    /// In the order of their hashes, so that what may equal a text lies together:
    /// a look-up in a long list reads memory that is far off once.
    Many {
        count: usize,
        /// Where each bucket begins, and last where the last one ends; the number
        /// of buckets is a power of two.
        starts: Box<[u32]>,
        /// The texts, each behind its header.
        bytes: Box<[u8]>,
    },
}

impl<V: Ord + Copy> Lookup<V> {
    pub(crate) fn new(mut entries: Vec<(Box<str>, V)>) -> Self {
        entries.sort_unstable();
        entries.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut values: Vec<V> = entries.iter().map(|(_, value)| *value).collect();
        values.sort_unstable();
        values.dedup();
        let entries = entries
            .into_iter()
            .map(|(text, value)| {
                let index = values.binary_search(&value).unwrap_or_default();
                (text, u32::try_from(index).unwrap_or(u32::MAX))
            })
            .collect();
        Self {
            texts: Texts::new(entries),
            values: values.into(),
        }
    }
}

impl<V> Lookup<V> {
    pub(crate) fn get(&self, text: &str) -> Option<&V> {
        self.values.get(self.texts.get(text)? as usize)
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        match &self.texts {
            Texts::Few(entries) => entries.len(),
            Texts::Many { count, .. } => *count,
        }
    }

    /// The texts, sorted: the one order for serialising and for people.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<_> = self.texts.iter().map(|(text, _)| text).collect();
        texts.sort_unstable();
        texts
    }
}

impl Texts {
    fn new(entries: Vec<(Box<str>, u32)>) -> Self {
        let length: usize = entries.iter().map(|(text, _)| HEADER + text.len()).sum();
        if entries.len() <= FEW || u32::try_from(length).is_err() {
            return Self::Few(entries.into());
        }
        let buckets = entries.len().next_power_of_two();
        let mut hashed: Vec<_> = entries
            .iter()
            .map(|(text, value)| (bucket(text, buckets), text, value))
            .collect();
        hashed.sort_by_key(|(bucket, _, _)| *bucket);
        let count = hashed.len();
        let mut starts = Vec::with_capacity(buckets + 1);
        let mut bytes = Vec::with_capacity(length);
        let here = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for (bucket, text, value) in hashed {
            while starts.len() <= bucket {
                starts.push(here(&bytes));
            }
            bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(value.to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        starts.resize(buckets + 1, here(&bytes));
        Self::Many {
            count,
            starts: starts.into(),
            bytes: bytes.into(),
        }
    }

    fn get(&self, text: &str) -> Option<u32> {
        match self {
            Self::Few(entries) if entries.len() <= FEW => {
                let found = entries.iter().find(|(key, _)| key.as_ref() == text);
                found.map(|(_, value)| *value)
            }
            Self::Few(entries) => {
                let found = entries.binary_search_by(|(key, _)| key.as_ref().cmp(text)).ok()?;
                entries.get(found).map(|(_, value)| *value)
            }
            Self::Many { starts, bytes, .. } => {
                let at = bucket(text, starts.len() - 1);
                let range = *starts.get(at)? as usize..*starts.get(at + 1)? as usize;
                let found = Walk(bytes.get(range)?).find(|(key, _)| *key == text.as_bytes());
                found.map(|(_, value)| value)
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        let (few, many): (&[_], &[u8]) = match self {
            Self::Few(entries) => (entries, &[]),
            Self::Many { bytes, .. } => (&[], bytes),
        };
        let few = few.iter().map(|(text, value)| (text.as_ref(), *value));
        // The bytes were texts, so they are.
        let text = |bytes| core::str::from_utf8(bytes).unwrap_or_default();
        few.chain(Walk(many).map(move |(bytes, value)| (text(bytes), value)))
    }
}

/// Texts behind their headers, one after the other.
struct Walk<'a>(&'a [u8]);

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], u32);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some((text, u32::from_le_bytes(*value)))
    }
}

/// Which of so many buckets, a power of two. Whoever asks cannot slow a look-up
/// down, since only the policy decides what shares a bucket; so the hash need not
/// be keyed.
fn bucket(text: &str, buckets: usize) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut state = ODD ^ text.len() as u64;
    for word in words.iter().chain([&last]) {
        let product = u128::from(state ^ u64::from_le_bytes(*word)) * u128::from(ODD);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves of the product are mixed"
        )]
        let mixed = (product >> 64) as u64 ^ product as u64;
        state = mixed.rotate_left(23) ^ ODD;
    }
    state ^= state >> 29;
    state = state.wrapping_mul(ODD);
    let high = (state >> 32) as usize;
    high & (buckets - 1)
}

/// Equal when they hold the same texts with the same values.
impl<V: PartialEq> PartialEq for Lookup<V> {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |lookup: &Self| {
            let mut all: Vec<_> = lookup
                .texts
                .iter()
                .map(|(text, at)| (text.to_owned(), at))
                .collect();
            all.sort_unstable();
            all
        };
        self.values == other.values && sorted(self) == sorted(other)
    }
}

/// A set of texts. Serialised as a sorted list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TextSet(Lookup<()>);

impl TextSet {
    pub(crate) fn new(texts: impl IntoIterator<Item = Box<str>>) -> Self {
        Self(Lookup::new(texts.into_iter().map(|text| (text, ())).collect()))
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.0.get(text).is_some()
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The texts, sorted.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.texts()
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
