//! Warm Checks in process: from the request message to the answer message.

use crate::Run;
use crate::deployment::{Edit, built, config, source};
use crate::policy::claims;
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
use jiff::{SignedDuration, Timestamp};
use portcullis_authz_server::check::check;
use portcullis_authz_server::clock::{OsRandom, SystemClock};
use portcullis_authz_server::{AuthzServer, Options};
use portcullis_idp::{HttpClient, HttpOptions};
use portcullis_model::SessionId;
use portcullis_session::handle::{self, Handle};
use portcullis_session::record::Session;
use portcullis_store::MemoryStore;
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
    let server = AuthzServer::new(Options {
        store: Arc::new(MemoryStore::new(1)),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        http: HttpClient::new(&HttpOptions::default()).unwrap(),
    });
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
    assert_eq!(code(&answered(&server, request.clone())), 0);

    prepared(request, move |request| {
        let _alive = &runtime;
        answered(&server, request)
    })
}

/// What a Check costs that decides nothing: the same request goes, and an answer
/// with three headers comes.
pub(crate) fn nothing() -> Run {
    let header = |name: &str| HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: "value".to_owned(),
            raw_value: Vec::new(),
        }),
        ..HeaderValueOption::default()
    };
    prepared(request("0123456789abcdef", &"c".repeat(140)), move |request| {
        drop(black_box(request));
        CheckResponse {
            status: Some(Status::default()),
            http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
                headers: ["x-one", "x-two", "x-three"].map(header).into(),
                ..OkHttpResponse::default()
            })),
            ..CheckResponse::default()
        }
    })
}

/// Measures the answers alone, not the making of requests.
fn prepared(request: CheckRequest, answer: impl Fn(CheckRequest) -> CheckResponse + 'static) -> Run {
    let mut batch = Vec::new();
    Box::new(move |times, meter| {
        let mut left = times;
        while left > 0 {
            let now = left.min(BATCH);
            batch.extend((0..now).map(|_| request.clone()));
            meter.measure(&mut || {
                for request in batch.drain(..) {
                    black_box(answer(request));
                }
            });
            left -= now;
        }
    })
}

fn answered(server: &AuthzServer, request: CheckRequest) -> CheckResponse {
    // A warm Check waits for nothing.
    check(server, request).now_or_never().unwrap()
}

fn code(response: &CheckResponse) -> i32 {
    response.status.as_ref().map_or(0, |status| status.code)
}

/// Fills the view with sessions; the cookie of one of them.
fn cookie_of_a_session(runtime: &Runtime, server: &Arc<AuthzServer>) -> String {
    let active = server.feed().active().unwrap();
    let provider_id = active.settings().provider.as_ref().unwrap().id.clone();
    let now = Timestamp::now();
    let one = Session {
        id: SessionId(Uuid::from_u128(SESSIONS / 2)),
        user_id: "00u1a2b3c4".to_owned(),
        email: "alice@example.com".to_owned(),
        name: "Alice Example".to_owned(),
        provider_id: provider_id.clone(),
        claims: claims(),
        issued_at: now,
        expires_at: now.checked_add(SignedDuration::from_hours(14)).unwrap(),
        id_token: "the-id-token".to_owned().into(),
        access_token: "the-access-token".to_owned().into(),
        refresh_token: None,
        access_token_expires_at: None,
    };
    for id in 0..SESSIONS {
        let session = Session {
            id: SessionId(Uuid::from_u128(id)),
            ..one.clone()
        };
        runtime.block_on(server.sessions().insert(session)).unwrap();
    }
    let follower = Arc::clone(server);
    runtime.spawn(async move { follower.sessions().follow(CancellationToken::new()).await });
    while !server.sessions().is_connected() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let handle = Handle {
        session_id: one.id,
        provider_id,
        issued_at: now,
    };
    handle::seal(&handle, &active.keys, &active.cookies.session, HOST, [9; 12]).unwrap()
}

/// As Envoy sends it for a browser.
fn request(route: &str, cookie: &str) -> CheckRequest {
    let cookie = format!("theme=dark; _pomerium={cookie}; lang=en");
    let headers = [
        (":authority", "admin.localhost:8443"),
        (":path", "/reports/2026?page=2"),
        (":method", "GET"),
        (":scheme", "https"),
        ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-user", "?1"),
        ("sec-fetch-dest", "document"),
        ("referer", "https://admin.localhost:8443/"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cookie", &cookie),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "5ab1d8b4-6f0f-4b6e-8e1e-0d0c3c9e6a11"),
    ]
    .map(|(name, value)| HeaderValue {
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
            headers: headers.into(),
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
