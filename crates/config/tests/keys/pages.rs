//! What the pages show.

use portcullis_model::Pages;

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
