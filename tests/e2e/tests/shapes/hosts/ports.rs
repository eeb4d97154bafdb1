//! Authorities with ports of every kind: HO-01.

use portcullis_harness::shapes::{Shape, World};
use url::Url;

use super::super::support::{Seen, each};
use super::rows::Must::{Refuse, Serve};
use super::rows::authorities;

/// Where a login that begins at `host` with this path would return, and that its cookie
/// is of this host alone.
#[track_caller]
pub(super) fn returns_to(world: &World, seen: &mut Seen, host: &str, path: &str) -> Url {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n");
    let answer = world.raw(request.as_bytes());
    assert_eq!(seen.answer(&format!("a login at {host}"), &answer), "302 login");
    let cookie = answer.header("set-cookie").unwrap_or_default();
    assert!(
        !cookie.to_ascii_lowercase().contains("domain="),
        "{host}: {cookie}"
    );
    let location = answer.location().unwrap();
    assert_eq!(
        location.host_str(),
        Some("authenticate.example.test"),
        "{location}"
    );
    let (_, back) = location
        .query_pairs()
        .find(|(name, _)| name == "pomerium_redirect_uri")
        .unwrap();
    Url::parse(&back).unwrap()
}

#[test]
fn a_port_is_a_number_and_chooses_no_other_host() {
    each("HO-01", |world, seen| {
        let port = world.port();
        let open = |port: &str| format!("open.example.test{port}");
        let any = |port: &str| format!("any.example.test{port}");
        let mut rows = vec![
            (open(&format!(":{port}")), Serve("open", "open")),
            // Another port than the route's is another place.
            (open(""), Refuse(404)),
            (open(":443"), Refuse(404)),
            (open(":1"), Refuse(404)),
        ];
        for good in ["", ":443", ":8443", ":1", ":65535"] {
            rows.push((any(good), Serve("any", "any")));
        }
        for bad in [
            ":0",
            ":99999",
            ":65536",
            ":abc",
            ":",
            ":+443",
            ":-1",
            ":443x",
            ":0x1bb",
            ":443:443",
            ": 443",
            ":4 43",
            ":443,444",
            "::443",
            ":443/",
            ":18446744073709552059",
            ":443%20",
        ] {
            rows.push((any(bad), Refuse(400)));
            rows.push((open(bad), Refuse(400)));
        }
        for zeros in [":0443", ":00000000000443"] {
            rows.push((any(zeros), Refuse(400)));
        }
        rows.push((open(&format!(":0{port}")), Refuse(400)));
        authorities(world, seen, &rows);

        // One host with a route at each of two ports. Our own Envoy chooses by the text;
        // another listens where it does, and what the client writes says nothing.
        let (private, public) = (format!("two.example.test:{port}"), "two.example.test:9443");
        let rows = match world.shape {
            Shape::Ours => [
                (private.as_str(), Refuse(401)),
                (public, Serve("two-public", "two")),
                ("two.example.test", Refuse(404)),
            ],
            Shape::Istio | Shape::Bare => [
                (private.as_str(), Refuse(400)),
                (public, Refuse(400)),
                ("two.example.test", Refuse(404)),
            ],
        };
        authorities(world, seen, &rows);

        // A login returns to the port of the configuration, whatever was asked for.
        for written in [
            "plain.example.test:9999",
            "plain.example.test",
            "plain.example.test:443",
        ] {
            let back = returns_to(world, seen, written, "/a?b=c");
            assert_eq!(back.as_str(), "https://plain.example.test/a?b=c", "{written}");
        }
    });
}
