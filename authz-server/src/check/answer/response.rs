//! The one place that builds a `CheckResponse`.
//!
//! To Envoy a default `CheckResponse` is an ALLOW. So an allow is built by one
//! function that takes a proof, and a denial always has a non-zero gRPC status
//! and a denied response. Every header value is checked here: Envoy by default
//! writes a CRLF in it to the wire.

use super::super::route::InternalRoute;
use bytes::BufMut;
use core::marker::PhantomData;
use envoy_types::ext_authz::v3::pb::{
    CheckResponse, DeniedHttpResponse, HeaderAppendAction, HeaderValue, HeaderValueOption, HttpResponse,
    HttpStatus, OkHttpResponse,
};
use envoy_types::pb::google::rpc::Status;
use portcullis_policy::Allowed;
use prost::Message as _;
use prost::encoding::{self, WireType};
use std::sync::Arc;

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

/// Headers that are the same in many answers, put into bytes once.
#[derive(Debug, PartialEq)]
pub(crate) struct Ready {
    headers: Vec<HeaderValueOption>,
    /// As they stand in an `OkHttpResponse`.
    encoded: Vec<u8>,
}

impl Ready {
    pub(super) fn new(headers: Vec<HeaderValueOption>) -> Self {
        let as_they_stand = OkHttpResponse {
            headers,
            ..OkHttpResponse::default()
        };
        let encoded = as_they_stand.encode_to_vec();
        let OkHttpResponse { headers, .. } = as_they_stand;
        Self { headers, encoded }
    }

    /// The value of a header; its name in lower case.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        values(&self.headers).find_map(|header| (header.key == name).then_some(header.value.as_str()))
    }
}

fn values(headers: &[HeaderValueOption]) -> impl Iterator<Item = &HeaderValue> {
    headers.iter().filter_map(|set| set.header.as_ref())
}

/// What changes on the way to the upstream.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// Headers to set before the others.
    ready: Option<Arc<Ready>>,
    /// Headers to set, by [`overwrite`].
    set: Vec<HeaderValueOption>,
    /// Headers to remove; Envoy does so last.
    pub(crate) remove: Vec<String>,
    /// Query parameters to remove.
    pub(crate) remove_query: Vec<String>,
}

impl Upstream {
    /// Begins with these headers.
    pub(super) fn beginning_with(ready: Option<Arc<Ready>>) -> Self {
        Self {
            ready,
            ..Self::default()
        }
    }

    /// Every header that is set.
    pub(super) fn all(&self) -> impl Iterator<Item = &HeaderValue> {
        let ready = self.ready.as_ref().map_or(&[][..], |ready| &ready.headers);
        values(ready).chain(values(&self.set))
    }

    /// Whether this header is set already.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.all().any(|header| header.key.eq_ignore_ascii_case(name))
    }

    /// Sets a header that is not set yet.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.set.push(overwrite(name, value).0);
    }

    /// Sets a header; where it is set already, the value follows after a comma,
    /// since Envoy lets the last of two win. `name` is in lower case.
    pub(super) fn join(&mut self, name: &str, value: &str) {
        self.take_apart(name);
        let set = self.set.iter_mut().filter_map(|set| set.header.as_mut());
        match set.into_iter().find(|header| header.key == name) {
            Some(header) => {
                let joined = [header.value.as_str(), ",", value].concat();
                // Too long for a header: what was there first stays.
                if is_sendable(&joined) {
                    header.value = joined;
                }
            }
            None => self.set.push(overwrite(name, value).0),
        }
    }

    /// Sets a header in place of what was set under its name.
    pub(super) fn replace(&mut self, name: &str, value: &str) {
        self.take_apart(name);
        self.set
            .retain(|set| set.header.as_ref().is_none_or(|header| header.key != name));
        self.set.push(overwrite(name, value).0);
    }

    /// Makes the ready headers ordinary ones, if `name` is among them.
    fn take_apart(&mut self, name: &str) {
        if let Some(ready) = self.ready.take_if(|ready| ready.value(name).is_some()) {
            self.set.splice(0..0, ready.headers.iter().cloned());
        }
    }
}

/// An answer to Envoy.
#[derive(Debug)]
pub struct Reply {
    response: CheckResponse,
    /// Headers of an allow besides those of `response`.
    ready: Option<Arc<Ready>>,
}

/// The number of `ok_response` in a `CheckResponse`, and of `status`.
const OK_RESPONSE: u32 = 3;
const STATUS: u32 = 1;

impl Reply {
    /// Appends the answer as a `CheckResponse`.
    pub fn encode(&self, out: &mut impl BufMut) {
        let Self { response, ready } = self;
        let (Some(ready), Some(HttpResponse::OkResponse(ok))) = (ready, &response.http_response) else {
            response.encode_raw(out);
            return;
        };
        // The parts of a repeated field follow one another, so the ready bytes go
        // in front of the rest of the message that they belong to.
        if let Some(status) = &response.status {
            encoding::message::encode(STATUS, status, out);
        }
        let length = ready.encoded.len() + ok.encoded_len();
        encoding::encode_key(OK_RESPONSE, WireType::LengthDelimited, out);
        encoding::encode_varint(length as u64, out);
        out.put_slice(&ready.encoded);
        ok.encode_raw(out);
    }
}

/// Lets the request pass.
pub(super) fn allow(_: &Proof<'_>, upstream: Upstream) -> Reply {
    let Upstream {
        ready,
        set,
        remove,
        remove_query,
    } = upstream;
    let response = CheckResponse {
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
    };
    Reply { response, ready }
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
pub(super) fn deny(denial: Denial) -> Reply {
    let Denial {
        status,
        headers,
        body,
    } = denial;
    let headers = headers.into_iter();
    deny_with(
        status,
        headers.map(|(name, value)| (name.to_owned(), value)),
        body,
    )
}

/// The same with headers of any name.
pub(super) fn deny_with(
    status: u16,
    headers: impl IntoIterator<Item = (String, String)>,
    body: String,
) -> Reply {
    // Envoy drops a denial's header whose append flag is set: leave it unset.
    let headers = headers
        .into_iter()
        .filter(|(_, value)| is_sendable(value))
        .map(|(key, value)| HeaderValueOption {
            header: Some(HeaderValue {
                key,
                value,
                raw_value: Vec::new(),
            }),
            ..HeaderValueOption::default()
        })
        .collect();
    let response = CheckResponse {
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
    };
    Reply {
        response,
        ready: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(ready: Option<&[(&str, &str)]>) -> Upstream {
        let ready = ready.map(|headers| {
            let headers = headers.iter().map(|(name, value)| overwrite(name, value).0);
            Arc::new(Ready::new(headers.collect()))
        });
        Upstream::beginning_with(ready)
    }

    /// The headers in the order in which Envoy reads them.
    fn sent(upstream: Upstream) -> Vec<(String, String)> {
        let reply = allow(&Proof(PhantomData), upstream);
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        let response = CheckResponse::decode(&*bytes).unwrap();
        assert_eq!(response.status.unwrap().code, 0);
        let Some(HttpResponse::OkResponse(ok)) = response.http_response else {
            panic!("not an allow")
        };
        assert_eq!(ok.headers_to_remove, ["x-gone"]);
        assert_eq!(ok.query_parameters_to_remove, ["q"]);
        let overwrites = i32::from(HeaderAppendAction::OverwriteIfExistsOrAdd);
        assert!(ok.headers.iter().all(|header| header.append_action == overwrites));
        let headers = ok.headers.into_iter().filter_map(|header| header.header);
        headers.map(|header| (header.key, header.value)).collect()
    }

    #[test]
    fn ready_headers_stand_before_the_others() {
        for ready in [None, Some(&[][..]), Some(&[("x-a", "1"), ("x-b", "2")][..])] {
            let mut upstream = upstream(ready);
            upstream.add("x-c", "3");
            upstream.remove.push("x-gone".to_owned());
            upstream.remove_query.push("q".to_owned());
            let all: Vec<_> = upstream
                .all()
                .map(|header| (header.key.clone(), header.value.clone()))
                .collect();
            assert_eq!(all.len(), ready.map_or(0, <[_]>::len) + 1);
            assert_eq!(sent(upstream), all);
        }
    }

    #[test]
    fn what_is_joined_with_a_ready_header_is_one_header() {
        let mut upstream = upstream(Some(&[("x-a", "1"), ("x-b", "2")]));
        upstream.join("x-c", "3");
        upstream.join("x-b", "4");
        upstream.replace("x-a", "5");
        upstream.remove.push("x-gone".to_owned());
        upstream.remove_query.push("q".to_owned());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sent(upstream),
            [pair("x-b", "2,4"), pair("x-c", "3"), pair("x-a", "5")]
        );
    }
}
