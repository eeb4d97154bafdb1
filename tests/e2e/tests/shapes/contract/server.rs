//! XA-01, XA-02, XA-03: a server that is gone, says nothing, or something else.

use std::thread;

use portcullis_harness::certificates::Authority;
use portcullis_harness::frames::{Authorizer, Says};
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Beside, DropIn, Way};
use portcullis_harness::shapes::Shape;
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Response};

use super::super::support::{USER, outcome};
use super::asked::{Asked, ROUTES};

/// `CheckResponse` with `status {}` and `ok_response {}`.
const ALLOW: &[u8] = &[0x0a, 0, 0x1a, 0];

/// Somebody who is let in.
#[track_caller]
fn a_user(asked: &Asked) -> Client {
    let mut user = asked.client();
    let page = user.login(&asked.url("/in"), USER, PASSWORD);
    assert_eq!(
        (page.status, asked.client().get(&asked.url("/pub")).status),
        (200, 200)
    );
    user
}

/// Whatever is asked for, nothing passes.
#[track_caller]
fn nothing_passes(asked: &Asked, user: &mut Client, what: &str) {
    let before = asked.upstream().begun();
    for path in [
        "/pub/x",
        "/x",
        "/.pomerium/",
        "/oauth2/callback?code=x&state=y",
        "/robots.txt",
    ] {
        denied(&user.get(&asked.url(path)), &format!("{what}, {path}"));
    }
    assert_eq!(
        asked.upstream().begun(),
        before,
        "{what}: the upstream got something"
    );
}

#[track_caller]
fn denied(answer: &Response, what: &str) {
    assert_eq!(outcome(answer), "503 Envoy", "{what}: {}", answer.text());
    assert_eq!(answer.header("set-cookie"), None, "{what}");
}

#[track_caller]
fn recovers(asked: &Asked, user: &mut Client) {
    until("it decides again", || user.get(&asked.url("/x")).status == 200);
}

#[test]
fn a_server_that_is_down_denies_in_every_shape() {
    for shape in Shape::ALL {
        let mut asked = Asked::start(shape, false);
        let mut user = a_user(&asked);
        asked.server().kill();
        nothing_passes(&asked, &mut user, shape.name());
        for says in [Says::Closes, Says::Http1, Says::Dies] {
            let what = format!("{}, {says:?}", shape.name());
            let _authorizer = Authorizer::start(asked.port(), says);
            nothing_passes(&asked, &mut user, &what);
        }
        asked.server().start();
        recovers(&asked, &mut user);
    }
}

#[test]
fn a_server_that_is_killed_within_a_call_denies() {
    for shape in Shape::ALL {
        let mut asked = Asked::start(shape, false);
        let mut user = a_user(&asked);
        let before = asked.upstream().begun();
        asked.server().signal(libc::SIGSTOP);
        let calls = ["/pub/x", "/x"].map(|path| {
            let (mut user, url) = (user.clone(), asked.url(path));
            thread::spawn(move || user.get(&url))
        });
        until("both are asked about", || asked.waiting() == 2);
        asked.server().kill();
        for call in calls {
            denied(&call.join().unwrap(), shape.name());
        }
        assert_eq!(asked.upstream().begun(), before, "{}", shape.name());
        asked.server().start();
        recovers(&asked, &mut user);
    }
}

#[test]
fn a_server_that_shows_the_wrong_tls_denies() {
    // A server whose certificate nobody knows, and one that wants to know Envoy's.
    for istio in [true, false] {
        let routes = if istio {
            Beside::istio(ROUTES)
        } else {
            Beside::of(ROUTES)
        };
        let mut site = DropIn::start(&Beside {
            way: Way::MutualTls,
            ..routes
        });
        let url = site.url("app", "/pub/tls");
        assert_eq!(site.client().get(&url).status, 200);
        let before = site.upstream.begun();
        let stranger = Authority::new("A stranger").unwrap();
        let leaf = stranger
            .issue_peer(&["127.0.0.1", "authz-server.example.test"])
            .unwrap();
        site.authz.kill();
        leaf.write(&site.directory().join("authz-server")).unwrap();
        site.authz.start();
        denied(&site.client().get(&url), "an unknown certificate");
        assert_eq!(site.upstream.begun(), before);

        let site = DropIn::start(&Beside {
            way: Way::Anonymous,
            ..routes
        });
        denied(
            &site.client().get(&site.url("app", "/pub/tls")),
            "no certificate of Envoy's",
        );
        assert_eq!(site.upstream.begun(), 0);
    }
    // Clear text where TLS is spoken, by somebody who would allow everything.
    for shape in Shape::ALL {
        let mut asked = Asked::start(shape, true);
        let mut user = a_user(&asked);
        asked.server().kill();
        let authorizer = Authorizer::start(asked.port(), Says::Message(ALLOW.to_vec()));
        nothing_passes(&asked, &mut user, shape.name());
        assert_eq!(authorizer.asked(), 0);
    }
}

#[test]
fn a_server_that_does_not_answer_denies_in_the_end_and_recovers() {
    let shapes = Shape::ALL.map(|shape| {
        thread::spawn(move || {
            let mut asked = Asked::start(shape, false);
            let mut user = a_user(&asked);
            let before = asked.upstream().begun();
            let all_denied = |asked: &Asked, user: &Client| {
                let calls = ["/pub/x", "/x", "/.pomerium/"].map(|path| {
                    let (mut user, url) = (user.clone(), asked.url(path));
                    thread::spawn(move || user.get(&url))
                });
                for call in calls {
                    denied(&call.join().unwrap(), shape.name());
                }
            };
            // On a connection that is there.
            asked.server().signal(libc::SIGSTOP);
            all_denied(&asked, &user);
            asked.server().signal(libc::SIGCONT);
            recovers(&asked, &mut user);
            let between = asked.upstream().begun();
            assert!(between > before, "only what came after it went on");
            // On one that nobody ever says a word on.
            asked.server().kill();
            let authorizer = Authorizer::start(asked.port(), Says::Nothing);
            all_denied(&asked, &user);
            assert_eq!(asked.upstream().begun(), between, "{}", shape.name());
            authorizer.close();
            // The connection stays as it is: our own Envoy notices. Another's does where it is
            // told to (`connection_keepalive`); here somebody ends it.
            let authorizer = (shape == Shape::Ours).then_some(authorizer);
            asked.server().start();
            recovers(&asked, &mut user);
            drop(authorizer);
        })
    });
    for shape in shapes {
        shape.join().unwrap();
    }
}

#[test]
fn no_error_and_no_denial_lets_a_request_pass() {
    let message = |bytes: &[u8]| Says::Message(bytes.to_vec());
    for shape in Shape::ALL {
        let mut asked = Asked::start(shape, false);
        let mut user = a_user(&asked);
        asked.server().kill();
        let authorizer = Authorizer::start(asked.port(), Says::Dies);
        let before = asked.upstream().begun();
        let codes = (0..=17).chain([999]).map(Says::Status);
        let errors = codes.chain([
            Says::Http(200),
            Says::Http(403),
            Says::Http(500),
            // What is no message, and one that breaks off.
            message(&[0xff, 0xff, 0xff]),
            message(&[0x0a, 9, 8]),
        ]);
        for says in errors {
            let what = format!("{}, {says:?}", shape.name());
            authorizer.say(says);
            denied(&user.get(&asked.url("/pub/x")), &what);
        }
        for (says, wanted) in [
            // A status that is not 0 denies, whatever stands beside it.
            (message(&[0x0a, 2, 8, 7]), "403 Envoy"),
            (message(&[0x0a, 2, 8, 7, 0x1a, 0]), "403 Envoy"),
            (message(&[0x0a, 2, 8, 7, 0x12, 0]), "403 Envoy"),
            // An `error_response`.
            (message(&[0x0a, 2, 8, 13, 0x2a, 0]), "503 Envoy"),
        ] {
            let what = format!("{}, {says:?}", shape.name());
            authorizer.say(says);
            assert_eq!(outcome(&user.get(&asked.url("/pub/x"))), wanted, "{what}");
        }
        assert_eq!(asked.upstream().begun(), before, "{}", shape.name());
        // Why nothing of ours may ever be one of these: to Envoy they are an ALLOW.
        for says in [
            message(&[]),
            message(&[0x12, 0]),
            message(&[0x0a, 0]),
            message(ALLOW),
        ] {
            let what = format!("{}, {says:?}", shape.name());
            authorizer.say(says);
            assert_eq!(outcome(&user.get(&asked.url("/pub/x"))), "200 upstream", "{what}");
        }
        assert!(
            authorizer.asked() > 20,
            "Envoy asked {} times",
            authorizer.asked()
        );
    }
}
