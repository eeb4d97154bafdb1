//! XA-05, XA-06: routes that lead nowhere, and what an Envoy's routes say of themselves.

use portcullis_harness::Response;
use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use super::super::support::{USER, begin, judged, one_of};

const OURS: &str = "
- {name: away, from: 'https://app.example.test:{port}', prefix: /away, redirect: {path_redirect: /there, response_code: 302}, allow_any_authenticated_user: true}
- {name: said, from: 'https://app.example.test:{port}', prefix: /said, response: {status: 410, body: gone}, allow_any_authenticated_user: true}
- {name: nobody, from: 'https://app.example.test:{port}', prefix: /nobody, response: {status: 410, body: gone}}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

const BESIDE: &str = "
- {name: nobody, from: 'https://app.example.test:{port}', prefix: /nobody, to: '{upstream}'}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

const ENVOYS: &str = "
- {name: away, match: {prefix: /away}, redirect: {path_redirect: /there, response_code: FOUND}}
- {name: said, match: {prefix: /said}, direct_response: {status: 410, body: {inline_string: gone}}}
- {name: nobody, match: {prefix: /nobody}, direct_response: {status: 410, body: {inline_string: gone}}}
- {name: everything, match: {prefix: /}, route: {cluster: application}}
";

fn beside<'a>(shape: Shape, routes: &'a str) -> Beside<'a> {
    match shape {
        Shape::Istio => Beside::istio(routes),
        Shape::Ours | Shape::Bare => Beside::of(routes),
    }
}

#[test]
fn routes_that_answer_by_themselves_are_asked_about_first() {
    for shape in Shape::ALL {
        let world = match shape {
            Shape::Ours => begin(shape, "", OURS),
            _ => judged(World::start_beside(
                shape,
                &Beside {
                    envoy_routes: ENVOYS,
                    ..beside(shape, BESIDE)
                },
            )),
        };
        one_of("XA-05", world, |world, seen| {
            let mut user = world.signed_in("app", USER);
            for path in ["/away", "/said", "/nobody"] {
                let anonymous = world.client().get(&world.url("app", path));
                assert!(!anonymous.text().contains("gone"), "{path}");
                let wanted = if path == "/nobody" {
                    "403 `policy_denied`"
                } else {
                    "302 login"
                };
                assert_eq!(
                    seen.answer(&format!("{path}, nobody"), &anonymous),
                    wanted,
                    "{path}"
                );
                let answer = user.get(&world.url("app", path));
                let outcome = seen.answer(&format!("{path}, somebody"), &answer);
                let wanted = match path {
                    "/away" => "302 Envoy",
                    "/said" => "410 Envoy",
                    _ => "403 `policy_denied`",
                };
                assert_eq!(outcome, wanted, "{path}: {}", answer.text());
            }
        });
    }
}

/// Routes of Envoy's with these contexts, each for the path of its number.
fn with_contexts(contexts: &[&str]) -> String {
    let mut routes = String::new();
    for (number, context) in contexts.iter().enumerate() {
        routes.push_str(&format!(
            "- name: context-{number}
  match: {{prefix: /pub/{number}-}}
  route: {{cluster: application}}
  typed_per_filter_config:
    envoy.filters.http.ext_authz:
      '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
      check_settings: {{context_extensions: {context}}}
"
        ));
    }
    routes + "- {name: everything, match: {prefix: /}, route: {cluster: application}}\n"
}

#[test]
fn a_context_names_the_route_of_the_request_or_denies() {
    let contexts = [
        ("{route: pub}", "200 upstream"),
        ("{route: pub, of: the gateway, Route: admin}", "200 upstream"),
        ("{of: the gateway}", "200 upstream"),
        ("{Route: admin, ROUTE_ID: x}", "200 upstream"),
        ("{route: nobody}", "404 `no_route`"),
        ("{route: ''}", "404 `no_route`"),
        ("{route: PUB}", "404 `no_route`"),
        // For other paths, and for another host.
        ("{route: admin}", "404 `no_route`"),
        ("{route: other}", "404 `no_route`"),
        // As our own Envoy speaks.
        (
            "{internal: 'false', route_id: '0000000000000000'}",
            "404 `no_route`",
        ),
        ("{internal: 'false', route: pub}", "404 `no_route`"),
        ("{route_id: ''}", "404 `no_route`"),
        (
            "{internal: 'false', route_id: '', terminal: no_route}",
            "404 `no_route`",
        ),
        ("{internal: 'true', route_id: ''}", "404 `not_found`"),
    ];
    let routes = "
- {name: pub, from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: pub}}
- {name: admin, from: 'https://app.example.test:{port}', prefix: /admin, to: '{upstream}', allow_public_unauthenticated_access: true}
- {name: other, from: 'https://other.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true}
";
    let envoys = with_contexts(&contexts.map(|(context, _)| context));
    for shape in [Shape::Istio, Shape::Bare] {
        let world = World::start_beside(
            shape,
            &Beside {
                envoy_routes: &envoys,
                ..beside(shape, routes)
            },
        );
        one_of("XA-06", judged(world), |world, seen| {
            let ask = |host: &str, number: usize, forged: &str| -> Response {
                let authority = world.authority(host);
                world.raw(format!("GET /pub/{number}-x HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n{forged}\r\n").as_bytes())
            };
            for (number, (context, wanted)) in contexts.iter().enumerate() {
                // Whatever a client says besides.
                for forged in [
                    "",
                    "route: other\r\nx-route-id: other\r\ncontext_extensions: route=other\r\nx-portcullis-route: other\r\n",
                ] {
                    let answer = ask("app", number, forged);
                    let outcome = seen.answer(&format!("{context} {forged:?}"), &answer);
                    assert_eq!(outcome, *wanted, "{context} {forged:?}: {}", answer.text());
                }
            }
            // The name of a route of one host, and the request for another.
            assert_eq!(
                seen.answer("the other host", &ask("other", 0, "")),
                "404 `no_route`"
            );
            assert_eq!(
                seen.answer("the other host by its name", &ask("other", 8, "")),
                "200 upstream"
            );
        });
    }
}
