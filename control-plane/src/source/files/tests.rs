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
    assert_eq!(one.files.keys().collect::<Vec<_>>(), [source.path()]);
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
