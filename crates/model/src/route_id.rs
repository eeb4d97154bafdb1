//! Which route a request hit.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hash of what a route matches and where it leads, never of its policy. Written as 16 lower-case
/// hexadecimal digits, as Pomerium writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u64);

/// A text that is no route id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a route id is 16 lower-case hexadecimal digits")]
pub struct RouteIdError;

impl core::fmt::Display for RouteId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl core::str::FromStr for RouteId {
    type Err = RouteIdError;

    /// Strict: exactly what [`RouteId`] prints, so that one id has one spelling.
    fn from_str(text: &str) -> Result<Self, RouteIdError> {
        let canonical = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(RouteIdError);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| RouteIdError)
    }
}

impl Serialize for RouteId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RouteId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{RouteId, RouteIdError};

    #[test]
    fn prints_and_reads_sixteen_digits() {
        let id = RouteId(0x0923_c9f3_dc9e_302a);
        assert_eq!(id.to_string(), "0923c9f3dc9e302a");
        assert_eq!("0923c9f3dc9e302a".parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"0923c9f3dc9e302a\"");
        assert_eq!(
            serde_json::from_str::<RouteId>("\"0923c9f3dc9e302a\"").unwrap(),
            id
        );
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            "923c9f3dc9e302a",
            "0923C9F3DC9E302A",
            "+923c9f3dc9e302a",
            " 0923c9f3dc9e302",
            "0x23c9f3dc9e302a",
        ] {
            assert_eq!(text.parse::<RouteId>(), Err(RouteIdError), "{text}");
        }
    }
}
