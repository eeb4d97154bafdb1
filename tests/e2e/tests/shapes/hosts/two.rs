//! Two authorities in one request, or none: HO-04 to HO-06.

use portcullis_harness::shapes::World;

use super::super::support::{USER, each};
use super::rows::Must::{Refuse, Serve};
use super::rows::{Row, all, email, http1, http2, judged, lines, mark, served, told};

/// A GET of the absolute URL of `target` at this authority, with these lines.
fn absolute(authority: &str, target: &str, with: &[&[u8]]) -> Vec<u8> {
    lines(&format!("GET https://{authority}{target} HTTP/1.1"), with)
}

fn host(authority: &str) -> Vec<u8> {
    format!("Host: {authority}").into_bytes()
}

/// Served as `open`, and nothing else is told to anybody.
#[track_caller]
fn only_open(world: &World, path: &str) {
    let recorded = world.upstream.one(path);
    assert_eq!(told(world, &recorded), world.authority("open"));
    let text = recorded.text();
    for other in ["app.example.test", "user@", "evil"] {
        assert!(!text.contains(other), "{other}: {text}");
    }
}

#[test]
fn of_two_authorities_one_counts_for_everything() {
    each("HO-04", |world, seen| {
        let (open, app) = (world.authority("open"), world.authority("app"));
        let (at_open, at_app) = (host(&open), host(&app));

        let path = mark();
        let sent = absolute(&app, &path, &[&at_open]);
        judged(
            world,
            seen,
            "absolute `app`, Host `open`",
            &world.try_raw(&sent),
            &path,
            Refuse(401),
        );
        for (what, authority, with) in [
            ("absolute `open`, Host `app`", open.clone(), vec![&at_app[..]]),
            (
                "absolute `open`, Host twice",
                open.clone(),
                vec![&at_app[..], b"Host: evil.test"],
            ),
            (
                "absolute `open`, Host of nonsense",
                open.clone(),
                vec![&b"Host: evil test/@#"[..]],
            ),
            (
                "absolute `open` with a user, Host `app`",
                format!("user:evil@{open}"),
                vec![&at_app[..]],
            ),
        ] {
            let path = mark();
            let answer = world.try_raw(&absolute(&authority, &path, &with));
            // A `Host` that no codec reads is refused before anybody compares.
            if answer.as_ref().is_ok_and(|answer| answer.status == 400) {
                judged(world, seen, what, &answer, &path, Refuse(400));
                continue;
            }
            judged(world, seen, what, &answer, &path, Serve("open", "open"));
            only_open(world, &path);
        }
        // A session of the one is no session of the other.
        let cookie = format!("Cookie: {}", world.session_cookie("app", USER)).into_bytes();
        let path = mark();
        let answer = world.raw(&absolute(&app, &path, &[&at_open, &cookie]));
        assert_eq!(
            seen.answer("absolute `app` with its session, Host `open`", &answer),
            "200 upstream"
        );
        let recorded = world.upstream.one(&path);
        served("absolute `app` with its session", &recorded, "app", "app");
        assert_eq!((&*told(world, &recorded), email(&recorded)), (&*app, USER));
        let path = mark();
        let answer = world.raw(&absolute(&open, &path, &[&at_app, &cookie]));
        assert_eq!(
            seen.answer("absolute `open` with the session of `app`", &answer),
            "200 upstream"
        );
        assert_eq!(email(&world.upstream.one(&path)), "");

        for (what, origin) in [
            ("another scheme", "ftp://open.example.test"),
            ("no host", "https://"),
        ] {
            let path = mark();
            let sent = lines(&format!("GET {origin}{path} HTTP/1.1"), &[&at_open]);
            judged(world, seen, what, &world.try_raw(&sent), &path, Refuse(400));
        }

        for (what, fields, must) in [
            (
                "`:authority` `app`, `host` `open`",
                vec![(":authority", &app), ("host", &open)],
                Refuse(401),
            ),
            (
                "`:authority` `open`, `host` `app`",
                vec![(":authority", &open), ("host", &app)],
                Serve("open", "open"),
            ),
            ("`host` alone", vec![("host", &open)], Serve("open", "open")),
            ("`host` alone, of `app`", vec![("host", &app)], Refuse(401)),
        ] {
            let path = mark();
            let fields: Vec<(&str, &[u8])> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_bytes()))
                .collect();
            let answer = world.frames(&http2(&fields, &path));
            judged(world, seen, what, &answer, &path, must);
            if matches!(must, Serve(..)) {
                only_open(world, &path);
            }
        }
        let to = format!("https://{app}/absolute-path");
        let answer = world.frames(&http2(&[(":authority", open.as_bytes())], &to));
        judged(
            world,
            seen,
            "`:path` with a host",
            &answer,
            "absolute-path",
            Refuse(400),
        );
    });
}

#[test]
fn two_hosts_or_none_are_refused() {
    each("HO-05", |world, seen| {
        let (open, app) = (world.authority("open"), world.authority("app"));
        let (at_open, at_app) = (host(&open), host(&app));
        let get = "GET MARK HTTP/1.1";
        let bad = |what: &str, with: &[&[u8]]| Row::lines(what, get, with, Refuse(400));
        let mut rows = vec![
            bad("two lines", &[&at_open, &at_app]),
            bad("two lines, turned round", &[&at_app, &at_open]),
            bad("two lines, the same", &[&at_open, &at_open]),
            bad(
                "two lines in another case",
                &[&at_open, format!("hOST: {app}").as_bytes()],
            ),
            bad("a folded line", &[&at_open, format!(" {app}").as_bytes()]),
            bad("a space before the colon", &[format!("Host : {open}").as_bytes()]),
            bad("no Host", &[]),
            // Envoy makes one of these before anybody is asked.
            Row::lines(
                "an empty line behind",
                get,
                &[&at_open, b"Host:"],
                Serve("open", "open"),
            ),
            Row::lines(
                "an empty line before",
                get,
                &[b"Host:", &at_open],
                Serve("open", "open"),
            ),
        ];
        for (what, value) in [
            ("a comma", format!("{open},{app}")),
            ("a comma and a space", format!("{open}, {app}")),
            ("a comma at the end", format!("{open},")),
            ("a space", format!("{open} {app}")),
            ("a tab", format!("{open}\t{app}")),
            ("a semicolon", format!("{open};{app}")),
            ("nothing", String::new()),
            ("white space alone", " \t ".to_owned()),
            ("a port alone", format!(":{}", world.port())),
        ] {
            rows.push(bad(what, &[&host(&value)]));
            let field = [(":authority", value.as_bytes())];
            rows.push(Row::fields(
                &format!("{what} in `:authority`"),
                &field,
                Refuse(400),
            ));
        }
        let absolute = format!("GET https://{open}MARK HTTP/1.0");
        for (what, start, with) in [
            ("HTTP/1.0 without Host", "GET MARK HTTP/1.0", &[][..]),
            ("HTTP/1.0 with Host", "GET MARK HTTP/1.0", &[&at_open[..]]),
            ("HTTP/1.0 with an absolute URL", &absolute, &[]),
            ("HTTP/0.9", "GET MARK", &[&at_open]),
            ("HTTP/1.2", "GET MARK HTTP/1.2", &[&at_open]),
            ("HTTP/9.9", "GET MARK HTTP/9.9", &[&at_open]),
        ] {
            rows.push(Row::lines(what, start, with, Refuse(426)));
        }

        let (open, app) = (open.as_bytes(), app.as_bytes());
        for (what, fields) in [
            (
                "two `:authority`",
                &[(":authority", open), (":authority", app)][..],
            ),
            (
                "the same `:authority` twice",
                &[(":authority", open), (":authority", open)],
            ),
            ("two `host`", &[("host", open), ("host", app)]),
            ("the same `host` twice", &[("host", open), ("host", open)]),
            (
                "`:authority` and two `host`",
                &[(":authority", open), ("host", open), ("host", app)],
            ),
            (
                "an empty `:authority` and a `host`",
                &[(":authority", b""), ("host", open)],
            ),
            ("an empty `host`", &[("host", b"")]),
            ("neither", &[]),
        ] {
            rows.push(Row::fields(what, fields, Refuse(400)));
        }
        all(world, seen, &rows);
    });
}

#[test]
fn the_name_in_tls_opens_no_other_host() {
    each("HO-06", |world, seen| {
        let clients = [
            ("SNI `open`", world.client(), "open"),
            ("SNI `app`", world.client(), "app"),
            ("SNI of nobody", world.client(), "nobody"),
            ("SNI `cert`", world.client(), "cert"),
            ("no SNI", world.client().without_server_name(), "open"),
        ];
        for (what, client, name) in clients {
            let over = world.url(name, "/");
            for (to, must) in [
                ("open", Serve("open", "open")),
                ("app", Refuse(401)),
                ("admin", Refuse(401)),
                ("nobody", Refuse(404)),
                // Asks for a certificate, which this connection never had to show.
                ("cert", Refuse(403)),
            ] {
                let path = mark();
                let answer = client.raw(&over, &http1(world.authority(to), &path));
                judged(
                    world,
                    seen,
                    &format!("{what}, Host `{to}`"),
                    &Ok(answer),
                    &path,
                    must,
                );
            }
        }
        // A session neither: it is of the host that is asked for.
        let cookie = format!("Cookie: {}", world.session_cookie("app", USER)).into_bytes();
        for (name, to, wanted) in [
            ("open", "app", "200 upstream"),
            ("app", "other", "401 `login_required`"),
            ("app", "admin", "401 `login_required`"),
            ("app", "cert", "403 `policy_denied`"),
        ] {
            let at = host(&world.authority(to));
            let path = mark();
            let sent = lines(&format!("GET {path} HTTP/1.1"), &[&at, &cookie]);
            let answer = world.client().raw(&world.url(name, "/"), &sent);
            let what = format!("SNI `{name}`, Host `{to}`, the session of `app`");
            assert_eq!(seen.answer(&what, &answer), wanted, "{what}");
        }
    });
}
