//! What the tests of this crate share.
#![allow(dead_code)] // each test binary uses a part of it

use portcullis_config::{Config, Diagnostic, Global, Parsed, Route, Severity, Source, parse};

/// 32 bytes in base64.
pub(crate) const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Another one.
pub(crate) const OTHER_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

/// A good route, to which a test adds lines (indented by four).
pub(crate) const ROUTE: &str =
    "routes:\n  - from: https://app.example.com\n    to: http://app.internal:8080\n";

/// Everything that a configuration needs to give no word.
pub(crate) const COMPLETE: &str = "\
authenticate_service_url: https://authenticate.example.com
idp_provider: oidc
idp_provider_url: https://idp.example.com
idp_client_id: portcullis
";

pub(crate) fn read(text: &str) -> Parsed {
    parse(&[Source {
        name: "config.yaml".into(),
        text: text.into(),
    }])
}

/// The configuration of a text without errors.
pub(crate) fn config(text: &str) -> Config {
    let Parsed { config, diagnostics } = read(text);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    config.expect("no error, hence a configuration")
}

pub(crate) fn global(text: &str) -> Global {
    config(text).global
}

/// The one route with these lines added, which must be good.
pub(crate) fn route(lines: &str) -> Route {
    let route = any_route(lines);
    assert_eq!(route.invalid, None);
    route
}

/// The one route with these lines added, good or not.
pub(crate) fn any_route(lines: &str) -> Route {
    let mut routes = read(&format!("{ROUTE}{lines}"))
        .config
        .expect("errors stay in the route")
        .routes;
    assert_eq!(routes.len(), 1);
    routes.remove(0)
}

/// The one diagnostic with this code.
pub(crate) fn only(text: &str, code: &str) -> Diagnostic {
    let diagnostics = read(text).diagnostics;
    let mut found: Vec<_> = diagnostics.iter().filter(|d| d.code == code).collect();
    assert_eq!(found.len(), 1, "{diagnostics:#?}");
    found.remove(0).clone()
}

pub(crate) fn codes(text: &str) -> Vec<&'static str> {
    read(text).diagnostics.iter().map(|d| d.code).collect()
}
