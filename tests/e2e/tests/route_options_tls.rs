//! TLS towards upstreams, and the listener with another certificate or none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_harness::certificates::Authority;
use portcullis_harness::gateway::portcullis_output;
use portcullis_harness::{Client, Gateway, Site, Upstream, envoy, ports};

const PUBLIC: &str = "allow_public_unauthenticated_access: true";

#[test]
fn an_upstream_is_verified_unless_the_route_says_otherwise() {
    let (private, other) = (
        Authority::new("private").unwrap(),
        Authority::new("other").unwrap(),
    );
    let upstream = Upstream::start_tls(&private.issue(&["up.localhost"]).unwrap());
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("ca.pem");
    fs::write(&file, private.pem()).unwrap();
    let (file, port) = (file.display(), upstream.port());
    let inline = STANDARD.encode(private.pem());
    let wrong = STANDARD.encode(other.pem());
    let route = |host: &str, to: &str, options: &str| {
        format!(
            "- {{from: 'https://{host}.example.test:{{port}}', to: ['https://{to}:{port}'], {options} {PUBLIC}}}\n"
        )
    };
    let routes = [
        route("system", "up.localhost", ""),
        route("skip", "up.localhost", "tls_skip_verify: true,"),
        route("skip-name", "elsewhere.localhost", "tls_skip_verify: true,"),
        route("skip-address", "127.0.0.1", "tls_skip_verify: true,"),
        route("inline", "up.localhost", &format!("tls_custom_ca: {inline},")),
        route("file", "up.localhost", &format!("tls_custom_ca_file: '{file}',")),
        route("wrong", "up.localhost", &format!("tls_custom_ca: {wrong},")),
        route(
            "name",
            "elsewhere.localhost",
            &format!("tls_custom_ca: {inline},"),
        ),
        route("address", "127.0.0.1", &format!("tls_custom_ca: {inline},")),
        route(
            "named",
            "127.0.0.1",
            &format!("tls_custom_ca: {inline}, tls_upstream_server_name: up.localhost,"),
        ),
        route(
            "websockets",
            "up.localhost",
            &format!("tls_custom_ca: {inline}, allow_websockets: true,"),
        ),
    ];
    let site = Site::start(&routes.concat());
    for (host, served) in [
        ("system", false),
        ("skip", true),
        ("skip-name", true),
        ("skip-address", true),
        ("inline", true),
        ("file", true),
        ("wrong", false),
        ("name", false),
        ("address", false),
        ("named", true),
        ("websockets", true),
    ] {
        let mark = format!("mark={host}-end");
        let page = site.client().get(&site.url(host, &format!("/?{mark}")));
        assert_eq!(
            page.status,
            if served { 200 } else { 503 },
            "{host}: {}",
            page.text()
        );
        assert_eq!(upstream.saw(&mark), served, "{host}");
    }

    // Another authority in the file takes effect, and nobody else notices.
    let mut kept = site.client().kept();
    let ping = url::Url::parse(&site.url("inline", "/ping")).unwrap();
    kept.get(&ping).unwrap();
    fs::write(format!("{file}"), other.pem()).unwrap();
    portcullis_harness::wait::until("the other authority is in force", || {
        site.client().get(&site.url("file", "/")).status == 503
    });
    let answer = kept.get(&ping).unwrap();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, None),
        "no listener drains"
    );
}

#[test]
fn servers_with_and_without_tls_serve_side_by_side() {
    let authority = Authority::new("private").unwrap();
    let plain = Upstream::start();
    let [one, two] = ["one.localhost", "two.localhost"]
        .map(|name| Upstream::start_tls(&authority.issue(&[name]).unwrap()));
    let routes = format!(
        "- from: https://app.example.test:{{port}}
  to: ['{}', 'https://one.localhost:{}', 'https://two.localhost:{}']
  tls_custom_ca: {}
  {PUBLIC}
- from: https://all.example.test:{{port}}
  to: ['https://one.localhost:{1}', 'https://two.localhost:{2}']
  tls_custom_ca: {3}
  {PUBLIC}",
        plain.url(),
        one.port(),
        two.port(),
        STANDARD.encode(authority.pem()),
    );
    let site = Site::start(&routes);
    for host in ["app", "all"] {
        for _ in 0..24 {
            let page = site.client().get(&site.url(host, &format!("/?mark={host}")));
            assert_eq!(page.status, 200, "{}", page.text());
        }
    }
    for upstream in [&plain, &one, &two] {
        assert!(upstream.saw("mark=app"), "{}", upstream.url());
    }
    assert!(one.saw("mark=all") && two.saw("mark=all"));
}

/// A gateway alone; its port.
fn gateway(globals: &str, routes: &str) -> (tempfile::TempDir, Gateway, u16) {
    let directory = tempfile::tempdir().unwrap();
    let (port, health) = (ports::free(), ports::free());
    let config = format!(
        "address: 127.0.0.1:{port}\nhealth_check_addr: 127.0.0.1:{health}\n{globals}\nroutes:\n{routes}\n"
    );
    let gateway = Gateway::start(directory.path(), &config, health);
    (directory, gateway, port)
}

#[test]
fn an_insecure_server_speaks_both_protocols_in_clear() {
    let upstream = Upstream::start();
    let routes = format!(
        "- {{from: 'http://app.example.test', to: '{0}', {PUBLIC}}}\n- {{from: 'https://tls.example.test', to: '{0}', {PUBLIC}}}",
        upstream.url()
    );
    let (_directory, _gateway, port) = gateway("insecure_server: true", &routes);
    let mut client = Client::new(Authority::new("unused").unwrap().der());
    let page = client.get(&format!("http://app.example.test:{port}/?mark=clear"));
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(page.header("strict-transport-security"), None);
    // Whoever ends TLS in front sends the host without a port.
    let page = client.get(&format!("http://tls.example.test:{port}/"));
    assert_eq!(page.status, 200);
    assert_eq!(
        upstream.one("mark=clear").header("x-forwarded-proto"),
        Some("http")
    );

    // HTTP/2 with prior knowledge: the preface and empty settings are answered by settings.
    let url = url::Url::parse(&format!("http://app.example.test:{port}/")).unwrap();
    let mut connection = client.connect(&url).unwrap();
    connection
        .write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let (mut stream, _) = connection.into_stream();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame: {frame:?}");
}

#[test]
fn a_certificate_in_the_configuration_itself_serves() {
    let authority = Authority::new("inline").unwrap();
    let leaf = authority.issue(&["inline.test"]).unwrap();
    let globals = format!(
        "certificate: {}\ncertificate_key: {}",
        STANDARD.encode(&leaf.certificate),
        STANDARD.encode(&leaf.key)
    );
    let upstream = Upstream::start();
    let routes = format!(
        "- {{from: 'https://inline.test', to: '{}', {PUBLIC}}}",
        upstream.url()
    );
    let (directory, gateway, port) = gateway(&globals, &routes);
    let mut client = Client::new(authority.der());
    let page = client.get(&format!("https://inline.test:{port}/"));
    assert_eq!(page.status, 200);
    assert!(page.header("strict-transport-security").is_some());
    let config = gateway.config_path();
    let printed = portcullis_output(&["envoy-config", "-c", config.to_str().unwrap()]);
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("certificate-inline") && !printed.contains("PRIVATE"));
    drop(directory);
}

/// Every option of routes at once.
const EVERYTHING: &str = "
set_response_headers: {X-Global: '100%'}
default_upstream_timeout: 10s
timeout_read: 20s
timeout_write: 30s
timeout_idle: 40s
routes:
- name: several
  from: https://several.example.test
  to: ['http://10.0.0.1:80,1', 'https://b.example.test,2', 'https://c.example.test:8443,3']
  prefix: /old
  prefix_rewrite: /new
  tls_skip_verify: true
  set_request_headers: {X-A: '${pomerium.jwt} $$'}
  remove_request_headers: [X-B]
  set_response_headers: {X-C: '%'}
  timeout: 1s
  idle_timeout: 2s
  allow_websockets: true
- {from: 'https://*.example.test', to: 'https://a.example.test', tls_custom_ca: CA, preserve_host_header: true}
- {from: 'https://a-*.b*.example.test:8443', to: 'https://a.example.test', tls_custom_ca_file: FILE, host_rewrite: h.test}
- {from: 'https://regex.example.test', regex: '^/(?:a|b)+/[^/]*$', to: 'http://a.example.test', set_response_headers: {disable: 'true'}}
- {from: 'https://redirect.example.test', redirect: {https_redirect: true, host_redirect: r.test, port_redirect: 8443, path_redirect: '/x?y', response_code: 308, strip_query: true}}
- {from: 'https://redirect.example.test', prefix: /p, redirect: {scheme_redirect: https, prefix_rewrite: /q}}
- {from: 'https://response.example.test', response: {status: 204}}
";

#[test]
fn envoy_takes_every_option() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("any").unwrap();
    let file = directory.path().join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    let leaf = authority.issue(&["a.test"]).unwrap();
    let mut configs = Vec::new();
    for head in [
        "insecure_server: true".to_owned(),
        format!(
            "certificate: {}\ncertificate_key: {}",
            STANDARD.encode(&leaf.certificate),
            STANDARD.encode(&leaf.key)
        ),
    ] {
        let routes = EVERYTHING
            .replace("FILE", &file.display().to_string())
            .replace("CA", &STANDARD.encode(authority.pem()));
        configs.push(format!("{head}\n{routes}"));
    }
    for config in configs {
        let path = directory.path().join("config.yaml");
        fs::write(&path, &config).unwrap();
        for format in ["json", "yaml"] {
            let arguments = ["envoy-config", "-c", path.to_str().unwrap(), "--format", format];
            let output = portcullis_output(&arguments);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{errors}");
            let bootstrap = directory.path().join(format!("bootstrap.{format}"));
            fs::write(&bootstrap, &output.stdout).unwrap();
            let verdict = envoy::validate(&bootstrap);
            let said = String::from_utf8_lossy(&verdict.stderr).into_owned();
            assert!(verdict.status.success(), "Envoy refuses it: {said}");
        }
        let printed = fs::read_to_string(directory.path().join("bootstrap.json")).unwrap();
        // No route fell out on the way: one that is invalid would be answered with 503.
        assert!(
            !printed.contains("503,") && !printed.contains("503\n"),
            "{printed}"
        );
    }
}
