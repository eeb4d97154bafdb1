//! XA-14, XA-16: what goes on as it came, and what is too much.

use portcullis_harness::roles::Beside;
use portcullis_harness::shapes::{Shape, World};

use super::super::support::{USER, each, judged, one_of};
use super::asked::ROUTES;

#[test]
fn host_path_length_and_content_go_on_as_they_came() {
    each("XA-14", |world, seen| {
        let host = world.authority("app");
        let cookie = world.session_cookie("app", USER);
        for (what, fields, body) in [
            ("a length", "Content-Length: 11\r\n".to_owned(), "hello world".to_owned()),
            ("chunks", "Transfer-Encoding: chunked\r\n".to_owned(), "b\r\nhello world\r\n0\r\n\r\n".to_owned()),
            ("te", "TE: trailers\r\nContent-Length: 11\r\n".to_owned(), "hello world".to_owned()),
            (
                "a connection that names our headers",
                "Connection: x-pomerium-jwt-assertion, x-email, cookie, content-length\r\nContent-Length: 11\r\n".to_owned(),
                "hello world".to_owned(),
            ),
        ] {
            let from = world.upstream.recorded().len();
            let request = format!("POST /pub/whole?a=b HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{fields}\r\n{body}");
            assert_eq!(world.raw(request.as_bytes()).status, 200, "{what}");
            let recorded = world.upstream.recorded().remove(from);
            assert_eq!(recorded.head.start, "POST /pub/whole?a=b HTTP/1.1", "{what}");
            assert_eq!(recorded.body, b"hello world", "{what}");
            let framed = ["content-length", "transfer-encoding"].map(|name| recorded.head.all(name).count());
            // Envoy takes a length that `Connection` names for its own hop's, and frames
            // anew.
            let anew = what == "chunks" || fields.contains(", content-length");
            let wanted = if anew { [0, 1] } else { [1, 0] };
            assert_eq!(framed, wanted, "{what}: {:?}", recorded.head);
            // The gateway names the upstream's own host, as Pomerium does.
            if world.shape != Shape::Ours {
                assert_eq!(recorded.header("host"), Some(host.as_str()), "{what}");
            }
            assert!(recorded.header("x-email").is_some(), "{what}: {:?}", recorded.head);
            seen.note(what, "as it came, with our headers");
        }
    });
}

#[test]
fn too_many_headers_are_refused() {
    each("XA-16", |world, seen| {
        let host = world.authority("app");
        for count in [1_001, 10_000] {
            let lines: String = (0..count).map(|n| format!("x-n{n}: v\r\n")).collect();
            let request = format!("GET /pub/x HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
            seen.result(&format!("{count} headers"), &world.try_raw(request.as_bytes()));
        }
    });
}

#[test]
fn a_check_that_is_too_large_denies_and_the_server_lives_on() {
    for shape in [Shape::Istio, Shape::Bare] {
        let beside = if shape == Shape::Istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let filter = format!(
            "{}with_request_body: {{max_request_bytes: 8388608}}\n",
            beside.filter
        );
        let beside = Beside {
            filter: &filter,
            ..beside
        };
        one_of(
            "XA-16",
            judged(World::start_beside(shape, &beside)),
            |world, seen| {
                let post = |bytes: usize| {
                    let host = world.authority("app");
                    let head = format!(
                        "POST /pub/large HTTP/1.1\r\nHost: {host}\r\nContent-Length: {bytes}\r\n\r\n"
                    );
                    world.raw(&[head.into_bytes(), vec![b'x'; bytes]].concat())
                };
                assert_eq!(seen.answer("512 KiB", &post(512 << 10)), "200 upstream");
                let before = world.upstream.begun();
                for bytes in [2 << 20, 5 << 20] {
                    assert_eq!(seen.answer("more than a check holds", &post(bytes)), "503 Envoy");
                }
                assert_eq!(world.upstream.begun(), before);
                assert_eq!(seen.answer("1 KiB", &post(1 << 10)), "200 upstream");
            },
        );
    }
}
