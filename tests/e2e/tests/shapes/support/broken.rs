//! The judge, shown what it is there for: a judge that finds nothing finds nothing wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use portcullis_harness::shapes::{Shape, World};
use portcullis_harness::wire::Head;

use super::{Judge, ROUTES, begin};

/// What the judge says of what was done.
fn verdict(world: &World, judge: &mut Judge, denied: &[(String, portcullis_harness::Response)]) -> String {
    let judged = catch_unwind(AssertUnwindSafe(|| judge.judge(world, "this", denied, false)));
    match judged {
        Ok(()) => "nothing".to_owned(),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

/// To the application, past everybody.
fn past(world: &World, request: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", world.upstream.port())).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    assert!(stream.read(&mut [0; 64]).unwrap() > 0);
}

#[test]
fn the_judge_sees_each_invariant_broken() {
    let (world, mut judge) = begin(Shape::Bare, "", ROUTES);
    let public = || {
        let authority = world.authority("app");
        let answer = world.raw(format!("GET /pub/a HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes());
        assert_eq!(answer.status, 200);
        let last: Head = world.upstream.heads_since(world.upstream.begun() - 1).remove(0);
        (answer, last.get("x-request-id").unwrap().to_owned())
    };
    let (answer, id) = public();
    assert_eq!(verdict(&world, &mut judge, &[]), "nothing");

    // I1: no decision; one of another path; one of another route; a body without an end.
    past(&world, "GET /pub/a HTTP/1.1\r\nx-request-id: unknown\r\n\r\n");
    assert!(verdict(&world, &mut judge, &[]).starts_with("I1"));
    past(
        &world,
        &format!("GET /pub/b HTTP/1.1\r\nx-request-id: {id}\r\n\r\n"),
    );
    assert!(verdict(&world, &mut judge, &[]).starts_with("I1"));
    past(
        &world,
        &format!("GET /pub/a HTTP/1.1\r\nx-request-id: {id}\r\nx-route: admin\r\n\r\n"),
    );
    assert!(verdict(&world, &mut judge, &[]).contains("I1"));
    let mut open = TcpStream::connect(("127.0.0.1", world.upstream.port())).unwrap();
    let begun = world.upstream.begun();
    open.write_all(b"POST /pub/c HTTP/1.1\r\ncontent-length: 9\r\n\r\nx")
        .unwrap();
    portcullis_harness::wait::until("it began", || world.upstream.begun() > begun);
    assert!(verdict(&world, &mut judge, &[]).starts_with("I1"));

    // I2: somebody, an alias, our cookie.
    for line in [
        "x-email: admin@example.com",
        "x_email: ",
        "X-Pomerium-Claim-Groups: admins",
        "cookie: _pomerium=x",
    ] {
        past(
            &world,
            &format!("GET /pub/a HTTP/1.1\r\nx-request-id: {id}\r\n{line}\r\n\r\n"),
        );
        let verdict = verdict(&world, &mut judge, &[]);
        assert!(verdict.contains("I2"), "{line}: {verdict}");
    }

    // I4
    let mut gives = answer;
    gives
        .head
        .fields
        .push(("set-cookie".to_owned(), "_pomerium=x; Path=/".to_owned()));
    assert!(verdict(&world, &mut judge, &[("a denial".to_owned(), gives)]).starts_with("I4"));

    // I5
    world.keep_secret("\"authorize check\"");
    assert!(verdict(&world, &mut judge, &[]).starts_with("I5"));
}

/// I3: the server is another.
#[test]
fn the_judge_sees_a_server_that_ended() {
    let (mut world, mut judge) = begin(Shape::Istio, "", ROUTES);
    world.kill_server();
    world.start_server();
    let authority = world.authority("app");
    let decides = || {
        let request = format!("GET /pub/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        world.raw(request.as_bytes()).status == 200
    };
    portcullis_harness::wait::until("it decides again", decides);
    assert!(verdict(&world, &mut judge, &[]).starts_with("I3"));
}
