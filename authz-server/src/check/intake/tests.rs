use super::target::{is_plain, long_path};
use super::{Ambiguity, IntakeError, Values, host, path, read};
use crate::check::message::Message;
use crate::fixture::Ask;
use proptest::prelude::*;
use prost::Message as _;

#[test]
fn hosts_lose_a_good_port_and_nothing_else() {
    for (authority, wanted) in [
        ("app.example.com", Some("app.example.com")),
        ("APP.example.com.:8443", Some("app.example.com")),
        ("[::1]:443", Some("[::1]")),
        ("[::1]", Some("[::1]")),
        ("192.0.2.1:80", Some("192.0.2.1")),
        ("app:", None),
        ("app:+1", None),
        ("app:0", None),
        ("app:65536", None),
        ("app:0443", None),
        ("app:00000000443", None),
        ("app:-1", None),
        ("app: 443", None),
        ("app:80:80", None),
        ("::1", None),
        ("[::1]:x", None),
        ("a]b:1", None),
        ("", None),
    ] {
        let found = host(authority);
        assert_eq!(
            found.as_ref().map(|(host, _)| host.as_str()),
            wanted,
            "{authority}"
        );
    }
}

#[test]
fn paths_are_decoded_once() {
    assert_eq!(path("/a%20b", false).unwrap(), "/a b");
    assert_eq!(path("/%252e", false).unwrap(), "/%2e");
    assert_eq!(path("/%23", false).unwrap(), "/#");
    assert_eq!(path("", true).unwrap(), "");
    for (bad, why) in [
        ("", Ambiguity::NotAbsolute),
        ("a", Ambiguity::NotAbsolute),
        ("*", Ambiguity::NotAbsolute),
        ("/#", Ambiguity::Fragment),
        ("/?a#b", Ambiguity::Fragment),
        ("/%", Ambiguity::BadEscape),
        ("/%4", Ambiguity::BadEscape),
        ("/%4g", Ambiguity::BadEscape),
        ("/%c0%af", Ambiguity::NotUtf8),
        ("/%ed%a0%80", Ambiguity::NotUtf8),
        ("/%00", Ambiguity::Nul),
        ("/a%2Fb", Ambiguity::Separator),
        ("/a%5cb", Ambiguity::Separator),
        ("/a\\b", Ambiguity::Separator),
        ("/a b", Ambiguity::OddByte),
        ("/\u{e4}", Ambiguity::OddByte),
        ("//a", Ambiguity::EmptySegment),
        ("/a//", Ambiguity::EmptySegment),
        ("/a/..", Ambiguity::DotSegment),
        ("/a/%2e./b", Ambiguity::DotSegment),
        ("/a/..;x=1/b", Ambiguity::DotSegment),
        ("/.%3b/b", Ambiguity::DotSegment),
    ] {
        assert_eq!(path(bad, false), Err(why), "{bad}");
    }
}

#[test]
fn what_is_odd_is_named_where_the_envoy_is_not_ours() {
    let read_error = |ask: &Ask| {
        let check = ask.request().encode_to_vec();
        read(&Message::read(&check).unwrap()).err()
    };
    let foreign = [&[][..], &[("route", "a")], &[("somebody", "else")]];
    for context in foreign {
        let ask = Ask::new().context(context);
        assert_eq!(read_error(&ask), None);
        let ambiguous = |why| Some(IntakeError::Ambiguous(why));
        assert_eq!(
            read_error(&ask.clone().path("//a")),
            ambiguous(Ambiguity::EmptySegment)
        );
        for host in [
            "",
            "user@app",
            "app:80:80",
            "app:0",
            "\u{e4}.test",
            &"a.".repeat(200),
        ] {
            assert_eq!(
                read_error(&ask.clone().host(host)),
                ambiguous(Ambiguity::Host),
                "{host}"
            );
        }
    }
    let ours = Ask::new();
    let path = IntakeError::Path(Ambiguity::EmptySegment);
    assert_eq!(read_error(&ours.clone().path("//a")), Some(path));
    assert_eq!(path.ambiguity(), Some(Ambiguity::EmptySegment));
    assert_eq!(read_error(&ours.clone().host("app:0")), Some(IntakeError::Host));
    // The dot that our listener has left.
    for host in ["app.test.", "app.test.:443"] {
        assert_eq!(read_error(&ours.clone().host(host)), Some(IntakeError::Host));
        assert_eq!(read_error(&ours.clone().context(&[]).host(host)), None);
    }
    assert_eq!(IntakeError::Host.ambiguity(), Some(Ambiguity::Host));
}

/// What Envoy 1.40 makes of `/a\xffb` over HTTP/2: the check has `/a!b`, the upstream does
/// not.
#[test]
fn a_byte_that_envoy_replaces_is_not_decided_on() {
    let read_error = |ask: Ask| {
        let check = ask.request().encode_to_vec();
        read(&Message::read(&check).unwrap()).err()
    };
    let foreign = |path: &str| Ask::new().context(&[]).path(path);
    let ambiguous = |why| Some(IntakeError::Ambiguous(why));
    let replaced = foreign("/a!b?c").header(":path", b"/a\xffb?c");
    assert_eq!(read_error(replaced.clone()), ambiguous(Ambiguity::OddByte));
    assert_eq!(
        read_error(replaced.clone().joined()),
        ambiguous(Ambiguity::ReplacedByte)
    );
    // Over HTTP/1 Envoy takes no such byte, so that a `!` is one.
    assert_eq!(read_error(replaced.joined().protocol("HTTP/1.1")), None);
    // Raw headers show what it is; the query says nothing of where it leads.
    assert_eq!(read_error(foreign("/a!b").header(":path", "/a!b")), None);
    assert_eq!(read_error(foreign("/a?!").joined()), None);
    let ours = Ask::new().path("/a!").header(":path", b"/a\xff");
    assert_eq!(read_error(ours), Some(IntakeError::Path(Ambiguity::OddByte)));
    // Nor where there is no line to tell by.
    let ours = Ask::new().path("/a!");
    assert_eq!(read_error(ours.clone()), None);
    assert_eq!(
        read_error(ours.hiding()),
        Some(IntakeError::Path(Ambiguity::OddByte))
    );
}

#[test]
fn lines_are_whole_where_those_of_every_request_are_among_them() {
    let shows_all = |ask: Ask| {
        let check = ask.context(&[]).request().encode_to_vec();
        read(&Message::read(&check).unwrap()).unwrap().shows_all
    };
    let bare = Ask::new().hiding();
    for (names, whole) in [
        (&[":authority", ":method", ":path"][..], true),
        (&[":authority", ":method"], false),
        (&[":authority", ":path"], false),
        (&[":method", ":path"], false),
        (&["authority", "method", "path"], false),
        (&[], false),
    ] {
        let ask = names.iter().fold(bare.clone(), |ask, name| ask.header(name, "x"));
        assert_eq!(shows_all(ask.clone()), whole, "{names:?}");
        assert_eq!(shows_all(ask.joined()), whole, "{names:?} joined");
    }
    // A tunnel has no path.
    let tunnel = bare.method("CONNECT").path("");
    let told = [":authority", ":method"];
    let whole = told
        .iter()
        .fold(tunnel.clone(), |ask, name| ask.header(name, "x"));
    assert!(shows_all(whole) && !shows_all(tunnel));
}

#[test]
fn the_path_has_no_query_and_the_target_has() {
    let check = Ask::new().path("/a?b?c=/d").request().encode_to_vec();
    let message = Message::read(&check).unwrap();
    let request = read(&message).unwrap();
    assert_eq!(
        (&*request.path, request.query, request.target),
        ("/a", Some("b?c=/d"), "/a?b?c=/d")
    );
    assert_eq!(request.source_ip, Some("192.0.2.7".parse().unwrap()));
}

#[test]
fn repeated_lines_are_kept_and_the_first_of_a_single_counts() {
    let check = Ask::new()
        .header("Cookie", "a=1")
        .header("cookie", "b=2")
        .header("origin", "https://a")
        .header("origin", "https://b")
        .request()
        .encode_to_vec();
    let message = Message::read(&check).unwrap();
    let request = read(&message).unwrap();
    assert!(request.headers.cookie.iter().eq(["a=1", "b=2"]));
    assert_eq!(request.headers.origin, Some("https://a"));
    assert!(!request.headers.cookie_joined);
}

#[test]
fn every_header_that_we_read_is_read_in_any_case() {
    let names = [
        "cookie",
        "accept",
        "origin",
        "upgrade",
        "user-agent",
        "content-type",
        "x-request-id",
        "authorization",
        "sec-fetch-mode",
        "x-requested-with",
        "x-pomerium-authorization",
        "access-control-request-method",
        "x-portcullis-in-jwt-assertion",
        "x-portcullis-in-jwt-assertion-for",
    ];
    for spelling in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
        let mut ask = Ask::new();
        ask.headers.clear();
        for name in names {
            ask = ask.header(&spelling(name), name);
        }
        let check = ask.request().encode_to_vec();
        let message = Message::read(&check).unwrap();
        let headers = read(&message).unwrap().headers;
        let repeated = [
            &headers.cookie,
            &headers.accept,
            &headers.upgrade,
            &headers.authorization,
            &headers.requested_with,
        ];
        let read: Vec<&str> = repeated.into_iter().flat_map(Values::iter).collect();
        assert_eq!(
            read,
            ["cookie", "accept", "upgrade", "authorization", "x-requested-with"]
        );
        let single = [
            headers.origin,
            headers.user_agent,
            headers.content_type,
            headers.request_id,
            headers.sec_fetch_mode,
            headers.access_control_request_method,
            headers.in_assertion,
            headers.in_assertion_for,
        ];
        assert_eq!(single.iter().flatten().count(), single.len(), "{single:?}");
        assert!(single.iter().flatten().all(|value| names.contains(value)));
        assert!(!headers.pomerium_authorization.is_empty());
    }
}

proptest! {
    /// The short look never takes what the long one would not.
    #[test]
    fn a_plain_path_is_one_that_the_long_look_takes_as_it_is(
        raw in prop_oneof!["/[a-zA-Z0-9/._~=@+,:;%-]{0,24}", "(/|a|\\.|;|%2e|//|\\\\|#|\\?| ){0,8}", any::<String>()],
    ) {
        if is_plain(&raw) {
            prop_assert_eq!(long_path(&raw), Ok(raw.as_str().into()));
        }
    }
}

#[test]
fn usual_paths_are_plain() {
    for raw in ["/", "/reports/2026", "/a/b.c/~d_e-f", "/@scope/pkg@1.0:x,y=z+1"] {
        assert!(is_plain(raw), "{raw}");
    }
    for raw in [
        "",
        "a",
        "//",
        "/a//b",
        "/.",
        "/.well-known",
        "/a/../b",
        "/a;b",
        "/%41",
        "/a\\b",
        "/a b",
        "/ä",
    ] {
        assert!(!is_plain(raw), "{raw}");
    }
}
