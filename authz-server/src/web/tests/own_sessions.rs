//! The list of one's own sessions where there are many.

use jiff::SignedDuration;
use portcullis_model::SessionId;
use portcullis_session::record::Session;

use super::rig::{APP, Rig};

#[tokio::test]
async fn the_newest_fifty_are_listed_and_the_others_counted() {
    let rig = Rig::new().await;
    let page = format!("{APP}/.pomerium/");
    let mut browser = rig.browser();
    browser.visit(&page).await;
    let mut own = None;
    let sessions = rig.server.sessions();
    sessions.for_each(|stored| own = Some(stored.session.clone()));
    let own = own.unwrap();
    let earlier = |minutes: i64| own.issued_at - SignedDuration::from_mins(minutes);
    for (number, user_id) in [(60, "user-1"), (3, "user-2")] {
        for minutes in 1..=number {
            let session = Session {
                id: SessionId(uuid::Uuid::new_v4()),
                user_id: user_id.to_owned(),
                issued_at: earlier(minutes),
                ..own.clone()
            };
            sessions.insert(session).await.unwrap();
        }
    }
    let seen = browser.visit(&page).await;
    assert_eq!(seen.status, 200);
    let (_, list) = seen.body.split_once("<ul class=\"rows\"").unwrap();
    let (list, rest) = list.split_once("</ul>").unwrap();
    assert_eq!(list.matches("<li>").count(), 50, "{list}");
    assert!(rest.contains("and 11 more"), "{rest}");
    assert_eq!(list.matches("this browser").count(), 1);
    let at = |minutes| earlier(minutes).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let place = |minutes| list.find(&at(minutes));
    assert!(
        place(1).unwrap() < place(2).unwrap() && place(48) < place(49),
        "{list}"
    );
    assert_eq!(place(50), None);
}

/// Others are at it: the page does not wait for them for long.
#[tokio::test]
async fn without_a_turn_the_page_comes_without_the_list() {
    let rig = Rig::new().await;
    let page = format!("{APP}/.pomerium/");
    let mut browser = rig.browser();
    browser.visit(&page).await;
    let turns = rig.server.turns().take_all();
    let began = std::time::Instant::now();
    let seen = browser.get(&page).await;
    assert!(began.elapsed() < core::time::Duration::from_secs(3));
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains("user@example.com") && seen.body.contains("cannot be listed"));
    assert!(!seen.body.contains("this browser"), "{}", seen.body);
    drop(turns);
    let seen = browser.get(&page).await;
    assert!(seen.body.contains("this browser") && !seen.body.contains("cannot be listed"));
}
