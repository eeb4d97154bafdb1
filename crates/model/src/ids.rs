//! Ids that are UUIDs. Whoever makes one brings the randomness and the time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A login session; the key of its record in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

/// One decision about one request: a UUIDv7, in the log line, the error page and the JSON body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DecisionId(pub Uuid);

macro_rules! hyphenated {
    ($name:ident) => {
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

hyphenated!(SessionId);
hyphenated!(DecisionId);

#[cfg(test)]
mod tests {
    use super::{DecisionId, SessionId};

    #[test]
    fn ids_print_hyphenated_and_read_back() {
        let text = "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5";
        let id: DecisionId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        let id: SessionId = text.parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        assert!("not-a-uuid".parse::<SessionId>().is_err());
    }
}
