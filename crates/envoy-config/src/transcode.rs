//! Messages as proto-JSON. Our message types know only the binary form; the JSON
//! form needs their descriptors.

use prost::{Message, Name};
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

/// The descriptors of the types that we emit, cut from those of Envoy's API (see
/// `tests/descriptors.rs`).
const DESCRIPTORS: &[u8] = include_bytes!("../generated/descriptors.bin");

/// Maps are unordered in the binary form; under these names the JSON has them
/// sorted, so that equal snapshots print alike.
const MAPS: [&str; 3] = [
    "typed_per_filter_config",
    "context_extensions",
    "typed_extension_protocol_options",
];

/// Why a message could not be turned into JSON.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// The descriptors are unreadable.
    #[error("the built-in descriptors are unreadable")]
    Descriptors(#[source] DescriptorError),
    /// The descriptors lack a type.
    #[error("the built-in descriptors lack `{0}`")]
    UnknownType(String),
    /// The message does not fit its descriptor.
    #[error("`{0}` does not fit its descriptor")]
    Decode(String, #[source] prost::DecodeError),
    /// The message has no JSON form.
    #[error("`{0}` has no json form")]
    Json(String, #[source] serde_json::Error),
}

pub(crate) struct Transcoder(DescriptorPool);

impl Transcoder {
    pub(crate) fn new() -> Result<Self, TranscodeError> {
        DescriptorPool::decode(DESCRIPTORS)
            .map(Self)
            .map_err(TranscodeError::Descriptors)
    }

    /// The message with its fields named as in the `.proto` files and without
    /// those that have their default.
    pub(crate) fn convert<M: Message + Name>(&self, message: &M) -> Result<Value, TranscodeError> {
        let name = M::full_name();
        let Some(descriptor) = self.0.get_message_by_name(&name) else {
            return Err(TranscodeError::UnknownType(name));
        };
        let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
            .map_err(|error| TranscodeError::Decode(name.clone(), error))?;
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .skip_default_fields(true);
        let mut json = message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| TranscodeError::Json(name, error))?;
        sort_maps(&mut json);
        Ok(json)
    }
}

/// No deeper than the messages, whose depth is that of our own code.
fn sort_maps(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if let Value::Object(map) = value
                    && MAPS.contains(&name.as_str())
                {
                    map.sort_keys();
                }
                sort_maps(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort_maps),
        _ => {}
    }
}
