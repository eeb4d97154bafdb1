use super::*;

fn id_of(from: &str, prefix: &str, path: &str, regex: &str, to: &[(&str, u32)]) -> String {
    let urls: Vec<(GoUrl, u32)> = to
        .iter()
        .map(|(url, w)| (GoUrl::parse(url).unwrap(), *w))
        .collect();
    let urls: Vec<(&GoUrl, u32)> = urls.iter().map(|(url, w)| (url, *w)).collect();
    route_id(&Identity {
        from,
        prefix,
        path,
        regex,
        to: Some(&urls),
    })
    .to_string()
}

fn id(from: &str, prefix: &str, path: &str, regex: &str, to: &str) -> String {
    id_of(from, prefix, path, regex, &[(to, 0)])
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

#[test]
fn every_hashed_part_changes_the_id() {
    let nowhere = Identity {
        from: "https://a",
        prefix: "",
        path: "",
        regex: "",
        to: None,
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
        id_of("https://a", "", "", "", &[("http://b", 1)]),
        id_of("https://a", "", "", "", &[("http://b", 0), ("http://b", 0)]),
        route_id(&nowhere).to_string(),
    ] {
        assert_ne!(base, other);
    }
    // Pomerium does not hash the query.
    assert_eq!(base, id("https://a", "", "", "", "http://b?x=1"));
}
