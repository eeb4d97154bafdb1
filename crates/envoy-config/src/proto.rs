//! Short constructors for what Envoy's messages are full of.

use core::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::google::protobuf::{Any, BoolValue, Duration, UInt32Value};
use prost::{Message, Name};

pub(crate) fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

pub(crate) fn extension<M: Message + Name>(name: &str, message: &M) -> core::TypedExtensionConfig {
    core::TypedExtensionConfig {
        name: name.to_owned(),
        typed_config: Some(any(message)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every use is an optional field")]
pub(crate) fn yes() -> Option<BoolValue> {
    Some(BoolValue { value: true })
}

#[expect(clippy::unnecessary_wraps, reason = "every use is an optional field")]
pub(crate) fn number(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

#[expect(clippy::unnecessary_wraps, reason = "every use is an optional field")]
pub(crate) fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

pub(crate) fn millis(millis: u64) -> Option<Duration> {
    let seconds = i64::try_from(millis / 1000).ok()?;
    let nanos = i32::try_from(millis % 1000 * 1_000_000).ok()?;
    Some(Duration { seconds, nanos })
}

pub(crate) fn socket(ip: &str, port: u16) -> core::Address {
    core::Address {
        address: Some(core::address::Address::SocketAddress(core::SocketAddress {
            address: ip.to_owned(),
            port_specifier: Some(core::socket_address::PortSpecifier::PortValue(u32::from(port))),
            ..Default::default()
        })),
    }
}

pub(crate) fn pipe(path: &std::path::Path) -> core::Address {
    let pipe = core::Pipe {
        path: path.to_string_lossy().into_owned(),
        mode: 0,
    };
    core::Address {
        address: Some(core::address::Address::Pipe(pipe)),
    }
}

/// Resources over the one aggregated stream. Envoy waits for them as long as it
/// takes: with a time limit it would begin to serve without them.
pub(crate) fn ads() -> core::ConfigSource {
    core::ConfigSource {
        initial_fetch_timeout: seconds(0),
        resource_api_version: core::ApiVersion::V3.into(),
        config_source_specifier: Some(core::config_source::ConfigSourceSpecifier::Ads(
            core::AggregatedConfigSource {},
        )),
        ..Default::default()
    }
}

/// Sets a header, whatever value it had.
pub(crate) fn overwrite(name: &str, value: &str) -> core::HeaderValueOption {
    header(name, value, HeaderAppendAction::OverwriteIfExistsOrAdd)
}

/// Sets a header that is not there.
pub(crate) fn if_absent(name: &str, value: &str) -> core::HeaderValueOption {
    header(name, value, HeaderAppendAction::AddIfAbsent)
}

fn header(name: &str, value: &str, action: HeaderAppendAction) -> core::HeaderValueOption {
    core::HeaderValueOption {
        header: Some(core::HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            ..Default::default()
        }),
        append_action: action.into(),
        ..Default::default()
    }
}

/// A literal value in a field where Envoy expands `%…%`.
pub(crate) fn literal(value: &str) -> String {
    value.replace('%', "%%")
}

/// A text that stands in the message itself.
pub(crate) fn inline(text: &str) -> core::DataSource {
    core::DataSource {
        specifier: Some(core::data_source::Specifier::InlineString(text.to_owned())),
        ..Default::default()
    }
}
