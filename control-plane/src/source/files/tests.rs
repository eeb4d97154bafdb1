use std::fs;

use super::*;

fn source(content: Option<&[u8]>) -> (tempfile::TempDir, FileSource) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    if let Some(content) = content {
        fs::write(&path, content).unwrap();
    }
    let source = FileSource::new(&path).unwrap();
    (directory, source)
}

fn problem(content: Option<&[u8]>) -> String {
    let (directory, source) = source(content);
    let loaded = source.load();
    assert!(!loaded.is_usable());
    assert_eq!(loaded.version, "");
    let [diagnostic] = &loaded.diagnostics[..] else {
        panic!("{:?}", loaded.diagnostics)
    };
    diagnostic
        .to_string()
        .replace(directory.path().to_str().unwrap(), "")
}

#[test]
fn a_file_that_cannot_be_read_is_one_error_at_its_beginning() {
    let start = "error: unreadable_config: /config.yaml:1:1: the configuration cannot be read: ";
    assert_eq!(problem(None), format!("{start}no such file or directory"));
    assert_eq!(problem(Some(b"")), format!("{start}the file is empty"));
    assert_eq!(problem(Some(b" \n\n")), format!("{start}the file is empty"));
    assert_eq!(problem(Some(b"routes: [\xff]")), format!("{start}not UTF-8"));
    let large = vec![b'#'; usize::try_from(MAX_CONFIG).unwrap() + 1];
    assert_eq!(problem(Some(&large)), format!("{start}larger than 8388608 bytes"));
}

const GOOD: &str = "routes:\n  - from: https://a.example.com\n    to: http://127.0.0.1:1\n    allow_public_unauthenticated_access: true\n";

#[test]
fn a_good_file_gives_both_sides_and_the_same_again() {
    let (_directory, source) = source(Some(GOOD.as_bytes()));
    let (one, two) = (source.load(), source.load());
    assert!(one.is_usable());
    assert_eq!(one.version, two.version);
    assert_eq!(one.bundle.unwrap().version, two.bundle.unwrap().version);
    assert_eq!(
        one.snapshot, two.snapshot,
        "also the self-signed certificate stays"
    );
    assert_eq!(one.files.keys().collect::<Vec<_>>(), [Path::new(source.name())]);
}

#[test]
fn each_format_is_read_by_its_extension() {
    let json = r#"{"routes": [{"from": "https://a.example.com", "to": "http://127.0.0.1:1", "allow_public_unauthenticated_access": true}]}"#;
    let toml = "[[routes]]\nfrom = \"https://a.example.com\"\nto = \"http://127.0.0.1:1\"\nallow_public_unauthenticated_access = true\n";
    let directory = tempfile::tempdir().unwrap();
    let load = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        FileSource::new(&path).unwrap().load()
    };
    let yaml = load("config.yaml", GOOD).bundle.unwrap();
    let routes = |loaded: Loaded| format!("{:?}", loaded.bundle.unwrap().routes);
    for (name, text) in [("config.json", json), ("config.TOML", toml), ("config.yml", GOOD)] {
        let loaded = load(name, text);
        assert!(loaded.is_usable(), "{name}: {:?}", loaded.diagnostics);
        assert_eq!(routes(loaded), format!("{:?}", yaml.routes), "{name}");
    }
    for (name, text) in [
        ("config.json", toml),
        ("config.toml", json),
        ("config.yaml", toml),
    ] {
        let loaded = load(name, text);
        assert!(!loaded.is_usable(), "{name}");
        let file = directory.path().join(name).display().to_string();
        assert_eq!(*loaded.diagnostics[0].file, *file);
    }
}

#[test]
fn an_environment_alone_is_a_configuration() {
    let routes = "LSBmcm9tOiBodHRwczovL2EuZXhhbXBsZS5jb20KICB0bzogaHR0cDovLzEyNy4wLjAuMToxCiAgYWxsb3dfcHVibGljX3VuYXV0aGVudGljYXRlZF9hY2Nlc3M6IHRydWUK";
    let variables = vec![("ROUTES".to_owned(), routes.to_owned())];
    let source = FileSource::without_file().unwrap();
    let loaded = source.load();
    assert!(!loaded.is_usable());
    assert_eq!(loaded.diagnostics[0].code, "empty_document");
    let loaded = source.with_environment(variables).load();
    assert!(loaded.is_usable(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.bundle.unwrap().routes.len(), 1);
    assert!(loaded.files.is_empty());
    assert_ne!(loaded.version, "");
}

#[test]
fn every_file_that_it_names_is_read_and_watched_also_when_it_is_absent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let text = format!(
        "certificate_file: {}\ncertificate_key_file: {}\nshared_secret_file: {}\n{GOOD}",
        at("tls.crt"),
        at("tls.key"),
        at("secret")
    );
    fs::write(&path, text).unwrap();
    let pair = FileSource::new(&path).unwrap().material.certificate();
    fs::write(at("tls.crt"), &pair.chain).unwrap();
    fs::write(at("tls.key"), secrecy::ExposeSecret::expose_secret(&pair.key)).unwrap();
    let source = FileSource::new(&path).unwrap();
    let loaded = source.load();
    assert!(!loaded.is_usable());
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{}:{}", d.code, d.span.line))
        .collect();
    assert_eq!(errors, ["unreadable_file:3"]);
    let watched: Vec<_> = ["config.yaml", "secret", "tls.crt", "tls.key"].map(at).to_vec();
    assert_eq!(
        loaded
            .files
            .keys()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>(),
        watched
    );

    fs::write(at("secret"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
    let loaded = source.load();
    assert!(loaded.is_usable(), "{:?}", loaded.diagnostics);
}

#[test]
fn beside_any_envoy_each_host_logs_in_where_no_service_is_named() {
    let hosted = "authenticate_service_url: https://authenticate.pomerium.app\n";
    let own = "authenticate_service_url: https://login.example.com\n";
    let idp = "idp_provider: oidc\nidp_provider_url: https://id.example.com\nidp_client_id: a\nidp_client_secret: b\n";
    let routes = "routes: [{from: https://a.example.com, to: http://127.0.0.1:1, allow_any_authenticated_user: true}]\n";
    for (service, each) in [("", true), (hosted, true), (own, false)] {
        let text = format!("{service}{idp}{routes}");
        let (_directory, source) = source(Some(text.as_bytes()));
        let told = |loaded: &Loaded| {
            let codes: Vec<_> = loaded.diagnostics.iter().map(|found| found.code).collect();
            codes.contains(&"hosted_authenticate")
        };
        let authenticate = |loaded: &Loaded| loaded.bundle.as_ref().unwrap().settings.authenticate.clone();
        let ours = source.load();
        assert_ne!(authenticate(&ours), portcullis_bundle::Authenticate::EachHost);
        assert_eq!(told(&ours), each, "{service}");
        let any = source.for_any_envoy().load();
        assert_eq!(
            authenticate(&any) == portcullis_bundle::Authenticate::EachHost,
            each,
            "{service}"
        );
        assert!(!told(&any), "{service}");
    }
}

#[test]
fn beside_any_envoy_options_that_nobody_obeys_are_named() {
    let text = b"shared_secret: c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=\ncookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=\nroutes:\n- from: https://a.example.com\n  to: http://127.0.0.1:1\n  timeout: 1s\n  allow_any_authenticated_user: true\n";
    let (_directory, source) = source(Some(text));
    let told = |loaded: &Loaded| {
        let mut found = loaded.diagnostics.clone();
        found.retain(|found| found.code == "no_effect");
        let found = found.iter();
        found
            .map(|found| (found.span.line, found.severity, found.route))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&source.load()), []);
    let source = source.requiring_secrets();
    assert_eq!(told(&source.load()), []);
    let any = source.for_any_envoy().load();
    assert_eq!(told(&any), [(6, Severity::Warning, Some(0))]);
    assert!(any.is_usable(), "{:?}", any.diagnostics);
}
