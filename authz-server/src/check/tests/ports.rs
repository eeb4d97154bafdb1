//! Routes of one host that differ by the port alone, behind an Envoy that is not ours.

use super::routes::{found, nothing_said, outcome};
use crate::fixture::{Fixture, HOST, any_user, public, settings};
use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{Route, Settings};
use portcullis_model::PathParameters;
use portcullis_policy::Legacy;

#[tokio::test]
async fn nobody_chooses_between_routes_by_writing_a_port() {
    let fixture = Fixture::empty();
    let at = |port, route: Route| Route { port, ..route };
    fixture.publish(
        settings(),
        [
            at(
                Some(8443),
                found(1, "private", HOST, PathPattern::Any, 0, &Legacy::default()),
            ),
            at(
                Some(9443),
                found(2, "public", HOST, PathPattern::Any, 0, &public()),
            ),
            at(
                Some(8443),
                found(
                    3,
                    "one",
                    "app.stars.example.com",
                    PathPattern::Any,
                    0,
                    &any_user(),
                ),
            ),
            found(4, "stars", "*.stars.example.com", PathPattern::Any, 0, &public()),
        ],
    );
    for (authority, named, wanted) in [
        ("verify.example.com:8443", None, "ambiguous_request"),
        ("verify.example.com:9443", None, "ambiguous_request"),
        ("verify.example.com", None, "no_route"),
        ("app.stars.example.com:8443", None, "ambiguous_request"),
        ("app.stars.example.com", None, "ambiguous_request"),
        ("app.stars.example.com:1", None, "ambiguous_request"),
        ("other.stars.example.com:8443", None, "passes"),
        // Where the Envoy says which route it is, the port of the client counts for nothing.
        ("verify.example.com:9443", Some("private"), "policy_denied"),
        ("verify.example.com:8443", Some("public"), "passes"),
    ] {
        let ask = nothing_said(authority, "/");
        let ask = match named {
            Some(name) => ask.context(&[("route", name)]),
            None => ask,
        };
        assert_eq!(outcome(&fixture, &ask).await, wanted, "{authority} {named:?}");
    }
}

/// Whoever sits at the other port decodes, or takes parameters off.
#[tokio::test]
async fn nor_by_writing_the_path_otherwise_besides() {
    let fixture = Fixture::empty();
    let ported = Route {
        port: Some(8443),
        ..found(
            1,
            "admin",
            HOST,
            PathPattern::Prefix("/admin".into()),
            0,
            &Legacy::default(),
        )
    };
    let escaped = Route {
        port: Some(8443),
        ..found(
            3,
            "spaced",
            HOST,
            PathPattern::Prefix("/b%20c".into()),
            1,
            &public(),
        )
    };
    let settings = Settings {
        path_parameters: Some(PathParameters::Allow),
        ..settings()
    };
    fixture.publish(
        settings,
        [
            ported,
            escaped,
            found(2, "public", HOST, PathPattern::Any, 0, &public()),
        ],
    );
    for (authority, path, wanted) in [
        (HOST, "/admin", "ambiguous_request"),
        (HOST, "/%61dmin", "ambiguous_request"),
        (HOST, "/admi%6E/x", "ambiguous_request"),
        (HOST, "/a;x/../admin", "ambiguous_request"),
        (HOST, "/adm;x", "passes"),
        (HOST, "/%61dmi%6e;x", "ambiguous_request"),
        (HOST, "/%61dm", "passes"),
        ("verify.example.com:9443", "/%61dmin", "ambiguous_request"),
        // A route of its own at its port, and nothing elsewhere.
        ("verify.example.com:8443", "/b%20c", "ambiguous_request"),
    ] {
        let ask = nothing_said(authority, path);
        assert_eq!(outcome(&fixture, &ask).await, wanted, "{authority}{path}");
    }
}

/// An Envoy that keeps the dot finds no host of its own for it, and goes on to the stars,
/// by whatever port its listener has.
#[tokio::test]
async fn nobody_chooses_between_routes_by_a_dot_and_a_port() {
    let fixture = Fixture::empty();
    let closed = Route {
        port: Some(9443),
        ..found(2, "closed", "app.*", PathPattern::Any, 0, &any_user())
    };
    fixture.publish(
        settings(),
        [
            found(1, "open", "app.example.test", PathPattern::Any, 0, &public()),
            closed,
        ],
    );
    for (authority, wanted) in [
        ("app.example.test", "passes"),
        ("app.example.test:9443", "passes"),
        ("app.example.test.:9443", "ambiguous_request"),
        ("app.example.test.", "ambiguous_request"),
        ("app.example.test.:443", "ambiguous_request"),
    ] {
        assert_eq!(
            outcome(&fixture, &nothing_said(authority, "/")).await,
            wanted,
            "{authority}"
        );
    }
}
