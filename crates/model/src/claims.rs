//! What an identity provider says about a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const MAX_DEPTH: usize = 16;
const MAX_NAMES: usize = 1_000;
const MAX_VALUES: usize = 20_000;

/// Flattened claims: nested objects become dotted names, and every value is a list, as in Pomerium
/// (`{"a": {"b": 1}}` is `a.b: [1]`). Names and values are case sensitive.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(BTreeMap<String, Vec<Value>>);

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
        let mut flat = Self::default();
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
                return Ok(flat);
            }
            if next.len() > MAX_NAMES {
                return Err(ClaimsError::TooManyNames);
            }
            level = next;
        }
        Err(ClaimsError::TooDeep)
    }

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

    /// The values of a claim; `None` if there is no such claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Value]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// How many claims there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Vec<Value>)> for Claims {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Value>)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, ClaimsError};
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
        let names: Vec<_> = claims.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["address.country", "address.geo.lat", "e", "groups", "n"]);
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<Claims>(&json).unwrap(), claims);
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
