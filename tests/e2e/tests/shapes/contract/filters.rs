//! XA-15: other filters in front of us and behind.

use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wait::until;

use super::super::support::{USER, judged, one_of};

const ROUTES: &str = "
- {name: pub, from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: pub}}
- {name: admin, from: 'https://app.example.test:{port}', prefix: /admin, to: '{upstream}', policy: [{allow: {and: [{email: {is: admin@example.com}}]}}], set_request_headers: {X-Route: admin}}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: app}}
";

/// One route, which answers preflights where a CORS filter is asked.
const ENVOYS: &str = "
- name: everything
  match: {prefix: /}
  route: {cluster: application}
  typed_per_filter_config:
    envoy.filters.http.cors:
      '@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
      allow_origin_string_match: [{exact: 'https://elsewhere.test'}]
      allow_methods: GET
      allow_headers: '*'
      allow_credentials: true
";

const CORS: &str = "
- name: envoy.filters.http.cors
  typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}
";

/// Whoever shows a token of a known issuer, or none, or a bad one: any of them will do.
const ANY_OF: &str = "
- name: envoy.filters.http.jwt_authn
  typed_config:
    '@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
    providers:
      known: {issuer: 'https://known.test', forward: true, local_jwks: {inline_string: '{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\", \"kid\": \"k\", \"alg\": \"ES256\", \"x\": \"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\", \"y\": \"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}'}}
    rules:
    - match: {prefix: /}
      requires: {requires_any: {requirements: [{provider_name: known}, {allow_missing_or_failed: {}}]}}
";

/// What a script makes of a request before we are asked.
const REWRITES: &str = "
- name: envoy.filters.http.lua
  typed_config:
    '@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
    default_source_code:
      inline_string: |
        function envoy_on_request(handle)
          if handle:headers():get(':path') == '/pub/rewritten' then
            handle:headers():replace(':path', '/admin/rewritten')
          end
          handle:headers():replace('x-email', 'admin@example.com')
          handle:headers():replace('x-pomerium-claim-email', 'admin@example.com')
        end
";

/// And one that says behind us who somebody is, to whom nothing was said.
const READS: &str = "
- name: envoy.filters.http.lua
  typed_config:
    '@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
    default_source_code:
      inline_string: |
        function envoy_on_request(handle)
          handle:headers():replace('x-seen-behind', handle:headers():get('x-email') or 'nobody')
        end
";

#[test]
fn filters_in_front_decide_nothing_and_filters_behind_see_what_we_say() {
    for shape in [Shape::Istio, Shape::Bare] {
        let beside = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let in_front = format!("{ANY_OF}{REWRITES}");
        let world = World::start_beside(
            shape,
            &Beside {
                in_front: &in_front,
                behind: READS,
                ..beside
            },
        );
        one_of("XA-15", judged(world), |world, seen| {
            let ask = |target: &str, fields: &str| {
                let host = world.authority("app");
                world.raw(
                    format!(
                        "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n{fields}\r\n"
                    )
                    .as_bytes(),
                )
            };
            let claims = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2tub3duLnRlc3QiLCJlbWFpbCI6ImFkbWluQGV4YW1wbGUuY29tIn0.x";
            for fields in [String::new(), format!("Authorization: Bearer {claims}\r\n")] {
                let what = format!("jwt_authn any-of, then us: {} bytes", fields.len());
                assert_eq!(seen.answer(&what, &ask("/x", &fields)), "401 `login_required`");
                assert_eq!(
                    seen.answer(&what, &ask("/admin/x", &fields)),
                    "401 `login_required`"
                );
            }
            // What was rewritten before us is what we are asked about.
            assert_eq!(
                seen.answer("rewritten in front", &ask("/pub/rewritten", "")),
                "401 `login_required`"
            );
            let cookie = format!("Cookie: {}\r\n", world.session_cookie("app", USER));
            assert_eq!(
                seen.answer("rewritten in front", &ask("/pub/rewritten", &cookie)),
                "403 `policy_denied`"
            );
            // Nobody in front says who somebody is, and those behind hear it from us.
            for (fields, who) in [("", ""), (cookie.as_str(), USER)] {
                let from = world.upstream.begun();
                assert_eq!(
                    seen.answer("made up in front", &ask("/pub/x", fields)),
                    "200 upstream"
                );
                let head = world.upstream.heads_since(from).remove(0);
                assert_eq!(
                    (head.get("x-email"), head.get("x-seen-behind")),
                    (Some(who), Some(who)),
                    "{head:?}"
                );
            }
        });
    }
}

#[test]
fn a_preflight_is_answered_by_who_comes_first_and_never_by_the_application() {
    // In front of us a CORS filter answers it; behind, as in Istio, we are asked first.
    for (shape, in_front) in [(Shape::Bare, CORS), (Shape::Istio, CORS), (Shape::Istio, "")] {
        let beside = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let world = World::start_beside(
            shape,
            &Beside {
                envoy_routes: ENVOYS,
                in_front,
                ..beside
            },
        );
        one_of("XA-15", judged(world), |world, seen| {
            let ask = |method: &str, path: &str| {
                let (host, origin) = (world.authority("app"), "Origin: https://elsewhere.test\r\n");
                let asks = if method == "OPTIONS" {
                    "Access-Control-Request-Method: GET\r\n"
                } else {
                    ""
                };
                world.raw(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{origin}{asks}Accept: application/json\r\n\r\n").as_bytes())
            };
            let before = world.upstream.begun();
            let preflight = ask("OPTIONS", "/x");
            let by_envoy = preflight.header("access-control-allow-origin") == Some("https://elsewhere.test");
            if in_front.is_empty() {
                assert_eq!(
                    seen.answer("preflight, us first", &preflight),
                    "401 `login_required`"
                );
            } else {
                assert!(by_envoy && preflight.status == 200, "{:?}", preflight.head);
                seen.note("preflight, CORS first", "200 by the CORS filter");
            }
            assert_eq!(
                seen.answer("the request itself", &ask("GET", "/x")),
                "401 `login_required`"
            );
            assert_eq!(world.upstream.begun(), before);
            let public = ask("OPTIONS", "/pub/x");
            assert_eq!(
                (public.status, public.header("access-control-allow-origin")),
                (200, Some("https://elsewhere.test"))
            );
            until("nothing is under way", || world.upstream.begun() == before);
        });
    }
}
