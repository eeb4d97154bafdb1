//! What a refusal by a policy tells, and what it keeps to itself.

use crate::check::answer::Verdict;
use crate::fixture::{Ask, Fixture, Told, route_of, settings};
use portcullis_bundle::{Advice, Route};
use serde_json::json;

/// Nothing of this may be told to anybody.
const SECRETS: [&str; 7] = [
    "rival@example.org",
    "rival",
    "example.org",
    "department",
    "launch-team",
    "10.9.8.0",
    "allow/",
];
const POLICY: &str = "
- allow:
    and:
    - email: {in: [rival@example.org]}
    - domain: example.org
    - claim/department: launch-team
    - source_ip: 10.9.8.0/24
- deny:
    or:
    - http_path: {starts_with: /closed}
";

fn advice(explanation: &str, remediation: &str) -> Advice {
    Advice {
        explanation: explanation.to_owned(),
        remediation: remediation.to_owned(),
    }
}

/// A fixture with the route, and a cookie of somebody who is signed in.
async fn serving(route: Route) -> (Fixture, String) {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [route]);
    let claims = json!({"department": ["sales"]});
    let (_, cookie) = fixture.session("user@example.com", claims).await;
    (fixture, cookie)
}

fn told(answer: &Told) -> String {
    format!("{:?}", answer.0)
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_the_policy() {
    let mut silent = route_of(POLICY);
    let mut open = silent.clone();
    silent.error_details = None;
    open.error_details = Some(Vec::new());
    for route in [silent, open] {
        let details = route.error_details.is_some();
        let (fixture, cookie) = serving(route).await;
        for accept in ["text/html", "application/json"] {
            let answer = fixture
                .check(&Ask::new().session(&cookie).header("accept", accept))
                .await;
            assert_eq!(answer.status(), 403);
            let all = told(&answer);
            for secret in SECRETS {
                assert!(!all.contains(secret), "`{secret}` is told with {accept}: {all}");
            }
            assert!(all.contains("policy_denied"));
            assert_eq!(
                all.contains("-unauthorized"),
                details && accept == "application/json"
            );
        }
    }
}

#[tokio::test]
async fn details_are_readable_reasons_and_what_the_sub_policies_say() {
    let said = "Only <the sales team> may see this.\nReally.";
    let mut route = route_of(POLICY);
    route.error_details = Some(vec![
        advice(said, "Ask sales@example.com."),
        advice("", "Or wait."),
    ]);
    let (fixture, cookie) = serving(route).await;
    let ask = Ask::new().session(&cookie);
    let json = fixture
        .check(&ask.clone().header("accept", "application/json"))
        .await
        .json();
    let reasons: Vec<&str> = json["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "claim-unauthorized",
            "domain-unauthorized",
            "email-unauthorized",
            "source-ip-unauthorized"
        ]
    );
    assert_eq!(
        json["advice"],
        json!([
            {"explanation": said, "remediation": "Ask sales@example.com."},
            {"explanation": "", "remediation": "Or wait."},
        ])
    );
    let page = fixture.check(&ask.header("accept", "text/html")).await;
    let page = page.body();
    for reason in json["reasons"].as_array().unwrap() {
        let text = reason["text"].as_str().unwrap();
        assert!(text.len() > 10 && text.contains(' '), "{text}");
        let escaped = text.replace('\'', "&#39;");
        assert!(
            page.contains(&format!("<li>{escaped}</li>")),
            "{text} is missing in {page}"
        );
    }
    assert!(
        page.contains("&#60;the sales team&#62;") && !page.contains("<the sales"),
        "{page}"
    );
    assert!(page.contains("Ask sales@example.com.") && page.contains("Or wait."));
    assert_eq!(page.matches("<p class=\"explanation\">").count(), 1);
}

#[tokio::test]
async fn without_details_there_are_none() {
    let (fixture, cookie) = serving(route_of(POLICY)).await;
    let ask = Ask::new().session(&cookie);
    let page = fixture.check(&ask.clone().header("accept", "text/html")).await;
    assert!(!page.body().contains("id=\"reasons\"") && page.body().contains("id=\"decision-id\""));
    let json = fixture
        .check(&ask.header("accept", "application/json"))
        .await
        .json();
    let mut keys: Vec<_> = json.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["code", "decision_id", "error", "request_id"]);
}

#[tokio::test]
async fn details_are_of_policies_alone() {
    let mut route = route_of("allow: {and: [authenticated_user: true]}");
    route.error_details = Some(vec![advice("internal", "")]);
    let fixture = Fixture::empty();
    fixture.publish(settings(), [route]);
    let ask = Ask::new().method("POST").header("accept", "application/json");
    let answer = fixture.check(&ask).await;
    assert_eq!(answer.status(), 401);
    assert!(!told(&answer).contains("internal"));
    assert!(answer.json().get("reasons").is_none());
}

/// Nobody has a certificate, a device, a directory or records yet.
#[tokio::test]
async fn criteria_without_a_source_let_nobody_in() {
    for (policy, status, code) in [
        (
            "deny: {and: [invalid_client_certificate: true]}",
            403,
            "policy_denied",
        ),
        ("allow: {and: [client_certificate: {}]}", 403, "policy_denied"),
        ("allow: {and: [device: {approved: true}]}", 403, "device_required"),
        ("allow: {and: [groups: {has: a}]}", 403, "policy_denied"),
        (
            "allow: {and: [record: {type: t, exists: true}]}",
            403,
            "policy_denied",
        ),
        ("allow: {and: [reject: true]}", 403, "policy_denied"),
    ] {
        let (fixture, cookie) = serving(route_of(policy)).await;
        let ask = Ask::new().session(&cookie).header("accept", "application/json");
        let answer = fixture.check(&ask).await;
        assert_eq!(
            (answer.status(), answer.json()["code"].as_str().unwrap()),
            (status, code),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_read_does_not_slip_past_mcp_tool() {
    let policy = "
- allow: {and: [accept: true]}
- deny: {or: [mcp_tool: delete_everything]}
";
    let (fixture, cookie) = serving(route_of(policy)).await;
    let ask = |method: &str| Ask::new().session(&cookie).method(method);
    assert!(fixture.check(&ask("GET")).await.passes());
    assert!(
        fixture
            .check(&ask("DELETE").header("content-length", "0"))
            .await
            .passes()
    );
    for ask in [
        ask("POST"),
        ask("POST").header("content-type", "text/plain"),
        ask("PUT").header("content-length", "0"),
        ask("GET").header("content-length", "12"),
        ask("DELETE").header("transfer-encoding", "chunked"),
    ] {
        let answer = fixture
            .check(&ask.clone().header("accept", "application/json"))
            .await;
        assert_eq!(answer.status(), 403, "{ask:?}");
        assert_eq!(answer.json()["code"], "policy_denied", "{ask:?}");
    }
    // Also where nothing is denied but for what the tool is not.
    let (fixture, cookie) = serving(route_of("allow: {not: [mcp_tool: delete_everything]}")).await;
    let ask = Ask::new().session(&cookie);
    assert!(fixture.check(&ask).await.passes());
    assert_eq!(fixture.check(&ask.method("POST")).await.status(), 403);
}

#[tokio::test]
async fn where_no_tool_is_asked_for_bodies_do_not_matter() {
    let (fixture, cookie) = serving(route_of("allow: {and: [authenticated_user: true]}")).await;
    let ask = Ask::new()
        .session(&cookie)
        .method("POST")
        .header("content-length", "12");
    assert!(fixture.check(&ask).await.passes());
}

#[tokio::test]
async fn equal_policies_are_one_program() {
    let fixture = Fixture::empty();
    assert_eq!(fixture.server.metrics().policy_programs(), 0);
    let mut other = route_of("allow: {and: [accept: true]}");
    other.id = portcullis_model::RouteId(7);
    let mut same = other.clone();
    same.id = portcullis_model::RouteId(8);
    fixture.publish(settings(), [route_of(POLICY), other, same]);
    assert_eq!(fixture.server.metrics().policy_programs(), 2);
    let mut registry = prometheus_client::registry::Registry::default();
    fixture.server.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("\nportcullis_policy_programs 2\n"), "{text}");
    fixture.publish(settings(), []);
    assert_eq!(fixture.server.metrics().policy_programs(), 0);
    assert!(
        Verdict::ALL
            .iter()
            .all(|verdict| fixture.server.metrics().checks(*verdict) == 0)
    );
}
