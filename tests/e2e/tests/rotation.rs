//! Secrets and signing keys replaced under people who are signed in, by the three
//! edits of the operator's handbook: the new one as second, then as first, then
//! alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Site};
use serde_json::Value;

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

const AT_REST: &str =
    "databroker_storage_type: file\ndatabroker_storage_connection_string: file://{dir}/state.redb";

/// What every site begins with, and what takes their place.
const OLD: [&str; 2] = [
    "shared_secret: c2hhcmVkLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=",
    "cookie_secret: Y29va2llLXNlY3JldC1vZi10aGUtdGVzdHMtMzJieXQ=",
];
const NEW: [&str; 2] = [
    "bmV3LXNoYXJlZC1zZWNyZXQtb2YtdGhlLXRlc3RzLTM=",
    "bmV3LWNvb2tpZS1zZWNyZXQtb2YtdGhlLXRlc3RzLTM=",
];

/// The three edits, as pairs of what stands there and what takes its place.
fn edits() -> [[(String, String); 2]; 3] {
    let edit = |number: usize| {
        let (key, old) = OLD[number].split_once(": ").unwrap();
        let new = NEW[number];
        let states = [
            format!("{key}: {old}"),
            format!("{key}: [{old}, {new}]"),
            format!("{key}: [{new}, {old}]"),
            format!("{key}: {new}"),
        ];
        let pair = |at: usize| (states[at].clone(), states[at + 1].clone());
        [pair(0), pair(1), pair(2)]
    };
    let ([a, b, c], [d, e, f]) = (edit(0), edit(1));
    [[a, d], [b, e], [c, f]]
}

/// The ids of the published keys, the one that signs first.
fn kids(client: &mut Client, url: &str) -> Vec<String> {
    let jwks: Value = client.get(url).json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn login(mut client: Client, url: &str) -> Client {
    let page = client.login(url, "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

/// The upstream got an assertion of the user, by a published key.
#[track_caller]
fn upstream_verified(claims: &Value) {
    assert_eq!(claims["email"], "user@example.com");
}

/// Whether each step publishes what it must: `old` alone, both, both turned, `new` alone.
fn are_the_keys_of_a_rotation(seen: &[Vec<String>]) {
    let [before, both, turned, after] = seen else {
        panic!("{seen:?}")
    };
    let (old, new) = (before[0].clone(), after[0].clone());
    assert_ne!(old, new);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(*both, [old.clone(), new.clone()]);
    assert_eq!(*turned, [new, old]);
}

#[test]
fn nobody_is_signed_out_while_the_secrets_are_replaced() {
    let mut site = Site::start_with(AT_REST, ROUTES);
    let jwks = site.url("app", "/.well-known/pomerium/jwks.json");
    let mut early = login(site.client(), &site.url("app", "/?mark=before"));
    upstream_verified(&site.assertion("app", "mark=before"));
    let mut seen = vec![kids(&mut site.client(), &jwks)];

    let [add, turn, drop] = edits();
    let edit = |site: &Site, step: &[(String, String); 2]| {
        // Both at once: an operator saves the file once.
        let path = site.gateway.config_path();
        let mut config = std::fs::read_to_string(path).unwrap();
        for (from, to) in step {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        site.gateway.write_config(&config);
    };
    for (name, step) in [("add", &add), ("turn", &turn)] {
        edit(&site, step);
        let before = seen.last().unwrap().clone();
        until("the edit takes effect", || {
            kids(&mut site.client(), &jwks) != before
        });
        seen.push(kids(&mut site.client(), &jwks));
        let page = early.get(&site.url("app", &format!("/?mark={name}")));
        assert_eq!(page.status, 200, "signed in before, and still: {name}");
        upstream_verified(&site.assertion("app", &format!("mark={name}")));
    }

    // A session of the second step, and a login that is on its way over the third.
    let mut late = login(site.client(), &site.url("app", "/?mark=late"));
    edit(&site, &drop);
    until("the edit takes effect", || {
        kids(&mut site.client(), &jwks).len() == 1
    });
    seen.push(kids(&mut site.client(), &jwks));
    are_the_keys_of_a_rotation(&seen);
    assert_eq!(late.get(&site.url("app", "/?mark=drop")).status, 200);
    upstream_verified(&site.assertion("app", "mark=drop"));
    // Only who waited less than `cookie_expire` is asked again.
    assert_eq!(early.get(&site.url("app", "/")).status, 302);

    // The sessions at rest have moved along: a start that knows the new one alone
    // reads them.
    until("the store is under the new secret", || {
        site.gateway
            .log()
            .contains("now sealed with another shared secret")
    });
    site.gateway.restart();
    assert_eq!(late.get(&site.url("app", "/?mark=again")).status, 200);
    upstream_verified(&site.assertion("app", "mark=again"));
    for secret in [OLD[0], OLD[1]]
        .map(|line| line.split_once(": ").unwrap().1)
        .iter()
        .chain(&NEW)
    {
        assert!(!site.gateway.log().contains(secret), "a secret is in the log");
    }
}

#[test]
fn a_start_with_both_secrets_reads_what_the_former_one_sealed() {
    let mut site = Site::start_with(AT_REST, ROUTES);
    let mut client = login(site.client(), &site.url("app", "/"));
    let [add, turn, drop] = edits();
    site.gateway.stop();
    for step in [add, turn] {
        for (from, to) in step {
            site.gateway.edit(&from, &to);
        }
    }
    site.gateway.start_again();
    assert_eq!(client.get(&site.url("app", "/")).status, 200);
    site.gateway.stop();
    // The cookie's secret stays; the store no longer needs the former one.
    let [(from, to), _] = drop;
    site.gateway.edit(&from, &to);
    site.gateway.start_again();
    assert_eq!(client.get(&site.url("app", "/")).status, 200);
}

#[test]
fn the_roles_apart_keep_talking_while_the_secrets_are_replaced() {
    let mut roles = Roles::start(&Plan::of(ROUTES));
    let jwks = roles.url("app", "/.well-known/pomerium/jwks.json");
    let mut early = login(roles.client(), &roles.url("app", "/?mark=before"));
    upstream_verified(&roles.assertion("app", "mark=before"));
    let mut seen = vec![kids(&mut roles.client(), &jwks)];
    let connected = |roles: &Roles| roles.authz[0].status()["control_plane"]["connected"] == true;

    let [add, turn, drop] = edits();
    for (name, step) in [("add", &add), ("turn", &turn)] {
        for (from, to) in step {
            roles.edit(from, to);
        }
        let before = seen.last().unwrap().clone();
        until("the edits take effect", || {
            let now = kids(&mut roles.client(), &jwks);
            now != before && connected(&roles)
        });
        seen.push(kids(&mut roles.client(), &jwks));
        assert_eq!(
            early.get(&roles.url("app", &format!("/?mark={name}"))).status,
            200
        );
        upstream_verified(&roles.assertion("app", &format!("mark={name}")));
        // Each of them may start again at any step: the authz-server knows the old
        // secret alone, and the control plane takes it still.
        roles.authz[0].kill();
        roles.authz[0].start();
        roles.control_plane.kill();
        roles.control_plane.start();
        until("they talk again", || connected(&roles));
        until("the session is known again", || {
            early.get(&roles.url("app", "/")).status == 200
        });
    }

    // Envoy's bootstrap is printed anew while both are good.
    roles.envoy.kill();
    roles.start_envoy();
    until("Envoy is back", || {
        early.get(&roles.url("app", "/")).status == 200
    });
    let mut late = login(roles.client(), &roles.url("app", "/"));
    for (from, to) in &drop {
        roles.edit(from, to);
    }
    until("the edits take effect", || {
        kids(&mut roles.client(), &jwks).len() == 1
    });
    seen.push(kids(&mut roles.client(), &jwks));
    are_the_keys_of_a_rotation(&seen);
    // The running authz-server has learnt the new secret from the feed.
    roles.control_plane.kill();
    roles.control_plane.start();
    until("they talk again", || connected(&roles));
    until("the session lives on", || {
        late.get(&roles.url("app", "/?mark=after")).status == 200
    });
    assert_eq!(early.get(&roles.url("app", "/")).status, 302);
}
