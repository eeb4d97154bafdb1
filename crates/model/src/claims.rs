//! What an identity provider says about a user.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

const MAX_DEPTH: usize = 16;
const MAX_NAMES: usize = 1_000;
const MAX_VALUES: usize = 20_000;

/// Flattened claims: nested objects become dotted names, and every value is a list, as in Pomerium
/// (`{"a": {"b": 1}}` is `a.b: [1]`). Names and values are case sensitive.
///
/// Claims that another program has stored may hold objects that were not flattened, see
/// [`Claims::stored`]; those are kept apart, so that they cost nothing where there are none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims {
    /// Sorted by name, each name once.
    flat: Box<[(Box<str>, Vec<Value>)]>,
    nested: Option<Box<Map<String, Value>>>,
}

/// Claims that are too large to keep. They are refused whole: a rule that denies by a claim must not
/// miss it because others pushed it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Objects are nested more than 16 levels deep.
    #[error("the claims are nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More than 1,000 names.
    #[error("there are more than {MAX_NAMES} claims")]
    TooManyNames,
    /// More than 20,000 values in all.
    #[error("the claims have more than {MAX_VALUES} values")]
    TooManyValues,
}

impl Claims {
    /// Flattens a claims object. Where a dotted name is also written out (`"a.b"` beside `"a": {"b": …}`),
    /// the one that stands higher in the object wins.
    ///
    /// # Errors
    /// If a bound is passed, see [`ClaimsError`].
    pub fn flatten(claims: &Map<String, Value>) -> Result<Self, ClaimsError> {
        let mut flat = Gathered::default();
        let mut values = 0;
        // Level by level, so that a shorter path is met first.
        let mut level: Vec<(String, &Map<String, Value>)> = vec![(String::new(), claims)];
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::new();
            for (prefix, object) in level {
                for (key, value) in object {
                    let name = if prefix.is_empty() {
                        key.clone()
                    } else {
                        format!("{prefix}.{key}")
                    };
                    match value {
                        Value::Object(inner) => next.push((name, inner)),
                        Value::Array(items) => flat.add(name, items.clone(), &mut values)?,
                        single => flat.add(name, vec![single.clone()], &mut values)?,
                    }
                }
            }
            if next.is_empty() {
                return Ok(flat.into());
            }
            if next.len() > MAX_NAMES {
                return Err(ClaimsError::TooManyNames);
            }
            level = next;
        }
        Err(ClaimsError::TooDeep)
    }

    /// Takes claims that are in stored form already: lists stay, a single value becomes a list of one, and
    /// objects stay objects, which only [`Claims::get_nested`] looks into.
    ///
    /// # Errors
    /// If a bound is passed, see [`ClaimsError`]; what is inside objects counts too.
    pub fn stored(claims: &Map<String, Value>) -> Result<Self, ClaimsError> {
        let mut stored = Gathered::default();
        let mut values = 0;
        let mut nested = Map::new();
        for (name, value) in claims {
            match value {
                Value::Object(_) => {
                    values += size(value, MAX_DEPTH).ok_or(ClaimsError::TooDeep)?;
                    nested.insert(name.clone(), value.clone());
                    if nested.len() > MAX_NAMES {
                        return Err(ClaimsError::TooManyNames);
                    }
                }
                Value::Array(items) => stored.add(name.clone(), items.clone(), &mut values)?,
                single => stored.add(name.clone(), vec![single.clone()], &mut values)?,
            }
        }
        if values > MAX_VALUES {
            return Err(ClaimsError::TooManyValues);
        }
        Ok(Self {
            nested: (!nested.is_empty()).then(|| Box::new(nested)),
            ..stored.into()
        })
    }

    /// The values of a claim; `None` if there is no such claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Value]> {
        // Of the few that a user has, nearly all differ in length already.
        const FEW: usize = 32;
        let found = if self.flat.len() <= FEW {
            self.flat.iter().find(|(claim, _)| claim.as_ref() == name)
        } else {
            let at = self.flat.binary_search_by(|(claim, _)| claim.as_ref().cmp(name));
            at.ok().and_then(|at| self.flat.get(at))
        };
        found.map(|(_, values)| values.as_slice())
    }

    /// The values found by walking into objects that were stored as such. The name is split at `.` and
    /// at `/`; 2 to 5 pieces are a way, as in Pomerium. `None` if it leads nowhere or to an object.
    #[must_use]
    pub fn get_nested(&self, name: &str) -> Option<&[Value]> {
        const MAX_PIECES: usize = 5;
        let mut pieces = name.split(['.', '/']);
        let mut found = self.nested.as_ref()?.get(pieces.next()?)?;
        let mut walked = 1;
        for piece in pieces {
            walked += 1;
            if walked > MAX_PIECES {
                return None;
            }
            found = found.as_object()?.get(piece)?;
        }
        match found {
            Value::Object(_) => None,
            Value::Array(items) => Some(items),
            single => Some(core::slice::from_ref(single)),
        }
    }

    /// The same claims with `name` as it stands in `before`, where they have none of that name themselves.
    /// Claims that are full already stay as they are.
    #[must_use]
    pub fn keeping(mut self, name: &str, before: &Self) -> Self {
        let (Some(values), None) = (before.get(name), self.get(name)) else {
            return self;
        };
        let held: usize = self.flat.iter().map(|(_, values)| values.len()).sum();
        if self.len() >= MAX_NAMES || held.saturating_add(values.len()) > MAX_VALUES || self.nested.is_some()
        {
            return self;
        }
        let at = self.flat.partition_point(|(claim, _)| claim.as_ref() < name);
        let mut flat = core::mem::take(&mut self.flat).into_vec();
        flat.insert(at, (name.into(), values.to_vec()));
        self.flat = flat.into();
        self
    }

    /// Names and values, sorted by name; without objects that were stored as such.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.flat
            .iter()
            .map(|(name, values)| (name.as_ref(), values.as_slice()))
    }

    /// How many claims there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flat.len() + self.nested.as_ref().map_or(0, |nested| nested.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Claims on their way to being sorted.
#[derive(Default)]
struct Gathered(BTreeMap<String, Vec<Value>>);

impl Gathered {
    fn add(&mut self, name: String, items: Vec<Value>, values: &mut usize) -> Result<(), ClaimsError> {
        *values = values.saturating_add(items.len());
        if *values > MAX_VALUES {
            return Err(ClaimsError::TooManyValues);
        }
        self.0.entry(name).or_insert(items);
        if self.0.len() > MAX_NAMES {
            Err(ClaimsError::TooManyNames)
        } else {
            Ok(())
        }
    }
}

impl From<Gathered> for Claims {
    fn from(gathered: Gathered) -> Self {
        Self {
            flat: gathered
                .0
                .into_iter()
                .map(|(name, values)| (name.into(), values))
                .collect(),
            nested: None,
        }
    }
}

/// How many values stand in this one; `None` if it is nested deeper than `depth`.
fn size(value: &Value, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(map) => map.values().map(|value| size(value, depth)).sum(),
        Value::Array(items) => items.iter().map(|value| size(value, depth)).sum(),
        _ => Some(1),
    }
}

/// In stored form: a map of lists, and of objects where there are any.
impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.len()))?;
        for (name, values) in &*self.flat {
            out.serialize_entry(name, values)?;
        }
        for (name, object) in self.nested.iter().flat_map(|nested| nested.iter()) {
            out.serialize_entry(name, object)?;
        }
        out.end()
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Gathered::default();
        let mut nested = Map::new();
        for (name, value) in BTreeMap::<String, Value>::deserialize(deserializer)? {
            match value {
                Value::Array(items) => {
                    flat.0.insert(name, items);
                }
                Value::Object(_) => {
                    nested.insert(name, value);
                }
                _ => return Err(de::Error::custom("a claim is neither a list nor an object")),
            }
        }
        Ok(Self {
            nested: (!nested.is_empty()).then(|| Box::new(nested)),
            ..flat.into()
        })
    }
}

impl FromIterator<(String, Vec<Value>)> for Claims {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Value>)>>(iter: I) -> Self {
        Gathered(iter.into_iter().collect()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, ClaimsError, MAX_NAMES, MAX_VALUES};
    use serde_json::{Map, Value, json};

    fn flatten(value: Value) -> Result<Claims, ClaimsError> {
        let Value::Object(object) = value else {
            panic!("not an object")
        };
        Claims::flatten(&object)
    }

    #[test]
    fn nesting_becomes_dots_and_values_become_lists() {
        let claims = flatten(json!({
            "groups": ["a", "b"], "address": {"country": "CH", "geo": {"lat": 1}}, "n": null, "e": [], "o": {},
        }))
        .unwrap();
        assert_eq!(claims.get("groups"), Some(&[json!("a"), json!("b")][..]));
        assert_eq!(claims.get("address.country"), Some(&[json!("CH")][..]));
        assert_eq!(claims.get("address.geo.lat"), Some(&[json!(1)][..]));
        assert_eq!(claims.get("n"), Some(&[Value::Null][..]));
        assert_eq!(claims.get("e"), Some(&[][..]));
        assert_eq!(claims.get("o"), None);
        assert_eq!(claims.get("Groups"), None);
        let many: Claims = (0..100).map(|i| (format!("c{i}"), vec![json!(i)])).collect();
        assert!((0..100).all(|i| many.get(&format!("c{i}")) == Some(&[json!(i)][..])));
        assert_eq!((many.get("c100"), many.get("")), (None, None));
        let names: Vec<_> = claims.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["address.country", "address.geo.lat", "e", "groups", "n"]);
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<Claims>(&json).unwrap(), claims);
    }

    fn stored(value: Value) -> Result<Claims, ClaimsError> {
        let Value::Object(object) = value else {
            panic!("not an object")
        };
        Claims::stored(&object)
    }

    #[test]
    fn stored_objects_are_walked_and_not_flattened() {
        let claims = stored(json!({
            "groups": ["a"], "single": 5,
            "nested": {"deep": ["v"], "one": "w", "list": [{"x": ["y"]}], "a": {"b": {"c": {"d": ["5"], "e": {"f": ["6"]}}}}},
        }))
        .unwrap();
        assert_eq!(claims.get("groups"), Some(&[json!("a")][..]));
        assert_eq!(claims.get("single"), Some(&[json!(5)][..]));
        assert_eq!((claims.get("nested"), claims.get("nested.deep")), (None, None));
        for (name, expected) in [
            ("nested/deep", Some(json!("v"))),
            ("nested.deep", Some(json!("v"))),
            ("nested/one", Some(json!("w"))),
            ("nested/a.b/c/d", Some(json!("5"))),
            ("nested/a/b/c/e/f", None),
            ("nested", None),
            ("nested/a", None),
            ("nested/list/x", None),
            ("nested/list/0", None),
            ("nested/deep/0", None),
            ("nested/", None),
            ("groups/a", None),
            ("", None),
        ] {
            let expected = expected.as_ref().map(core::slice::from_ref);
            assert_eq!(claims.get_nested(name), expected, "{name}");
        }
        assert_eq!(claims.len(), 3);
        assert!(!claims.is_empty());
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<Claims>(&json).unwrap(), claims);
        assert!(serde_json::from_str::<Claims>(r#"{"a": 1}"#).is_err());
        assert_eq!(flatten(json!({"a": {"b": 1}})).unwrap().get_nested("a.b"), None);
    }

    #[test]
    fn stored_claims_are_bounded_too() {
        let mut deep = json!(["v"]);
        for _ in 0..20 {
            deep = json!({ "x": deep });
        }
        assert_eq!(stored(deep), Err(ClaimsError::TooDeep));
        let many: Map<String, Value> = (0..2_000).map(|i| (i.to_string(), json!({}))).collect();
        assert_eq!(Claims::stored(&many), Err(ClaimsError::TooManyNames));
        assert_eq!(
            stored(json!({"a": {"b": vec![0; 30_000]}})),
            Err(ClaimsError::TooManyValues)
        );
    }

    #[test]
    fn a_claim_is_kept_where_there_is_none_of_its_name() {
        let before = flatten(json!({"sid": "a", "m": 1})).unwrap();
        for (now, sid) in [
            (json!({"a": 1, "z": 2}), json!("a")),
            (json!({"sid": "b"}), json!("b")),
        ] {
            let kept = flatten(now).unwrap().keeping("sid", &before);
            assert_eq!(kept.get("sid"), Some(&[sid][..]));
            assert_eq!(kept.get("m"), None);
            let names: Vec<&str> = kept.iter().map(|(name, _)| name).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
        let none = flatten(json!({"a": 1})).unwrap();
        assert_eq!(none.clone().keeping("sid", &none), none);
        // What is kept can be read again.
        let full: Map<String, Value> = (0..MAX_NAMES).map(|n| (format!("n{n}"), json!(1))).collect();
        let full = Claims::flatten(&full).unwrap().keeping("sid", &before);
        assert_eq!((full.len(), full.get("sid")), (MAX_NAMES, None));
        let many = flatten(json!({ "a": vec![1; MAX_VALUES] })).unwrap();
        assert_eq!(many.keeping("sid", &before).get("sid"), None);
    }

    #[test]
    fn the_name_that_is_written_out_wins() {
        let claims = flatten(json!({"a": {"b": "nested"}, "a.b": "literal"})).unwrap();
        assert_eq!(claims.get("a.b"), Some(&[json!("literal")][..]));
    }

    #[test]
    fn bounds_refuse_the_whole() {
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!({ "x": deep });
        }
        assert_eq!(flatten(deep), Err(ClaimsError::TooDeep));
        let many: Map<String, Value> = (0..2_000).map(|i| (i.to_string(), json!(1))).collect();
        assert_eq!(Claims::flatten(&many), Err(ClaimsError::TooManyNames));
        let long = json!({"groups": vec![0; 30_000]});
        assert_eq!(flatten(long), Err(ClaimsError::TooManyValues));
    }
}
