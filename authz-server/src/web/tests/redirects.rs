//! Where a login may lead.

use crate::web::destination::Destination;

use super::rig::Rig;

#[tokio::test]
async fn only_hosts_of_routes_over_https() {
    let rig = Rig::new().await;
    let settings = rig.settings();
    let parse = |raw: &str| Destination::parse(raw, &settings).map(|found| found.url().to_string());
    for (raw, wanted) in [
        ("https://app.example.com", "https://app.example.com/"),
        (
            "https://app.example.com/a/b?c=d&e=%2F",
            "https://app.example.com/a/b?c=d&e=%2F",
        ),
        ("https://app.example.com:443/", "https://app.example.com/"),
        ("https://APP.example.com/", "https://app.example.com/"),
        ("HTTPS://app.example.com/", "https://app.example.com/"),
        (
            "https://other.example.com:8443/x",
            "https://other.example.com:8443/x",
        ),
        ("https://app.example.com/#fragment", "https://app.example.com/"),
        (
            "https://app.example.com//evil.example",
            "https://app.example.com//evil.example",
        ),
    ] {
        assert_eq!(parse(raw).as_deref(), Some(wanted), "{raw}");
    }
    let long = format!("https://app.example.com/{}", "x".repeat(4096));
    for raw in [
        "",
        "/",
        "//evil.example",
        "//app.example.com",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https:app.example.com",
        "https:\\\\app.example.com",
        "https://app.example.com\\@evil.example",
        "https://evil.example\\.app.example.com",
        "\thttps://app.example.com/",
        " https://app.example.com/",
        "https://app.example.com/ ",
        "https://app.example.com/\r\nset-cookie: a=b",
        "ht\ntps://evil.example",
        "https://app.example.com/\u{0}",
        "https://app.example.com/ü",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://app.example.com/",
        "ftp://app.example.com/",
        "https://app@evil.example/",
        "https://app.example.com@evil.example/",
        "https://user@app.example.com/",
        "https://user:pw@app.example.com/",
        "https://app.example.com.evil.example/",
        "https://evilapp.example.com/",
        "https://app.example.com.:443.evil.example/",
        "https://example.com/",
        "https://x.app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com:0/",
        "https://app.example.com:99999/",
        "https://other.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://app.example.com%2eevil.example/",
        "https://app%00.example.com/",
        "https://ａpp.example.com/",
        &long,
    ] {
        assert_eq!(parse(raw), None, "{raw:?}");
    }
}

#[tokio::test]
async fn long_destination_loses_its_query_then_its_path() {
    let rig = Rig::new().await;
    let settings = rig.settings();
    let url = "https://other.example.com:8443/path?query";
    let destination = Destination::parse(url, &settings).unwrap();
    assert_eq!(destination.shortened(url.len()), url);
    assert_eq!(
        destination.shortened(url.len() - 1),
        "https://other.example.com:8443/path"
    );
    assert_eq!(destination.shortened(31), "https://other.example.com:8443/");
}

#[tokio::test]
async fn hosts_of_a_pattern_and_no_others() {
    let rig = Rig::new().await;
    let mut settings = rig.settings();
    for (pattern, port) in [("*.apps.example.com", 443), ("*", 9443), ("evil*", 9443)] {
        let pattern = portcullis_model::HostPattern::parse(pattern).unwrap();
        settings.redirect_hosts.insert(pattern, port);
    }
    let leads = |raw: &str| Destination::parse(raw, &settings).is_some();
    for raw in [
        "https://a.apps.example.com/",
        "https://a.b.apps.example.com:443/x?y",
        "https://A.APPS.example.com/",
    ] {
        assert!(leads(raw), "{raw}");
    }
    for raw in [
        "https://apps.example.com/",
        "https://a.apps.example.com:444/",
        "https://a.apps.example.com:9443/",
        "https://evil.example/.apps.example.com",
        "https://evil.example/?.apps.example.com",
        "https://evil.example#.apps.example.com",
        "https://evil.example%2f.apps.example.com/",
        "https://evil.example%00.apps.example.com/",
        "https://a@evil.example:443/.apps.example.com",
        "https://a.apps.example.com@evil.example/",
        "https://a.apps.example.com.evil.example/",
        "https://aapps.example.com/",
        "https://*.apps.example.com/",
        "http://a.apps.example.com/",
        // Anybody can own a host that fits these patterns.
        "https://evil.example:9443/",
    ] {
        assert!(!leads(raw), "{raw}");
    }
}
