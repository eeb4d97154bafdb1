//! Authorities of every spelling: HO-02, HO-03, HO-07, HO-09, HO-10, HO-12.

use portcullis_harness::shapes::Shape;

use super::super::support::{ADMIN, Seen, USER, each};
use super::ports::returns_to;
use super::rows::Must::{Refuse, Serve};
use super::rows::{authorities, email, http1, mark, reasons};

#[test]
fn one_dot_at_the_end_is_none() {
    each("HO-02", |world, seen| {
        let port = world.port();
        let mut rows = vec![
            (format!("open.example.test.:{port}"), Serve("open", "open")),
            ("any.example.test.".to_owned(), Serve("any", "any")),
            (format!("a.wild.example.test.:{port}"), Serve("wild", "a.wild")),
            (format!("unknown.example.test.:{port}"), Refuse(404)),
        ];
        for bad in [
            format!("open.example.test..:{port}"),
            format!("a.wild.example.test..:{port}"),
            format!("unknown.example.test..:{port}"),
            format!(".open.example.test:{port}"),
            format!("..open.example.test:{port}"),
            format!("open..example.test:{port}"),
            format!("open.example.test.:{port}."),
            ".".to_owned(),
            "..".to_owned(),
            format!(".:{port}"),
        ] {
            rows.push((bad, Refuse(400)));
        }
        // Our own Envoy takes one dot from the end of the whole, also from behind a port.
        let behind = match world.shape {
            Shape::Ours => Serve("any", "any"),
            Shape::Istio | Shape::Bare => Refuse(400),
        };
        rows.push(("any.example.test:443.".to_owned(), behind));
        authorities(world, seen, &rows);

        let path = mark();
        let back = returns_to(world, seen, &format!("app.example.test.:{port}"), &path);
        assert_eq!(back.as_str(), world.url("app", &path));
        // The session of the host is that of the host with its dot.
        let cookie = world.session_cookie("app", USER);
        let path = mark();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: APP.example.test.:{port}\r\nCookie: {cookie}\r\n\r\n");
        assert_eq!(
            seen.answer("a session", &world.raw(request.as_bytes())),
            "200 upstream"
        );
        assert_eq!(email(&world.upstream.one(&path)), USER);
    });
}

#[test]
fn the_case_of_a_host_decides_nothing() {
    each("HO-03", |world, seen| {
        let port = world.port();
        let cookies =
            [None, Some(USER), Some(ADMIN)].map(|user| user.map(|user| world.session_cookie("app", user)));
        let ask = |seen: &mut Seen, host: &str, target: &str, cookie: Option<&String>| {
            let cookie = cookie
                .map(|cookie| format!("Cookie: {cookie}\r\n"))
                .unwrap_or_default();
            let request =
                format!("GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/html\r\n{cookie}\r\n");
            let answer = world.raw(request.as_bytes());
            let back = answer.location().and_then(|to| {
                let (_, back) = to
                    .query_pairs()
                    .find(|(name, _)| name == "pomerium_redirect_uri")?;
                Some(back.into_owned())
            });
            (seen.answer(&format!("{host}{target}"), &answer), back)
        };
        let mut all = Vec::new();
        for cookie in &cookies {
            for target in ["/pub/case", "/admin/case", "/case", "/.pomerium/user"] {
                let plain = ask(seen, "app.example.test", target, cookie.as_ref());
                for written in [
                    "APP.EXAMPLE.TEST",
                    "App.Example.Test",
                    "app.EXAMPLE.test",
                    "aPP.example.test",
                ] {
                    let other = ask(seen, written, target, cookie.as_ref());
                    assert_eq!(
                        other,
                        plain,
                        "{written}{target} in the shape `{}`",
                        world.shape.name()
                    );
                }
                all.push(plain.0);
            }
        }
        for outcome in ["200 upstream", "302 login", "403 `policy_denied`"] {
            assert!(all.iter().any(|seen| seen == outcome), "{outcome}: {all:?}");
        }
        let rows = ["OPEN.example.test", "open.EXAMPLE.test", "oPeN.eXaMpLe.TeSt"]
            .map(|host| (format!("{host}:{port}"), Serve("open", "open")));
        authorities(world, seen, &rows);
        let wild = [(format!("A.wILD.example.test:{port}"), Serve("wild", "a.wild"))];
        authorities(world, seen, &wild);
    });
}

#[test]
fn an_address_is_nobodys_host() {
    each("HO-07", |world, seen| {
        let port = world.port();
        let mut rows = Vec::new();
        for address in [
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
            "[2001:DB8::A]",
            "127.0.0.1",
            "0.0.0.0",
        ] {
            rows.push((address.to_owned(), Refuse(404)));
            rows.push((format!("{address}:{port}"), Refuse(404)));
        }
        for none in [
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.2",
            "256.0.0.1",
            "[::1",
            "::1",
            "[]",
            "[]:443",
            "]",
            "[::1]x",
            "[::1]:",
            "[::1]:0",
            "[::1].example.test",
            "[127.0.0.1]",
            "[v1.a]",
            "[[::1]]",
        ] {
            rows.push((none.to_owned(), Refuse(400)));
        }
        rows.push((format!("[fe80::1%25eth0]:{port}"), Refuse(400)));
        authorities(world, seen, &rows);
    });
}

#[test]
fn names_are_compared_as_they_are_in_dns() {
    each("HO-09", |world, seen| {
        let port = world.port();
        let mut rows = vec![
            // A-labels, as they are.
            (
                format!("xn--bcher-kva.wild.example.test:{port}"),
                Serve("wild", "xn--bcher-kva.wild"),
            ),
            (
                format!("XN--BCHER-KVA.wild.example.test:{port}"),
                Serve("wild", "xn--bcher-kva.wild"),
            ),
            // What a browser could show as `open`, or nearly.
            (format!("xn--opn-6ma.example.test:{port}"), Refuse(404)),
            (format!("xn--open.example.test:{port}"), Refuse(404)),
            // The A-label of what needs none.
            (format!("xn--open-.example.test:{port}"), Refuse(400)),
        ];
        for name in [
            "b\u{fc}cher.wild.example.test",
            "bu\u{308}cher.wild.example.test",
            "b%C3%BCcher.wild.example.test",
            "open\u{3002}example.test",
            "open\u{ff0e}example\u{ff61}test",
            "op\u{ad}en.example.test",
            "op\u{200b}en.example.test",
            "op\u{200d}en.example.test",
            "\u{ff4f}pen.example.test",
            "o\u{440}en.example.test",
            "stra\u{df}e.wild.example.test",
            "stra\u{1e9e}e.wild.example.test",
            "\u{17f}.wild.example.test",
            "\u{212a}.wild.example.test",
            "open.example.test\u{2024}",
            "\u{feff}open.example.test",
            "%6fpen.example.test",
            "open%2eexample.test",
        ] {
            rows.push((format!("{name}:{port}"), Refuse(400)));
        }
        authorities(world, seen, &rows);
        authorities(
            world,
            seen,
            &[
                (&b"op\xc3\x28en.example.test"[..], Refuse(400)),
                (b"open\xff.example.test", Refuse(400)),
            ],
        );
    });
}

#[test]
fn a_star_takes_what_lies_below_it() {
    each("HO-10", |world, seen| {
        let port = world.port();
        let at = |host: &str| format!("{host}:{port}");
        let rows = [
            (at("a.wild.example.test"), Serve("wild", "a.wild")),
            // As in Pomerium a star is any text, dots too.
            (at("a.b.wild.example.test"), Serve("wild", "a.b.wild")),
            (at("a_b.wild.example.test"), Serve("wild", "a_b.wild")),
            (at("1.2.3.4.wild.example.test"), Serve("wild", "1.2.3.4.wild")),
            (at("wild.example.test"), Refuse(404)),
            (at("example.test"), Refuse(404)),
            (at("evilwild.example.test"), Refuse(404)),
            (at("a.wild.example.test.evil.test"), Refuse(404)),
            (at("a.wild.example.testing"), Refuse(404)),
            (at("a.wildxexample.test"), Refuse(404)),
            ("a.wild.example.test".to_owned(), Refuse(404)),
            ("a.wild.example.test:1".to_owned(), Refuse(404)),
            (at(".wild.example.test"), Refuse(400)),
            (at("a..wild.example.test"), Refuse(400)),
            (at("*.wild.example.test"), Refuse(400)),
            (at("-.wild.example.test"), Refuse(400)),
            (at("-a.wild.example.test"), Refuse(400)),
            (at("a-.wild.example.test"), Refuse(400)),
            (at("[::1].wild.example.test"), Refuse(400)),
            (at("evil.test/.wild.example.test"), Refuse(400)),
            (at("evil.test#.wild.example.test"), Refuse(400)),
            (at("evil.test?.wild.example.test"), Refuse(400)),
            (at("evil.test:1.wild.example.test"), Refuse(400)),
            (at("evil.test@a.wild.example.test"), Refuse(400)),
            (at("evil.test,a.wild.example.test"), Refuse(400)),
            (at("evil.test%00.wild.example.test"), Refuse(400)),
            (at("evil.test\\.wild.example.test"), Refuse(400)),
            (at("evil.test .wild.example.test"), Refuse(400)),
            (at("!.wild.example.test"), Refuse(400)),
        ];
        authorities(world, seen, &rows);
        // The session of one host of the pattern is that of no other.
        let cookie = world.session_cookie("app", USER);
        for host in ["a.wild", "other"] {
            let path = mark();
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n",
                world.authority(host)
            );
            let answer = world.raw(request.as_bytes());
            seen.answer(&format!("the session of `app` at `{host}`"), &answer);
            if host == "other" {
                assert_ne!(answer.status, 200);
            } else {
                assert_eq!(email(&world.upstream.one(&path)), "");
            }
        }
    });
}

#[test]
fn a_name_that_dns_cannot_carry_is_refused() {
    each("HO-12", |world, seen| {
        let port = world.port();
        let wild = |label: &str| format!("{label}.wild.example.test:{port}");
        // `.wild.example.test` has 18 characters.
        let filled = |length: usize| {
            let mut name = "a.".repeat(length / 2);
            name.truncate(length - 1);
            if name.ends_with('.') {
                name.pop();
                name.push('b');
            }
            name.push('c');
            wild(&name)
        };
        let longest = filled(253 - 18);
        assert_eq!(longest.len(), 253 + format!(":{port}").len());
        let mut refused = Vec::new();
        for (what, host, status) in [
            ("253 characters", longest, 200),
            ("254 characters", filled(254 - 18), 400),
            ("a label of 63", wild(&"a".repeat(63)), 200),
            ("a label of 64", wild(&"a".repeat(64)), 400),
            ("1,000 labels", wild("a.".repeat(999).trim_end_matches('.')), 400),
            ("1,000 labels of nobody", "a.".repeat(1_000), 400),
            ("10,000 characters", wild(&"a".repeat(10_000)), 400),
            ("50,000 characters", wild(&"a".repeat(50_000)), 400),
            ("20,000 dots", ".".repeat(20_000), 400),
            ("20,000 colons", ":".repeat(20_000), 400),
        ] {
            let path = mark();
            let answer = world.raw(&http1(&host, &path));
            let outcome = seen.answer(what, &answer);
            assert_eq!(
                answer.status,
                status,
                "{what} in the shape `{}`: {outcome}",
                world.shape.name()
            );
            assert_eq!(world.upstream.saw(&path), status == 200, "{what}");
            if status == 400
                && let Some(code) = outcome.split('`').nth(1)
            {
                refused.push((path, code.to_owned()));
            }
        }
        // Of all of these the log keeps little.
        reasons(world, &refused);
        let hosts = world.decisions().into_iter().map(|decision| decision.host.len());
        assert!(hosts.max().unwrap_or_default() < 2_000);
        // More than Envoy takes of a head.
        // It may end the connection before that answer is read.
        let answer = world.try_raw(&http1("a".repeat(200_000), &mark()));
        assert!(answer.is_err() || answer.unwrap().status == 431);
    });
}
