//! Cookies that are changed, cut, made up and carried elsewhere.

use portcullis_harness::Client;

use crate::support::many::{Answer, Many, flipped};
use crate::support::{ADMIN, SITE, USER, assert_refused, callback, cookie, provider_answer, signed_in};

/// The answer to nobody, without what differs from request to request.
#[track_caller]
fn as_nobody(answer: &Answer, what: &str) -> (u16, String) {
    assert_eq!(answer.status, 302, "{what}: {answer:?}");
    let location = answer.location.clone().expect("a redirect");
    let where_to = location.split('?').next().unwrap().to_owned();
    for cookie in &answer.cookies {
        assert!(
            !cookie.starts_with("_pomerium=") || cookie.starts_with("_pomerium=;"),
            "{what}: {cookie}"
        );
    }
    (answer.body.len().try_into().unwrap_or(u16::MAX), where_to)
}

fn session(client: &Client) -> String {
    cookie(client, "app", "_pomerium").unwrap()
}

#[test]
fn ck_01_no_flipped_bit_is_a_session_and_all_are_told_the_same() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    for (host, name, path) in [
        ("app", "_pomerium", "/?mark=ck-01"),
        ("app", "_pomerium", "/.pomerium/"),
        ("authenticate", "_pomerium_authenticate", "/.pomerium/"),
    ] {
        let good = cookie(&client, host, name).unwrap();
        let mut many = Many::to(&site.client(), &site.url(host, path));
        assert_eq!(
            many.with_cookie(&format!("{name}={good}")).status,
            200,
            "{host}{path}"
        );
        let mut told = None;
        let mut tried = 0;
        for changed in flipped(&good) {
            let answer = many.with_cookie(&format!("{name}={changed}"));
            let answer = as_nobody(&answer, &format!("{name}={changed}"));
            assert_eq!(*told.get_or_insert_with(|| answer.clone()), answer, "{changed}");
            tried += 1;
        }
        assert!(tried > good.len() * 5, "{tried} of {} bytes", good.len());
    }
    assert_eq!(
        site.upstream
            .recorded()
            .iter()
            .filter(|seen| seen.target().contains("ck-01"))
            .count(),
        1
    );
}

/// The cookies that tie a login to its browser.
#[test]
fn ck_01_no_flipped_bit_finishes_a_login() {
    let site = SITE.get();
    let mut one = site.client();
    let answer = provider_answer(&mut one, &site.url("app", "/"), ADMIN);
    let mut other = site.client();
    let back = callback(&mut other, &site.url("app", "/"), USER);
    for (client, host, name, url) in [
        (&one, "authenticate", "_pomerium_csrf", &answer),
        (&other, "app", "_pomerium_binding", &back),
    ] {
        let good = cookie(client, host, name).unwrap();
        // What stands behind the dot counts turns of the browser and ties nothing.
        let (tied, rest) = good.split_at(good.find('.').unwrap_or(good.len()));
        let mut many = Many::to(&site.client(), url.as_str());
        for changed in flipped(tied) {
            let answer = many.with_cookie(&format!("{name}={changed}{rest}"));
            assert_eq!(answer.status, 400, "{name}={changed}{rest}: {answer:?}");
            assert_eq!(answer.location, None);
        }
    }
    assert_eq!(one.open(answer.as_str()).status, 200);
    assert_eq!(other.open(back.as_str()).status, 200);
}

#[test]
fn ck_02_no_other_length_and_no_other_spelling_is_a_session() {
    let site = SITE.get();
    let (one, two) = (signed_in(&site, "app", ADMIN), signed_in(&site, "app", USER));
    let (good, second) = (session(&one), session(&two));
    let mut tried: Vec<String> = (0..good.len()).map(|length| good[..length].to_owned()).collect();
    tried.extend((1..good.len()).map(|from| good[from..].to_owned()));
    tried.extend((1..20).map(|more| format!("{good}{}", "A".repeat(more))));
    tried.extend((1..20).map(|more| format!("{}{good}", "A".repeat(more))));
    for joint in ["", ".", "|", "=", ":", "%", " ", "\""] {
        tried.push(format!("{good}{joint}{second}"));
        tried.push(format!("{good}{joint}"));
        tried.push(format!("{joint}{good}{joint}x"));
    }
    // Spellings of the same bytes, as decoders that mean well take them.
    tried.extend([
        format!("{good}="),
        format!("{good}=="),
        good.replace('-', "+").replace('_', "/") + "=",
        good.chars().map(|c| format!("%{:02x}", u32::from(c))).collect(),
        format!("%{:02x}{}", good.as_bytes()[0], &good[1..]),
        good.chars().rev().collect(),
        good.to_ascii_lowercase(),
        good.to_ascii_uppercase(),
        format!("{}\\{}", &good[..9], &good[9..]),
        format!("{} {}", &good[..9], &good[9..]),
    ]);
    // Halves of two good ones.
    tried.extend(
        (1..good.len().min(second.len()))
            .step_by(7)
            .map(|at| format!("{}{}", &good[..at], &second[at..])),
    );
    let mut many = Many::to(&site.client(), &site.url("app", "/?mark=ck-02"));
    for changed in tried
        .into_iter()
        .filter(|changed| ![&*good, &*second].contains(&changed.trim()))
    {
        as_nobody(&many.with_cookie(&format!("_pomerium={changed}")), &changed);
    }
    assert!(!site.upstream.saw("ck-02"));
    assert_eq!(many.with_cookie(&format!("_pomerium={good}")).status, 200);
}

#[test]
fn ck_03_a_cookie_is_of_its_host_and_of_its_purpose() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    assert_eq!(client.open(&site.url("other", "/")).status, 200);
    let all = [
        ("app", "_pomerium"),
        ("app", "_pomerium_binding"),
        ("other", "_pomerium"),
        ("authenticate", "_pomerium_authenticate"),
        ("authenticate", "_pomerium_csrf"),
    ];
    let all = all.map(|(host, name)| (host, name, cookie(&client, host, name).unwrap()));
    for to in ["app", "other", "authenticate", "public"] {
        let name = match to {
            "authenticate" => "_pomerium_authenticate",
            _ => "_pomerium",
        };
        let page = site.url(to, "/.pomerium/user");
        for (from, known, value) in &all {
            let answer = site
                .client()
                .get_with(&page, &[("Cookie", &format!("{name}={value}"))]);
            let own = *from == to && *known == name;
            assert_eq!(answer.status == 200, own, "{known} of {from} as {name} on {to}");
        }
    }
    // The one thing that the host differs in decides, also for the application.
    let value = &all[0].2;
    for (host, status) in [("app", 200), ("other", 302), ("admin", 302)] {
        let field = [("Cookie", format!("_pomerium={value}"))];
        let field = field.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(
            site.client().get_with(&site.url(host, "/"), &field).status,
            status,
            "{host}"
        );
    }
}

#[test]
fn ck_06_size_and_number_are_no_way_in_and_no_way_down() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    let good = session(&client);
    let url = site.url("app", "/?mark=ck-06");
    for kib in [4, 16, 32, 64] {
        let answer = site.client().get_with(
            &url,
            &[("Cookie", &format!("_pomerium={}", "A".repeat(kib << 10)))],
        );
        assert!(matches!(answer.status, 302 | 431), "{kib} KiB: {}", answer.status);
    }
    let too_much = site
        .client()
        .get_with(&url, &[("Cookie", &format!("a={}", "A".repeat(200 << 10)))]);
    assert_eq!(too_much.status, 431);
    let others: String = (0..300).map(|number| format!("other{number}=value; ")).collect();
    let chunks = "_pomerium_0=a; _pomerium_1=b; _pomerium_1000000000=c; _pomerium_-1=d; _pomerium_3=e; ";
    for (mark, cookies) in [("many", &*others), ("chunks", chunks)] {
        let line = format!("{cookies}_pomerium={good}");
        let answer = site
            .client()
            .get_with(&format!("{url}-{mark}"), &[("Cookie", &line)]);
        assert_eq!(answer.status, 200, "{mark}");
        let seen = site.upstream.one(&format!("ck-06-{mark}")).text();
        assert!(!seen.contains(&good) && seen.contains(cookies.split(';').next().unwrap()));
        // Without ours they are nobody's.
        let answer = site
            .client()
            .get_with(&url, &[("Cookie", cookies.trim_end_matches("; "))]);
        assert_eq!(answer.status, 302, "{mark}");
    }
    // The same of ours very often is one, and different ones are none.
    let same = vec![format!("_pomerium={good}"); 100].join("; ");
    assert_eq!(
        site.client()
            .get_with(&url.replace("ck-06", "ck-06-same"), &[("Cookie", &same)])
            .status,
        200
    );
    let different: Vec<String> = (0..1000).map(|number| format!("_pomerium={number}")).collect();
    assert_eq!(
        site.client()
            .get_with(&url, &[("Cookie", &different.join("; "))])
            .status,
        302
    );
}

#[test]
fn ck_11_garbage_in_our_cookies_is_nobody_and_never_an_error_of_ours() {
    let site = SITE.get();
    let client = signed_in(&site, "app", ADMIN);
    let good = session(&client);
    let long = "A".repeat(6_000);
    let values = [
        "",
        "x",
        ".",
        "..",
        "null",
        "0",
        "{}",
        "e30.e30.e30",
        "AAAA",
        "%00",
        "\"\"",
        "\"",
        "\u{e4}\u{f6}",
        "=",
        "==",
        "a=b",
        "-1",
        "../../etc/passwd",
        "<script>",
        "'; DROP TABLE sessions; --",
        "\t",
        &long,
        &good[..20],
    ];
    let names = [
        "_pomerium",
        "_pomerium_authenticate",
        "_pomerium_csrf",
        "_pomerium_binding",
        "_pomerium_0",
    ];
    for (host, path) in [
        ("app", "/?mark=ck-11"),
        ("app", "/.pomerium/"),
        ("app", "/.pomerium/user"),
        ("app", "/.pomerium/callback/?portcullis_callback=x"),
        ("app", "/.pomerium/sign_out"),
        ("authenticate", "/.pomerium/"),
        ("authenticate", "/.pomerium/sign_in"),
        ("authenticate", "/.pomerium/sign_out"),
        ("authenticate", "/oauth2/callback?code=x&state=y"),
    ] {
        let mut many = Many::to(&site.client(), &site.url(host, path));
        for name in names {
            for value in values {
                let answer = many.with_cookie(&format!("{name}={value}"));
                let status = answer.status;
                assert!(
                    matches!(status, 302 | 400 | 401),
                    "{host}{path} with {name}={value:.40}: {answer:?}"
                );
            }
        }
    }
    assert!(!site.upstream.saw("ck-11"));
}

/// Each of our tokens and cookies in the place of each other.
#[test]
fn ck_16_nothing_of_ours_is_good_for_anything_else() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    assert_eq!(client.get(&site.url("app", "/?mark=ck-16-first")).status, 200);
    let assertion = site
        .upstream
        .one("ck-16-first")
        .header("x-pomerium-jwt-assertion")
        .unwrap()
        .to_owned();
    let signing_out = client
        .clone()
        .type_in(&site.url("app", "/.pomerium/sign_out"))
        .location()
        .unwrap();
    let mut finishing = site.client();
    let back = callback(&mut finishing, &site.url("app", "/"), USER);
    let tokens = [
        ("the session cookie", session(&client)),
        ("an assertion", assertion),
        (
            "a sign-out",
            crate::support::parameter(&signing_out, "portcullis_session"),
        ),
        (
            "a callback",
            crate::support::parameter(&back, "portcullis_callback"),
        ),
        (
            "a signature",
            crate::support::parameter(&signing_out, "pomerium_signature"),
        ),
        ("a binding", cookie(&client, "app", "_pomerium_binding").unwrap()),
        (
            "a csrf",
            cookie(&client, "authenticate", "_pomerium_csrf").unwrap(),
        ),
        (
            "the other session cookie",
            cookie(&client, "authenticate", "_pomerium_authenticate").unwrap(),
        ),
    ];
    for (what, token) in &tokens {
        for (name, value) in [
            ("Authorization", format!("Bearer {token}")),
            ("Authorization", format!("Bearer Pomerium-{token}")),
            ("Authorization", format!("Pomerium {token}")),
            ("X-Pomerium-Authorization", token.clone()),
            ("X-Pomerium-Jwt-Assertion", token.clone()),
            ("X-Pomerium-Jwt-Assertion-For", token.clone()),
        ] {
            let answer = site
                .client()
                .get_with(&site.url("app", "/?mark=ck-16-not"), &[(name, &value)]);
            assert!(
                matches!(answer.status, 302 | 401),
                "{what} as {name}: {}",
                answer.status
            );
        }
        let answer = site
            .client()
            .get(&site.url("app", &format!("/?mark=ck-16-not&pomerium_session={token}")));
        assert!(
            matches!(answer.status, 302 | 401),
            "{what} as a parameter: {}",
            answer.status
        );
        let answer = site.client().get_with(
            &site.url("app", "/?mark=ck-16-not"),
            &[("Cookie", &format!("_pomerium={token}"))],
        );
        assert_eq!(
            answer.status == 200,
            *what == "the session cookie",
            "{what} as the session cookie"
        );
        let url = site.url(
            "app",
            &format!("/.pomerium/callback/?portcullis_callback={token}"),
        );
        if *what != "a callback" {
            assert_refused(&finishing.get(&url), &format!("{what} as a callback"));
        }
    }
    let came: Vec<_> = site
        .upstream
        .recorded()
        .into_iter()
        .filter(|seen| seen.target().contains("ck-16-not"))
        .collect();
    assert_eq!(came.len(), 1, "the session cookie alone is one");
}
