use std::path::PathBuf;
use std::time::Duration;

use portcullis_config::{
    Address, Authenticate, Certificate, CertificateFiles, Global, LogLevel, Secret, Severity, Storage,
    UNREADABLE_FILE, file_references,
};

use crate::support::{COMPLETE, KEY, OTHER_KEY, ROUTE, codes, config, global, only, read};

const IDP: &str =
    "idp_provider: oidc\nidp_provider_url: https://idp.example.com\nidp_client_id: portcullis\n";

fn inline(secrets: impl IntoIterator<Item = Secret>) -> String {
    let [secret] = <[Secret; 1]>::try_from(Vec::from_iter(secrets)).unwrap();
    text(&secret)
}

fn text(secret: &Secret) -> String {
    use secrecy::ExposeSecret;
    match secret {
        Secret::Inline(text) => text.value.expose_secret().to_owned(),
        other => panic!("{other:?} is not inline"),
    }
}

fn file(secrets: impl IntoIterator<Item = Secret>) -> PathBuf {
    let [secret] = <[Secret; 1]>::try_from(Vec::from_iter(secrets)).unwrap();
    match secret {
        Secret::File(path) => path.value,
        other => panic!("{other:?} is no file"),
    }
}

/// The one certificate, which stands in files.
fn pair(global: Global) -> CertificateFiles {
    match global.certificates.as_slice() {
        [Certificate::Files(pair)] => pair.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn key_address() {
    let address = |text: &str| global(&format!("address: \"{text}\"\n")).address;
    assert_eq!(
        address(":8443"),
        Address {
            host: None,
            port: 8443
        }
    );
    assert_eq!(
        address("127.0.0.1:8443"),
        Address {
            host: Some("127.0.0.1".into()),
            port: 8443
        }
    );
    assert_eq!(
        address("[::1]"),
        Address {
            host: Some("::1".into()),
            port: 443
        }
    );
    assert_eq!(
        global("address: ~\n").address,
        Address {
            host: None,
            port: 443
        }
    );
}

#[test]
fn key_authenticate_service_url() {
    let own = |url: &str| match global(&format!("{IDP}authenticate_service_url: {url}\n")).authenticate {
        Some(Authenticate::Own { host, port, url }) => (host.to_string(), port, url),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        own("https://Authenticate.Example.com"),
        (
            "authenticate.example.com".into(),
            443,
            "https://Authenticate.Example.com".into()
        )
    );
    assert_eq!(own("https://authenticate.localhost:8443/").1, 8443);
    assert_eq!(own("https://[::1]:8443").0, "[::1]");
    for hosted in [
        "https://authenticate.pomerium.app",
        "https://x.pomerium.app",
        "https://authenticate.pomerium.io",
    ] {
        let text = format!("authenticate_service_url: {hosted}\n");
        let warning = only(&text, "hosted_authenticate");
        assert_eq!(warning.severity, Severity::Warning);
        assert!(warning.help.unwrap().contains("https://authenticate.example.com"));
        assert_eq!(
            global(&text).authenticate,
            Some(Authenticate::Hosted { url: hosted.into() })
        );
    }
    assert_eq!(global("{}\n").authenticate, None);
    for bad in ["authenticate.example.com", "ftp://x", "https://", "https://a b"] {
        let parsed = read(&format!("authenticate_service_url: {bad}\n"));
        assert!(parsed.config.is_none(), "{bad}");
    }
}

#[test]
fn key_certificate_file() {
    let pair = pair(global(
        "certificate_file: tls/cert.pem\ncertificate_key_file: tls/key.pem\n",
    ));
    assert_eq!(pair.cert.value, PathBuf::from("tls/cert.pem"));
    assert_eq!(pair.cert.span.to_string(), "1:19");
    assert_eq!(codes("certificate_file: a\n"), ["half_pair"]);
}

#[test]
fn key_certificate_key_file() {
    let pair = pair(global(
        "certificate_file: tls/cert.pem\ncertificate_key_file: tls/key.pem\n",
    ));
    assert_eq!(pair.key.value, PathBuf::from("tls/key.pem"));
    assert_eq!(codes("certificate_key_file: a\n"), ["half_pair"]);
}

#[test]
fn key_certificates() {
    let text = "certificates:\n  - cert: a.pem\n    key: a.key\n  - {cert: b.pem, key: b.key}\n\
                certificate_file: c.pem\ncertificate_key_file: c.key\n";
    let config = config(text);
    let paths: Vec<_> = file_references(&config)
        .into_iter()
        .map(|file| (file.path.display().to_string(), file.key))
        .collect();
    let expected = [
        ("a.pem", "certificates.cert"),
        ("a.key", "certificates.key"),
        ("b.pem", "certificates.cert"),
        ("b.key", "certificates.key"),
        ("c.pem", "certificate_file"),
        ("c.key", "certificate_key_file"),
    ];
    assert_eq!(paths, expected.map(|(path, key)| (path.to_owned(), key)));
    assert!(
        file_references(&config)
            .iter()
            .all(|file| file.code == UNREADABLE_FILE)
    );
    assert!(global("certificates: []\n").certificates.is_empty());
    assert_eq!(
        codes("certificates: {cert: a, kee: b}\n"),
        ["half_pair", "unknown_key"]
    );
}

#[test]
fn key_certificates_cert() {
    let pair = pair(global("certificates:\n  - cert: a.pem\n    key: a.key\n"));
    assert_eq!(pair.cert.value, PathBuf::from("a.pem"));
    assert_eq!(pair.cert.span.to_string(), "2:11");
    assert_eq!(codes("certificates:\n  - key: a\n"), ["half_pair"]);
}

#[test]
fn key_certificates_key() {
    let pair = pair(global("certificates:\n  - cert: a.pem\n    Key: a.key\n"));
    assert_eq!(pair.key.value, PathBuf::from("a.key"));
    assert_eq!(
        codes("certificates:\n  - cert: a\n    key: \"\"\n"),
        ["half_pair"]
    );
}

#[test]
fn key_cookie_expire() {
    let expire = |text: &str| global(&format!("cookie_expire: {text}\n")).cookie.expire;
    assert_eq!(global("{}\n").cookie.expire, Duration::from_hours(14));
    assert_eq!(expire("1h30m"), Duration::from_mins(90));
    assert_eq!(expire("30"), Duration::from_nanos(30));
    assert_eq!(codes("cookie_expire: 30\n"), ["bare_duration"]);
    assert_eq!(expire("-1s"), Duration::ZERO);
}

#[test]
fn key_cookie_name() {
    assert_eq!(global("{}\n").cookie.name, "_pomerium");
    assert_eq!(
        global("cookie_name: __Host-session\n").cookie.name,
        "__Host-session"
    );
    assert_eq!(codes("cookie_name: a b\n"), ["cookie_name_invalid"]);
    assert_eq!(codes("cookie_name: \"a;b\"\n"), ["cookie_name_invalid"]);
}

#[test]
fn key_cookie_secret() {
    assert_eq!(
        inline(global(&format!("cookie_secret: {KEY}\n")).cookie_secret),
        KEY
    );
    assert_eq!(codes("cookie_secret: c2hvcnQ=\n"), ["secret_invalid"]);
    for text in [
        format!("cookie_secret: [{KEY}, {OTHER_KEY}]\n"),
        format!("cookie_secret: {KEY},{OTHER_KEY}\n"),
        format!("cookie_secret: |\n  {KEY}\n  {OTHER_KEY}\n"),
    ] {
        assert!(codes(&text).is_empty(), "{text}");
        let texts: Vec<String> = global(&text).cookie_secret.iter().map(self::text).collect();
        assert_eq!(texts, [KEY, OTHER_KEY], "the order is kept");
    }
    for unset in ["''", "[]", "[~]"] {
        let secrets = global(&format!("cookie_secret: {unset}\n")).cookie_secret;
        assert!(secrets.is_empty(), "{unset}");
    }
    let nine = [KEY; 9].join(", ");
    let codes = codes(&format!("cookie_secret: [{nine}]\n"));
    assert_eq!(codes.iter().filter(|code| **code == "secret_invalid").count(), 1);
    assert_eq!(codes.iter().filter(|code| **code == "secret_repeated").count(), 7);
}

#[test]
fn key_cookie_secret_file() {
    assert_eq!(
        file(global("cookie_secret_file: /run/secret\n").cookie_secret),
        PathBuf::from("/run/secret")
    );
    let text = "cookie_secret_file: [/run/new, \"/run/old,er\"]\n";
    let files: Vec<PathBuf> = global(text)
        .cookie_secret
        .into_iter()
        .map(|secret| file([secret]))
        .collect();
    assert_eq!(files, [PathBuf::from("/run/new"), PathBuf::from("/run/old,er")]);
    let spans: Vec<String> = file_references(&config(text))
        .iter()
        .map(|reference| reference.span.to_string())
        .collect();
    assert_eq!(spans, ["1:22", "1:32"]);
    assert_eq!(
        file(global("cookie_secret_file: /run/a,b\n").cookie_secret),
        PathBuf::from("/run/a,b"),
        "one path may have a comma"
    );
}

#[test]
fn key_databroker_storage_type() {
    assert_eq!(global("{}\n").storage, Storage::Memory);
    assert_eq!(
        global("databroker_storage_type: Memory\n").storage,
        Storage::Memory
    );
    assert_eq!(codes("databroker_storage_type: postgres\n"), ["not_implemented"]);
    assert_eq!(codes("databroker_storage_type: redis\n"), ["wrong_value"]);
    let file = "databroker_storage_type: file\ndatabroker_storage_connection_string: file:///x/y.redb\n";
    assert_eq!(codes(file), ["storage_needs_secret"]);
}

#[test]
fn key_databroker_storage_connection_string() {
    let file = |connection: &str| {
        format!(
            "shared_secret: {KEY}\ndatabroker_storage_type: file\n\
                 databroker_storage_connection_string: {connection}\n"
        )
    };
    let good = global(&file("file:///var/lib/my%20sessions.redb")).storage;
    assert_eq!(good, Storage::File(PathBuf::from("/var/lib/my sessions.redb")));
    for bad in [
        "file://host/x",
        "/var/lib/x",
        "postgres://u:p@h/db",
        "file:///",
        "file:///x/",
    ] {
        assert_eq!(codes(&file(bad)), ["storage_connection"], "{bad}");
    }
    assert_eq!(
        codes(&format!("shared_secret: {KEY}\ndatabroker_storage_type: file\n")),
        ["storage_connection"]
    );
    assert_eq!(
        global("databroker_storage_connection_string: x\n").storage,
        Storage::Memory
    );
}

#[test]
fn key_health_check_addr() {
    let address = |text: &str| {
        global(&format!("health_check_addr: \"{text}\"\n"))
            .health_check_addr
            .to_string()
    };
    assert_eq!(global("{}\n").health_check_addr.to_string(), "127.0.0.1:28080");
    assert_eq!(address("0.0.0.0:80"), "0.0.0.0:80");
    assert_eq!(address(":80"), "0.0.0.0:80");
    assert_eq!(address("localhost:80"), "127.0.0.1:80");
    assert_eq!(address("[::1]:80"), "[::1]:80");
    assert_eq!(codes("health_check_addr: example.com:80\n"), ["address_invalid"]);
    assert_eq!(codes("health_check_addr: 127.0.0.1\n"), ["address_invalid"]);
}

#[test]
fn key_idp_provider() {
    assert_eq!(global(IDP).idp.unwrap().provider, "oidc");
    assert_eq!(global(&IDP.replace("oidc", "OIDC")).idp.unwrap().provider, "oidc");
    let google = IDP.replace("oidc", "google");
    assert!(global(&google).idp.is_none());
    assert_eq!(codes(&google), ["not_implemented"]);
    assert_eq!(codes(&IDP.replace("oidc", "odic")), ["wrong_value"]);
    assert_eq!(codes("idp_client_id: x\n"), ["idp_incomplete"]);
}

#[test]
fn key_idp_provider_url() {
    assert_eq!(global(IDP).idp.unwrap().url, "https://idp.example.com");
    assert_eq!(
        codes("idp_provider: oidc\nidp_client_id: x\n"),
        ["idp_incomplete"]
    );
    assert_eq!(codes(&IDP.replace("https://idp", "idp")), ["url_invalid"]);
}

#[test]
fn key_idp_client_id() {
    assert_eq!(global(IDP).idp.unwrap().client_id, "portcullis");
    let numeric = IDP.replace("portcullis", "12345");
    assert_eq!(global(&numeric).idp.unwrap().client_id, "12345");
    assert_eq!(
        codes("idp_provider: oidc\nidp_provider_url: https://idp.example.com\n"),
        ["idp_incomplete"]
    );
}

#[test]
fn key_idp_client_secret() {
    let secret = global(&format!("{IDP}idp_client_secret: hush\n"))
        .idp
        .unwrap()
        .client_secret;
    assert_eq!(inline(secret), "hush");
    assert!(global(IDP).idp.unwrap().client_secret.is_none());
}

#[test]
fn key_idp_client_secret_file() {
    let text = format!("{IDP}idp_client_secret: hush\nidp_client_secret_file: secret.txt\n");
    assert_eq!(
        file(global(&text).idp.unwrap().client_secret),
        PathBuf::from("secret.txt")
    );
    assert_eq!(codes(&text), ["shadowed_key"]);
    assert_eq!(file_references(&config(&text))[0].key, "idp_client_secret_file");
}

#[test]
fn key_idp_scopes() {
    let scopes = |text: &str| global(&format!("{IDP}idp_scopes: {text}\n")).idp.unwrap().scopes;
    assert_eq!(scopes("[openid, email]"), ["openid", "email"]);
    assert_eq!(scopes("openid,email"), ["openid", "email"]);
    assert!(global(IDP).idp.unwrap().scopes.is_empty());
}

#[test]
fn key_jwt_claims_headers() {
    let headers = |text: &str| {
        let headers = global(&format!("jwt_claims_headers: {text}\n")).jwt_claims_headers;
        headers
            .into_iter()
            .map(|(name, claim)| format!("{name}={claim}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        headers("{X-Email: email, X-Dept: Department}"),
        ["x-dept=Department", "x-email=email"]
    );
    assert_eq!(
        headers("[email, groups]"),
        ["x-pomerium-claim-email=email", "x-pomerium-claim-groups=groups"]
    );
    assert_eq!(headers("email groups,name").len(), 3);
    assert_eq!(codes("jwt_claims_headers: {X-A: a, x-a: b}\n"), ["duplicate_key"]);
    assert_eq!(
        codes("jwt_claims_headers: [\"https://x/roles\"]\n"),
        ["header_name_invalid"]
    );
    assert_eq!(
        codes("jwt_claims_headers: {X-Pomerium-Jwt-Assertion: email}\n"),
        ["header_reserved"]
    );
}

#[test]
fn key_log_level() {
    let level = |text: &str| global(&format!("log_level: {text}\n")).log_level;
    assert_eq!(global("{}\n").log_level, LogLevel::Info);
    assert_eq!(level("DEBUG"), LogLevel::Debug);
    assert_eq!(level("warning"), LogLevel::Warn);
    assert_eq!(level("fatal"), LogLevel::Error);
    assert_eq!(level("none"), LogLevel::Off);
    assert_eq!(codes("log_level: loud\n"), ["wrong_value"]);
}

#[test]
fn key_pass_identity_headers() {
    assert!(!global("{}\n").pass_identity_headers);
    assert!(global("pass_identity_headers: true\n").pass_identity_headers);
    assert!(global("pass_identity_headers: \"1\"\n").pass_identity_headers);
    assert_eq!(codes("pass_identity_headers: yes\n"), ["wrong_value"]);
}

#[test]
fn key_policy() {
    let text = "routes:\n- {from: https://b.example, to: http://b, allow_any_authenticated_user: true}\n\
                policy:\n- {from: https://a.example, to: http://a, allow_any_authenticated_user: true}\n";
    let routes = config(&format!("{COMPLETE}{text}")).routes;
    let hosts: Vec<_> = routes
        .iter()
        .map(|route| (route.index, route.from.host.to_string()))
        .collect();
    assert_eq!(hosts, [(0, "a.example".to_owned()), (1, "b.example".to_owned())]);
}

#[test]
fn key_routes() {
    let config = config(&format!(
        "{COMPLETE}{ROUTE}    allow_any_authenticated_user: true\n"
    ));
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].span.to_string(), "6:5");
    assert_eq!(
        read("routes: {from: https://a.example, to: http://a}\n")
            .config
            .unwrap()
            .routes
            .len(),
        1
    );
    assert!(read("routes: [~]\n").config.unwrap().routes.is_empty());
    assert_eq!(codes("routes: nothing\n"), ["wrong_type"]);
}

#[test]
fn key_shared_secret() {
    assert_eq!(
        inline(global(&format!("shared_secret: {KEY}\n")).shared_secret),
        KEY
    );
    for bad in [
        "hunter2",
        "aHVudGVyMg==",
        "\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\\n\"",
    ] {
        let text = format!("shared_secret: {bad}\n");
        let error = only(&text, "secret_invalid");
        assert!(
            !error.to_string().contains("hunter2") && !error.to_string().contains("aHVu"),
            "{error}"
        );
    }
    let debug = format!("{:?}", config(&format!("shared_secret: {KEY}\n")));
    assert!(!debug.contains(KEY));
}

#[test]
fn key_shared_secret_file() {
    let text = format!("shared_secret: {KEY}\nshared_secret_file: s\n");
    assert_eq!(file(global(&text).shared_secret), PathBuf::from("s"));
    assert_eq!(codes(&text), ["shadowed_key"]);
    assert_eq!(file_references(&config(&text))[0].span.to_string(), "2:21");
}

#[test]
fn key_signing_key() {
    let pem = "signing_key: |\n  -----BEGIN PRIVATE KEY-----\n  AAAA\n  -----END PRIVATE KEY-----\n";
    assert!(inline(global(pem).signing_key).starts_with("-----BEGIN"));
    assert_eq!(codes("signing_key: nonsense\n"), ["secret_invalid"]);
}

#[test]
fn key_signing_key_file() {
    assert_eq!(
        file(global("signing_key_file: key.pem\n").signing_key),
        PathBuf::from("key.pem")
    );
}
