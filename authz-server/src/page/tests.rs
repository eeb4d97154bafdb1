use portcullis_bundle::Advice;

use super::{ErrorPage, Link, error, headers};
use base64::Engine as _;

#[test]
fn every_text_is_escaped() {
    let evil = "<script>alert('x')</script>\"&";
    let html = error(&ErrorPage {
        status: 403,
        title: evil,
        message: evil,
        next_step: evil,
        code: evil,
        signed_in_as: Some(evil),
        decision_id: Some(evil),
        request_id: Some(evil),
        link: Some(Link {
            href: evil,
            label: evil,
        }),
        reasons: &["<script>alert('x')</script>\"&"],
        advice: &[Advice {
            explanation: evil.to_owned(),
            remediation: evil.to_owned(),
        }],
    });
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("alert('x')"), "{html}");
    assert!(
        html.matches("&lt;script&gt;").count() + html.matches("&#60;script&#62;").count() >= 12,
        "{html}"
    );
}

#[test]
fn the_page_holds_what_the_reader_needs_and_nothing_that_runs() {
    let html = error(&ErrorPage {
        status: 403,
        title: "Access denied",
        message: "The policy of this page does not let you in.",
        next_step: "Ask the owner.",
        code: "policy_denied",
        decision_id: Some("01890000-0000-7000-8000-000000000000"),
        request_id: Some("req-1"),
        ..ErrorPage::default()
    });
    for wanted in [
        "403",
        "Access denied",
        "policy_denied",
        "01890000-0000-7000-8000-000000000000",
        "req-1",
        "Ask the owner.",
    ] {
        assert!(html.contains(wanted), "{wanted} is missing in {html}");
    }
    for banned in ["<script", "onclick", "http://", "https://", "@import", "url("] {
        assert!(!html.contains(banned), "{banned} in {html}");
    }
    assert!(!html.contains("signed in as"));
    // The style that the policy admits is the one that stands in the page.
    let style = html
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    let policy = headers()
        .into_iter()
        .find(|(name, _)| *name == "content-security-policy")
        .unwrap()
        .1;
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains(&hash),
        "{policy}"
    );
}
