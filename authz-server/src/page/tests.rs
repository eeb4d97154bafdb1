use portcullis_bundle::Advice;
use portcullis_model::{Branding, Color, Image, Paragraph};

use super::{ErrorPage, Link, Look, error, headers};
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
        session_page: Some(evil),
        link: Some(Link {
            href: evil,
            label: evil,
        }),
        reasons: &["<script>alert('x')</script>\"&"],
        advice: &[Advice {
            explanation: evil.to_owned(),
            remediation: evil.to_owned(),
        }],
        look: None,
    });
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("alert('x')"), "{html}");
    assert!(
        html.matches("&lt;script&gt;").count() + html.matches("&#60;script&#62;").count() >= 13,
        "{html}"
    );
}

#[test]
fn a_configured_paragraph_comes_first_and_is_text() {
    let branding = Branding {
        error_paragraph: Paragraph::parse("Ask <b>us</b> & \"them\"."),
        ..Branding::default()
    };
    let look = Look::of(&branding).unwrap();
    let html = error(&ErrorPage {
        title: "Access denied",
        message: "The policy does not let you in.",
        look: Some(&look),
        ..ErrorPage::default()
    });
    let (before, after) = html.split_once("id=\"first\">").unwrap();
    let (paragraph, after) = after.split_once("</p>").unwrap();
    assert!(
        paragraph.starts_with("Ask &") && !paragraph.contains(['<', '"']),
        "{paragraph}"
    );
    assert!(before.contains("<h1>Access denied</h1>") && !before.contains("does not let you in"));
    assert!(after.contains("does not let you in"));
    policy_of(&html, Some(&look));
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
    let policy = policy_of(&html, None);
    assert!(!policy.contains("img-src"), "{policy}");
    assert!(!html.contains("<img") && !html.contains("<link") && !html.contains("--band"));
}

/// The policy that goes with `html`, which admits the style that stands in it.
#[track_caller]
fn policy_of<'a>(html: &str, look: Option<&'a Look>) -> &'a str {
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    let policy = headers(look)
        .into_iter()
        .find(|(name, _)| *name == "content-security-policy")
        .unwrap()
        .1;
    let wanted = format!("default-src 'none'; style-src 'sha256-{hash}';");
    assert!(policy.starts_with(&wanted), "{policy}");
    let end = " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert!(policy.ends_with(end), "{policy}");
    policy
}

#[test]
fn a_configured_look_is_shown_and_nothing_else_is_admitted() {
    assert_eq!(Look::of(&Branding::default()), None);
    let colors = Branding {
        primary_color: Color::parse("#ffd400"),
        darkmode_secondary_color: Color::parse("#654321"),
        ..Branding::default()
    };
    let images = Branding {
        logo_url: Image::parse("/logo.png?a=1&b=2"),
        favicon_url: Image::parse("data:image/png;base64,AAAA"),
        ..Branding::default()
    };
    let page = |branding: &Branding| {
        let look = Look::of(branding).unwrap();
        let html = error(&ErrorPage {
            status: 403,
            look: Some(&look),
            ..ErrorPage::default()
        });
        let policy = policy_of(&html, Some(&look)).to_owned();
        (html, policy)
    };
    let (html, policy) = page(&colors);
    for there in [
        "@media (prefers-color-scheme:light){:root{--button:#ffd400;--on-button:#000000;--edge:color-mix(in srgb,var(--button),var(--text));}}",
        "@media (prefers-color-scheme:dark){:root{--band:#654321;}}",
    ] {
        assert!(html.contains(there), "{there} is missing in {html}");
    }
    assert!(!policy.contains("img-src") && !html.contains("<img"), "{html}");
    let (html, policy) = page(&images);
    assert!(policy.contains("; img-src 'self' data:; "), "{policy}");
    for there in [
        "<img class=\"logo\" src=\"/logo.png?a=1&#38;b=2\" alt=\"\">",
        "<link rel=\"icon\" href=\"data:image/png;base64,AAAA\">",
    ] {
        assert!(html.contains(there), "{there} is missing in {html}");
    }
}

#[test]
fn names_in_a_text_look_like_names_and_are_escaped() {
    let html = error(&ErrorPage {
        message: "The identity provider answered `access_<denied>`.",
        next_step: "Check `//` and `..`.",
        ..ErrorPage::default()
    });
    assert!(
        html.contains("answered <code>access_&#60;denied&#62;</code>.</p>"),
        "{html}"
    );
    assert!(
        html.contains("<p>Check <code>//</code> and <code>..</code>.</p>"),
        "{html}"
    );
}
