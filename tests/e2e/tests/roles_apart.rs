//! The roles apart, at bad moments: authz-servers that are cut off from the control
//! plane while sessions end, state that is another's, and routes that change while
//! processes die.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::roles::{Plan, Roles};
use portcullis_harness::wait::until;
use portcullis_harness::{Client, Response};

const ROUTES: &str = "
- from: https://app.example.test:{port}
  to: '{upstream}'
  allow_any_authenticated_user: true
";

/// Two authz-servers that can be cut off.
fn two() -> Roles {
    Roles::start(&Plan {
        authz_servers: 2,
        relayed: true,
        ..Plan::of(ROUTES)
    })
}

fn user(roles: &Roles) -> Client {
    let mut user = roles.client();
    let page = user.login(&roles.url("app", "/"), "user@example.com", PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    user
}

/// `authorize_service_urls` as they are now.
fn urls(roles: &Roles) -> String {
    let config = std::fs::read_to_string(roles.directory().join("config.yaml")).unwrap();
    let line = config
        .lines()
        .find(|line| line.starts_with("authorize_service_urls"));
    line.unwrap().to_owned()
}

/// Lets Envoy ask the authz-server of this number alone. `all` are the URLs that
/// the site began with.
fn ask_only(roles: &Roles, all: &str, number: usize) {
    let (_, list) = all.split_once('[').unwrap();
    let one = list.trim_end_matches(']').split(", ").nth(number).unwrap();
    let asked = |roles: &Roles| {
        let metrics = roles.authz[1 - number].metrics();
        let sum = |line: &&str| line.starts_with("portcullis_decisions_total");
        let counts = metrics.lines().filter(sum);
        counts
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum::<u64>()
    };
    roles.edit(&urls(roles), &format!("authorize_service_urls: [{one}]"));
    until("Envoy asks one alone", || {
        let before = asked(roles);
        for _ in 0..20 {
            roles.client().get(&roles.url("app", "/"));
        }
        asked(roles) == before
    });
}

fn cut_off(roles: &Roles, number: usize) {
    roles.relays[number].cut();
    until("it notices", || {
        roles.authz[number].status()["control_plane"]["connected"] == false
    });
}

/// Waits until both are connected and follow the sessions.
fn until_both_know_the_store(roles: &Roles) {
    until("both are back", || {
        roles.authz.iter().all(|authz| {
            let status = authz.status();
            status["control_plane"]["connected"] == true && status["sessions"]["connected"] == true
        })
    });
}

fn get(roles: &Roles, client: &mut Client) -> Response {
    client.get(&roles.url("app", "/"))
}

/// The session is refused by whoever is asked, and from then on.
fn is_refused_soon(roles: &Roles, client: &mut Client) {
    until("the session is refused", || {
        (0..4).all(|_| get(roles, client).status == 302)
    });
    for _ in 0..20 {
        assert_eq!(get(roles, client).status, 302);
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_was_cut_off_when_a_session_ended_refuses_it_once_it_is_back() {
    let roles = two();
    let all = urls(&roles);
    let mut user = user(&roles);
    let mut copy = user.clone();
    cut_off(&roles, 0);
    ask_only(&roles, &all, 1);
    user.sign_out(&roles.url("app", "/.pomerium/sign_out"));
    assert_eq!(get(&roles, &mut copy).status, 302);
    ask_only(&roles, &all, 0);
    // It cannot know. This is what its `--state-max-staleness` is for.
    assert_eq!(get(&roles, &mut copy).status, 200);
    roles.relays[0].mend();
    is_refused_soon(&roles, &mut copy);
}

#[test]
fn a_session_that_ends_where_nobody_else_is_told_stays_ended_and_is_told_later() {
    let roles = two();
    let all = urls(&roles);
    let mut user = user(&roles);
    let mut copy = user.clone();
    cut_off(&roles, 0);
    ask_only(&roles, &all, 0);
    let answer = user.sign_out(&roles.url("app", "/.pomerium/sign_out"));
    assert_eq!(answer.status, 503, "it says that not everybody knows");
    assert_eq!(get(&roles, &mut copy).status, 302, "here at once");
    roles.relays[0].mend();
    ask_only(&roles, &all, 1);
    until("the others are told", || get(&roles, &mut copy).status == 302);
    for number in [0, 1] {
        ask_only(&roles, &all, number);
        assert_eq!(get(&roles, &mut copy).status, 302);
    }
}

#[test]
fn sessions_of_a_store_that_is_gone_are_refused() {
    let mut roles = two();
    let mut user = user(&roles);
    roles.control_plane.stop();
    assert_eq!(get(&roles, &mut user).status, 200);
    std::fs::remove_file(roles.directory().join("state.redb")).unwrap();
    roles.control_plane.start();
    is_refused_soon(&roles, &mut user);
}

#[test]
fn an_older_store_brings_no_session_back_that_has_ended_since() {
    let mut roles = two();
    let mut early = user(&roles);
    let mut kept = user(&roles);
    roles.control_plane.stop();
    let file = roles.directory().join("state.redb");
    let older = roles.directory().join("older");
    std::fs::copy(&file, &older).unwrap();
    roles.control_plane.start();
    until_both_know_the_store(&roles);
    let mut late = user(&roles);
    let mut gone = early.clone();
    early.sign_out(&roles.url("app", "/.pomerium/sign_out"));
    roles.control_plane.stop();
    std::fs::copy(&older, &file).unwrap();
    roles.control_plane.start();
    until_both_know_the_store(&roles);
    is_refused_soon(&roles, &mut gone);
    is_refused_soon(&roles, &mut late);
    for _ in 0..4 {
        assert_eq!(get(&roles, &mut kept).status, 200);
    }
}

#[test]
fn no_request_slips_through_while_routes_change_and_processes_die() {
    let closed = "- {from: 'https://flip.example.test:{port}', to: '{upstream}/closed/'}";
    let open = "- {from: 'https://flip.example.test:{port}', to: '{upstream}/open/', allow_public_unauthenticated_access: true}";
    let kept = "- {from: 'https://kept.example.test:{port}', to: '{upstream}/kept/', allow_public_unauthenticated_access: true}";
    let routes = format!("{closed}\n{kept}");
    let mut roles = Roles::start(&Plan {
        authz_servers: 2,
        ..Plan::of(&routes)
    });
    let port = roles.url("x", "").rsplit(':').next().unwrap().to_owned();
    let fill = |text: &str| {
        text.replace("{port}", &port)
            .replace("{upstream}", &roles.upstream.url())
    };
    let (closed, open) = (fill(closed), fill(open));
    let mut client = roles.client();
    let (mut served, mut lost) = (0_u32, 0_u32);
    for round in 0..12 {
        let (from, to) = if round % 2 == 0 {
            (&closed, &open)
        } else {
            (&open, &closed)
        };
        roles.edit(from, to);
        sleep(Duration::from_millis(u64::from(round as u32 * 37 % 300)));
        match round % 4 {
            0 => roles.authz[1].kill(),
            1 => roles.authz[1].launch(),
            2 => roles.control_plane.kill(),
            _ => roles.control_plane.launch(),
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            let status = client.get(&roles.url("flip", "/?mark=flip")).status;
            assert!([200, 403, 503].contains(&status), "{status}");
            let status = client.get(&roles.url("kept", "/")).status;
            assert!([200, 503].contains(&status), "{status}");
            (served, lost) = (served + u32::from(status == 200), lost + u32::from(status == 503));
        }
    }
    // On their way to the authz-server that was killed.
    assert!(lost * 20 <= served, "{lost} of {served} were lost");
    assert!(!roles.upstream.saw("/closed/"), "what nobody may see was seen");
}
