//! One gateway: each key is replaced while a browser stays signed in.

use std::process::Stdio;

use portcullis_harness::wait::until;

use super::*;

#[test]
fn each_key_is_replaced_and_nobody_is_signed_out() {
    let files = KeyFiles::new();
    let mut site = site(&files);
    let socket = socket_of(&site.gateway.status());
    let jwks = site.url("app", "/.well-known/pomerium/jwks.json");
    let mut early = login(site.client(), &site.url("app", "/?mark=start"));
    let mut shown = Vec::new();
    let mut secrets = files.secrets();
    let before = status(&socket);
    assert_eq!(before["store"], "first");
    assert_eq!(before["authz_servers"][0]["has_keys"], true);
    assert_eq!(
        kid_of(&site.upstream, "mark=start"),
        fingerprints(&before, "signing-key")[0]
    );

    for name in NAMES {
        let mut rotating = command(&["rotate", name, "--publish-for", "1s", "--admin-socket", &socket])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // An upstream that reads the key set between the steps.
        let mut between = Vec::new();
        if name == "signing-key" {
            let mut upstream = site.client();
            until("the new key is published", || {
                between = published(&mut upstream, &jwks);
                between.len() == 2
            });
            assert_eq!(
                kids(&between)[0],
                fingerprints(&before, name)[0],
                "the old one signs still"
            );
        }
        let output = {
            let still = rotating.try_wait().unwrap();
            assert!(name != "signing-key" || still.is_none(), "it waits for upstreams");
            rotating.wait_with_output().unwrap()
        };
        let word = done(&output);
        assert!(
            word.starts_with(&format!(
                "{name}: the new key is in use; 1 former key is still good\n"
            )),
            "{word}"
        );
        let steps = text(&output.stderr);
        assert!(
            steps.starts_with("the new key is in the file, as the last one\nthe authz-server knows it\n"),
            "{steps}"
        );
        assert_eq!(
            steps.contains("it is published, and in use in 1s, "),
            name == "signing-key",
            "{steps}"
        );
        shown.push(said(&output));

        let now = status(&socket);
        let (old, new) = (fingerprints(&before, name), fingerprints(&now, name));
        assert_eq!((new.len(), &new[1]), (2, &old[0]), "{name}: the former one stays");
        let page = early.get(&site.url("app", &format!("/?mark={name}")));
        assert_eq!(page.status, 200, "{name}: still signed in");
        let claims = site.assertion("app", &format!("mark={name}"));
        assert_eq!(claims["email"], "user@example.com");
        if name == "signing-key" {
            assert_eq!(
                kid_of(&site.upstream, "mark=signing-key"),
                new[0],
                "the new key signs"
            );
            assert_eq!(kids(&between)[1], new[0], "whoever read the set between knows it");
            let after = published(&mut site.client(), &jwks);
            assert!(between.iter().all(|key| after.contains(key)));
        }
    }
    let mut late = login(site.client(), &site.url("app", "/?mark=late"));
    secrets.extend(files.secrets());

    // What was sealed a moment ago may still be needed, and that is said.
    for name in NAMES {
        let why = refused(&keys_at(&socket, &["rotate", name, "--retire"]));
        assert!(why.contains("the former keys may still be needed"), "{why}");
        assert!(why.contains("or say --force: then "), "{why}");
    }
    until("the store is under the new secret", || {
        status(&socket)["store"] == "first"
    });
    for name in NAMES {
        let output = keys_at(&socket, &["rotate", name, "--retire", "--force"]);
        assert_eq!(done(&output), format!("{name}: 1 former key dropped\n"));
        assert_eq!(fingerprints(&status(&socket), name).len(), 1, "{name}");
        assert_eq!(late.get(&site.url("app", "/")).status, 200, "{name}");
        // By force: who signed in before the rotation is asked again.
        let early = early.get(&site.url("app", "/")).status;
        assert_eq!(early, 302, "{name}: the cookie's secret goes first");
        let again = keys_at(&socket, &["rotate", name, "--retire"]);
        assert_eq!(done(&again), format!("{name}: there is no former key\n"));
    }

    // What is in the files is what a start needs.
    site.gateway.restart();
    assert_eq!(late.get(&site.url("app", "/?mark=again")).status, 200);
    assert_eq!(site.assertion("app", "mark=again")["email"], "user@example.com");
    secrets.extend(files.secrets());
    shown.push(site.gateway.log());
    shown.push(site.gateway.status().to_string());
    show_none_of(&secrets, &shown);
    assert_eq!(listed(files.directory.path()), NAMES, "nothing is left over");
}

#[test]
fn a_replacement_goes_on_when_nobody_watches_it() {
    let files = KeyFiles::new();
    let site = site(&files);
    let socket = socket_of(&site.gateway.status());
    let before = fingerprints(&status(&socket), "signing-key");
    let mut rotating = command(&[
        "rotate",
        "signing-key",
        "--publish-for",
        "3s",
        "--admin-socket",
        &socket,
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    until("it waits for upstreams", || {
        status(&socket)["work"]["remaining"].is_u64()
    });
    rotating.kill().unwrap();
    rotating.wait().unwrap();
    let second = refused(&keys_at(&socket, &["rotate", "cookie-secret"]));
    assert!(
        second.contains("another replacement of a key is under way"),
        "{second}"
    );
    // By its configuration file, in place of its socket.
    let config = site.gateway.config_path();
    let mut by_file = command(&["status", "-c", config.to_str().unwrap()]);
    let shown = done(&by_file.env("TMPDIR", site.directory()).output().unwrap());
    assert!(
        shown.contains("rotating signing-key: the new key is in use in "),
        "{shown}"
    );
    until("the new key signs", || {
        let now = fingerprints(&status(&socket), "signing-key");
        now.len() == 2 && now[1] == before[0]
    });
    until("it is said to be done", || {
        done(&keys_at(&socket, &["status"])).contains("last: rotated signing-key\n")
    });
}
