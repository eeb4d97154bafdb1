//! Explanations of requests to a configuration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_bundle::matcher::Target;
use portcullis_cases::{
    Configured, ConfiguredError, DEFAULT_NOW, Outcome, Session, Situation, explain_request,
};
use serde_json::Value;

const CONFIG: &str = "\
authenticate_service_url: https://login.example.com
idp_provider: oidc
idp_provider_url: https://id.example.com
idp_client_id: x
idp_client_secret: y
routes:
- name: wiki
  from: https://wiki.example.com
  prefix: /w
  to: http://wiki
  policy:
  - allow:
      and:
      - domain: corp.example
      - claim/role: admin
  - deny:
      or:
      - source_ip: 10.0.0.0/8
- from: https://old.example.com
  to: http://old
  allowed_users: [u-mona]
- from: https://two.example.com
  to: http://two
  policy:
    allow:
      or:
      - email: a@corp.example
      - email: b@corp.example
- from: https://bad.example.com
  to: http://bad
  policy:
    allow:
      or:
      - mail: a@corp.example
";

fn ask(url: &str, email: Option<&str>) -> (Outcome, String, Value) {
    ask_of(CONFIG, url, email)
}

fn ask_of(config: &str, url: &str, email: Option<&str>) -> (Outcome, String, Value) {
    let config = Configured::read("config.yaml", config).unwrap();
    let target = Target::parse(url).unwrap();
    let situation = Situation {
        session: email.map(|email| Session {
            user_id: email.to_owned(),
            email: email.to_owned(),
            ..Session::default()
        }),
        ..Situation::get(target.host.as_str(), DEFAULT_NOW)
    };
    let explanation = explain_request(&config, &target, &situation);
    (
        explanation.outcome(),
        explanation.to_string(),
        explanation.to_json(),
    )
}

#[test]
fn the_deciding_criterion_has_its_place() {
    let (outcome, text, json) = ask("https://wiki.example.com/wiki", Some("mona@corp.example"));
    assert_eq!(outcome.to_string(), "deny:403");
    let line = |start: &str| {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    assert_eq!(
        line("request:"),
        "request: GET https://wiki.example.com/wiki by mona@corp.example from 192.0.2.1 at 2026-01-15T12:00:00Z"
    );
    assert_eq!(
        line("route:"),
        "route: wiki at config.yaml:7:3 (https://wiki.example.com, prefix `/w`)"
    );
    assert_eq!(line("outcome:"), "outcome: deny:403 (status 403)");
    assert!(
        line("decided by:").starts_with("decided by: allow[0].and[1] at config.yaml:15:9: claim/role"),
        "{text}"
    );
    assert!(
        text.contains("[config.yaml:14:9]") && text.contains("[config.yaml:18:9]"),
        "{text}"
    );
    assert_eq!(json["decided_by"]["place"]["line"], 15);
    assert_eq!(json["decided_by"]["place"]["column"], 9);
    assert_eq!(json["decided_by"]["path"], "allow[0].and[1]");
    assert_eq!(json["outcome"], "deny:403");
    assert_eq!(json["status"], 403);
    assert_eq!(json["trace"]["file"], "config.yaml");
    assert_eq!(json["route"]["place"]["line"], 7);
}

#[test]
fn criteria_that_decided_together_are_all_named() {
    let (outcome, text, json) = ask("https://two.example.com/", Some("c@corp.example"));
    assert_eq!(outcome.to_string(), "deny:403");
    assert!(
        text.contains("config.yaml:27:9") && text.contains("config.yaml:28:9"),
        "{text}"
    );
    let decided = text.lines().find(|line| line.starts_with("decided by:")).unwrap();
    assert!(
        decided.contains("allow[0].or") && decided.contains("config.yaml:2"),
        "{text}"
    );
    assert!(json["decided_by"]["place"]["line"].is_u64(), "{json:#}");
}

#[test]
fn what_a_routes_own_fields_decide_stands_at_the_field() {
    let (outcome, text, _) = ask("https://old.example.com/", Some("u-mona"));
    assert_eq!(outcome, Outcome::Allow);
    assert!(
        text.contains("decided by: allow[0].or[0] at config.yaml:21:19: user"),
        "{text}"
    );
    let (outcome, text, _) = ask("https://old.example.com/", None);
    assert_eq!(outcome, Outcome::Login);
    assert!(
        text.contains("outcome: login") && text.contains("decided by: allow[0].or[0] at config.yaml:21:19: "),
        "{text}"
    );
}

#[test]
fn where_no_policy_decides() {
    let (outcome, text, json) = ask("https://wiki.example.com/x", None);
    assert_eq!(outcome, Outcome::NoRoute);
    assert!(
        text.contains("route: none") && json["route"].is_null() && json["status"] == 404,
        "{text}"
    );
    let (outcome, ..) = ask("https://wiki.example.com/.pomerium/", None);
    assert_eq!(outcome, Outcome::Internal);
    let (outcome, text, json) = ask("https://bad.example.com/", Some("a@corp.example"));
    assert_eq!(outcome, Outcome::RouteInvalid);
    assert!(
        text.contains("error: policy_criterion_unknown: config.yaml:34:9"),
        "{text}"
    );
    assert!(
        json["route"]["errors"][0].as_str().unwrap().contains("`mail`"),
        "{json:#}"
    );
}

#[test]
fn parameters_of_a_path_are_refused_where_the_configuration_says_so() {
    for (said, path, wanted) in [
        ("", "/a;x", Outcome::Allow),
        ("path_parameters: allow\n", "/a;x", Outcome::Allow),
        ("path_parameters: reject\n", "/a;x", Outcome::Ambiguous),
        ("path_parameters: reject\n", "/a%3bx", Outcome::Ambiguous),
        ("path_parameters: reject\n", "/a?b;c", Outcome::Allow),
        ("path_parameters: reject\n", "/.pomerium/;x", Outcome::Internal),
    ] {
        let url = format!("https://old.example.com{path}");
        let (outcome, text, json) = ask_of(&format!("{said}{CONFIG}"), &url, Some("u-mona"));
        assert_eq!(outcome, wanted, "{said}{path}");
        if wanted == Outcome::Ambiguous {
            assert!(
                text.contains("outcome: ambiguous_request (status 400): `path_parameters: reject`"),
                "{text}"
            );
            assert_eq!((&json["status"], &json["trace"]), (&400.into(), &Value::Null));
        }
    }
}

#[test]
fn a_configuration_with_an_error_of_its_own_cannot_be_asked() {
    let error = Configured::read("config.yaml", "routes: 5").unwrap_err();
    assert!(matches!(error, ConfiguredError::Config(_)));
    assert!(error.to_string().contains("config.yaml:1:9"), "{error}");
}
