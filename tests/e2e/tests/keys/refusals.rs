//! What cannot be done changes nothing, and says what to do instead.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn keys_that_are_in_no_file_of_ours_are_replaced_where_they_are() {
    // As Kubernetes mounts a secret: links to a directory that it swaps.
    let mount = tempfile::tempdir().unwrap();
    let dated = mount.path().join("..2026_11_22_10_00_00.1");
    fs::create_dir(&dated).unwrap();
    fs::write(dated.join("shared"), SHARED).unwrap();
    symlink("..2026_11_22_10_00_00.1", mount.path().join("..data")).unwrap();
    let shared = mount.path().join("shared");
    symlink("..data/shared", &shared).unwrap();
    let site = Site::start_with(&format!("shared_secret_file: {}", shared.display()), ROUTES);
    let socket = socket_of(&site.gateway.status());
    let before = status(&socket);
    assert_eq!(before["store"], "memory");

    let inline = refused(&keys_at(&socket, &["rotate", "cookie-secret"]));
    assert!(
        inline.starts_with("error: `cookie_secret` stands at config.yaml:"),
        "{inline}"
    );
    for step in [
        "1. cookie_secret: [OLD, NEW]",
        "2. cookie_secret: [NEW, OLD]",
        "3. cookie_secret: [NEW]",
    ] {
        assert!(inline.contains(step), "{inline}");
    }
    let kept = refused(&keys_at(&socket, &["rotate", "shared-secret"]));
    assert!(kept.contains("Kubernetes keeps it"), "{kept}");
    assert!(kept.contains("1. OLD,NEW"), "{kept}");
    let derived = refused(&keys_at(&socket, &["rotate", "signing-key"]));
    assert!(
        derived.contains("`portcullis keys rotate shared-secret` replaces both"),
        "{derived}"
    );
    let shown = done(&keys_at(&socket, &["status"]));
    assert!(
        shown.contains("signing_key: derived from shared_secret\n"),
        "{shown}"
    );
    assert!(shown.contains("last: rotating signing-key failed: "), "{shown}");

    assert_eq!(status(&socket)["keys"], before["keys"]);
    assert_eq!(fs::read_to_string(&shared).unwrap(), SHARED);
}

#[test]
fn a_refused_configuration_has_the_file_put_back() {
    let files = KeyFiles::new();
    let site = site(&files);
    let socket = socket_of(&site.gateway.status());
    // The next reading will be refused, whatever the keys are.
    let before = files.text("cookie-secret");
    site.gateway
        .edit("cookie_secret_file:", "log_level: [loud]\ncookie_secret_file:");
    let why = refused(&keys_at(&socket, &["rotate", "cookie-secret"]));
    assert!(why.contains(" refused"), "{why}");
    assert_eq!(files.text("cookie-secret"), before);
    assert_eq!(fingerprints(&status(&socket), "cookie-secret").len(), 1);
}

#[test]
fn without_an_instance_only_new_keys_are_to_be_had() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = directory.path().join("admin.sock");
    let why = refused(&keys_at(nobody.to_str().unwrap(), &["status"]));
    assert!(why.contains("no instance answers at "), "{why}");
    let new = |name: &str| done(&keys(&["generate", name]));
    assert_ne!(new("cookie-secret"), new("cookie-secret"));
    assert_eq!(
        new("cookie-secret").trim().len(),
        new("cookie-secret").len(),
        "no line end"
    );
    let pem = new("signing-key");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));
    let path = directory.path().join("key");
    let to_file = ["generate", "signing-key", "--output", path.to_str().unwrap()];
    assert_eq!(done(&keys(&to_file)), "");
    let again = refused(&keys(&to_file));
    assert!(
        again.contains("is there already, and is not overwritten"),
        "{again}"
    );
    assert_eq!(keys(&["generate", "tls"]).status.code(), Some(2));
}
