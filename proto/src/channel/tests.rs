use std::path::PathBuf;

use url::Url;

use super::{ChannelError, ClientOptions, PemError, Target, connect};

fn target(url: &str, plaintext: bool) -> Result<Target, ChannelError> {
    Target::of(&Url::parse(url).unwrap(), plaintext)
}

fn tcp(host: &str, port: u16, tls: bool) -> Target {
    Target::Tcp {
        host: host.to_owned(),
        port,
        tls,
    }
}

#[test]
fn urls_lead_where_they_say() {
    for (url, expected) in [
        ("https://cp.example.com", tcp("cp.example.com", 443, true)),
        ("https://cp.example.com:5443/", tcp("cp.example.com", 5443, true)),
        ("http://127.0.0.1:5443", tcp("127.0.0.1", 5443, false)),
        ("http://[::1]:5443", tcp("::1", 5443, false)),
        ("http://localhost", tcp("localhost", 80, false)),
        (
            "unix:///run/portcullis/grpc%20x.sock",
            Target::Unix(PathBuf::from("/run/portcullis/grpc x.sock")),
        ),
    ] {
        assert_eq!(target(url, false).unwrap(), expected, "{url}");
    }
}

#[test]
fn secrets_do_not_travel_in_the_clear_unless_allowed() {
    for url in [
        "http://cp.example.com",
        "http://10.0.0.1:5443",
        "http://[2001:db8::1]",
        "http://localhost.example.com",
        "http://0.0.0.0:1",
    ] {
        assert!(
            matches!(target(url, false), Err(ChannelError::Plaintext(_))),
            "{url}"
        );
        assert!(target(url, true).is_ok(), "{url}");
    }
}

#[test]
fn what_is_no_endpoint_is_refused() {
    for url in ["ftp://a", "grpc://a", "file:///a"] {
        assert!(matches!(target(url, true), Err(ChannelError::Scheme(_))), "{url}");
    }
    for url in ["unix:///", "unix://host/path"] {
        assert!(matches!(target(url, true), Err(ChannelError::Host(_))), "{url}");
    }
    for url in [
        "https://a/path",
        "https://a?query",
        "https://a#fragment",
        "https://user:hush-hush@a",
        "unix:///a?b",
    ] {
        let refused = target(url, true).unwrap_err();
        assert!(matches!(refused, ChannelError::Extra(_)), "{url}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
}

#[tokio::test]
async fn tls_material_that_is_of_no_use_is_named() {
    let options = ClientOptions {
        url: Url::parse("https://cp.example.com").unwrap(),
        ca_pem: Some(b"nonsense".to_vec()),
        identity: None,
        key: None,
        plaintext: false,
    };
    assert!(matches!(
        connect(&options),
        Err(ChannelError::Pem(PemError::Certificate))
    ));
}
