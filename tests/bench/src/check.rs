//! Warm Checks in process: from the bytes of the request to those of the answer.

use crate::Run;
use crate::deployment::{Edit, built, config, source};
use crate::http1::BROWSER;
use crate::sign_in::{server, signed_in};
use bytes::Bytes;
use core::hint::black_box;
use core::time::Duration;
use envoy_types::ext_authz::v3::pb::{
    CheckRequest, CheckResponse, HeaderValue, HeaderValueOption, HttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::config::core::v3::{Address, HeaderMap, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::google::rpc::Status;
use futures::FutureExt as _;
use portcullis_authz_server::AuthzServer;
use portcullis_authz_server::check::check;
use portcullis_model::SessionId;
use portcullis_session::record::Session;
use portcullis_store::MemoryStore;
use prost::Message as _;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const HOST: &str = "admin.localhost";
const SESSIONS: u128 = 10_000;
/// Requests that are made ready at a time: few, since a real one is in the cache.
const BATCH: u64 = 16;

/// A request of somebody whom the demo's route `admin` lets in, among `routes`
/// routes and ten thousand sessions; the assertion is in the cache.
pub(crate) fn warm(routes: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = server(Arc::new(MemoryStore::new(1)));
    let (_, bundle) = built(&config(&source(routes, Edit::None)));
    let route = bundle
        .routes
        .values()
        .find(|route| route.host.as_str() == HOST)
        .unwrap()
        .id
        .to_string();
    server.feed().publish(bundle).unwrap();
    let request = request(&route, &cookie_of_a_session(&runtime, &server));
    let answer = answered(&server, &request.encode_to_vec());
    assert_eq!(code(&CheckResponse::decode(&*answer).unwrap()), 0);

    prepared(request, move |request| {
        let _alive = &runtime;
        answered(&server, &request)
    })
}

/// What a Check costs that decides nothing, with the messages of the library: the
/// same request is decoded, and an answer with three headers encoded.
pub(crate) fn nothing() -> Run {
    let header = |name: &str| HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: "value".to_owned(),
            raw_value: Vec::new(),
        }),
        ..HeaderValueOption::default()
    };
    prepared(
        request(
            "0123456789abcdef",
            &format!("theme=dark; _pomerium={}; lang=en", "c".repeat(140)),
        ),
        move |request| {
            black_box(CheckRequest::decode(request).unwrap());
            let answer = CheckResponse {
                status: Some(Status::default()),
                http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
                    headers: ["x-one", "x-two", "x-three"].map(header).into(),
                    ..OkHttpResponse::default()
                })),
                ..CheckResponse::default()
            };
            answer.encode_to_vec()
        },
    )
}

/// Measures the answers alone, not the making of requests.
fn prepared(request: CheckRequest, answer: impl Fn(Bytes) -> Vec<u8> + 'static) -> Run {
    let request = request.encode_to_vec();
    let mut batch = Vec::new();
    Box::new(move |times, meter| {
        let mut left = times;
        while left > 0 {
            let now = left.min(BATCH);
            batch.extend((0..now).map(|_| Bytes::copy_from_slice(&request)));
            meter.measure(&mut || {
                for request in batch.drain(..) {
                    black_box(answer(request));
                }
            });
            left -= now;
        }
    })
}

fn answered(server: &Arc<AuthzServer>, request: &[u8]) -> Vec<u8> {
    // A warm Check waits for nothing.
    let reply = check(server, request).now_or_never().unwrap().unwrap();
    let mut answer = Vec::with_capacity(2048);
    reply.encode(&mut answer);
    answer
}

fn code(response: &CheckResponse) -> i32 {
    response.status.as_ref().map_or(0, |status| status.code)
}

/// Fills the view with sessions; the cookie of one of them.
fn cookie_of_a_session(runtime: &Runtime, server: &Arc<AuthzServer>) -> String {
    let (one, cookie) = signed_in(server, HOST);
    for id in 0..SESSIONS {
        let session = Session {
            id: SessionId(Uuid::from_u128(id)),
            ..one.clone()
        };
        runtime.block_on(server.sessions().insert(session)).unwrap();
    }
    runtime.block_on(server.sessions().insert(one)).unwrap();
    let follower = Arc::clone(server);
    runtime.spawn(async move { follower.sessions().follow(CancellationToken::new()).await });
    while !server.sessions().is_connected() {
        std::thread::sleep(Duration::from_millis(1));
    }
    cookie
}

/// As Envoy sends it for a browser.
fn request(route: &str, cookie: &str) -> CheckRequest {
    let before = [
        (":authority", "admin.localhost:8443"),
        (":path", "/reports/2026?page=2"),
        (":method", "GET"),
        (":scheme", "https"),
    ];
    let after = [
        ("cookie", cookie),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "5ab1d8b4-6f0f-4b6e-8e1e-0d0c3c9e6a11"),
    ];
    let headers = before.into_iter().chain(BROWSER).chain(after);
    let headers = headers.map(|(name, value)| HeaderValue {
        key: name.to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    });
    let peer = |address: &str, port| Peer {
        address: Some(Address {
            address: Some(address::Address::SocketAddress(SocketAddress {
                address: address.to_owned(),
                port_specifier: Some(
                    envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier::PortValue(port),
                ),
                ..SocketAddress::default()
            })),
        }),
        ..Peer::default()
    };
    let http = HttpRequest {
        id: "1234567890123".to_owned(),
        method: "GET".to_owned(),
        host: "admin.localhost:8443".to_owned(),
        path: "/reports/2026?page=2".to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/2".to_owned(),
        header_map: Some(HeaderMap {
            headers: headers.collect(),
        }),
        ..HttpRequest::default()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(peer("192.0.2.7", 51_234)),
            destination: Some(peer("127.0.0.1", 8443)),
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            context_extensions: [("internal", "false"), ("route_id", route)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..AttributeContext::default()
        }),
    }
}
