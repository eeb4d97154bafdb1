//! Whatever a check holds: no panic, no answer that Envoy would take for an allow
//! unless a policy or an internal route says so, and nothing unsendable.

use crate::check::answer::Verdict;
use crate::fixture::{Ask, Fixture, HOST, ROUTE, any_user, public};
use envoy_types::ext_authz::v3::pb::{CheckResponse, HttpResponse};
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..24),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        "(Pomerium|Bearer Pomerium-|_pomerium=|text/html|\\*/\\*;q=|,|;| |websocket|application/grpc){0,6}"
            .prop_map(String::into_bytes),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "cookie",
            "authorization",
            "accept",
            "content-type",
            "upgrade",
            "x-requested-with",
            "sec-fetch-mode",
            "user-agent",
            "origin",
            "access-control-request-method",
            "x-request-id",
            "x-pomerium-authorization",
            "x-portcullis-in-jwt-assertion",
            "x_email",
            ":path",
            "",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z_:-]{1,20}",
        any::<String>(),
    ]
}

prop_compose! {
    fn ask()(
        method in prop_oneof!["(GET|POST|CONNECT|HEAD|)", any::<String>()],
        host in prop_oneof![Just(HOST.to_owned()), Just(format!("{HOST}:8443")), any::<String>()],
        path in prop_oneof!["/[a-z%2f?=&]{0,20}", Just("/robots.txt".to_owned()), any::<String>()],
        headers in proptest::collection::vec((name(), bytes()), 0..12),
        internal in prop_oneof!["(true|false|)", any::<String>()],
        route_id in prop_oneof![Just(ROUTE.to_string()), Just(String::new()), any::<String>()],
        terminal in prop_oneof!["(no_route|)", any::<String>()],
        (raw, hides) in any::<(bool, bool)>(),
        bodies in (bytes(), any::<String>()),
        certificate in any::<String>(),
        (scheme, protocol) in ("(http|https|)", "(HTTP/1.1|HTTP/2|)"),
    ) -> Ask {
        let context = vec![
            ("internal".to_owned(), internal),
            ("route_id".to_owned(), route_id),
            ("terminal".to_owned(), terminal),
        ];
        Ask { method, host, path, headers, context, raw, hides, bodies, certificate, scheme, protocol }
    }
}

/// Names that say how a request is framed, routed or carried.
const FRAMING: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What must hold for every answer.
pub(super) fn sound(response: &CheckResponse) {
    let status = response.status.as_ref().expect("a default answer is an ALLOW");
    assert!(response.dynamic_metadata.is_none());
    let headers = match response
        .http_response
        .as_ref()
        .expect("an answer without a response")
    {
        HttpResponse::OkResponse(ok) => {
            assert_eq!(status.code, 0);
            for set in &ok.headers {
                let name = &set.header.as_ref().unwrap().key;
                assert!(!ok.headers_to_remove.contains(name), "{name} is set and removed");
            }
            let set = ok.headers.iter().map(|set| &set.header.as_ref().unwrap().key);
            for name in set.chain(&ok.headers_to_remove) {
                assert!(!name.starts_with(':'), "{name} is changed");
                assert!(
                    !FRAMING.contains(&&*name.to_ascii_lowercase()),
                    "{name} is changed"
                );
            }
            assert!(ok.response_headers_to_add.is_empty() && ok.query_parameters_to_set.is_empty());
            &ok.headers
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(status.code, 0);
            assert!(denied.status.as_ref().unwrap().code >= 200);
            &denied.headers
        }
        HttpResponse::ErrorResponse(_) => panic!("no error responses"),
    };
    for header in headers.iter().map(|header| header.header.as_ref().unwrap()) {
        let clean = header
            .value
            .bytes()
            .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
        assert!(clean && header.raw_value.is_empty(), "{header:?}");
    }
}

#[test]
fn any_check_gets_a_sound_answer_and_only_an_allow_allows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (closed, open) = runtime.block_on(async { (Fixture::of(&any_user()), Fixture::of(&public())) });
    proptest!(ProptestConfig::with_cases(2000), |(ask in ask())| {
        let internal = ask.context.iter().map(|(_, value)| value.as_str()).eq(["true", "", ""]);
        let denied = runtime.block_on(closed.check(&ask));
        sound(&denied.0);
        // Nobody here has a session, so this policy never allows.
        prop_assert!(!denied.passes() || internal);
        let told = runtime.block_on(open.check(&ask));
        sound(&told.0);
        let routed = ask.context.iter().map(|(_, value)| value.as_str()).eq(["false", &ROUTE.to_string(), ""]);
        prop_assert!(!told.passes() || internal || routed);
    });
    for fixture in [&closed, &open] {
        assert_eq!(
            fixture.server.metrics().checks(Verdict::Internal),
            0,
            "something panicked"
        );
    }
    assert_eq!(closed.server.metrics().checks(Verdict::Allowed), 0);
    assert!(
        open.server.metrics().checks(Verdict::Allowed) > 0,
        "the generator never reaches the route"
    );
}
