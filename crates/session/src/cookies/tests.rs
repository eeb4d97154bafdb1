use jiff::Timestamp;

use super::*;

const PLAIN: Attributes<'static> = Attributes {
    domain: None,
    http_only: true,
    same_site: None,
};

fn find<'a>(lines: &[&'a str]) -> Found<'a> {
    read(lines.iter().map(|line| line.as_bytes()), "_pomerium")
}

fn left(lines: &[&str]) -> Option<String> {
    let names = Names::new("_pomerium");
    let bytes = || lines.iter().map(|line| line.as_bytes());
    let text = strip(bytes(), &names.all());
    assert_eq!(
        strip_bytes(bytes(), &names.all()),
        text.clone().map(String::into_bytes)
    );
    if !has_any(bytes(), &names.all())
        && let Some(text) = &text
    {
        assert_eq!(text.trim(), lines.join("; ").trim());
    }
    text
}

#[test]
fn names_are_pomeriums() {
    let names = Names::new("_pomerium");
    assert_eq!(
        names.all(),
        [
            "_pomerium",
            "_pomerium_authenticate",
            "_pomerium_csrf",
            "_pomerium_binding"
        ]
    );
}

#[test]
fn one_cookie_is_found_anywhere() {
    for lines in [
        &["_pomerium=v"][..],
        &["a=1; _pomerium=v; b=2"],
        &["a=1;_pomerium=v"],
        &["a=1", "b=2; _pomerium=v"],
        &["a=1;\t_pomerium=v"],
        &["  _pomerium = v  "],
        &[";;; _pomerium=v;;"],
        &["_pomerium=v; _pomerium=v", "_pomerium=v"],
        &["_pomerium; _pomerium=v"],
        &["_pomerium_csrf=x; _pomerium=v; _Pomerium=y; x_pomerium=z"],
    ] {
        assert_eq!(find(lines), Found::One("v"), "{lines:?}");
    }
    assert_eq!(find(&["_pomerium="]), Found::One(""));
    assert_eq!(find(&["_pomerium=a=b==; c=d"]), Found::One("a=b=="));
    assert_eq!(
        find(&["_pomerium=\"v\""]),
        Found::One("\"v\""),
        "quotes are part of the value"
    );
}

#[test]
fn only_semicolons_separate() {
    assert_eq!(find(&["a=1, _pomerium=evil"]), Found::None);
    assert_eq!(find(&["a=1,_pomerium=evil"]), Found::None);
    assert_eq!(find(&["a=1 _pomerium=evil"]), Found::None);
    assert_eq!(find(&["a=1&_pomerium=evil"]), Found::None);
    assert_eq!(find(&["_pomerium=v, b=2"]), Found::One("v, b=2"));
}

#[test]
fn no_cookie_is_none() {
    for lines in [
        &[][..],
        &[""],
        &[";"],
        &["_pomerium"],
        &["_POMERIUM=v"],
        &["_pomerium_csrf=v"],
        &["=_pomerium"],
    ] {
        assert_eq!(find(lines), Found::None, "{lines:?}");
    }
}

#[test]
fn two_different_values_are_ambiguous_in_either_order() {
    for lines in [
        &["_pomerium=good; _pomerium=evil"][..],
        &["_pomerium=evil; _pomerium=good"],
        &["_pomerium=good", "_pomerium=evil"],
        &["_pomerium=good; a=1; _pomerium="],
        &["_pomerium=good; _pomerium =evil"],
    ] {
        assert_eq!(find(lines), Found::Ambiguous, "{lines:?}");
    }
    assert_eq!(read([&b"_pomerium=\xff\xfe"[..]], "_pomerium"), Found::Ambiguous);
}

#[test]
fn our_cookies_are_removed_everywhere_and_others_keep_their_bytes() {
    for (lines, rest) in [
        (&["_pomerium=v"][..], None),
        (&["_pomerium=v;"], None),
        (
            &[
                "_pomerium=v; _pomerium_csrf=x",
                " _pomerium_authenticate=y;_pomerium_binding=z",
            ],
            None,
        ),
        (&[], None),
        (&["", " ; "], None),
        (&["_pomerium=v; a=1"], Some("a=1")),
        (&["a=1; _pomerium=v"], Some("a=1")),
        (&["a=1; _pomerium=v; b=2"], Some("a=1; b=2")),
        (&["a=1;\t_pomerium=v;b=2"], Some("a=1;b=2")),
        (&["a=1", "_pomerium=v"], Some("a=1")),
        (&["_pomerium=v", "a=1"], Some("a=1")),
        (&["a=1; b=2", "c=3"], Some("a=1; b=2; c=3")),
        (&["a=\"x y\";;  b = 2 ; flag"], Some("a=\"x y\";;  b = 2 ; flag")),
        (&["_pomerium; a=1; _pomerium =x;\x0b_pomerium=y"], Some("a=1")),
        (
            &["_Pomerium=1; _pomeriumx=2; x_pomerium=3"],
            Some("_Pomerium=1; _pomeriumx=2; x_pomerium=3"),
        ),
        (&["a=1, _pomerium=v; b=2"], Some("b=2")),
        (&["a=1,_pomerium_csrf"], None),
        (&["a=1, x_pomerium=v"], Some("a=1, x_pomerium=v")),
    ] {
        assert_eq!(left(lines).as_deref(), rest, "{lines:?}");
    }
}

#[test]
fn what_is_stripped_is_not_found_again() {
    let fragments = [
        "_pomerium=v",
        "a=1",
        "",
        " ",
        "\t_pomerium=w",
        "_pomerium",
        "=",
        ",",
        "_pomerium_csrf=1",
        "b==;",
    ];
    // Every line of up to three fragments, and every pair of lines of two.
    let mut lines = vec![];
    for a in fragments {
        for b in fragments {
            lines.push(format!("{a};{b}"));
            lines.extend(fragments.iter().map(|c| format!("{a};{b}; {c}")));
        }
    }
    for (one, two) in lines.iter().zip(lines.iter().rev()) {
        let rest = left(&[one, two]);
        if let Some(rest) = rest {
            assert_eq!(
                read([rest.as_bytes()], "_pomerium"),
                Found::None,
                "{one:?} {two:?}"
            );
            assert!(!rest.contains("_pomerium"), "{rest:?}");
            let again = left(&[&rest]);
            assert_eq!(
                again.as_deref(),
                Some(rest.as_str()),
                "a second pass changes nothing"
            );
        }
    }
}

#[test]
fn bytes_that_are_no_text_survive_as_bytes() {
    let line = &b"a=\xff; _pomerium=v; b=1"[..];
    assert_eq!(
        strip_bytes([line], &["_pomerium"]).as_deref(),
        Some(&b"a=\xff; b=1"[..])
    );
    assert_eq!(strip([line], &["_pomerium"]).as_deref(), Some("b=1"));
}

#[test]
fn many_cookies_take_linear_time() {
    let line = "x=1;".repeat(500_000);
    assert_eq!(find(&[&line]), Found::None);
    assert_eq!(left(&[&line]).map(|rest| rest.len()), Some(line.len()));
}

#[test]
fn session_cookies_have_pomeriums_attributes() {
    let now = Timestamp::from_second(1_574_117_851).unwrap();
    let expires = Timestamp::from_second(1_574_117_851 + 14 * 3600).unwrap();
    assert_eq!(
        set_session("_pomerium", "v-_1", &PLAIN, expires, now),
        "_pomerium=v-_1; Path=/; Expires=Tue, 19 Nov 2019 12:57:31 GMT; Max-Age=50400; HttpOnly; Secure",
    );
    assert_eq!(
        set_csrf("_pomerium_csrf", "v", now),
        "_pomerium_csrf=v; Path=/; Expires=Tue, 19 Nov 2019 10:57:31 GMT; Max-Age=43200; HttpOnly; Secure",
    );
    assert_eq!(
        set_binding("_pomerium_binding", "v", now),
        "_pomerium_binding=v; Path=/; Expires=Mon, 18 Nov 2019 23:57:31 GMT; Max-Age=3600; HttpOnly; Secure; \
         SameSite=Lax",
    );
    assert_eq!(
        clear("_pomerium", &PLAIN),
        "_pomerium=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure",
    );
}

#[test]
fn a_session_cookie_is_cleared_with_the_attributes_that_it_was_set_with() {
    let now = Timestamp::UNIX_EPOCH;
    for (domain, http_only, same_site, wanted) in [
        (None, false, None, "; Secure"),
        (None, true, Some("Strict"), "; HttpOnly; Secure; SameSite=Strict"),
        (
            Some("example.com"),
            true,
            None,
            "; Domain=example.com; HttpOnly; Secure",
        ),
        (
            Some("example.com"),
            false,
            Some("None"),
            "; Domain=example.com; Secure; SameSite=None",
        ),
        (Some("a; b\r\n=c"), true, None, "; Domain=ab=c; HttpOnly; Secure"),
    ] {
        let attributes = Attributes {
            domain,
            http_only,
            same_site,
        };
        let set = set_session("_pomerium", "v", &attributes, now, now);
        assert!(set.ends_with(&format!("; Max-Age=0{wanted}")), "{set}");
        let cleared = clear("_pomerium", &attributes);
        assert!(cleared.ends_with(&format!("; Max-Age=0{wanted}")), "{cleared}");
    }
}

#[test]
fn a_set_cookie_value_cannot_be_broken_out_of() {
    let now = Timestamp::UNIX_EPOCH;
    let set = set_session("a\r\nX: y;", "v; Domain=evil\n, \u{e4}\"\\", &PLAIN, now, now);
    assert!(set.starts_with("aX:y=vDomain=evil; Path=/; "), "{set}");
    assert!(set_session("a", "b", &PLAIN, Timestamp::MIN, now).contains("Max-Age=0;"));
    assert!(set_session("a", "b", &PLAIN, Timestamp::MAX, now).contains("; Secure"));
}

#[test]
fn pieces_are_those_of_split() {
    for text in ["", ";", "a", "a;b", ";;a;;b;", "a=1; b=2;", "\u{e4};\u{f6}"] {
        let bytes = text.as_bytes();
        assert!(
            pieces(bytes, b';').eq(bytes.split(|byte| *byte == b';')),
            "{text}"
        );
    }
}
