use super::{IntakeError, host, path, read};
use crate::fixture::Ask;

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
        ("app:80:80", None),
        ("::1", None),
        ("[::1]:x", None),
        ("a]b:1", None),
        ("", None),
    ] {
        let found = host(authority);
        assert_eq!(
            found.as_ref().map(portcullis_model::Host::as_str).ok(),
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
    for bad in [
        "",
        "a",
        "*",
        "/#",
        "/%",
        "/%4",
        "/%4g",
        "/%c0%af",
        "/%ed%a0%80",
        "/%00",
    ] {
        assert_eq!(path(bad, false), Err(IntakeError::Path), "{bad}");
    }
}

#[test]
fn the_path_has_no_query_and_the_target_has() {
    let check = Ask::new().path("/a?b?c=/d").request();
    let request = read(&check).unwrap();
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
        .request();
    let request = read(&check).unwrap();
    assert_eq!(request.headers.cookie, ["a=1", "b=2"]);
    assert_eq!(request.headers.origin, Some("https://a"));
    assert!(!request.headers.cookie_joined);
}
