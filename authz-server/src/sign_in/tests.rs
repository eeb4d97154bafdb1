use super::{MAX_RETURN, return_to};
use portcullis_model::Host;

#[test]
fn one_returns_to_the_same_host_whatever_the_path_says() {
    let host = Host::parse("app.example.com").unwrap();
    for (target, wanted) in [
        ("/", "https://app.example.com/"),
        ("/a?b=c", "https://app.example.com/a?b=c"),
        ("//evil.example", "https://app.example.com//evil.example"),
        ("/\\evil.example", "https://app.example.com//evil.example"),
        ("@evil.example", "https://app.example.com/"),
        (".evil.example", "https://app.example.com/"),
        (":80/", "https://app.example.com/"),
        ("https://evil.example/", "https://app.example.com/"),
        ("", "https://app.example.com/"),
        ("/a\r\nb", "https://app.example.com/ab"),
        ("/ä", "https://app.example.com/%C3%A4"),
    ] {
        assert_eq!(return_to(&host, None, target), wanted, "{target}");
    }
    assert_eq!(
        return_to(&host, Some(8443), "/a"),
        "https://app.example.com:8443/a"
    );
    assert_eq!(return_to(&host, Some(443), "/a"), "https://app.example.com/a");
}

#[test]
fn one_returns_to_no_address_that_would_be_cut_later() {
    let host = Host::parse("app.example.com").unwrap();
    let origin = "https://app.example.com";
    let whole = |length: usize| format!("/a?{}", "x".repeat(length - origin.len() - 3));
    let longest = whole(MAX_RETURN);
    assert_eq!(return_to(&host, None, &longest), format!("{origin}{longest}"));
    assert_eq!(
        return_to(&host, None, &whole(MAX_RETURN + 1)),
        format!("{origin}/a")
    );
    let path = format!("/{}", "x".repeat(MAX_RETURN));
    assert_eq!(return_to(&host, None, &path), format!("{origin}/"));
}
