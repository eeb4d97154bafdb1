//! What the pages show.

use portcullis_model::{Pages, PathParameters};

use crate::support::{codes, global, route};

fn color(key: &str, read: fn(&Pages) -> Option<portcullis_model::Color>) {
    let of = |value: &str| read(&global(&format!("{key}: '{value}'\n")).pages).map(|color| color.to_string());
    assert_eq!(of("#abc").as_deref(), Some("#aabbcc"));
    assert_eq!(of("#10203F").as_deref(), Some("#10203f"));
    assert_eq!(of("red"), None);
    assert_eq!(codes(&format!("{key}: red\n")), ["branding_invalid"]);
    assert_eq!(read(&global("{}\n").pages), None);
}

#[test]
fn key_primary_color() {
    color("primary_color", |pages| pages.branding.primary_color);
}

#[test]
fn key_secondary_color() {
    color("secondary_color", |pages| pages.branding.secondary_color);
}

#[test]
fn key_darkmode_primary_color() {
    color("darkmode_primary_color", |pages| {
        pages.branding.darkmode_primary_color
    });
}

#[test]
fn key_darkmode_secondary_color() {
    color("darkmode_secondary_color", |pages| {
        pages.branding.darkmode_secondary_color
    });
}

#[test]
fn key_path_parameters() {
    let of = |text: &str| global(text).path_parameters;
    assert_eq!(of("{}\n"), None);
    assert_eq!(of("path_parameters: allow\n"), Some(PathParameters::Allow));
    assert_eq!(of("path_parameters: reject\n"), Some(PathParameters::Reject));
    assert!(!codes("path_parameters: perhaps\n").is_empty());
}

fn image(key: &str, read: fn(&Pages) -> Option<&portcullis_model::Image>) {
    for shown in ["/logo.png", "data:image/png;base64,AAAA"] {
        let pages = global(&format!("{key}: '{shown}'\n")).pages;
        assert_eq!(read(&pages).map(|image| image.as_str()), Some(shown));
    }
    let remote = format!("{key}: https://cdn.example.com/logo.png\n");
    assert_eq!(read(&global(&remote).pages), None);
    assert_eq!(codes(&remote), ["branding_invalid"]);
}

#[test]
fn key_logo_url() {
    image("logo_url", |pages| pages.branding.logo_url.as_ref());
}

#[test]
fn key_favicon_url() {
    image("favicon_url", |pages| pages.branding.favicon_url.as_ref());
}

#[test]
fn key_error_message_first_paragraph() {
    let of = |value: &str| {
        let text = format!("error_message_first_paragraph: \"{value}\"\n");
        let paragraph = global(&text).pages.branding.error_paragraph;
        (paragraph.map(|text| text.as_str().to_owned()), codes(&text))
    };
    assert_eq!(
        of("Ask <us>.\\nNow."),
        (Some("Ask <us>.\nNow.".to_owned()), vec![])
    );
    for nothing in ["", " "] {
        assert_eq!(of(nothing), (None, vec![]));
    }
    for bad in ["a\\e[31m", &"x".repeat(1001)] {
        assert_eq!(of(bad), (None, vec!["branding_invalid"]));
    }
}

#[test]
fn key_programmatic_redirect_domain_whitelist() {
    let of = |text: &str| {
        let hosts = global(text).pages.programmatic_redirects;
        hosts
            .iter()
            .map(|host| host.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let with = |value: &str| of(&format!("programmatic_redirect_domain_whitelist: {value}\n"));
    assert_eq!(of("{}\n"), ["localhost"]);
    assert_eq!(with("[]"), [""; 0]);
    assert_eq!(with("tools.example.com"), ["tools.example.com"]);
    assert_eq!(
        with("[Tools.Example.com., '::1', '[2001:DB8::1]', 192.0.2.1]"),
        ["tools.example.com", "[::1]", "[2001:db8::1]", "192.0.2.1"]
    );
    for bad in [
        "*.example.com",
        "https://a.example.com",
        "a.example.com:8443",
        "127.1",
        "ü.example.com",
    ] {
        let text = format!("programmatic_redirect_domain_whitelist: ['{bad}', a.test]\n");
        assert_eq!(
            (of(&text), codes(&text)),
            (vec!["a.test".to_owned()], vec!["host_invalid"]),
            "{bad}"
        );
    }
}

#[test]
fn key_runtime_flags_routes_portal() {
    assert!(global("{}\n").pages.routes_portal);
    assert!(
        global("runtime_flags: {pomerium_jwt_endpoint: true}\n")
            .pages
            .routes_portal
    );
    assert!(
        !global("runtime_flags: {routes_portal: false}\n")
            .pages
            .routes_portal
    );
}

#[test]
fn key_runtime_flags_pomerium_jwt_endpoint() {
    assert!(!global("{}\n").pages.jwt_endpoint);
    assert!(
        global("runtime_flags: {pomerium_jwt_endpoint: true}\n")
            .pages
            .jwt_endpoint
    );
}

#[test]
fn key_signout_redirect_url() {
    let of = |value: &str| {
        let redirect = global(&format!("signout_redirect_url: '{value}'\n"))
            .pages
            .sign_out
            .redirect_url;
        redirect.map(|url| url.as_str().to_owned())
    };
    for url in ["https://www.example.com/bye?a=b", "http://intranet/"] {
        assert_eq!(of(url).as_deref(), Some(url));
    }
    assert_eq!(of(""), None);
    for bad in ["/bye", "//evil.example", "https://a@b/", "ftp://a/", "https://"] {
        let text = format!("signout_redirect_url: '{bad}'\n");
        assert_eq!(codes(&text), ["url_invalid"], "{bad}");
    }
}

#[test]
fn key_runtime_flags_allow_any_sign_out_redirect_uri() {
    assert!(!global("{}\n").pages.sign_out.any_redirect);
    let on = global("runtime_flags: {allow_any_sign_out_redirect_uri: true}\n");
    assert!(on.pages.sign_out.any_redirect);
}

fn of_route(lines: &str) -> portcullis_config::Route {
    route(&format!("    allowed_users: [a]\n{lines}"))
}

#[test]
fn route_key_description() {
    assert_eq!(of_route("").description, "");
    assert_eq!(of_route("    description: For all\n").description, "For all");
}

#[test]
fn route_key_logo_url() {
    assert_eq!(of_route("").logo_url, "");
    // Told as written, whether it is shown or not.
    for text in ["/logo.png", "https://cdn.example.com/logo.png"] {
        assert_eq!(of_route(&format!("    logo_url: {text}\n")).logo_url, text);
    }
}

#[test]
fn route_key_depends_on() {
    let of = |value: &str| {
        let hosts = of_route(&format!("    depends_on: {value}\n")).depends_on;
        let hosts = hosts
            .iter()
            .map(|(host, port)| format!("{}:{port}", host.as_str()));
        hosts.collect::<Vec<_>>()
    };
    assert_eq!(of("[]"), [""; 0]);
    assert_eq!(
        of("[a.example.com, 'B.example.com:8443', 'https://c.example.com:9443/x', 'https://d.example.com']"),
        [
            "a.example.com:443",
            "b.example.com:8443",
            "c.example.com:9443",
            "d.example.com:443"
        ]
    );
    assert_eq!(
        of("a.example.com,b.example.com"),
        ["a.example.com:443", "b.example.com:443"]
    );
}
