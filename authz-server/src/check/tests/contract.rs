//! The contract of ext_authz (XA): whatever a check is made of, what comes back is a
//! decision that was made, and changes nothing but what is ours to change.

use super::properties::sound;
use crate::check::answer::Verdict;
use crate::check::check;
use crate::check::message::Message;
use crate::fixture::{Ask, Fixture, HOST, ROUTE, Told, any_user, no_claims, public, route, settings};
use portcullis_bundle::template::Template;
use portcullis_model::HeaderName;
use proptest::prelude::*;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn in_band(legacy: &portcullis_policy::Legacy) -> Fixture {
    let fixture = Fixture::in_band();
    fixture.publish(settings(), [route(legacy)]);
    fixture
}

/// What a check says of its route: ours, another's by name, nothing, or our own pages.
fn context() -> impl Strategy<Value = Vec<(String, String)>> {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    proptest::sample::select(vec![
        pairs(&[]),
        pairs(&[("internal", "false"), ("route_id", &ROUTE.to_string())]),
        pairs(&[("internal", "true"), ("route_id", "")]),
        pairs(&[("route", "verify")]),
        pairs(&[("route", "other"), ("of", "the gateway")]),
    ])
}

prop_compose! {
    fn ask()(
        context in context(),
        method in "(GET|POST|HEAD|CONNECT)",
        path in prop_oneof!["/[a-z]{0,8}", Just("/.pomerium/".to_owned()), Just("/oauth2/callback?code=x&state=y".to_owned())],
        lines in proptest::collection::vec((
            "(cookie|authorization|accept|content-type|upgrade|te|connection|host|:path|content-length|x_email)",
            "[ -~]{0,20}",
        ), 0..6),
        raw in any::<bool>(),
    ) -> Ask {
        let headers = lines.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        Ask { method, host: format!("{HOST}:8443"), path, headers, context, raw, ..Ask::new() }
    }
}

/// A default answer is an ALLOW to Envoy. Nothing gets one, however it is damaged.
#[test]
fn whatever_bytes_come_no_answer_allows_that_no_policy_allowed() {
    let runtime = runtime();
    let fixtures = runtime.block_on(async {
        [
            (Fixture::of(&any_user()), false),
            (Fixture::of(&public()), true),
            (in_band(&any_user()), false),
            (in_band(&public()), true),
        ]
    });
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let cut = proptest::option::of(any::<prop::sample::Index>());
    let more = proptest::collection::vec(any::<u8>(), 0..30);
    proptest!(ProptestConfig::with_cases(3000), |(ask in ask(), changes in changes, cut in cut, more in more)| {
        let mut bytes = ask.request().encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(more);
        let internal = Message::read(&bytes).is_ok_and(|message| message.context.internal == Some("true"));
        for (at, (fixture, is_public)) in fixtures.iter().enumerate() {
            // What is no check is an error, to which Envoy answers as its operator said: 503.
            let Ok(reply) = runtime.block_on(check(&fixture.server, &bytes)) else { continue };
            let mut answer = Vec::new();
            reply.encode(&mut answer);
            prop_assert!(!answer.is_empty(), "the default answer");
            let told = Told(prost::Message::decode(&*answer).unwrap());
            sound(&told.0);
            let may_pass = *is_public || (at == 0 && internal);
            prop_assert!(may_pass || !told.passes(), "{:?}", told);
        }
    });
    for (fixture, is_public) in &fixtures {
        let metrics = fixture.server.metrics();
        assert_eq!(metrics.checks(Verdict::Internal), 0, "something panicked");
        assert_eq!(metrics.checks(Verdict::Allowed) > 0, *is_public);
    }
    let pages = fixtures[2].0.server.metrics();
    assert!(
        pages.checks(Verdict::InternalPage) > 0,
        "the generator never reaches a page"
    );
}

/// A word of a header: what says who asks, and what parts it from another.
fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "_pomerium=COOKIE",
        "_pomerium=x",
        "_pomerium",
        "a=1",
        "Pomerium TOKEN",
        "Bearer Pomerium-TOKEN",
        "Basic eA==",
        ";",
        "; ",
        ",",
        ", ",
        " ",
        "=",
    ])
}

/// With `encode_raw_headers` a check has a line for a line, without it those of one name
/// are one. Who is let in by the second is let in by the first, as the same.
#[test]
fn a_form_of_headers_lets_nobody_in_whom_the_other_does_not_know() {
    let runtime = runtime();
    let (fixture, cookie, token) = runtime.block_on(async {
        let fixture = Fixture::of(&any_user());
        let (stored, cookie) = fixture.session("user@example.com", no_claims()).await;
        let token = fixture.token(stored.session.id, HOST);
        (fixture, cookie, token)
    });
    let name = "(cookie|Cookie|authorization|x-pomerium-authorization)";
    let lines = proptest::collection::vec((name, proptest::collection::vec(word(), 0..5)), 0..4);
    let passed = core::cell::Cell::new([0_u32; 2]);
    proptest!(ProptestConfig::with_cases(4000), |(lines in lines)| {
        let ask = lines.iter().fold(Ask::new(), |ask, (name, words)| {
            let value = words.concat().replace("COOKIE", &cookie).replace("TOKEN", &token);
            ask.header(name, value)
        });
        let [lines, joined] = [ask.clone(), ask.joined()].map(|ask| runtime.block_on(fixture.check(&ask)));
        if joined.passes() {
            prop_assert!(lines.passes(), "only the joined form passes");
            prop_assert_eq!(lines.header("x-email"), joined.header("x-email"));
        }
        let [one, other] = passed.get();
        passed.set([one + u32::from(lines.passes()), other + u32::from(joined.passes())]);
        for told in [&lines, &joined].into_iter().filter(|told| told.passes()) {
            let sent = told.header("cookie").unwrap_or_default();
            let ours = sent.split([';', ',']).find(|one| one.trim_start().starts_with("_pomerium="));
            prop_assert_eq!(ours, None, "{}", sent);
            for header in ["authorization", "x-pomerium-authorization"] {
                prop_assert_eq!(told.header(header), None);
            }
        }
    });
    assert!(passed.get().iter().all(|count| *count > 50), "{passed:?} passed");
}

#[tokio::test]
async fn without_headers_in_either_form_nobody_asks() {
    let fixture = Fixture::of(&any_user());
    let mut bare = Ask::new().hiding();
    bare.headers.clear();
    for ask in [bare.clone(), bare.joined()] {
        assert_eq!(fixture.check(&ask).await.status(), 302);
    }
}

/// How a request is framed and where it goes is Envoy's affair, whatever a route, a claim
/// or a client names.
#[tokio::test]
async fn no_route_and_no_client_makes_us_touch_the_framing() {
    let framing = [
        "host",
        "content-length",
        "transfer-encoding",
        "te",
        "connection",
        "keep-alive",
        "upgrade",
        "trailer",
        "expect",
        "proxy-connection",
    ];
    for pass_identity_headers in [true, false] {
        for fixture in [Fixture::empty(), Fixture::in_band()] {
            let mut careless = settings();
            let mut set = route(&public());
            set.pass_identity_headers = pass_identity_headers;
            for name in framing {
                let name = HeaderName::parse(name).unwrap();
                careless
                    .jwt_claims_headers
                    .push((name.clone(), "email".to_owned()));
                set.set_request_headers.push((name, Template::parse("evil")));
            }
            fixture.publish(careless, [set]);
            let named = |ask: Ask| {
                let names = framing.iter().chain(&[":path", ":authority", "Host", "TE"]);
                names.fold(ask, |ask, name| ask.header(name, "x"))
            };
            for ask in [
                Ask::new(),
                Ask::new().context(&[]),
                Ask::new().context(&[("route", "verify")]),
            ] {
                for ask in [named(ask.clone()), named(ask).joined()] {
                    let told = fixture.check(&ask).await;
                    assert!(told.passes(), "{told:?}");
                    sound(&told.0);
                }
            }
        }
    }
    for pseudo in [":path", ":authority", ":method", ":scheme", ":status"] {
        assert!(
            HeaderName::parse(pseudo).is_err(),
            "{pseudo} is no name of a header"
        );
    }
}

/// As many names as a message holds, each of which only we may say: work for each of them,
/// and not for each two.
#[tokio::test]
async fn names_of_ours_without_end_are_no_work_without_end() {
    let fixture = Fixture::of(&public());
    let ask = (0..30_000).fold(Ask::new().header("accept", "application/json"), |ask, number| {
        ask.header(&format!("x-pomerium-{number}"), "x")
    });
    let told = fixture.check(&ask).await;
    assert_eq!(
        (told.status(), &told.json()["code"]),
        (431, &"headers_too_large".into())
    );
    // As many as Envoy can be told to take: each is removed once, in whatever case it came.
    let ask = (0..500).fold(Ask::new(), |ask, number| {
        let (name, again) = (format!("x-pomerium-{number}"), format!("X-Pomerium-{number}"));
        ask.header(&name, "x").header(&again, "y")
    });
    assert!(!fixture.check(&ask).await.passes(), "there is no room for ours");
    let ask = (0..450).fold(Ask::new(), |ask, number| {
        let (name, again) = (format!("x-pomerium-{number}"), format!("X-Pomerium-{number}"));
        ask.header(&name, "x").header(&again, "y")
    });
    let told = fixture.check(&ask).await;
    let removed = told.removed();
    assert_eq!(
        removed
            .iter()
            .filter(|name| name.starts_with("x-pomerium-"))
            .count(),
        450
    );
    assert!(
        !removed.iter().any(|name| name.starts_with("X-")),
        "twice: {removed:?}"
    );
}
