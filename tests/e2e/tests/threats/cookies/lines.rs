//! How `Cookie` lines are read, and what of them the application gets.

use portcullis_harness::http2::{self, Http2Request};

use crate::support::many::Many;
use crate::support::{ADMIN, SITE, USER, cookie, signed_in};

/// A subdomain, an upstream of it or a network attacker sets our name beside ours. In
/// which order a browser sends the two is the attacker's choice.
#[test]
fn ck_05_of_two_cookies_of_our_name_neither_counts() {
    let site = SITE.get();
    let victim = signed_in(&site, "app", ADMIN);
    let attacker = signed_in(&site, "app", USER);
    let (good, evil) = (
        cookie(&victim, "app", "_pomerium").unwrap(),
        cookie(&attacker, "app", "_pomerium").unwrap(),
    );
    let mut many = Many::to(&site.client(), &site.url("app", "/?mark=ck-05-two"));
    for other in [&*evil, "planted", ""] {
        for (first, second) in [(&*good, other), (other, &*good)] {
            for line in [
                format!("Cookie: _pomerium={first}; _pomerium={second}\r\n"),
                format!("Cookie: _pomerium={first}\r\nCookie: _pomerium={second}\r\n"),
                format!("Cookie: a=1; _pomerium={first};b=2;\t_pomerium = {second}\r\n"),
                format!("Cookie: _pomerium=\"{first}\"; _pomerium={second}\r\n"),
            ] {
                let answer = many.get(&line);
                assert_eq!(answer.status, 302, "{line}: {answer:?}");
            }
        }
    }
    assert!(!site.upstream.saw("ck-05-two"));
    // Another spelling is another cookie, to browsers and to us.
    for other in [
        "_POMERIUM",
        "_Pomerium",
        "__Host-_pomerium",
        "__Secure-_pomerium",
        "\"_pomerium\"",
        "_pomerium_",
    ] {
        let line = format!("Cookie: {other}={evil}; _pomerium={good}\r\n");
        assert_eq!(many.get(&line).status, 200, "{other}");
        assert_eq!(
            many.get(&format!("Cookie: {other}={good}\r\n")).status,
            302,
            "{other}"
        );
    }
    for seen in site
        .upstream
        .recorded()
        .iter()
        .filter(|seen| seen.target().contains("ck-05-two"))
    {
        assert_eq!(seen.header("x-email"), Some(ADMIN));
        assert!(!seen.text().contains(&good));
    }
}

/// The same one twice is what a browser sends that has it for two paths.
#[test]
fn ck_05_a_page_tells_whoever_has_two_what_to_do() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    let page = client.get_with(
        &site.url("authenticate", "/.pomerium/"),
        &[("Cookie", "_pomerium_authenticate=planted")],
    );
    // Another turn of the circle would be a login at the provider and a new session.
    assert_eq!(page.status, 400, "{:?}", page.location());
    assert!(page.text().contains("ambiguous_cookies"), "{}", page.text());
    assert_eq!(client.get(&site.url("app", "/")).status, 200);
}

#[test]
fn ck_07_only_semicolons_separate() {
    let site = SITE.get();
    let victim = signed_in(&site, "app", ADMIN);
    let attacker = signed_in(&site, "app", USER);
    let (good, evil) = (
        cookie(&victim, "app", "_pomerium").unwrap(),
        cookie(&attacker, "app", "_pomerium").unwrap(),
    );
    let mut many = Many::to(&site.client(), &site.url("app", "/?mark=ck-07-yes"));
    for line in [
        format!("Cookie: _pomerium={good}\r\n"),
        format!("Cookie: a=1\r\nCookie: _pomerium={good}\r\nCookie: b=2\r\n"),
        format!("Cookie: ;;; ;_pomerium={good};;\r\n"),
        format!("Cookie: a;b;c=;_pomerium={good}\r\n"),
        format!("Cookie: a=1;\t_pomerium\t=\t{good}\t\r\n"),
        format!("cOOKIE: _pomerium={good}\r\n"),
        // The other one is the end of somebody's value.
        format!("Cookie: a=1,_pomerium={evil}; _pomerium={good}\r\n"),
        format!("Cookie: a=\"x; _pomerium={good}\r\n"),
    ] {
        assert_eq!(many.get(&line).status, 200, "{line}");
    }
    let mut many = Many::to(&site.client(), &site.url("app", "/?mark=ck-07-no"));
    for line in [
        format!("Cookie: a=1,_pomerium={good}\r\n"),
        format!("Cookie: a=1, _pomerium={good}\r\n"),
        format!("Cookie: a=1&_pomerium={good}\r\n"),
        format!("Cookie: a=1 _pomerium={good}\r\n"),
        format!("Cookie: _pomerium={good},b=2\r\n"),
        format!("Cookie: _pomerium=\"{good}\"\r\n"),
        format!("Cookie: _pomerium:{good}\r\n"),
        format!("Cookie: x_pomerium={good}\r\n"),
        format!("Cookie2: _pomerium={good}\r\n"),
        format!("X-Cookie: _pomerium={good}\r\n"),
    ] {
        assert_eq!(many.get(&line).status, 302, "{line}");
    }
    assert!(!site.upstream.saw("ck-07-no"));
    for seen in site
        .upstream
        .recorded()
        .iter()
        .filter(|seen| seen.target().contains("ck-07"))
    {
        assert_eq!(seen.header("x-email"), Some(ADMIN), "{}", seen.text());
        for secret in [&good, &evil] {
            assert!(!seen.text().contains(secret.as_str()), "{}", seen.text());
        }
    }
}

/// The cookies of a header value; how they are spaced is nobody's business.
fn pairs(value: &str) -> Vec<&str> {
    value
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .collect()
}

#[test]
fn ck_13_our_cookies_are_taken_out_and_others_stay() {
    let site = SITE.get();
    let cases = [
        ("only", vec!["_pomerium=S"], None),
        ("only-twice", vec!["_pomerium=S", "_pomerium=T"], None),
        ("first", vec!["_pomerium=S; a=1; b=2"], Some("a=1; b=2")),
        ("middle", vec!["a=1; _pomerium=S; b=2"], Some("a=1; b=2")),
        ("last", vec!["a=1; b=2; _pomerium=S"], Some("a=1; b=2")),
        (
            "a-second-line",
            vec!["a=1", "_pomerium=S", "b=2"],
            Some("a=1; b=2"),
        ),
        ("tab", vec!["a=1;\t_pomerium=S;\tb=2"], Some("a=1; b=2")),
        ("first-tab", vec!["\t_pomerium=S; b=2"], Some("b=2")),
        ("blanks", vec!["a=1; _pomerium =S; b=2"], Some("a=1; b=2")),
        ("no-value", vec!["a=1; _pomerium; b=2"], Some("a=1; b=2")),
        ("empty", vec!["a=1; _pomerium=; b=2"], Some("a=1; b=2")),
        (
            "all",
            vec!["_pomerium_csrf=S; _pomerium_authenticate=S;_pomerium_binding=S; c=\"x y\""],
            Some("c=\"x y\""),
        ),
        ("spaced", vec!["a=1;_pomerium=S;;  b=2 ;"], Some("a=1; b=2")),
        (
            "similar",
            vec!["_pomerium2=a; x_pomerium=b; a=_pomerium"],
            Some("_pomerium2=a; x_pomerium=b; a=_pomerium"),
        ),
        ("none", vec!["a=1; b=2"], Some("a=1; b=2")),
    ];
    for (mark, lines, expected) in cases {
        let lines: String = lines.iter().map(|line| format!("Cookie: {line}\r\n")).collect();
        let url = site.url("public", &format!("/?mark=ck-13-{mark}-"));
        let mut many = Many::to(&site.client(), &url);
        assert_eq!(many.get(&lines).status, 200, "{mark}");
        let seen = site.upstream.one(&format!("ck-13-{mark}-"));
        assert_eq!(seen.header("cookie").map(pairs), expected.map(pairs), "{mark}");
    }
    // A doubtful line may lose more than ours, never less.
    let mut many = Many::to(&site.client(), &site.url("public", "/?mark=ck-13-comma"));
    assert_eq!(many.with_cookie("a=1,_pomerium=S").status, 200);
    assert!(!site.upstream.one("ck-13-comma").text().contains("_pomerium"));
}

#[test]
fn ck_13_cookies_split_by_http2_are_taken_out_too() {
    let site = SITE.get();
    let url = site.url("public", "/?mark=ck-13-h2");
    let fields = [("cookie", "a=1"), ("cookie", "_pomerium=S"), ("cookie", "b=2")];
    let request = Http2Request {
        method: "GET",
        url: &url,
        fields: &fields,
        body: b"",
        trailers: &[],
    };
    let answer = http2::send(site.authority(), &request).expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(site.upstream.one("ck-13-h2").header("cookie"), Some("a=1; b=2"));
}

#[test]
fn ck_13_a_real_session_stays_with_us_also_on_a_websocket() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    let good = cookie(&client, "app", "_pomerium").unwrap();
    client.get_with(&site.url("app", "/?mark=ck-13-real"), &[("Cookie", "mine=1")]);
    let answer = client
        .clone()
        .with("Cookie", "mine=1")
        .websocket(&site.url("app", "/?mark=ck-13-socket"));
    assert_eq!(answer.err().expect("this upstream has no websockets").status, 200);
    for mark in ["ck-13-real", "ck-13-socket"] {
        let seen = site.upstream.one(mark);
        let mut left = pairs(seen.header("cookie").unwrap_or_default());
        left.sort_unstable();
        assert_eq!(left, ["app=1", "mine=1"], "{mark}");
        assert!(
            !seen.text().contains(&good) && !seen.text().contains("_pomerium"),
            "{mark}"
        );
        assert_eq!(seen.header("x-email"), Some(ADMIN), "{mark}");
    }
}
