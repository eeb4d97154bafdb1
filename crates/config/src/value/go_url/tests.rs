use super::{GoUrl, UrlError};

fn parse(text: &str) -> GoUrl {
    GoUrl::parse(text).unwrap()
}

#[test]
fn the_usual_parts() {
    let url = parse("HTTPS://user:p%40ss@Host.example:8443/a/b?x=1#frag");
    assert_eq!(url.scheme, "https");
    assert_eq!(url.user, Some(("user".into(), Some("p@ss".into()))));
    assert_eq!(url.host, "Host.example:8443");
    assert_eq!(url.host_and_port(), ("Host.example", Some("8443")));
    assert_eq!((url.path.as_str(), url.raw_path.as_str()), ("/a/b", ""));
    assert_eq!(url.raw_query, "x=1");
    assert_eq!((url.fragment.as_str(), url.raw_fragment.as_str()), ("frag", ""));
    assert!(!url.force_query && !url.omit_host && url.opaque.is_empty());
}

#[test]
fn raw_path_is_kept_only_where_go_would_write_another() {
    let url = parse("http://h/a%2Fb c");
    assert_eq!((url.path.as_str(), url.raw_path.as_str()), ("/a/b c", "/a%2Fb c"));
    let url = parse("http://h/a%20b");
    assert_eq!((url.path.as_str(), url.raw_path.as_str()), ("/a b", ""));
    assert_eq!(url.path_as_written, "/a%20b");
    let url = parse("http://h/(x)");
    assert_eq!((url.path.as_str(), url.raw_path.as_str()), ("/(x)", "/(x)"));
}

#[test]
fn odd_shapes() {
    assert!(parse("http://h/?").force_query);
    assert_eq!(parse("http://h/??").raw_query, "?");
    assert_eq!(parse("mailto:a@b").opaque, "a@b");
    assert_eq!(parse("h:80").opaque, "80");
    assert!(parse("file:/x").omit_host);
    assert_eq!(parse("file:///x").host, "");
    assert_eq!(parse("/just/a/path").path, "/just/a/path");
    assert_eq!(parse("").path, "");
    assert_eq!(parse("http://[::1]:80/").host_and_port(), ("::1", Some("80")));
    assert_eq!(parse("http://[::1]/").host_and_port(), ("::1", None));
    assert_eq!(parse("http://h:/").host_and_port(), ("h", None));
    assert_eq!(parse("http://user@h").user, Some(("user".into(), None)));
}

#[test]
fn what_go_refuses() {
    let cases = [
        ("http://h/\u{7f}", UrlError::Control),
        ("http://h/\n", UrlError::Control),
        (":x", UrlError::Scheme),
        ("1a:b", UrlError::Colon),
        ("http://h/%zz", UrlError::Escape),
        ("http://h/%2", UrlError::Escape),
        ("http://a%41b/", UrlError::Escape),
        ("http://a b/", UrlError::Host),
        ("http://a^b/", UrlError::Host),
        ("http://[::1/", UrlError::Host),
        ("http://h:x/", UrlError::Port),
        ("http://[::1]x/", UrlError::Port),
        ("http://a b@h/", UrlError::UserInfo),
    ];
    for (text, error) in cases {
        assert_eq!(GoUrl::parse(text), Err(error), "{text:?}");
    }
}
