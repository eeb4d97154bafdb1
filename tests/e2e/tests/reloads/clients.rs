//! Clients that go on whatever happens, and tell of every answer that may not be.

use std::io;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use portcullis_harness::{Client, Response, Site};
use url::Url;

use crate::oracle::{Expected, History, PLACES, STAYING, USERS};

/// Asks for every route in turn over one connection that stays open; returns how many
/// requests were answered and every answer that the oracle does not allow.
pub(crate) fn ask_without_pause(
    site: &Site,
    history: &History,
    user: usize,
    client: &Client,
) -> (usize, Vec<String>) {
    let mut connection = client.kept();
    let (mut asked, mut failures) = (0, Vec::new());
    let url =
        |host, name: &str, number: usize| Url::parse(&site.url(host, &format!("/{name}/{number}"))).unwrap();
    while !history.over.load(Ordering::SeqCst) && failures.len() < 100 {
        for host in ["stay", "churn"] {
            for route in &STAYING {
                let url = url(host, route.name, asked);
                let answer = connection.get(&url);
                let allowed = [History::staying(route, user)];
                failures.extend(judge(user, &url, answer, &allowed));
                asked += 1;
            }
        }
        for place in 0..PLACES {
            let url = url("churn", &format!("c{place}"), asked);
            let since = history.begin();
            let answer = connection.get(&url);
            let allowed = history.changing(since, place, user);
            failures.extend(judge(user, &url, answer, &allowed));
            asked += 1;
        }
    }
    (asked, failures)
}

/// Holds websockets open from before the first reload to after the last; returns those
/// that broke.
pub(crate) fn keep_sockets_open(site: &Site, history: &History, client: &Client) -> Vec<String> {
    let mut client = client.clone();
    assert_eq!(client.open(&site.url("socket", "/")).status, 200);
    let mut sockets: Vec<_> = (0..3)
        .map(|_| {
            let opened = client.websocket(&site.url("socket", "/live"));
            opened.unwrap_or_else(|answer| panic!("no websocket: {} {}", answer.status, answer.text()))
        })
        .collect();
    let mut failures = Vec::new();
    let mut beat = 0;
    while failures.is_empty() && !history.over.load(Ordering::SeqCst) {
        beat += 1;
        for (index, socket) in sockets.iter_mut().enumerate() {
            let said = format!("{index}:{beat}");
            match socket.echo(&said) {
                Ok(heard) if heard == said => {}
                other => failures.push(format!("websocket {index}, beat {beat}: {other:?}")),
            }
        }
        sleep(Duration::from_millis(100));
    }
    failures
}

fn judge(user: usize, url: &Url, answer: io::Result<Response>, allowed: &[Expected]) -> Option<String> {
    let got = match &answer {
        Ok(answer) if allowed.iter().any(|expected| fits(expected, url, answer)) => return None,
        Ok(answer) => format!(
            "{} {}",
            answer.status,
            answer.text().chars().take(300).collect::<String>()
        ),
        Err(error) => error.to_string(),
    };
    Some(format!(
        "`{}` at {url}: allowed {allowed:?}, got {got}",
        USERS[user]
    ))
}

fn fits(expected: &Expected, url: &Url, answer: &Response) -> bool {
    match expected {
        Expected::Upstream(destination) => {
            let number = url.path().rsplit('/').next().unwrap_or_default();
            answer.status == 200 && answer.text() == format!("{destination}{number}")
        }
        Expected::Login => answer.status == 302,
        Expected::Denied => answer.status == 403,
        Expected::NoRoute => answer.status == 404,
    }
}
