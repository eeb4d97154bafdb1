use std::path::PathBuf;
use std::time::Duration;

use portcullis_config::{Certificate, GrpcAddress, SameSite, file_references};
use secrecy::ExposeSecret;

use crate::support::{COMPLETE, codes, config, global, read};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn pair() -> String {
    format!(
        "certificate: {}\ncertificate_key: {}\n",
        base64(CERTIFICATE),
        base64(PRIVATE)
    )
}

#[test]
fn key_xff_num_trusted_hops() {
    let of = |text: &str| global(text).xff_num_trusted_hops;
    assert_eq!(of("{}\n"), 0);
    for (written, hops) in [("0", 0), ("1", 1), ("\"2\"", 2), ("99999999999", u32::MAX)] {
        assert_eq!(
            of(&format!("xff_num_trusted_hops: {written}\n")),
            hops,
            "{written}"
        );
    }
    assert!(!codes("xff_num_trusted_hops: -1\n").is_empty());
    assert!(!codes("xff_num_trusted_hops: all\n").is_empty());
}

#[test]
fn key_certificate() {
    let text = format!("certificate_file: c.pem\ncertificate_key_file: c.key\n{}", pair());
    let certificates = global(&text).certificates;
    // That of the file itself comes first, as in Pomerium.
    match certificates.as_slice() {
        [Certificate::Inline { chain, .. }, Certificate::Files(_)] => {
            assert_eq!(chain.value, CERTIFICATE.as_bytes());
            assert_eq!(chain.span.to_string(), "3:14");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(file_references(&config(&text)).len(), 2);
    let half = format!("certificate: {}\n", base64(CERTIFICATE));
    assert_eq!(codes(&half), ["half_pair"]);
    assert!(read(&half).config.is_none());
    assert!(
        read(&pair().replace("certificate: ", "certificate: x"))
            .config
            .is_none()
    );
}

#[test]
fn key_certificate_key() {
    let read_pair = global(&pair());
    let [Certificate::Inline { key, .. }] = read_pair.certificates.as_slice() else {
        panic!("{:?}", read_pair.certificates)
    };
    assert_eq!(key.value.expose_secret(), PRIVATE);
    assert_eq!(key.span.to_string(), "2:18");
    assert!(!format!("{:?}", config(&pair())).contains("PRIVATE"));
    assert_eq!(
        codes(&format!("certificate_key: {}\n", base64(PRIVATE))),
        ["half_pair"]
    );
    let wrong = read("certificate: x\ncertificate_key: hunter2\n").diagnostics;
    assert!(
        wrong
            .iter()
            .all(|d| d.code == "wrong_value" && !d.to_string().contains("hunter2"))
    );
}

#[test]
fn key_insecure_server() {
    assert!(!global("{}\n").insecure_server);
    let insecure = global("insecure_server: true\n");
    assert!(insecure.insecure_server);
    assert_eq!(insecure.address.port, 80);
    assert_eq!(
        global("insecure_server: true\naddress: :8080\n").address.port,
        8080
    );
    assert_eq!(codes("insecure_server: perhaps\n"), ["wrong_value"]);
}

#[test]
fn key_cookie_domain() {
    let domain = |text: &str| global(&format!("cookie_domain: \"{text}\"\n")).cookie.domain;
    assert_eq!(global("{}\n").cookie.domain, None);
    assert_eq!(domain("Corp.test").as_deref(), Some("corp.test"));
    assert_eq!(domain(".corp.test").as_deref(), Some("corp.test"));
    assert_eq!(domain(""), None);
    for bad in [
        "10.0.0.1",
        "*.corp.test",
        "corp.test; Secure",
        "corp.test:443",
        "..corp.test",
        ".",
    ] {
        assert_eq!(
            codes(&format!("cookie_domain: \"{bad}\"\n")),
            ["cookie_domain_invalid"],
            "{bad}"
        );
    }
    let route = |domain: &str, host: &str| {
        let text = format!(
            "{COMPLETE}cookie_domain: {domain}\nroutes:\n  - {{from: \"https://{host}\", to: http://a, \
             allow_any_authenticated_user: true}}\n"
        );
        codes(&text)
    };
    assert_eq!(route("example.com", "a.example.com"), [""; 0]);
    assert_eq!(route("example.com", "*.example.com"), [""; 0]);
    for (domain, host) in [
        ("example.com", "example.org"),
        ("example.com", "evilexample.com"),
        ("authenticate.example.com", "a.example.com"),
    ] {
        assert_eq!(route(domain, host), ["cookie_domain_scope"], "{domain} {host}");
    }
    assert_eq!(
        route("example.com", "*example.com"),
        ["cookie_domain_scope", "wildcard_login"]
    );
    assert_eq!(
        codes("cookie_name: __Host-a\ncookie_domain: a.test\n"),
        ["cookie_name_invalid"]
    );
}

#[test]
fn key_cookie_http_only() {
    assert!(global("{}\n").cookie.http_only);
    assert!(!global("cookie_http_only: false\n").cookie.http_only);
}

#[test]
fn key_cookie_same_site() {
    let same_site = |text: &str| global(&format!("cookie_same_site: {text}\n")).cookie.same_site;
    assert_eq!(global("{}\n").cookie.same_site, SameSite::Unset);
    assert_eq!(same_site("\"\""), SameSite::Unset);
    assert_eq!(same_site("LAX"), SameSite::Lax);
    assert_eq!(same_site("strict"), SameSite::Strict);
    assert_eq!(same_site("None"), SameSite::None);
    assert_eq!(codes("cookie_same_site: often\n"), ["wrong_value"]);
}

#[test]
fn key_default_upstream_timeout() {
    let of = |text: &str| global(&format!("default_upstream_timeout: {text}\n")).default_upstream_timeout;
    assert_eq!(global("{}\n").default_upstream_timeout, Duration::from_secs(30));
    assert_eq!(of("1h"), Duration::from_hours(1));
    assert_eq!(of("0"), Duration::ZERO);
    assert_eq!(codes("default_upstream_timeout: -1s\n"), ["wrong_value"]);
}

#[test]
fn key_timeout_read() {
    assert_eq!(global("{}\n").timeout_read, Duration::from_secs(30));
    assert_eq!(global("timeout_read: 2s\n").timeout_read, Duration::from_secs(2));
    assert!(read("timeout_read: -2s\n").config.is_none());
}

#[test]
fn key_timeout_write() {
    assert_eq!(global("{}\n").timeout_write, Duration::ZERO);
    assert_eq!(
        global("timeout_write: 2s\n").timeout_write,
        Duration::from_secs(2)
    );
    assert!(read("timeout_write: -2s\n").config.is_none());
}

#[test]
fn key_timeout_idle() {
    assert_eq!(global("{}\n").timeout_idle, Duration::from_mins(5));
    assert_eq!(global("timeout_idle: 0s\n").timeout_idle, Duration::ZERO);
    assert!(read("timeout_idle: -2s\n").config.is_none());
}

#[test]
fn key_grpc_address() {
    let address = |text: &str| global(&format!("grpc_address: \"{text}\"\n")).grpc_address;
    let tcp = |host: Option<&str>, port| {
        let host = host.map(str::to_owned);
        Some(GrpcAddress::Tcp { host, port })
    };
    assert_eq!(global("{}\n").grpc_address, None);
    assert_eq!(address(""), None);
    assert_eq!(address(":5443"), tcp(None, 5443));
    assert_eq!(address("127.0.0.1:1"), tcp(Some("127.0.0.1"), 1));
    assert_eq!(address("[::1]:1"), tcp(Some("::1"), 1));
    assert_eq!(address("localhost:1"), tcp(Some("localhost"), 1));
    assert_eq!(
        address("unix:///run/x.sock"),
        Some(GrpcAddress::Unix(PathBuf::from("/run/x.sock")))
    );
    let long = format!("unix:///{}", "x".repeat(107));
    for bad in [
        "127.0.0.1",
        "example.com:1",
        ":x",
        "unix://x",
        "unix:///",
        "tcp://127.0.0.1:1",
        &long,
    ] {
        assert_eq!(
            codes(&format!("grpc_address: \"{bad}\"\n")),
            ["address_invalid"],
            "{bad}"
        );
    }
}

#[test]
fn key_grpc_insecure() {
    assert_eq!(global("{}\n").grpc_insecure, None);
    assert_eq!(global("grpc_insecure: true\n").grpc_insecure, Some(true));
    assert_eq!(global("grpc_insecure: false\n").grpc_insecure, Some(false));
}

fn services(text: &str) -> Vec<(bool, String, u16, String)> {
    global(text)
        .authorize_service_urls
        .into_iter()
        .map(|url| (url.tls, url.host, url.port, url.span.to_string()))
        .collect()
}

#[test]
fn key_authorize_service_urls() {
    assert_eq!(services("{}\n"), []);
    assert_eq!(
        services("authorize_service_urls: [https://a, \"http://[::1]:5444\"]\n"),
        [
            (true, "a".into(), 443, "1:26".into()),
            (false, "::1".into(), 5444, "1:37".into())
        ]
    );
    assert_eq!(services("authorize_service_urls: http://a,http://b\n").len(), 2);
    for bad in ["grpc://a", "a:443", "https://", "https://a:0"] {
        assert_eq!(
            codes(&format!("authorize_service_urls: [\"{bad}\"]\n")),
            ["url_invalid"],
            "{bad}"
        );
    }
}

#[test]
fn key_authorize_service_url() {
    let both = "authorize_service_url: http://a\nauthorize_service_urls: [https://b]\n";
    let hosts: Vec<_> = services(both)
        .into_iter()
        .map(|(_, host, port, _)| (host, port))
        .collect();
    assert_eq!(hosts, [("a".to_owned(), 80), ("b".to_owned(), 443)]);
    assert_eq!(codes("authorize_service_url: a\n"), ["url_invalid"]);
}

#[test]
fn key_authorize_internal_service_url() {
    let all = "authorize_service_url: http://a\nauthorize_internal_service_url: https://b:1\n";
    assert_eq!(services(all), [(true, "b".into(), 1, "2:33".into())]);
    assert_eq!(codes(all), ["shadowed_key"]);
    assert_eq!(
        codes("authorize_internal_service_url: unix:///x\n"),
        ["url_invalid"]
    );
}
