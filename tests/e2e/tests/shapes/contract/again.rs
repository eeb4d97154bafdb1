//! XA-13: requests that an Envoy of another's sends again, or twice.

use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wait::until;

use super::super::support::{USER, judged, one_of, outcome};

const ROUTES: &str = "
- {name: pub, from: 'https://app.example.test:{port}', prefix: /pub, to: '{upstream}', allow_public_unauthenticated_access: true, set_request_headers: {X-Route: pub}}
- {name: admin, from: 'https://app.example.test:{port}', prefix: /admin, to: '{upstream}', policy: [{allow: {and: [{email: {is: admin@example.com}}]}}], set_request_headers: {X-Route: admin}}
- {name: app, from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, set_request_headers: {X-Route: app}}
";

const ENVOYS: &str = "
- name: redirecting
  match: {prefix: /pub/redirecting}
  route:
    cluster: application
    internal_redirect_policy: {max_internal_redirects: 2, redirect_response_codes: [302]}
- name: retrying
  match: {prefix: /pub/retrying}
  route:
    cluster: application
    retry_policy: {retry_on: 5xx, num_retries: 2}
- name: mirroring
  match: {prefix: /pub/mirroring}
  route:
    cluster: application
    request_mirror_policies: [{cluster: application}]
- name: mirroring-anonymously
  match: {prefix: /pub/anonymously}
  route:
    cluster: application
    request_mirror_policies:
    - cluster: application
      request_headers_mutations:
      - {remove: x-pomerium-jwt-assertion}
      - {remove: x-email}
- name: mirroring-what-is-denied
  match: {prefix: /admin}
  route:
    cluster: application
    request_mirror_policies: [{cluster: application}]
- {name: everything, match: {prefix: /}, route: {cluster: application}}
";

#[test]
fn what_envoy_sends_again_was_asked_about_and_what_is_denied_goes_nowhere() {
    for shape in [Shape::Istio, Shape::Bare] {
        let beside = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let start = || {
            World::start_beside(
                shape,
                &Beside {
                    envoy_routes: ENVOYS,
                    ..beside
                },
            )
        };
        redirected(&start());
        one_of("XA-13", judged(start()), |world, seen| {
            let ask = |target: &str| {
                let host = world.authority("app");
                world.raw(
                    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")
                        .as_bytes(),
                )
            };
            let paths = |from: usize| -> Vec<String> {
                let heads = world.upstream.heads_since(from);
                heads
                    .iter()
                    .map(|head| {
                        head.start
                            .split(' ')
                            .nth(1)
                            .unwrap()
                            .split('?')
                            .next()
                            .unwrap()
                            .to_owned()
                    })
                    .collect()
            };
            // A retry is the same request.
            let from = world.upstream.begun();
            assert_eq!(ask("/pub/retrying?answer=503").status, 503);
            assert_eq!(paths(from), ["/pub/retrying"; 3]);
            seen.note("retried", "the same decision, three times upstream");

            // A mirror gets what was let through, and nothing else.
            let from = world.upstream.begun();
            assert_eq!(ask("/pub/mirroring").status, 200);
            until("the mirror", || world.upstream.begun() == from + 2);
            assert_eq!(paths(from), ["/pub/mirroring"; 2]);
            seen.note("mirrored", "the mirror gets what the upstream gets");
            let from = world.upstream.begun();
            assert_eq!(ask("/pub/anonymously").status, 200);
            until("the mirror", || world.upstream.begun() == from + 2);
            let heads = world.upstream.heads_since(from);
            let named = heads
                .iter()
                .filter(|head| head.get("x-pomerium-jwt-assertion").is_some());
            assert_eq!(named.count(), 1, "{heads:?}");
            seen.note("mirrored with mutations", "no identity in the mirror");
            let from = world.upstream.begun();
            assert_eq!(
                seen.answer("mirrored, denied", &ask("/admin/x")),
                "401 `login_required`"
            );
            assert_eq!(world.upstream.begun(), from);
        });
    }
}

/// An internal redirect is a request: decided by where it leads. Nobody else looks on, since
/// Envoy writes one request down as the other.
fn redirected(world: &World) {
    let host = world.authority("app");
    let cookie = world.session_cookie("app", USER);
    for (place, wanted, paths) in [
        ("/pub/y", "200 upstream", &["/pub/redirecting", "/pub/y"][..]),
        ("/admin/y", "401 `login_required`", &["/pub/redirecting"]),
        // Our cookie was taken out for the first upstream: the second request has no session.
        ("/private", "401 `login_required`", &["/pub/redirecting"]),
    ] {
        let from = world.upstream.begun();
        let target = format!("/pub/redirecting?answer=302&to=https://{host}{place}");
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nCookie: {cookie}\r\n\r\n"
        );
        let answer = world.raw(request.as_bytes());
        assert_eq!(outcome(&answer), wanted, "{place}: {}", answer.text());
        let heads = world.upstream.heads_since(from);
        let seen = heads
            .iter()
            .map(|head| head.start.split(' ').nth(1).unwrap().split('?').next().unwrap());
        assert_eq!(seen.collect::<Vec<_>>(), paths, "{place}");
        // Each by an allow of its own.
        for (head, path) in heads.iter().zip(paths) {
            let id = head.get("x-request-id").unwrap();
            until("the decision is in the log", || {
                let decisions = world.decisions();
                decisions
                    .iter()
                    .any(|one| one.allows() && one.request_id == id && one.is_for(path))
            });
        }
        assert!(
            heads
                .iter()
                .all(|head| !head.fields.iter().any(|(_, value)| value.contains(&cookie)))
        );
    }
}
