//! The one place that builds a `CheckResponse`.
//!
//! To Envoy a default `CheckResponse` is an ALLOW. So an allow is built by one
//! function that takes a proof, and a denial always has a non-zero gRPC status
//! and a denied response. Every header value is checked here: Envoy by default
//! writes a CRLF in it to the wire.

use super::super::route::InternalRoute;
use core::marker::PhantomData;
use envoy_types::ext_authz::v3::pb::{
    CheckResponse, DeniedHttpResponse, HeaderAppendAction, HeaderValue, HeaderValueOption, HttpResponse,
    HttpStatus, OkHttpResponse,
};
use envoy_types::pb::google::rpc::Status;
use portcullis_policy::Allowed;

/// Longest header value that we send; Envoy takes no more in all the headers.
const MAX_VALUE: usize = 60 * 1024;
/// gRPC's `PERMISSION_DENIED`.
const PERMISSION_DENIED: i32 = 7;

/// Why a request may pass. Only who holds one of the two can make it.
pub(super) struct Proof<'a>(PhantomData<&'a ()>);

impl<'a> Proof<'a> {
    /// The route's policy allows it.
    pub(super) fn policy(_: &'a Allowed) -> Self {
        Self(PhantomData)
    }

    /// The route leads to our own pages.
    pub(super) fn internal(_: &'a InternalRoute) -> Self {
        Self(PhantomData)
    }
}

/// Whether `value` may stand in a header field (RFC 9110, 5.5): no control
/// character but tab, no leading or trailing white space, and not too long.
pub(crate) fn is_sendable(value: &str) -> bool {
    value.len() <= MAX_VALUE
        && value
            .bytes()
            .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
        && !value.starts_with([' ', '\t'])
        && !value.ends_with([' ', '\t'])
}

/// A request header that overwrites whatever the client sent; a value that cannot
/// be sent becomes empty, and the caller counts it.
pub(crate) fn overwrite(name: &str, value: &str) -> (HeaderValueOption, bool) {
    let sendable = is_sendable(value);
    let value = if sendable { value } else { "" };
    let option = HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            raw_value: Vec::new(),
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    };
    (option, sendable)
}

/// What changes on the way to the upstream.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// Headers to set, by [`overwrite`].
    pub(crate) set: Vec<HeaderValueOption>,
    /// Headers to remove; Envoy does so last.
    pub(crate) remove: Vec<String>,
    /// Query parameters to remove.
    pub(crate) remove_query: Vec<String>,
}

/// Lets the request pass.
pub(super) fn allow(_: &Proof<'_>, upstream: Upstream) -> CheckResponse {
    let Upstream {
        set,
        remove,
        remove_query,
    } = upstream;
    CheckResponse {
        status: Some(Status {
            code: 0,
            ..Status::default()
        }),
        dynamic_metadata: None,
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: set,
            headers_to_remove: remove,
            query_parameters_to_remove: remove_query,
            ..OkHttpResponse::default()
        })),
    }
}

/// Headers and body of a denial.
#[derive(Debug, Default)]
pub(super) struct Denial {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// Refuses the request. A denial with a header that cannot be sent is still a
/// denial, without that header.
pub(super) fn deny(denial: Denial) -> CheckResponse {
    let Denial {
        status,
        headers,
        body,
    } = denial;
    // Envoy drops a denial's header whose append flag is set: leave it unset.
    let headers = headers
        .into_iter()
        .filter(|(_, value)| is_sendable(value))
        .map(|(name, value)| HeaderValueOption {
            header: Some(HeaderValue {
                key: name.to_owned(),
                value,
                raw_value: Vec::new(),
            }),
            ..HeaderValueOption::default()
        })
        .collect();
    CheckResponse {
        status: Some(Status {
            code: PERMISSION_DENIED,
            message: "denied".to_owned(),
            details: Vec::new(),
        }),
        dynamic_metadata: None,
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: i32::from(status),
            }),
            headers,
            body,
        })),
    }
}
