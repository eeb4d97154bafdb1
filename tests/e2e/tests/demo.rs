//! `make demo`, as a newcomer and as a script meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portcullis_harness::process::Process;
use portcullis_harness::{Client, ports, repository};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const PORTS: [u16; 4] = [8443, 9080, 9081, 28080];
const XHR: [(&str, &str); 2] = [
    ("Accept", "application/json"),
    ("X-Requested-With", "XMLHttpRequest"),
];
const JSON: [(&str, &str); 1] = [("Accept", "application/json")];

fn demo(log: &Path) -> Process {
    let binary = repository::binary("portcullis-demo").unwrap_or_else(|e| panic!("{e}"));
    Process::spawn("the demo", Command::new(binary), log).unwrap()
}

fn values(out: &str, fact: &str) -> Vec<String> {
    let lines = out
        .lines()
        .filter_map(|line| line.strip_prefix(fact)?.strip_prefix(' '));
    lines.map(ToOwned::to_owned).collect()
}

#[test]
fn the_demo_does_what_it_says() {
    for port in PORTS {
        assert!(
            ports::is_free(port),
            "port {port} is in use: the demo cannot be tested while something listens there"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("out");
    let mut demo = demo(&log);
    let ready = || {
        std::fs::read_to_string(&log)
            .is_ok_and(|out| out.ends_with("\nready\n"))
            .then_some(())
    };
    demo.wait_for(Duration::from_secs(120), ready)
        .unwrap_or_else(|e| panic!("{e}"));

    let out = demo.log();
    let hosts =
        ["verify", "admin", "public", "authenticate"].map(|host| format!("https://{host}.localhost:8443"));
    assert_eq!(values(&out, "url"), hosts);
    assert_eq!(
        values(&out, "user"),
        ["admin@example.com portcullis", "user@example.com portcullis"]
    );
    let (ca, children) = (values(&out, "ca").remove(0), values(&out, "log").remove(0));
    assert!(ca.starts_with('/') && children.starts_with('/'));
    assert_eq!(
        out.lines().count(),
        4 + 2 + 1 + 1 + 1,
        "nothing but the facts:\n{out}"
    );
    assert!(
        std::fs::metadata(&children).unwrap().len() > 0,
        "the children's output is in the log"
    );

    let authority = CertificateDer::from_pem_file(&ca).unwrap();
    visit(&authority);
    second_start_is_refused(directory.path());

    let began = Instant::now();
    demo.signal(libc::SIGINT);
    let status = demo
        .wait(Duration::from_secs(10))
        .expect("everything ends within 10 s of Ctrl-C");
    assert!(status.success(), "{status}: {}", demo.log());
    assert!(began.elapsed() < Duration::from_secs(10));
    for port in PORTS {
        assert!(ports::is_free(port), "something still listens on {port}");
    }
}

fn visit(authority: &CertificateDer<'_>) {
    let fresh = || Client::new(authority);
    let [verify, admin, public] =
        ["verify", "admin", "public"].map(|host| format!("https://{host}.localhost:8443/"));

    let open = fresh().get_with(&public, &JSON);
    assert_eq!(
        (open.status, &open.json()["assertion"]["verified"]),
        (200, &true.into()),
        "{}",
        open.text()
    );
    assert_eq!(fresh().get_with(&verify, &XHR).status, 401);
    assert_eq!(fresh().get(&verify).status, 302);

    let mut refused = fresh();
    let page = refused.login(&verify, "user@example.com", "wrong");
    assert!(
        page.url.as_str().starts_with("http://127.0.0.1:9080/"),
        "{}",
        page.url
    );
    assert_eq!(refused.get(&verify).status, 302);

    let mut user = fresh();
    let page = user.login(&verify, "user@example.com", "portcullis");
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("user@example.com") && page.text().contains("verified"),
        "{}",
        page.text()
    );
    let seen = user.get_with(
        &verify,
        &[JSON[0], ("x-pomerium-made-up", "forged"), ("x-email", "forged")],
    );
    let facts = seen.json();
    assert_eq!(facts["assertion"]["verified"], true, "{facts}");
    assert_eq!(facts["assertion"]["claims"]["email"], "user@example.com");
    assert_eq!(facts["headers"]["x-email"], "user@example.com");
    assert!(
        !seen.text().contains("_pomerium") && !seen.text().contains("forged"),
        "{}",
        seen.text()
    );
    let denied = user.open(&admin);
    assert_eq!(denied.status, 403);
    let body = user.get_with(&admin, &JSON).json();
    assert!(
        body["decision_id"].as_str().is_some_and(|id| id.len() == 36),
        "{body}"
    );

    let mut administrator = fresh();
    assert_eq!(
        administrator
            .login(&admin, "admin@example.com", "portcullis")
            .status,
        200
    );
    let facts = administrator.get_with(&admin, &JSON).json();
    assert_eq!(
        facts["assertion"]["claims"]["groups"],
        serde_json::json!(["admins"]),
        "{facts}"
    );
}

fn second_start_is_refused(directory: &Path) {
    let log = directory.join("second");
    let mut second = demo(&log);
    let status = second
        .wait(Duration::from_secs(20))
        .expect("a second demo ends at once");
    assert_eq!(status.code(), Some(1));
    let said = second.log();
    assert!(
        said.contains("port 8443 is in use") && said.lines().count() == 1,
        "{said}"
    );
}
