//! `environment.cases`, and what comes of the variables.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_config::file_references;
use proptest::prelude::*;

use super::{Case, cases, compare, read, said};

/// The file of a case, if it has one, and its variables.
fn parts<'f>(case: &Case<'f>) -> (Option<String>, Vec<(&'f str, String)>) {
    let is_variable = |line: &&str| line.starts_with('$');
    let file: Vec<_> = case
        .lines
        .iter()
        .copied()
        .take_while(|line| !is_variable(line))
        .collect();
    let mut variables: Vec<(&str, String)> = Vec::new();
    let mut encoded = false;
    for line in case.lines.iter().skip_while(|line| !is_variable(line)) {
        if let Some((name, value)) = line.strip_prefix('$').and_then(|line| line.split_once('=')) {
            variables.push((name, value.to_owned()));
            encoded = false;
        } else if let Some(name) = line.strip_prefix('$').and_then(|line| line.strip_suffix('|')) {
            variables.push((name, String::new()));
            encoded = true;
        } else if encoded && let Some((_, value)) = variables.last_mut() {
            let mut text = String::from_utf8(STANDARD.decode(&*value).unwrap()).unwrap();
            text.push_str(line);
            text.push('\n');
            *value = STANDARD.encode(text);
        }
    }
    ((!file.is_empty()).then(|| file.join("\n")), variables)
}

#[test]
fn environment() {
    compare(
        cases(include_str!(
            "../../../../tests/conformance/config/environment.cases"
        )),
        |case| {
            let (file, variables) = parts(case);
            said(&read("config.yaml", file.as_deref(), variables), "config.yaml")
        },
    );
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

const ROUTE: &str = "- from: https://a.example.com\n  to: http://a\n  allow_any_authenticated_user: true\n";

#[test]
fn a_variable_wins_over_the_file() {
    let variables = [
        ("ADDRESS", ":8443"),
        ("CERTIFICATE_FILE", "c.pem"),
        ("CERTIFICATE_KEY_FILE", "k.pem"),
        ("PASS_IDENTITY_HEADERS", "true"),
        ("JWT_CLAIMS_HEADERS", "email groups"),
        ("COOKIE_EXPIRE", "2h"),
        ("COOKIE_NAME", ""),
        ("IDP_PROVIDER", "oidc"),
        ("IDP_PROVIDER_URL", "https://idp.example.com"),
        ("IDP_CLIENT_ID", "007"),
        ("IDP_SCOPES", "openid,email"),
        ("AUTHENTICATE_SERVICE_URL", "https://authenticate.example.com"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let parsed = read(
        "config.yaml",
        Some("Address: :1\ncookie_name: mine\nidp_scopes: [x]\n"),
        variables,
    );
    assert_eq!(parsed.diagnostics, []);
    let config = parsed.config.unwrap();
    let global = &config.global;
    assert_eq!(global.address.port, 8443);
    assert_eq!(global.cookie.name, "mine");
    assert_eq!(global.cookie.expire.as_secs(), 7_200);
    assert_eq!(global.jwt_claims_headers.len(), 2);
    assert!(global.pass_identity_headers);
    let idp = global.idp.as_ref().unwrap();
    // What looks like a number is text all the same.
    assert_eq!(idp.client_id, "007");
    let files = file_references(&config);
    let places: Vec<_> = files
        .iter()
        .map(|file| {
            let (name, span) = config.places.find(file.span);
            format!("{} {name}:{span}", file.path.display())
        })
        .collect();
    assert_eq!(
        places,
        ["c.pem $CERTIFICATE_FILE:1:1", "k.pem $CERTIFICATE_KEY_FILE:1:1"]
    );
}

#[test]
fn the_list_policy_comes_before_the_list_routes() {
    let file = "policy:\n  - {from: https://file-policy.example.com, to: http://a}\n\
                routes:\n  - {from: https://file-routes.example.com, to: http://a}\n";
    let hosts = |variables: Vec<(&'static str, String)>| -> Vec<String> {
        let routes = read("config.yaml", Some(file), variables).config.unwrap().routes;
        routes
            .iter()
            .map(|route| route.from.host.as_str().replace(".example.com", ""))
            .collect()
    };
    let list = |host: &str| base64(&format!("- {{from: https://{host}.example.com, to: http://a}}\n"));
    assert_eq!(hosts(vec![]), ["file-policy", "file-routes"]);
    assert_eq!(hosts(vec![("ROUTES", list("routes"))]), ["file-policy", "routes"]);
    assert_eq!(hosts(vec![("POLICY", list("policy"))]), ["policy", "file-routes"]);
    let both = vec![("ROUTES", list("routes")), ("POLICY", list("policy"))];
    assert_eq!(hosts(both), ["policy", "routes"]);
}

#[test]
fn a_route_of_a_variable_knows_its_place() {
    let routes = base64(&format!(
        "# é\n{ROUTE}{}",
        ROUTE.replace("a.example", "b.example")
    ));
    let config = read("config.yaml", Some("address: :443\n"), [("ROUTES", routes)])
        .config
        .unwrap();
    let places: Vec<_> = config
        .routes
        .iter()
        .map(|route| config.places.find(route.span))
        .map(|(name, span)| format!("{name}:{span}"))
        .collect();
    assert_eq!(places, ["$ROUTES:2:3", "$ROUTES:5:3"]);
}

#[test]
fn an_error_in_a_route_of_a_variable_stays_within_it() {
    let routes = base64(&format!("{ROUTE}- from: https://b.example.com\n  to: ftp://x\n"));
    let parsed = read("", None, [("ROUTES", routes)]);
    let config = parsed.config.unwrap();
    let invalid: Vec<_> = config.routes.iter().map(|route| route.invalid.clone()).collect();
    assert_eq!(invalid[0], None);
    assert!(
        invalid[1]
            .as_ref()
            .unwrap()
            .starts_with("to_scheme: $ROUTES:5:7: "),
        "{invalid:?}"
    );
}

#[test]
fn line_breaks_in_base64_are_skipped() {
    let text = base64(ROUTE);
    let (one, two) = text.split_at(20);
    let routes = format!("{one}\r\n{two}\n");
    assert_eq!(
        read("", None, [("ROUTES", routes)]).config.unwrap().routes.len(),
        1
    );
}

#[test]
fn nothing_secret_is_printed() {
    for name in [
        "SHARED_SECRET",
        "COOKIE_SECRET",
        "SIGNING_KEY",
        "HEADERS",
        "ROUTES",
        "IDP_REQUEST_PARAMS",
    ] {
        let parsed = read("", None, [(name, "hunter2".to_owned())]);
        assert!(!parsed.diagnostics.is_empty(), "{name}");
        for diagnostic in parsed.diagnostics {
            assert!(!diagnostic.to_string().contains("hunter2"), "{diagnostic}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_variable_is_answered_and_named(
        name in prop::sample::select(vec![
            "ROUTES", "POLICY", "HEADERS", "RUNTIME_FLAGS", "IDENTITY_PROVIDERS", "JWT_CLAIMS_HEADERS", "ADDRESS",
            "DOWNSTREAM_MTLS_CA", "CERTIFICATES", "COOKIE_EXPIRE", "OTEL_TRACES_SAMPLER_ARG",
        ]),
        value in "[^\0]{0,60}",
        encode in any::<bool>(),
    ) {
        let value = if encode { base64(&value) } else { value };
        let parsed = read("config.yaml", Some("{}"), [(name, value)]);
        for diagnostic in &parsed.diagnostics {
            let known = *diagnostic.file == *format!("${name}") || &*diagnostic.file == "config.yaml";
            prop_assert!(known, "{}", diagnostic);
            prop_assert!(diagnostic.span.line < 1_000, "{}", diagnostic);
        }
    }
}
