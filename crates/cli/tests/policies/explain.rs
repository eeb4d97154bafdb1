use serde_json::Value;

use super::program::{Ran, folder, portcullis};

const CONFIG: &str = "\
authenticate_service_url: https://login.example.com
idp_provider: oidc
idp_provider_url: https://id.example.com
idp_client_id: x
idp_client_secret: y
routes:
- name: wiki
  from: https://wiki.example.com
  to: http://wiki.internal
  policy:
  - allow:
      and:
      - domain: corp.example
      - claim/team.name: red
      - date: {before: '2026-06-01T00:00:00'}
  - deny:
      or:
      - source_ip: 10.0.0.0/8
- name: preflight
  from: https://api.example.com
  to: http://api.internal
  cors_allow_preflight: true
  policy:
    allow:
      or:
      - groups: g-api
      - user: u-mona
- name: broken
  from: https://broken.example.com
  to: http://broken.internal
  policy: {allow: {or: [{mail: x}]}}
";

fn explain(arguments: &[&str]) -> Ran {
    let files = folder(&[("config.yaml", CONFIG)]);
    let all: Vec<&str> = ["explain", "-c", "config.yaml"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    portcullis(files.path(), &all)
}

fn line<'r>(ran: &'r Ran, start: &str) -> &'r str {
    ran.out
        .lines()
        .find(|line| line.starts_with(start))
        .unwrap_or_default()
}

const WIKI: &str = "https://wiki.example.com/start?x=y";

#[test]
fn a_denied_request_names_the_criterion_that_decided() {
    let ran = explain(&[
        "--url",
        WIKI,
        "--user",
        "mona@corp.example",
        "--at",
        "2026-01-01T00:00:00Z",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(line(&ran, "outcome:"), "outcome: deny:403 (status 403)");
    assert_eq!(
        line(&ran, "route:"),
        "route: wiki at config.yaml:7:3 (https://wiki.example.com, every path)"
    );
    let decided = line(&ran, "decided by:");
    assert!(
        decided.starts_with("decided by: allow[0].and[1] at config.yaml:14:9: claim/team.name"),
        "{decided}"
    );
    assert!(decided.ends_with("(claim-unauthorized)"), "{decided}");
}

#[test]
fn the_flags_describe_the_request() {
    let allowed = [
        "--url",
        WIKI,
        "--user",
        "mona@corp.example",
        "--claims",
        r#"{"team": {"name": "red"}}"#,
    ];
    let with = |more: &[&'static str]| explain(&[&allowed[..], more].concat());
    let ran = with(&["--at", "2026-01-01T00:00:00Z"]);
    assert!(
        line(&ran, "outcome:").starts_with("outcome: allow"),
        "{}",
        ran.out
    );
    let ran = with(&["--at", "2026-07-01T00:00:00Z"]);
    assert!(
        line(&ran, "decided by:").contains("allow[0].and[2] at config.yaml:15:9"),
        "{}",
        ran.out
    );
    let ran = with(&["--at", "2026-01-01T00:00:00Z", "--source-ip", "10.2.3.4"]);
    assert!(
        line(&ran, "decided by:").contains("deny[1].or[0] at config.yaml:18:9"),
        "{}",
        ran.out
    );
    assert!(
        line(&ran, "decided by:").contains("found 10.2.3.4"),
        "{}",
        ran.out
    );

    let ran = explain(&["--url", WIKI]);
    assert!(
        line(&ran, "outcome:").starts_with("outcome: login"),
        "{}",
        ran.out
    );
    let ran = explain(&[
        "--url",
        "https://api.example.com/",
        "--claims",
        r#"{"sub": "u-mona"}"#,
    ]);
    assert!(
        line(&ran, "outcome:").starts_with("outcome: allow"),
        "{}",
        ran.out
    );
    let ran = explain(&[
        "--url",
        "https://api.example.com/",
        "--user",
        "x@y.z",
        "--user-id",
        "u-mona",
    ]);
    assert!(
        line(&ran, "outcome:").starts_with("outcome: allow"),
        "{}",
        ran.out
    );
    let ran = explain(&[
        "--url",
        "https://api.example.com/",
        "--user",
        "x@y.z",
        "--group",
        "a",
        "--group",
        "g-api",
    ]);
    assert!(
        line(&ran, "outcome:").starts_with("outcome: allow"),
        "{}",
        ran.out
    );
    let preflight = [
        "--header",
        "Origin: https://a.b",
        "--header",
        "Access-Control-Request-Method:PUT",
    ];
    let ran = explain(
        &[
            &["--url", "https://api.example.com/", "--method", "OPTIONS"],
            &preflight[..],
        ]
        .concat(),
    );
    assert!(
        line(&ran, "outcome:").starts_with("outcome: allow"),
        "{}",
        ran.out
    );
}

#[test]
fn json_says_the_same() {
    let at = "2026-01-01T00:00:00Z";
    let ran = explain(&[
        "--url",
        WIKI,
        "--user",
        "mona@corp.example",
        "--at",
        at,
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["outcome"], "deny:403");
    assert_eq!(json["route"]["name"], "wiki");
    assert_eq!(json["decided_by"]["place"]["file"], "config.yaml");
    assert_eq!(json["decided_by"]["place"]["line"], 14);
    assert_eq!(json["decided_by"]["place"]["column"], 9);
}

#[test]
fn an_explanation_is_a_success_whatever_it_says() {
    for (url, outcome) in [
        ("https://nowhere.example.com/", "no_route"),
        ("https://broken.example.com/", "route_invalid"),
        ("https://wiki.example.com/.pomerium/", "internal"),
    ] {
        let ran = explain(&["--url", url]);
        assert_eq!(ran.code, Some(0), "{url}: {}", ran.err);
        assert!(line(&ran, "outcome:").contains(outcome), "{url}: {}", ran.out);
    }
    let ran = explain(&["--url", "https://broken.example.com/"]);
    assert!(
        ran.out.contains("policy_criterion_unknown: config.yaml:31:"),
        "{}",
        ran.out
    );
}

#[test]
fn errors_of_the_configuration_exit_with_1() {
    let files = folder(&[("config.yaml", "address: nowhere:x\n"), ("text.yaml", "- [")]);
    for file in ["config.yaml", "text.yaml", "missing.yaml"] {
        let ran = portcullis(files.path(), &["explain", "-c", file, "--url", WIKI]);
        assert_eq!(ran.code, Some(1), "{file}");
        assert!(ran.err.contains(&format!("{file}:")), "{file}: {}", ran.err);
        assert_eq!(ran.out, "", "{file}");
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [
        &[][..],
        &["--url"],
        &["--url", "nonsense"],
        &["--url", "https://wiki.example.com/a%2fb"],
        &["--url", WIKI, "--claims", "[]"],
        &["--url", WIKI, "--claims", "{"],
        &["--url", WIKI, "--at", "noon"],
        &["--url", WIKI, "--source-ip", "here"],
        &["--url", WIKI, "--header", "nothing"],
        &["--url", WIKI, "--group", "a"],
        &["--url", WIKI, "--format", "xml"],
        &["--url", WIKI, "--client-certificate", "missing.pem"],
        &["--url", WIKI, "--method", ""],
        &["--url", WIKI, "--method", "GET "],
        &["--url", WIKI, "--method", "GET /"],
        &["--url", WIKI, "--user", ""],
        &["--url", WIKI, "--user", " "],
        &["--url", WIKI, "--user-id", ""],
        &["--decision", "d-1"],
    ] {
        let ran = explain(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.out, ran.err);
    }
    for ran in [
        explain(&["--decision", "d-1"]),
        portcullis(&super::program::root(), &["explain", "--decision", "d-1"]),
    ] {
        assert!(
            ran.code == Some(2) && ran.err.contains("audit log"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_client_certificate_must_be_one() {
    let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    let files = folder(&[
        ("config.yaml", CONFIG),
        ("text.pem", "no certificate"),
        ("empty.pem", empty),
    ]);
    for file in ["text.pem", "empty.pem", "config.yaml"] {
        let ran = portcullis(
            files.path(),
            &[
                "explain",
                "-c",
                "config.yaml",
                "--url",
                WIKI,
                "--client-certificate",
                file,
            ],
        );
        assert_eq!(ran.code, Some(2), "{file}: {}", ran.out);
        assert!(
            ran.err.contains(&format!("{file}: no client certificate: ")),
            "{file}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{file}");
    }
}

const LISTS: &str = "\
routes:
- name: domains
  from: https://domains.example.com
  to: http://a.internal
  allowed_domains:
  - corp.example
- name: users
  from: https://users.example.com
  to: http://b.internal
  cors_allow_preflight: true
  allowed_users: [mona@corp.example, otto@corp.example]
  allowed_idp_claims:
    team: [red, 7]
  sub_policies:
  - name: guests
    allowed_users:
    - guest@corp.example
- name: any
  from: https://any.example.com
  to: http://c.internal
  allow_any_authenticated_user: true
- name: public
  from: https://public.example.com
  to: http://d.internal
  allow_public_unauthenticated_access: true
- name: plain
  from: https://plain.example.com
  to: http://e.internal
  allowed_users: [mona@corp.example]
";

#[test]
fn the_fields_from_before_policies_have_places() {
    let settings = CONFIG.split_once("routes:\n").unwrap().0;
    let files = folder(&[("config.yaml", &format!("{settings}{LISTS}"))]);
    let explain = |host: &str, user: &[&str]| {
        let url = format!("https://{host}.example.com/");
        portcullis(
            files.path(),
            &[&["explain", "-c", "config.yaml", "--url", &url], user].concat(),
        )
    };
    let stranger = ["--user", "x@other.example"];
    for (host, decided) in [
        ("domains", "config.yaml:11:5: domain is \"corp.example\" fails"),
        ("plain", "config.yaml:34:19: user is \"mona@corp.example\" fails"),
    ] {
        let denied = explain(host, &stranger);
        assert_eq!(line(&denied, "outcome:"), "outcome: deny:403 (status 403)");
        let start = format!("decided by: allow[0].or[0] at {decided}");
        assert!(line(&denied, "decided by:").starts_with(&start), "{}", denied.out);
    }

    let denied = explain("users", &stranger);
    assert_eq!(line(&denied, "outcome:"), "outcome: deny:403 (status 403)");
    for (criterion, place) in [
        ("cors_preflight", "15:3"),
        ("claim/team has \"red\"", "18:12"),
        ("claim/team has 7", "18:17"),
        ("user is \"mona@corp.example\"", "16:19"),
        ("email is \"otto@corp.example\"", "16:38"),
        ("email is \"guest@corp.example\"", "22:7"),
    ] {
        let end = format!("[config.yaml:{place}]");
        assert!(
            denied.out.lines().any(
                |line| line.trim_start_matches(['>', ' ']).starts_with(criterion) && line.ends_with(&end)
            ),
            "{criterion} {place}: {}",
            denied.out
        );
    }
    for (host, user, place) in [
        ("users", "guest@corp.example", "22:7"),
        ("any", "x@other.example", "26:3"),
        ("public", "x@other.example", "30:3"),
    ] {
        let ran = explain(host, &["--user", user]);
        assert!(
            line(&ran, "outcome:").starts_with("outcome: allow"),
            "{}",
            ran.out
        );
        assert!(
            line(&ran, "decided by:").contains(&format!(" at config.yaml:{place}: ")),
            "{}",
            ran.out
        );
    }
    let json = explain("domains", &["--user", "x@other.example", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["decided_by"]["place"]["line"], 11);
    assert_eq!(json["decided_by"]["place"]["column"], 5);
}

#[test]
fn a_policy_without_an_allow_rule_says_so() {
    let settings = CONFIG.split_once("routes:\n").unwrap().0;
    let route = "routes:\n- from: https://a.example.com\n  to: http://a.internal\n";
    let deny = "  policy: {deny: {or: [{source_ip: 10.0.0.0/8}]}}\n";
    let files = folder(&[("config.yaml", &format!("{settings}{route}{deny}"))]);
    let ran = portcullis(
        files.path(),
        &["explain", "-c", "config.yaml", "--url", "https://a.example.com/"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(
        line(&ran, "decided by:"),
        "decided by: nothing, for no allow rule has a criterion"
    );
}

const CERTIFICATES: &str = "\
authenticate_service_url: https://login.example.com
idp_provider: oidc
idp_provider_url: https://id.example.com
idp_client_id: x
idp_client_secret: y
downstream_mtls: {ca_file: ca.pem, enforcement: policy_with_default_deny}
routes:
- {from: https://open.example.com, to: http://a, allow_public_unauthenticated_access: true}
- from: https://mcp.example.com
  to: http://b
  policy: [{allow: {and: [{accept: true}]}}, {deny: {or: [{mcp_tool: delete}]}}]
";

const CA: &str = include_str!("../../../config/src/value/authorities/ca.pem");

/// What an Envoy that is not ours does not send by itself is named.
#[test]
fn the_settings_of_an_envoy_are_named_that_a_policy_depends_on() {
    let (certificate, body) = ("include_peer_certificate: true", "with_request_body: {");
    let asked = |config: &str, arguments: &[&str]| {
        let files = folder(&[("config.yaml", config), ("ca.pem", CA)]);
        let ran = portcullis(
            files.path(),
            &[&["explain", "-c", "config.yaml", "--url"], arguments].concat(),
        );
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran
    };
    // The server refuses whoever shows none, and so does the explanation.
    let open = asked(CERTIFICATES, &["https://open.example.com/"]);
    assert_eq!(line(&open, "outcome: "), "outcome: deny:495 (status 495)");
    assert!(
        open.out.contains(certificate) && !open.out.contains(body),
        "{}",
        open.out
    );
    let both = asked(CERTIFICATES, &["https://mcp.example.com/", "--format", "json"]);
    let settings = serde_json::from_str::<Value>(&both.out).unwrap()["envoy_settings"].clone();
    let settings: Vec<&str> = settings
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert_eq!(settings[0], certificate);
    assert!(settings[1].starts_with(body) && settings.len() == 2);
    let wiki = asked(CONFIG, &[WIKI]);
    assert!(!wiki.out.contains("an Envoy of your own"), "{}", wiki.out);
}
