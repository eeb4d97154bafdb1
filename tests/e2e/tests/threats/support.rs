//! What the modules share: a site with a real provider, and changes to addresses.

use portcullis_harness::provider::PASSWORD;
use portcullis_harness::{Client, Response, SharedSite, Site};
use url::Url;

pub(crate) mod evil;
pub(crate) mod many;
pub(crate) mod setter;
pub(crate) mod world;

pub(crate) const ADMIN: &str = "admin@example.com";
pub(crate) const USER: &str = "user@example.com";

const ROUTES: &str = "
- {from: 'https://app.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, allow_websockets: true}
- {from: 'https://other.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true}
- {from: 'https://public.example.test:{port}', to: '{upstream}', allow_public_unauthenticated_access: true, allow_websockets: true}
- {from: 'https://cors.example.test:{port}', to: '{upstream}', allow_any_authenticated_user: true, cors_allow_preflight: true}
- from: https://admin.example.test:{port}
  to: '{upstream}'
  policy: [{allow: {or: [{claim/groups: admins}]}}]
";

/// For every test that changes nothing in it.
pub(crate) static SITE: SharedSite = SharedSite::new(ROUTES);

/// A client with a session on `host`.
#[track_caller]
pub(crate) fn signed_in(site: &Site, host: &str, user: &str) -> Client {
    let mut client = site.client();
    let page = client.login(&site.url(host, "/"), user, PASSWORD);
    assert_eq!(page.status, 200, "{}", page.text());
    client
}

/// The value of a cookie that a client keeps for `HOST.example.test`.
pub(crate) fn cookie(client: &Client, host: &str, name: &str) -> Option<String> {
    let kept = client.cookies(&format!("{host}.example.test"));
    let found = kept.into_iter().find(|(kept, _)| kept == name);
    found.map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Up to the provider's answer of a login at `url`, not yet taken.
#[track_caller]
pub(crate) fn provider_answer(client: &mut Client, url: &str, user: &str) -> Url {
    let form = client.login_form(url);
    let sent = client.fill_login(&form, user, PASSWORD);
    client.follow_until(sent, |url| url.path() == "/oauth2/callback")
}

/// Up to the callback on the host of `url`, not yet taken.
#[track_caller]
pub(crate) fn callback(client: &mut Client, url: &str, user: &str) -> Url {
    let answer = provider_answer(client, url, user);
    let taken = client.get(answer.as_str());
    client.follow_until(taken, |url| url.path().starts_with("/.pomerium/callback"))
}

/// Refused by us, and nobody got a session.
#[track_caller]
pub(crate) fn assert_refused(answer: &Response, what: &str) {
    let (status, text) = (answer.status, answer.text());
    assert!(
        (400..500).contains(&status),
        "{what}: {status} {:?}\n{text}",
        answer.location()
    );
    assert!(
        text.contains("id=\"code\"") || text.contains("\"code\":"),
        "{what}: {text}"
    );
    assert_no_session(answer, what);
}

/// No session cookie was set; one may have been taken back.
#[track_caller]
pub(crate) fn assert_no_session(answer: &Response, what: &str) {
    for cookie in answer.head.all("set-cookie") {
        let gives = ["_pomerium=", "_pomerium_authenticate="]
            .iter()
            .any(|name| cookie.starts_with(name) && !cookie.starts_with(&format!("{name};")));
        assert!(!gives, "{what}: {cookie}");
    }
}

#[track_caller]
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| panic!("no `{name}` in {url}"))
        .1
        .into_owned()
}

/// The URL with this value of a parameter, or without it.
pub(crate) fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(known, _)| known != name)
        .collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}

/// The URL with one parameter more.
pub(crate) fn plus(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    changed.query_pairs_mut().append_pair(name, value);
    changed
}

/// With one character in the middle changed.
pub(crate) fn altered(text: &str) -> String {
    let at = text.len() / 2;
    let other = if text.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
