//! Policies about client certificates and calls, evaluated on what Envoy hands over.

use crate::fixture::certificates::{
    AUTHORITY, IMPOSTOR, INTERMEDIATE, Made, authorities, authorities_by, self_signed,
};
use crate::fixture::{Ask, Fixture, Told, any_user, no_claims, public, route, route_of, settings};
use portcullis_bundle::{Route, RoutePolicy, Settings};
use portcullis_policy::{Leaf, Legacy, Policy, compile};
use proptest::prelude::*;

const MONA: &str = "mona@example.com";

/// A server that trusts the authority, with one route.
fn serving(route: Route) -> Fixture {
    deep(route, 1)
}

fn deep(route: Route, max_depth: u32) -> Fixture {
    let fixture = Fixture::empty();
    let settings = Settings {
        client_authorities: Some(authorities(max_depth)),
        ..settings()
    };
    fixture.publish(settings, [route]);
    fixture
}

/// As every route is under `policy_with_default_deny`.
fn with_default_deny(legacy: Legacy) -> Route {
    let ruled = Legacy {
        default_client_certificate_rule: true,
        ..legacy
    };
    Route {
        policy: RoutePolicy::Program(compile(&Policy::from_route(&ruled, None)).unwrap()),
        ..route(&Legacy::default())
    }
}

fn code(answer: &Told) -> (i32, String) {
    (
        answer.status(),
        answer.json()["code"].as_str().unwrap().to_owned(),
    )
}

fn ask() -> Ask {
    Ask::new().header("accept", "application/json")
}

fn with(certificate: &Made) -> Ask {
    ask().certificate(&certificate.pem)
}

fn fingerprint(of: &Made) -> String {
    let leaf = Leaf::from_pem(&of.pem).unwrap();
    leaf.fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test]
async fn the_default_rule_asks_every_route_for_a_valid_certificate() {
    let fixture = serving(with_default_deny(public()));
    let (required, invalid) = (
        (495, "client_certificate_required".to_owned()),
        (495, "client_certificate_invalid".to_owned()),
    );
    assert!(fixture.check(&with(&AUTHORITY.client(MONA))).await.passes());
    assert_eq!(code(&fixture.check(&ask()).await), required);
    for made in [
        self_signed(MONA),
        IMPOSTOR.client(MONA),
        INTERMEDIATE.client(MONA),
    ] {
        assert_eq!(code(&fixture.check(&with(&made)).await), invalid);
    }
    for text in [
        "x",
        "%",
        "%ff",
        "-----BEGIN CERTIFICATE-----",
        &"%2D".repeat(100_000),
    ] {
        let mut odd = ask();
        text.clone_into(&mut odd.certificate);
        assert_eq!(code(&fixture.check(&odd).await), invalid, "{text:.40}");
    }
    // Time is the server's: the authority ends with the year.
    fixture.clock.advance(365 * 86_400 + 1);
    let late = fixture.check(&with(&AUTHORITY.client(MONA))).await;
    assert_eq!(code(&late), invalid);
}

#[tokio::test]
async fn the_rule_stands_before_the_login_and_does_not_replace_it() {
    let fixture = serving(with_default_deny(any_user()));
    let (_, cookie) = fixture.session("user@example.com", no_claims()).await;
    let mona = AUTHORITY.client(MONA);
    assert_eq!(fixture.check(&ask()).await.status(), 495);
    assert_eq!(fixture.check(&ask().session(&cookie)).await.status(), 495);
    let begun = fixture.check(&with(&mona).method("POST")).await;
    assert_eq!(begun.status(), 401);
    assert!(fixture.check(&with(&mona).session(&cookie)).await.passes());
}

#[tokio::test]
async fn criteria_look_at_the_certificate() {
    let mona = AUTHORITY.client(MONA);
    let fingerprint = fingerprint(&mona);
    for policy in [
        "allow: {and: [client_certificate: {}]}".to_owned(),
        format!("allow: {{and: [client_certificate: {{san_email: {MONA}}}]}}"),
        format!("allow: {{and: [client_certificate: {{fingerprint: {fingerprint}}}]}}"),
        "allow: {not: [invalid_client_certificate: true]}".to_owned(),
    ] {
        let fixture = serving(route_of(&policy));
        assert!(fixture.check(&with(&mona)).await.passes(), "{policy}");
        assert!(!fixture.check(&ask()).await.passes(), "{policy}");
        assert!(
            fixture.check(&with(&mona).context(&[])).await.passes(),
            "{policy}"
        );
    }
    let other = AUTHORITY.client("otto@example.com");
    let fixture = serving(route_of(&format!(
        "[allow: {{and: [accept: true]}}, deny: {{and: [client_certificate: {{san_email: {MONA}}}]}}]"
    )));
    assert!(fixture.check(&with(&other)).await.passes());
    assert_eq!(fixture.check(&with(&mona)).await.status(), 403);
}

/// What a certificate says of its holder counts only where an authority says it too.
#[tokio::test]
async fn names_of_a_certificate_that_is_not_valid_count_for_nothing() {
    let forged = self_signed(MONA);
    let by_name = format!("allow: {{and: [client_certificate: {{san_email: {MONA}}}]}}");
    let refused = serving(route_of(&by_name)).check(&with(&forged)).await;
    assert_eq!(refused.status(), 403);
    // Its key is proved by the handshake, whoever signed it.
    let fingerprint = fingerprint(&forged);
    let by_key = format!("allow: {{and: [client_certificate: {{fingerprint: {fingerprint}}}]}}");
    assert!(serving(route_of(&by_key)).check(&with(&forged)).await.passes());
}

#[tokio::test]
async fn without_an_authority_no_certificate_counts() {
    let mona = AUTHORITY.client(MONA);
    for policy in [
        "allow: {and: [client_certificate: {}]}",
        "allow: {and: [invalid_client_certificate: true]}",
    ] {
        let fixture = Fixture::empty();
        fixture.publish(settings(), [route_of(policy)]);
        assert_eq!(fixture.check(&with(&mona)).await.status(), 403, "{policy}");
    }
}

#[tokio::test]
async fn intermediates_are_taken_from_wherever_they_are_shown() {
    let mona = INTERMEDIATE.client(MONA);
    let both = format!("{}{}", mona.pem, INTERMEDIATE.pem);
    let forwarded = |pem: &str| {
        let encoded = Ask::new().certificate(pem).certificate;
        let value = format!("Hash=ab;Chain=\"{encoded}\";Subject=\"\"");
        with(&mona).header("x-forwarded-client-cert", value)
    };
    let two = deep(with_default_deny(public()), 2);
    assert!(two.check(&ask().certificate(&both)).await.passes());
    assert!(two.check(&forwarded(&both)).await.passes());
    assert!(two.check(&forwarded(&INTERMEDIATE.pem).joined()).await.passes());
    for ask in [
        with(&mona),
        forwarded(&IMPOSTOR.pem),
        forwarded("x"),
        with(&mona).header("x-forwarded-client-cert", "Chain=\"%ff\",Chain=\"".repeat(100)),
        // The header alone is nobody's certificate.
        Ask {
            certificate: String::new(),
            ..forwarded(&both)
        },
        Ask {
            certificate: "x".to_owned(),
            ..forwarded(&both)
        },
    ] {
        assert_eq!(two.check(&ask).await.status(), 495);
    }
    let one = serving(with_default_deny(public()));
    assert_eq!(one.check(&forwarded(&both)).await.status(), 495);
}

fn body_of(tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
    )
}

fn call(tool: &str) -> Ask {
    posted(body_of(tool).as_bytes())
}

fn posted(body: &[u8]) -> Ask {
    ask()
        .method("POST")
        .header("content-type", "application/json")
        .header("content-length", body.len().to_string())
        .header("x-envoy-auth-partial-body", "false")
        .body(body)
}

#[tokio::test]
async fn a_call_in_the_body_is_what_the_policy_decides_on() {
    let fixture = serving(route_of(
        "[allow: {and: [accept: true]}, deny: {or: [mcp_tool: delete_everything]}]",
    ));
    for context in [vec![], Ask::new().context] {
        let of = |ask: Ask| Ask {
            context: context.clone(),
            ..ask
        };
        assert!(fixture.check(&of(call("search"))).await.passes());
        let denied = fixture.check(&of(call("delete_everything"))).await;
        assert_eq!(code(&denied), (403, "policy_denied".to_owned()));
        let mut partial = of(call("search"));
        partial
            .headers
            .retain(|(name, _)| name != "x-envoy-auth-partial-body");
        assert!(!fixture.check(&partial).await.passes());
    }
    let only = serving(route_of("allow: {and: [mcp_tool: {in: [search]}]}"));
    assert!(only.check(&call("search")).await.passes());
    assert!(!only.check(&call("searching")).await.passes());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// What a certificate is asked for, and a call is not.
#[test]
fn a_damaged_certificate_lets_nobody_in() {
    let runtime = runtime();
    let policy = "allow: {and: [client_certificate: {san_email: mona@example.com}]}";
    let fixture = runtime.block_on(async { deep(route_of(policy), 0) });
    let pem = &AUTHORITY.client(MONA).pem;
    let encoded = ask().certificate(pem).certificate;
    let of = |certificate: String| Ask {
        certificate,
        ..call("search")
    };
    assert!(runtime.block_on(fixture.check(&of(encoded.clone()))).passes());
    let leaf = Leaf::from_pem(pem).unwrap();
    proptest!(ProptestConfig::with_cases(300), |(
        place in 0..encoded.len(),
        text in "[%A-Za-z0-9+/=\n-]{1,8}",
        cut in any::<bool>(),
    )| {
        let mut certificate = encoded.clone();
        certificate.replace_range(place..(place + text.len()).min(encoded.len()), &text);
        if cut {
            certificate.truncate(place);
        }
        // Damage to what stands for the same bytes, such as the case of `%2b`, is none.
        let decoded = percent_encoding::percent_decode_str(&certificate).decode_utf8();
        let undamaged = decoded.is_ok_and(|text| Leaf::from_pem(&text).as_ref() == Ok(&leaf));
        let answer = runtime.block_on(fixture.check(&of(certificate)));
        super::properties::sound(&answer.0);
        prop_assert_eq!(answer.passes(), undamaged);
    });
}

/// What a call is asked for, beside a certificate that is good.
#[test]
fn a_random_body_lets_nobody_in() {
    let runtime = runtime();
    let policy = "[allow: {and: [client_certificate: {san_email: mona@example.com}]}, \
                  deny: {or: [mcp_tool: delete]}]";
    let fixture = runtime.block_on(async { deep(route_of(policy), 0) });
    let certificate = with(&AUTHORITY.client(MONA)).certificate;
    let of = |body: &[u8]| Ask {
        certificate: certificate.clone(),
        ..posted(body)
    };
    let good = body_of("search").into_bytes();
    assert!(runtime.block_on(fixture.check(&of(&good))).passes());
    proptest!(ProptestConfig::with_cases(300), |(
        random in any::<Vec<u8>>(),
        place in 0..good.len(),
        broken in proptest::sample::select(vec![&b"\xff"[..], b"\0", b"\xc3\"", b"{\"method\":"]),
        at_random in any::<bool>(),
    )| {
        let body = if at_random {
            random
        } else {
            let mut body = good.clone();
            body.splice(place..place, broken.iter().copied());
            body
        };
        let answer = runtime.block_on(fixture.check(&of(&body)));
        super::properties::sound(&answer.0);
        prop_assert!(!answer.passes());
    });
}

/// A verdict is remembered with the settings that it was made by, and as long as they say
/// the same of it.
#[tokio::test]
async fn what_was_found_of_a_certificate_is_forgotten_with_its_reasons() {
    let fixture = serving(with_default_deny(public()));
    let mona = with(&AUTHORITY.client(MONA));
    for _ in 0..3 {
        assert!(fixture.check(&mona).await.passes());
    }
    // The certificate, other than the authority, may be told apart by a byte of its text.
    let mut other = mona.clone();
    other.certificate.insert(200, 'A');
    assert!(!fixture.check(&other).await.passes());
    assert!(fixture.check(&mona).await.passes());
    let untrusting = Settings {
        client_authorities: Some(authorities_by(&IMPOSTOR)),
        ..settings()
    };
    fixture.publish(untrusting, [with_default_deny(public())]);
    assert_eq!(fixture.check(&mona).await.status(), 495);
    let trusting = Settings {
        client_authorities: Some(authorities(1)),
        ..settings()
    };
    fixture.publish(trusting, [with_default_deny(public())]);
    assert!(fixture.check(&mona).await.passes());
    fixture.clock.advance(365 * 86_400 + 1);
    assert_eq!(fixture.check(&mona).await.status(), 495);
    assert_eq!(fixture.check(&mona).await.status(), 495);
}
