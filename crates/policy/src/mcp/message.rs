//! One JSON-RPC message.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Call, TOOL_CALL};

/// The names of a message that matter to us or to the server behind us.
const MESSAGE: [&str; 4] = ["jsonrpc", "id", "method", "params"];
/// The names of a tool call's parameters.
const PARAMS: [&str; 2] = ["name", "arguments"];

/// Reads a body; `None` if it cannot be understood wholly.
pub(super) fn read(bytes: &[u8]) -> Option<Call> {
    // As text first: what is passed over unread would not be looked at for bytes that are
    // no UTF-8, of which readers make different things.
    let message: Message = serde_json::from_str(core::str::from_utf8(bytes).ok()?).ok()?;
    let Some(method) = message.method else {
        // An answer to a request of the server.
        return Some(Call::Absent);
    };
    let tool = match (method.as_str(), message.params) {
        (TOOL_CALL, Some(Params::Object { name: Some(name) })) => Some(name),
        (TOOL_CALL, _) => return None,
        _ => None,
    };
    Some(Call::Message {
        id: message.id,
        method,
        tool,
    })
}

#[derive(Default)]
struct Message {
    id: Option<Value>,
    method: Option<String>,
    params: Option<Params>,
}

/// The parameters of a message.
enum Params {
    /// An object, and the text under `name`, if there is one.
    Object { name: Option<String> },
    /// A list, nothing, or an object of which two readers may think differently.
    Other,
}

/// Remembers which of a few names an object has had.
struct Seen<const N: usize> {
    names: [&'static str; N],
    seen: [bool; N],
}

impl<const N: usize> Seen<N> {
    const fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            seen: [false; N],
        }
    }

    /// Whether `key` is unambiguous: new, and none of the names in another
    /// spelling. Which of two equal names counts depends on the reader, and some
    /// readers do not look at case.
    fn admit(&mut self, key: &str) -> bool {
        let entry = self
            .names
            .iter()
            .zip(&mut self.seen)
            .find(|(name, _)| same_to_some(name, key));
        match entry {
            None => true,
            Some((name, seen)) => *name == key && !core::mem::replace(seen, true),
        }
    }
}

/// Whether a reader that folds case takes `key` for `name`. Besides the ASCII
/// letters, two characters fold to one: the long s and the Kelvin sign.
fn same_to_some(name: &str, key: &str) -> bool {
    let folded = key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    name.chars().eq(folded)
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MessageVisitor;

        impl<'de> Visitor<'de> for MessageVisitor {
            type Value = Message;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
                let mut message = Message::default();
                let mut seen = Seen::new(MESSAGE);
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.admit(&key) {
                        return Err(A::Error::custom("an ambiguous name"));
                    }
                    match key.as_str() {
                        "id" => message.id = Some(id(map.next_value()?)?),
                        "method" => message.method = Some(map.next_value()?),
                        "params" => message.params = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(message)
            }
        }

        deserializer.deserialize_map(MessageVisitor)
    }
}

/// An id is text, a number or null; anything else is not echoed.
fn id<E: serde::de::Error>(value: Value) -> Result<Value, E> {
    if value.is_string() || value.is_number() || value.is_null() {
        Ok(value)
    } else {
        Err(E::custom("an id of another type"))
    }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ParamsVisitor;

        impl<'de> Visitor<'de> for ParamsVisitor {
            type Value = Params;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the parameters of a JSON-RPC message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
                let mut seen = Seen::new(PARAMS);
                let mut name = None;
                let mut clear = true;
                while let Some(key) = map.next_key::<String>()? {
                    clear &= seen.admit(&key);
                    if key == "name" {
                        // Other methods may have a name of another type.
                        name = match map.next_value()? {
                            Value::String(text) => Some(text),
                            _ => None,
                        };
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(if clear {
                    Params::Object { name }
                } else {
                    Params::Other
                })
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Params, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Params::Other)
            }

            fn visit_unit<E>(self) -> Result<Params, E> {
                Ok(Params::Other)
            }
        }

        deserializer.deserialize_any(ParamsVisitor)
    }
}
