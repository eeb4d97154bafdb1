use super::*;
use portcullis_config::{HostRewrite, Upstream, UpstreamTls};

fn to(urls: &[(&str, u32)]) -> Action {
    let to = |(url, weight): &(&str, u32)| To {
        raw: (*url).to_owned(),
        tls: false,
        h2c: false,
        host: String::new(),
        port: 0,
        path: String::new(),
        url: GoUrl::parse(url).unwrap(),
        weight: *weight,
    };
    Action::Upstream(Upstream {
        to: urls.iter().map(to).collect(),
        prefix_rewrite: Some("/not/hashed".to_owned()),
        host_rewrite: HostRewrite::Preserve,
        tls: UpstreamTls::default(),
    })
}

fn id_of(from: &str, prefix: &str, path: &str, regex: &str, action: &Action) -> String {
    let identity = Identity {
        from,
        prefix,
        path,
        regex,
        unused_to: &[],
        action: Some(action),
    };
    route_id(&identity).to_string()
}

fn id(from: &str, prefix: &str, path: &str, regex: &str, to: &str) -> String {
    id_of(from, prefix, path, regex, &self::to(&[(to, 0)]))
}

/// The golden values of Pomerium's own tests.
#[test]
fn ids_are_pomeriums() {
    let (from, to) = ("https://example.com", "https://to.example.com");
    assert_eq!(id(from, "", "", "", to), "bc16089b025e93dc");
    assert_eq!(id(from, "", "/some/path", "", to), "62efb723582dff6f");
    assert_eq!(id(from, "/some/prefix/", "", "", to), "9934ee6936a6388d");
    assert_eq!(id(from, "", "", "^/[a]+$", to), "0923c9f3dc9e302a");
    assert_eq!(
        id("https://*.example.com", "", "", "", "https://www.example.com"),
        "5fbd81d8f19363f4"
    );
}

/// Computed by another implementation of the hash and of the format.
#[test]
fn ids_of_lists_redirects_and_responses() {
    let from = "https://example.com";
    let (a, b) = ("https://a.example.com", "https://b.example.com");
    let id = |prefix, path, action: &Action| id_of(from, prefix, path, "", action);
    assert_eq!(id("", "", &to(&[(a, 0), (b, 0)])), "661a31f6679cec41");
    assert_eq!(id("", "", &to(&[(a, 1), (b, 3)])), "3b3ea534c683d54e");

    let redirect = |redirect| Action::Redirect(redirect);
    assert_eq!(id("", "", &redirect(Redirect::default())), "9896dc74e271660d");
    let https = Redirect {
        https_redirect: Some(true),
        ..Redirect::default()
    };
    assert_eq!(id("", "", &redirect(https)), "1780d99665fcb5a9");
    let host = Redirect {
        host_redirect: Some("www.example.com".to_owned()),
        response_code: Some(302),
        ..Redirect::default()
    };
    assert_eq!(id("", "", &redirect(host)), "5d9c71fc20cdd599");
    let everything = Redirect {
        https_redirect: Some(false),
        scheme_redirect: Some("http".to_owned()),
        host_redirect: Some("new.example.com".to_owned()),
        port_redirect: Some(8443),
        path_redirect: Some("/new".to_owned()),
        prefix_rewrite: Some("/p".to_owned()),
        response_code: Some(308),
        strip_query: Some(true),
    };
    assert_eq!(id("/old", "", &redirect(everything)), "56cbcd59a0eb772b");

    let respond = |status, body: &str| {
        Action::Respond(Respond {
            status,
            body: body.to_owned(),
        })
    };
    assert_eq!(id("", "/hello", &respond(200, "hello")), "f470ab494b4c8a99");
    assert_eq!(id("", "", &respond(204, "")), "83eb43e03be8dc94");
}

#[test]
fn every_hashed_part_changes_the_id() {
    let nowhere = Identity {
        from: "https://a",
        prefix: "",
        path: "",
        regex: "",
        unused_to: &[],
        action: None,
    };
    let base = id("https://a", "", "", "", "http://b");
    for other in [
        id("https://c", "", "", "", "http://b"),
        id("https://a", "/", "", "", "http://b"),
        id("https://a", "", "/", "", "http://b"),
        id("https://a", "", "", "/", "http://b"),
        id("https://a", "", "", "", "https://b"),
        id("https://a", "", "", "", "http://b:80"),
        id("https://a", "", "", "", "http://b/"),
        id("https://a", "", "", "", "http://u@b"),
        id("https://a", "", "", "", "http://b#f"),
        id("https://a", "", "", "", "http://b?"),
        id_of("https://a", "", "", "", &to(&[("http://b", 1)])),
        id_of("https://a", "", "", "", &to(&[("http://b", 0), ("http://b", 0)])),
        id_of("https://a", "", "", "", &Action::Redirect(Redirect::default())),
        route_id(&nowhere).to_string(),
    ] {
        assert_ne!(base, other);
    }
    // Pomerium does not hash the query.
    assert_eq!(base, id("https://a", "", "", "", "http://b?x=1"));
}
