//! Sessions from the command line: `portcullis sessions` over the admin socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_harness::gateway::portcullis;
use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::wait::{poll, until};
use portcullis_harness::{Client, Site};
use serde_json::Value;

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
";

/// What a revocation may take to be everywhere.
const SOON: Duration = Duration::from_secs(1);

/// What a command said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `portcullis sessions` where the run directories of `directory` are found.
fn sessions(directory: &Path, arguments: &[&str]) -> Said {
    let mut command = portcullis();
    command.arg("sessions").args(arguments);
    command.current_dir(directory).env("TMPDIR", directory);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = Said {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    };
    // Every token of the provider is a JWT or of its own making; no command prints one.
    for forbidden in ["eyJ", "_pomerium", "refresh-", "access-"] {
        assert!(!said.out.contains(forbidden), "{}", said.out);
        assert!(!said.err.contains(forbidden), "{}", said.err);
    }
    said
}

/// The same, of the instance that runs the configuration there, and with success.
fn done(directory: &Path, arguments: &[&str]) -> String {
    let mut all = arguments.to_vec();
    all.extend(["-c", "config.yaml"]);
    let said = sessions(directory, &all);
    assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
    assert_eq!(said.err, "", "{arguments:?}");
    said.out
}

fn listed(directory: &Path, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["list", "--format", "json"];
    all.extend(arguments);
    let document: Value = serde_json::from_str(&done(directory, &all)).unwrap();
    assert_eq!(
        (&document["more"], &document["unreadable"]),
        (&false.into(), &0.into())
    );
    document["sessions"].as_array().unwrap().clone()
}

fn emails(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let mut emails: Vec<String> = listed(directory, arguments)
        .iter()
        .map(|row| row["email"].as_str().unwrap().to_owned())
        .collect();
    emails.sort();
    emails
}

#[track_caller]
fn is_sent_to_login_soon(client: &mut Client, url: &str, since: Instant) {
    let rest = SOON.saturating_sub(since.elapsed());
    let refused = poll(rest, || (client.get(url).status == 302).then_some(()));
    assert!(refused.is_some(), "the session still counts after {SOON:?}");
}

#[track_caller]
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap()
}

#[test]
fn who_is_logged_in_is_listed_shown_and_ended() {
    let mut site = Site::start(ROUTES);
    let here = site.directory().to_owned();
    let url = site.url("app", "/");
    assert_eq!(done(&here, &["list"]), "no sessions\n");
    let (mut admin, mut user) = (site.client(), site.client());
    assert_eq!(admin.login(&url, "admin@example.com", PASSWORD).status, 200);
    assert_eq!(user.login(&url, "user@example.com", PASSWORD).status, 200);

    let text = done(&here, &["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("ID ") && lines[0].ends_with("LAST REFRESHED"));
    // The last to come stands first.
    assert!(lines[1].contains("user@example.com") && lines[2].contains("admin@example.com"));
    let rows = listed(&here, &["--user", "ADMIN@example.com"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["user_id"], &rows[0]["state"]),
        (&"id-of-admin".into(), &"live".into())
    );
    let id = rows[0]["id"].as_str().unwrap();
    let shown: Value = serde_json::from_str(&done(&here, &["show", id, "--format", "json"])).unwrap();
    assert_eq!(shown["claims"]["groups"], serde_json::json!(["admins", "staff"]));
    assert_eq!(shown["name"], "Ada Admin");
    let text = done(&here, &["show", id]);
    assert!(text.contains(r#"groups: ["admins","staff"]"#), "{text}");
    let cookies = admin.cookies("app.example.test");
    let cookies: Vec<_> = cookies
        .iter()
        .filter(|(name, value)| name.contains("_pomerium") && !value.is_empty())
        .collect();
    assert!(!cookies.is_empty());
    for (name, value) in cookies {
        assert!(!text.contains(value), "{name}");
    }

    let tried = done(&here, &["revoke", "--user", "admin@example.com", "--dry-run"]);
    assert_eq!(last_line(&tried), "would revoke 1 session");
    assert_eq!(admin.get(&url).status, 200);
    let since = Instant::now();
    let revoked = done(&here, &["revoke", "--user", "admin@example.com"]);
    is_sent_to_login_soon(&mut admin, &url, since);
    let provider = rows[0]["provider_id"].as_str().unwrap();
    assert_eq!(
        revoked,
        format!(
            "revoked {id}  admin@example.com  user id id-of-admin  provider {provider}\nrevoked 1 session\n"
        )
    );
    assert_eq!(admin.get(&site.url("other", "/")).status, 302);
    assert_eq!(user.get(&url).status, 200);
    assert_eq!(emails(&here, &[]), ["user@example.com"]);

    let uid = std::fs::metadata(&here).unwrap().uid();
    let log = site.gateway.log();
    let line = log
        .lines()
        .find(|line| line.contains("a session was revoked at the admin socket"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["level"], &line["user_id"]),
        (&"INFO".into(), &"id-of-admin".into())
    );
    assert_eq!(
        (&line["session"], &line["uid"]),
        (&rows[0]["log_name"], &uid.into())
    );
    assert!(!line.to_string().contains(id));

    let gone = sessions(&here, &["-c", "config.yaml", "show", id]);
    assert_eq!(
        gone.code,
        Some(2),
        "options stand after the command: {}",
        gone.err
    );
    let gone = sessions(&here, &["show", id, "-c", "config.yaml"]);
    assert_eq!(
        (gone.code, gone.err),
        (Some(1), format!("error: there is no session `{id}`\n"))
    );
    site.gateway.stop();
}

#[test]
fn a_selection_ends_those_and_no_others() {
    let site = Site::start(ROUTES);
    let here = site.directory();
    let url = site.url("app", "/");
    let login = |email: &str| {
        let mut client = site.client();
        assert_eq!(client.login(&url, email, PASSWORD).status, 200);
        client
    };
    let (mut admin, mut user) = (login("admin@example.com"), login("user@example.com"));
    let newest = &listed(here, &[])[0];
    let before = newest["issued_at"].as_str().unwrap();
    let again = login("user@example.com");
    assert_eq!(emails(here, &["--before", before]), ["admin@example.com"]);
    assert_eq!(emails(here, &["--before", "1h"]), [""; 0]);
    assert_eq!(emails(here, &["--before", "2099-01-01"]).len(), 3);
    assert_eq!(emails(here, &["--provider", "none"]), [""; 0]);
    let cut = sessions(here, &["list", "--limit", "2", "-c", "config.yaml"]);
    assert_eq!((cut.code, cut.out.lines().count()), (Some(0), 3));
    assert!(
        cut.err.starts_with("note: there are more than these 2;"),
        "{}",
        cut.err
    );

    let since = Instant::now();
    let out = done(here, &["revoke", "--subject", "id-of-user", "--before", before]);
    assert_eq!(out, "revoked 0 sessions\n");
    let out = done(here, &["revoke", "--before", before]);
    assert_eq!(last_line(&out), "revoked 1 session");
    is_sent_to_login_soon(&mut admin, &url, since);
    assert_eq!(user.get(&url).status, 200);

    let since = Instant::now();
    let out = done(here, &["revoke", "--subject", "id-of-user"]);
    assert_eq!(last_line(&out), "revoked 2 sessions");
    for mut client in [user, again] {
        is_sent_to_login_soon(&mut client, &url, since);
    }

    let _both = (login("admin@example.com"), login("user@example.com"));
    let rows = listed(here, &["--user", "id-of-admin"]);
    let id = rows[0]["id"].as_str().unwrap();
    let unknown = "0195a000-a000-7000-8000-00000000a01a";
    let some = sessions(here, &["revoke", unknown, id, "-c", "config.yaml"]);
    assert_eq!((some.code, last_line(&some.out)), (Some(1), "revoked 1 session"));
    assert_eq!(some.err, format!("error: there is no session `{unknown}`\n"));
    let nothing = sessions(here, &["revoke", "-c", "config.yaml"]);
    assert_eq!(nothing.code, Some(2));
    assert_eq!(emails(here, &[]), ["user@example.com"]);
    assert_eq!(last_line(&done(here, &["revoke", "--all"])), "revoked 1 session");
    assert_eq!(done(here, &["list"]), "no sessions\n");
}

#[test]
fn the_socket_is_private_named_and_goes_with_the_process() {
    let mut site = Site::start(ROUTES);
    let here = site.directory().to_owned();
    let status = site.gateway.status();
    let socket = Path::new(status["admin_socket"].as_str().unwrap()).to_owned();
    let ready = site.gateway.log();
    let ready = ready.lines().find(|line| line.contains(r#""message":"ready""#));
    let ready: Value = serde_json::from_str(ready.unwrap()).unwrap();
    assert_eq!(ready["admin_socket"], status["admin_socket"]);
    let made = std::fs::metadata(&socket).unwrap();
    assert_eq!(made.mode() & 0o7777, 0o600);
    let directory = std::fs::metadata(socket.parent().unwrap()).unwrap();
    assert_eq!(directory.mode() & 0o7777, 0o700);

    let named = socket.to_str().unwrap();
    let said = sessions(Path::new("/"), &["list", "--admin-socket", named]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "no sessions\n"));
    let mut command = portcullis();
    command
        .args(["sessions", "list"])
        .env("PORTCULLIS_ADMIN_SOCKET", named);
    assert!(command.output().unwrap().status.success());

    let pid = site.gateway.process().id();
    assert!(site.gateway.stop().success());
    assert!(!socket.exists(), "process {pid}");
    let said = sessions(&here, &["list", "--admin-socket", named]);
    let start = format!("error: no instance answers at `{named}`: ");
    assert!(
        said.code == Some(1) && said.err.starts_with(&start),
        "{}",
        said.err
    );
    let said = sessions(&here, &["list", "-c", "config.yaml"]);
    let config = here.join("config.yaml");
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.starts_with("error: no instance of this user runs `config.yaml` here; name its socket by --admin-socket or PORTCULLIS_ADMIN_SOCKET"),
        "{}: {}",
        config.display(),
        said.err
    );
}

#[test]
fn with_the_roles_apart_a_word_to_any_of_them_counts_for_all() {
    let plan = Plan {
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let mut roles = Roles::start(&plan);
    let here = roles.directory().to_owned();
    let url = roles.url("app", "/");
    let mut admin = roles.client();
    assert_eq!(admin.login(&url, "admin@example.com", PASSWORD).status, 200);

    // `-c` means the control plane: the authz-servers have no file.
    let since = Instant::now();
    let out = done(&here, &["revoke", "--user", "admin@example.com"]);
    assert_eq!(last_line(&out), "revoked 1 session");
    is_sent_to_login_soon(&mut admin, &url, since);
    for _ in 0..10 {
        assert_eq!(admin.get(&url).status, 302, "by whichever authz-server");
    }

    let mut admin = roles.client();
    assert_eq!(admin.login(&url, "admin@example.com", PASSWORD).status, 200);
    let socket = roles.authz[1].status()["admin_socket"]
        .as_str()
        .unwrap()
        .to_owned();
    let since = Instant::now();
    let said = sessions(
        &here,
        &["revoke", "--subject", "id-of-admin", "--admin-socket", &socket],
    );
    assert_eq!(
        (said.code, last_line(&said.out)),
        (Some(0), "revoked 1 session"),
        "{}",
        said.err
    );
    is_sent_to_login_soon(&mut admin, &url, since);
    for _ in 0..10 {
        assert_eq!(admin.get(&url).status, 302, "by whichever authz-server");
    }
    assert!(
        roles.authz[1]
            .log()
            .contains("a session was revoked at the admin socket")
    );

    // Which is meant has to be said.
    let several = sessions(&here, &["revoke", "--all"]);
    assert_eq!((several.code, several.out.as_str()), (Some(1), ""));
    assert!(
        several
            .err
            .contains("instances of this user run here; name one by --admin-socket"),
        "{}",
        several.err
    );
    let place = here.canonicalize().unwrap();
    for (role, file) in [
        ("control-plane", place.join("config.yaml").display().to_string()),
        ("authz-server", "no configuration file".to_owned()),
    ] {
        let line = format!(", {role}, {file}: {}/portcullis-", place.display());
        assert!(several.err.contains(&line), "{line}\n{}", several.err);
    }

    // One that has lost its control plane says so.
    roles.control_plane.kill();
    until("the store is known to be away", || {
        let said = sessions(&here, &["list", "--admin-socket", &socket]);
        said.code == Some(1) && said.err.starts_with("error: the store is unavailable: ")
    });
    // What the killed one left behind is no hindrance.
    let said = sessions(&here, &["list", "-c", "config.yaml"]);
    assert!(
        said.code == Some(1)
            && said
                .err
                .starts_with("error: no instance of this user runs `config.yaml` here"),
        "{}",
        said.err
    );
    roles.control_plane.start();
    assert_eq!(done(&here, &["list"]), "no sessions\n");
}
