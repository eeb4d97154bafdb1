//! XA-10: clients that go, at every stage and by the thousand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use portcullis_harness::frames;
use portcullis_harness::shapes::World;
use portcullis_harness::wait::until;
use url::Url;

use super::super::support::{ROUTES, USER, each_of};

/// Streams that are broken off over one connection, and how many of those there are: in
/// the three shapes together some 2,000.
const STREAMS: u32 = 100;
const CONNECTIONS: usize = 6;
/// Connections that end, for each stage.
const CLOSED: usize = 10;

/// Waits until Envoy has nothing under way.
fn quiet(world: &World) {
    until("every request is over", || {
        let stats = world.envoy().admin("/stats?filter=downstream_rq_active$");
        let mut lines = stats.lines().filter(|line| !line.contains("http.admin."));
        lines.all(|line| line.ends_with(": 0"))
    });
}

#[test]
fn clients_that_go_leave_nothing_behind_and_cost_nobody_an_answer() {
    // Worlds of its own: what comes late is nobody else's.
    each_of("XA-10", "", ROUTES, |world, seen| {
        let url = Url::parse(&world.url("app", "/pub/steady")).unwrap();
        let host = world.authority("app");
        let cookie = world.session_cookie("app", USER);
        // Somebody else, all the while.
        let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let steady = {
            let (over, served, url) = (over.clone(), served.clone(), url.clone());
            let mut client = world.client();
            thread::spawn(move || {
                let mut refused = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let answer = client.send("GET", &url, &[], b"");
                    if answer.status == 200 {
                        served.fetch_add(1, Ordering::SeqCst);
                    } else {
                        refused.push((answer.status, answer.text()));
                    }
                }
                refused
            })
        };
        until("somebody is served", || served.load(Ordering::SeqCst) > 0);

        let client = world.client();
        for stage in [
            String::new(),
            "GET /x HT".to_owned(),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\n"),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"),
            format!("GET /pub/x?wait=300 HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("POST /pub/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nhalf"),
            format!("GET /oauth2/callback?code=x&state=y HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!("GET /.pomerium/ HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"),
        ] {
            for _ in 0..CLOSED {
                let mut connection = client.connect(&url).unwrap();
                connection.write(stage.as_bytes()).unwrap();
            }
        }
        seen.note("closed at eight stages", "others are served all the while");

        for path in ["/x", "/pub/x", "/.pomerium/", "/oauth2/callback?code=x&state=y"] {
            let request = frames::fields(&[
                (":method", "GET"),
                (":scheme", "https"),
                (":authority", host.as_str()),
                (":path", path),
                ("cookie", cookie.as_str()),
            ]);
            for _ in 0..CONNECTIONS / 2 {
                frames::break_off(&client, &url, &request, STREAMS).unwrap();
            }
        }
        let before = served.load(Ordering::SeqCst);
        until("somebody is still served", || {
            served.load(Ordering::SeqCst) > before
        });
        over.store(true, Ordering::SeqCst);
        let refused = steady.join().unwrap();
        assert!(refused.is_empty(), "somebody else was refused: {refused:?}");
        seen.note(
            "streams broken off by the hundred",
            "others are served all the while",
        );
        quiet(world);
    });
}
