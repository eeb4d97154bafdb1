//! The roles apart: no request fails while keys are replaced.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use portcullis_harness::roles::{Plan, Roles};

use super::*;

#[test]
fn no_request_fails_while_each_key_is_replaced() {
    let files = KeyFiles::new();
    let globals = files.globals();
    let plan = Plan {
        globals: &globals,
        authz_servers: 2,
        ..Plan::of(ROUTES)
    };
    let roles = Roles::start(&plan);
    let socket = socket_of(&roles.control_plane.status());
    let url = roles.url("app", "/");
    let clients: Vec<Client> = (0..2).map(|_| login(roles.client(), &url)).collect();

    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for mut client in clients {
            let (over, sent, url) = (&over, &sent, &url);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let page = client.get(url);
                    assert_eq!(page.status, 200, "{}", page.text());
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let rotate = || {
            for name in NAMES {
                let output = keys_at(&socket, &["rotate", name, "--publish-for", "1s"]);
                let word = done(&output);
                assert!(
                    word.contains("the new key is in use; 1 former key is still good"),
                    "{word}"
                );
                let steps = text(&output.stderr);
                assert!(steps.contains("all 2 authz-servers know it\n"), "{steps}");
                // Sealed with the new one, and opened by whichever server is asked.
                let mut fresh = login(roles.client(), &url);
                for _ in 0..4 {
                    assert_eq!(fresh.get(&url).status, 200, "{name}");
                }
            }
        };
        let rotated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(rotate));
        over.store(true, Ordering::Relaxed);
        rotated.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
    assert!(sent.load(Ordering::Relaxed) > 10, "requests were sent meanwhile");

    let now = status(&socket);
    let servers = now["authz_servers"].as_array().unwrap();
    assert_eq!(servers.len(), 2);
    assert!(servers.iter().all(|server| server["has_keys"] == true), "{now:#}");
    // Whoever only knows the former one by other ways must be seen to first.
    let drop = ["rotate", "shared-secret", "--retire", "--force"];
    let why = refused(&keys_at(&socket, &drop));
    assert!(
        why.contains("Envoy whose bootstrap is from before") && why.contains("say --yes"),
        "{why}"
    );
    let word = done(&keys_at(&socket, &[&drop[..], &["--yes"]].concat()));
    assert_eq!(word, "shared-secret: 1 former key dropped\n");

    // An authz-server has no keys of its own to change.
    let other = socket_of(&roles.authz[0].status());
    let why = refused(&keys_at(&other, &["rotate", "cookie-secret"]));
    assert!(
        why.contains("learns its keys from its control plane: ask that one"),
        "{why}"
    );
}
