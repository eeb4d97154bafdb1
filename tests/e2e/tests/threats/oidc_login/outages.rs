//! Sessions while the provider is away, refused and asked by many.

use std::thread;

use portcullis_harness::provider::PASSWORD;

use crate::support::{ADMIN, SITE, USER};

/// Logins of two users, interleaved, each in a browser of its own.
#[test]
fn oi_25_interleaved_logins_of_two_users_are_never_swapped() {
    let site = SITE.get();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let site = site.clone();
            thread::spawn(move || {
                for round in 0..6 {
                    let user = if (number + round) % 2 == 0 { ADMIN } else { USER };
                    let mark = format!("mark=oi-25-{number}-{round}");
                    let mut client = site.client();
                    let page = client.login(&site.url("app", &format!("/?{mark}")), user, PASSWORD);
                    assert_eq!(page.status, 200, "{}", page.text());
                    assert_eq!(site.assertion("app", &mark)["email"], user);
                    let said = client.get(&site.url("app", "/.pomerium/user")).json();
                    assert_eq!(said["email"], user);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
