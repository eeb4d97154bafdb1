//! The examples of the documentation are configurations that serve.

use portcullis_config::{Source, parse_with_environment};

/// What the examples leave out: everything about logging in.
const AROUND: [(&str, &str); 5] = [
    ("AUTHENTICATE_SERVICE_URL", "https://authenticate.example.com"),
    ("IDP_PROVIDER", "oidc"),
    ("IDP_PROVIDER_URL", "https://id.example.com"),
    ("IDP_CLIENT_ID", "portcullis"),
    ("IDP_CLIENT_SECRET", "secret"),
];

fn examples(page: &str) -> impl Iterator<Item = &str> {
    page.split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
}

/// Whoever copies one gets neither an error nor a warning.
#[test]
fn every_example_of_the_configuration_page_is_good() {
    let page = include_str!("../../../docs/configuration.md");
    let mut count = 0;
    for text in examples(page) {
        let source = Source {
            name: "config.yaml".to_owned(),
            text: text.to_owned(),
        };
        let around = AROUND.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parsed = parse_with_environment(&[source], around);
        assert_eq!(parsed.diagnostics, [], "{text}");
        count += 1;
    }
    assert!(count >= 5, "{count}");
}
