use portcullis_config::{Action, PathMatcher, RoutePolicy, Written};
use portcullis_document::{Limits, parse_yaml};
use portcullis_policy::{Legacy, Policy, Program, compile, parse};

use crate::support::{any_route, codes, read, route};

const SIGNED_IN: &str = "    allow_any_authenticated_user: true\n";

/// What the policy of a route with these lines comes to, wherever it stands.
fn policy(lines: &str) -> Program {
    match route(lines).policy {
        RoutePolicy::Valid(policy) => compile(&policy).unwrap(),
        RoutePolicy::Invalid => panic!("the policy is invalid"),
    }
}

fn legacy(legacy: Legacy) -> Program {
    compile(&Policy::from_route(&legacy, None)).unwrap()
}

fn from(text: &str) -> String {
    format!("routes:\n  - from: {text}\n    to: http://a\n{SIGNED_IN}")
}

fn to(text: &str) -> String {
    format!("routes:\n  - from: https://a.example\n    to: {text}\n{SIGNED_IN}")
}

#[test]
fn route_key_from() {
    let read_from = |text: &str| read(&from(text)).config.unwrap().routes.remove(0).from;
    let plain = read_from("https://App.Example.com");
    assert_eq!((plain.host.as_str(), plain.port), ("app.example.com", None));
    assert_eq!(plain.raw, "https://App.Example.com");
    assert_eq!(read_from("https://a.example:443/").port, None);
    assert_eq!(read_from("https://a.example:8443").port, Some(8443));
    assert_eq!(read_from("http://a.example:80").port, None);
    assert_eq!(read_from("https://[::1]:8443").host.as_str(), "[::1]");
    for bad in [
        "a.example",
        "https://",
        "https://a b",
        "ftp://a.example",
        "https://a:0",
        "https://a:99999",
        "https://a..b",
    ] {
        let parsed = read(&from(bad));
        assert!(
            parsed
                .diagnostics
                .iter()
                .any(|d| d.code == "from_invalid" && d.route == Some(0)),
            "{bad}"
        );
        assert!(parsed.config.unwrap().routes.is_empty(), "{bad}");
    }
    let wildcard = read_from("https://a-*.Example.com:8443");
    assert_eq!(
        (wildcard.host.as_str(), wildcard.port),
        ("a-*.example.com", Some(8443))
    );
    assert_eq!(wildcard.host.exact(), None);
    assert_eq!(wildcard.raw, "https://a-*.Example.com:8443");
    for later in ["tcp+https://a.example:22", "udp+https://a.example:53", "ssh://a"] {
        assert!(codes(&from(later)).contains(&"not_implemented_unsafe"), "{later}");
    }
    let with_path = read(&from("https://a.example/admin"))
        .config
        .unwrap()
        .routes
        .remove(0);
    assert!(with_path.invalid.is_some());
    assert_eq!(with_path.matcher, PathMatcher::Prefix("/admin".into()));
}

#[test]
fn route_key_to() {
    let urls = |text: &str| match read(&to(text)).config.unwrap().routes.remove(0).action {
        Some(Action::Upstream(upstream)) => upstream.to,
        other => panic!("{other:?}"),
    };
    let read_to = |text: &str| {
        let to = urls(text).remove(0);
        (to.tls, to.host, to.port, to.path, to.weight)
    };
    let several = urls("[\"http://a,1\", [\"https://b:1,2\"], \"h2c://c,3\"]");
    let seen: Vec<_> = several
        .iter()
        .map(|to| (to.raw.as_str(), to.tls, to.h2c, to.port, to.weight))
        .collect();
    let expected = [
        ("http://a,1", false, false, 80, 1),
        ("https://b:1,2", true, false, 1, 2),
        ("h2c://c,3", false, true, 80, 3),
    ];
    assert_eq!(seen, expected);
    assert_eq!(urls(&format!("[{}]", "http://a, ".repeat(1_000))).len(), 1_000);
    assert_eq!(read_to("http://app"), (false, "app".into(), 80, String::new(), 0));
    assert_eq!(
        read_to("https://App:8443/a%20b/"),
        (true, "app".into(), 8443, "/a%20b/".into(), 0)
    );
    assert_eq!(
        read_to("[\"http://[::1]:8080,5\"]"),
        (false, "::1".into(), 8080, String::new(), 5)
    );
    for (bad, code) in [
        ("ftp://x", "to_scheme"),
        ("http+unix:///run/x.sock", "to_scheme"),
        ("http://", "to_invalid"),
        ("app:8080", "to_scheme"),
        ("/path", "to_invalid"),
        ("http://a b", "to_invalid"),
        ("http://a:0", "to_invalid"),
        ("http://a,0", "to_weight"),
        ("http://a,x", "to_weight"),
        ("tcp://a:1", "not_implemented_unsafe"),
        ("unix:///run/x.sock", "not_implemented_unsafe"),
        ("[http://a, tcp://b:1]", "not_implemented_unsafe"),
        ("[http://a, ftp://b]", "to_scheme"),
        ("[\"http://a,1\", http://b]", "to_weight"),
        ("[\"http://a,1\", \"http://b,4294967295\"]", "to_weight"),
        ("\"\"", "to_missing"),
        ("[]", "to_missing"),
        ("{a: b}", "wrong_type"),
    ] {
        let parsed = read(&to(bad));
        let error = parsed
            .diagnostics
            .iter()
            .find(|d| d.code == code)
            .unwrap_or_else(|| panic!("{bad}"));
        assert_eq!(error.route, Some(0), "{bad}");
        let route = parsed.config.unwrap().routes.remove(0);
        assert!(route.invalid.is_some() && route.action.is_none(), "{bad}");
        assert!(matches!(route.policy, RoutePolicy::Invalid), "{bad}");
    }
    assert!(codes(&to("[\"http://a,1\", http://b]")).contains(&"to_weight"));
}

#[test]
fn route_key_prefix() {
    let matcher = |lines: &str| route(&format!("{SIGNED_IN}{lines}")).matcher;
    assert_eq!(
        matcher("    prefix: /admin\n"),
        PathMatcher::Prefix("/admin".into())
    );
    assert_eq!(matcher("    prefix: \"\"\n"), PathMatcher::Any);
    assert_eq!(matcher(""), PathMatcher::Any);
}

#[test]
fn route_key_path() {
    let matcher = |lines: &str| route(&format!("{SIGNED_IN}{lines}")).matcher;
    assert_eq!(matcher("    path: /exact\n"), PathMatcher::Path("/exact".into()));
    assert_eq!(
        matcher("    path: /exact\n    prefix: /p\n"),
        PathMatcher::Path("/exact".into())
    );
    // What these were meant to match cannot be said, so they deny all that a later route might allow.
    assert_eq!(
        any_route(&format!("{SIGNED_IN}    path: [a]\n")).matcher,
        PathMatcher::Any
    );
    let regex = any_route(&format!("{SIGNED_IN}    prefix: /p\n    regex: /(\n"));
    assert_eq!(regex.matcher, PathMatcher::Any);
    assert!(regex.invalid.is_some());
}

/// The route id is made of all of them, not of the one that counts.
#[test]
fn what_is_written_is_kept_whether_or_not_it_counts() {
    let written = |lines: &str| any_route(&format!("{SIGNED_IN}{lines}")).written;
    let of = |prefix: &str, path: &str, regex: &str| Written {
        prefix: prefix.into(),
        path: path.into(),
        regex: regex.into(),
        to: Vec::new(),
    };
    assert_eq!(written(""), Written::default());
    assert_eq!(written("    prefix: \"\"\n    path: ~\n"), Written::default());
    assert_eq!(written("    prefix: /p\n    path: /q\n"), of("/p", "/q", ""));
    assert_eq!(
        written("    prefix: /p\n    path: /q\n    regex: ^/r$\n"),
        of("/p", "/q", "^/r$")
    );
    assert_eq!(
        written("    prefix: /p\n    regex: /(\n"),
        of("/p", "", "/("),
        "as written, though it cannot be used"
    );
    // Where a stronger one is unreadable the route takes every path, and so does whatever has its id.
    assert_eq!(written("    prefix: /p\n    path: [a]\n"), Written::default());
    assert_eq!(written("    prefix: [a]\n    path: /q\n"), of("", "/q", ""));
    let unused = |lines: &str| -> Vec<String> {
        let to = written(lines).to;
        to.into_iter().map(|to| to.raw).collect()
    };
    for lines in [
        "    redirect: {https_redirect: true, host_redirect: b.example}\n",
        "    response: {status: 200}\n",
    ] {
        assert_eq!(unused(lines), ["http://app.internal:8080"], "{lines}");
    }
}

#[test]
fn route_key_regex() {
    let matcher = |lines: &str| route(&format!("{SIGNED_IN}{lines}")).matcher;
    let expected = PathMatcher::Regex("^/(a|b)$".into());
    assert_eq!(matcher("    regex: ^/(a|b)$\n"), expected);
    assert_eq!(
        matcher("    prefix: /p\n    path: /q\n    regex: ^/(a|b)$\n"),
        expected
    );
    assert_eq!(
        matcher("    regex: \"\"\n    prefix: /p\n"),
        PathMatcher::Prefix("/p".into())
    );
    for bad in ["/(?!a)", "/(a)\\1", "/a{1001}", "/[", "/(.{1000}){1}(.{1000})"] {
        let route = any_route(&format!("{SIGNED_IN}    regex: '{bad}'\n"));
        assert_eq!(route.matcher, PathMatcher::Any, "{bad}");
        assert!(route.invalid.unwrap().starts_with("regex_invalid: "), "{bad}");
    }
}

#[test]
fn route_key_name() {
    assert_eq!(
        route(&format!("{SIGNED_IN}    name: My App\n")).name.as_deref(),
        Some("My App")
    );
    assert_eq!(route(SIGNED_IN).name, None);
}

#[test]
fn route_key_pass_identity_headers() {
    assert_eq!(route(SIGNED_IN).pass_identity_headers, None);
    assert_eq!(
        route(&format!("{SIGNED_IN}    pass_identity_headers: false\n")).pass_identity_headers,
        Some(false)
    );
    assert_eq!(
        route(&format!("{SIGNED_IN}    pass_identity_headers: true\n")).pass_identity_headers,
        Some(true)
    );
}

#[test]
fn route_key_allow_public_unauthenticated_access() {
    let public = policy("    allow_public_unauthenticated_access: true\n");
    assert_eq!(
        public,
        legacy(Legacy {
            public: true,
            ..Legacy::default()
        })
    );
    for other in [
        "allow_any_authenticated_user: true",
        "allowed_users: [a@b.c]",
        "allowed_domains: b.c",
    ] {
        let route = any_route(&format!(
            "    allow_public_unauthenticated_access: true\n    {other}\n"
        ));
        assert!(route.invalid.unwrap().starts_with("policy_conflict: "), "{other}");
    }
}

#[test]
fn route_key_allow_any_authenticated_user() {
    assert_eq!(
        policy(SIGNED_IN),
        legacy(Legacy {
            any_authenticated: true,
            ..Legacy::default()
        })
    );
    let route = any_route(&format!("{SIGNED_IN}    allowed_domains: [f]\n"));
    assert!(route.invalid.unwrap().starts_with("policy_conflict: "));
    assert_eq!(
        policy(&format!("{SIGNED_IN}    allowed_users: []\n")),
        policy(SIGNED_IN)
    );
}

#[test]
fn route_key_cors_allow_preflight() {
    let expected = Legacy {
        cors_preflight: true,
        any_authenticated: true,
        ..Legacy::default()
    };
    assert_eq!(
        policy(&format!("{SIGNED_IN}    cors_allow_preflight: true\n")),
        legacy(expected)
    );
}

#[test]
fn route_key_allowed_users() {
    let users = |users: &[&str]| {
        legacy(Legacy {
            users: users.iter().map(|&user| user.to_owned()).collect(),
            ..Legacy::default()
        })
    };
    assert_eq!(policy("    allowed_users: [a@b.c, 7]\n"), users(&["a@b.c", "7"]));
    assert_eq!(
        policy("    allowed_users: a@b.c,d@e.f\n"),
        users(&["a@b.c", "d@e.f"])
    );
    assert_eq!(policy("    allowed_users: [a@b.c, \"\", ~]\n"), users(&["a@b.c"]));
}

#[test]
fn route_key_allowed_domains() {
    let expected = Legacy {
        domains: vec!["Example.com".into()],
        ..Legacy::default()
    };
    assert_eq!(policy("    Allowed_Domains: Example.com\n"), legacy(expected));
}

#[test]
fn route_key_allowed_idp_claims() {
    use serde_json::json;
    let lines =
        "    allowed_idp_claims:\n      Groups: admins,ops\n      level: [3, \"3\", true]\n      n: 4\n";
    let expected = Legacy {
        claims: vec![
            ("Groups".into(), vec![json!("admins"), json!("ops")]),
            ("level".into(), vec![json!(3), json!("3"), json!(true)]),
            ("n".into(), vec![json!(4)]),
        ],
        ..Legacy::default()
    };
    assert_eq!(policy(lines), legacy(expected));
}

#[test]
fn route_key_policy() {
    let lines = "    policy:\n      - allow:\n          and:\n            - claim/Department: Ops\n";
    let text = "- allow:\n    and:\n      - claim/Department: Ops\n";
    let embedded = parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap();
    // Positions apart, the policy is the embedded one alone.
    assert_eq!(policy(lines), compile(&embedded).unwrap());
    let route = any_route("    policy:\n      - allow:\n          and:\n            - emial: {is: a@b.c}\n");
    assert!(
        route
            .invalid
            .unwrap()
            .starts_with("policy_criterion_unknown: config.yaml:7:15: ")
    );
    assert!(matches!(route.policy, RoutePolicy::Invalid));
    for nobody in [
        "",
        "    policy: []\n",
        "    policy: ~\n",
        "    allowed_users: []\n",
    ] {
        let text = format!("{}{nobody}", crate::support::ROUTE);
        assert!(codes(&text).contains(&"route_denies_all"), "{nobody}");
    }
}
