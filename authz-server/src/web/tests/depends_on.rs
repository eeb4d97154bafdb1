//! A login that signs in to further hosts.

use portcullis_bundle::Route;
use portcullis_model::{Host, HostPattern};
use portcullis_session::signed_url;
use prost::Message as _;
use url::Url;

use super::rig::{APP, OTHER, Rig};
use crate::fixture::{Ask, Told, route_of};

fn settings_with_c(rig: &Rig) -> portcullis_bundle::Settings {
    let mut settings = rig.settings();
    settings
        .redirect_hosts
        .insert(HostPattern::parse("c.example.com").unwrap(), 443);
    settings
}

fn route() -> Route {
    let host = |name: &str| Host::parse(name).unwrap();
    Route {
        host: HostPattern::parse("app.example.com").unwrap(),
        port: None,
        // The port of the second is not said, the last host is nobody's.
        depends_on: vec![
            (host("c.example.com"), 443),
            (host("other.example.com"), 443),
            (host("elsewhere.test"), 443),
        ],
        ..route_of("allow: {or: [authenticated_user: true]}")
    }
}

async fn told(rig: &Rig, ask: Ask) -> Told {
    let asked = ask.host("app.example.com").request().encode_to_vec();
    let reply = crate::check::check(&rig.server, &asked).await.unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    Told(prost::Message::decode(&*bytes).unwrap())
}

/// Where a Check of this path sends an anonymous browser.
async fn begun(rig: &Rig, path: &str) -> (String, String) {
    let told = told(rig, Ask::new().path(path)).await;
    let cookie = told.header("set-cookie").unwrap();
    let value = cookie.split_once('=').unwrap().1.split_once(';').unwrap().0;
    (told.header("location").unwrap().to_owned(), value.to_owned())
}

#[tokio::test]
async fn one_login_signs_in_to_each_host_and_leads_back() {
    let rig = Rig::bare().await;
    rig.publish_routes(settings_with_c(&rig), [route()]);
    let (location, binding) = begun(&rig, "/wanted?x=1").await;
    let mut browser = rig.browser();
    let jar = browser.cookies.entry("app.example.com".to_owned()).or_default();
    jar.insert("_pomerium_binding".to_owned(), binding);
    let end = browser.visit_to(&location, &format!("{APP}/wanted?x=1")).await;
    assert_eq!(end, format!("{APP}/wanted?x=1"));
    for origin in [APP, "https://c.example.com", OTHER] {
        assert!(browser.is_signed_in(origin).await, "{origin}");
    }
    assert_eq!(rig.idp.logins(), 1);
}

#[tokio::test]
async fn only_our_signature_leads_through_hosts_and_only_to_ours() {
    let rig = Rig::bare().await;
    rig.publish_routes(settings_with_c(&rig), [route()]);
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let bare =
        format!("{APP}/.pomerium/depends_on?pomerium_additional_hosts=c.example.com&pomerium_redirect_uri=");
    let signed = |to: &str| {
        signed_url::sign(
            &rig.settings().keys.shared_secret,
            &Url::parse(&format!("{bare}{to}")).unwrap(),
            rig.now(),
        )
    };
    let good = signed("https%3A%2F%2Fapp.example.com%2Fx");
    let answer = browser.get(good.as_str()).await;
    assert!(
        answer
            .location()
            .starts_with("https://c.example.com/.pomerium/depends_on?"),
        "{}",
        answer.body
    );
    browser
        .get(&format!("{good}&x=y"))
        .await
        .refused(400, "signature_invalid");
    browser
        .get(&format!("{bare}https%3A%2F%2Fapp.example.com%2F"))
        .await
        .refused(400, "signature_invalid");
    let elsewhere = signed("https%3A%2F%2Felsewhere.test%2F");
    browser
        .get(elsewhere.as_str())
        .await
        .refused(400, "redirect_not_allowed");
    rig.advance(361);
    let late = browser.get(good.as_str()).await;
    assert!(
        late.refused(400, "link_expired")
            .body
            .contains(&format!("href=\"{APP}/x\""))
    );
}

/// Where it would not fit, the login leads back without the further hosts.
#[tokio::test]
async fn a_long_address_goes_without_the_further_hosts() {
    let rig = Rig::bare().await;
    rig.publish_routes(settings_with_c(&rig), [route()]);
    let path = format!("/{}", "x".repeat(4000));
    let (location, _) = begun(&rig, &path).await;
    assert_eq!(leads_to(&location), format!("{APP}{path}"));
}

/// The address that a login with this sign-in address returns to.
fn leads_to(sign_in: &str) -> String {
    let url = Url::parse(sign_in).unwrap();
    let mut pairs = url.query_pairs();
    let (_, to) = pairs.find(|(name, _)| name == "pomerium_redirect_uri").unwrap();
    to.into_owned()
}

/// Whether with the further hosts or without: no address is cut on its way.
#[tokio::test]
async fn addresses_of_every_length_lead_back() {
    let rig = Rig::bare().await;
    rig.publish_routes(settings_with_c(&rig), [route()]);
    let path = |length: usize| format!("/{}", "x".repeat(length));
    let (mut fits, mut too_long) = (1000, 4000);
    while too_long - fits > 1 {
        let length = usize::midpoint(fits, too_long);
        let to = leads_to(&begun(&rig, &path(length)).await.0);
        match to.starts_with(&format!("{APP}/.pomerium/depends_on?")) {
            true => fits = length,
            false => too_long = length,
        }
    }
    for length in [fits - 1, fits, fits + 1, fits + 43, fits + 44, fits + 45] {
        let (location, binding) = begun(&rig, &path(length)).await;
        let mut browser = rig.browser();
        let jar = browser.cookies.entry("app.example.com".to_owned()).or_default();
        jar.insert("_pomerium_binding".to_owned(), binding);
        let end = format!("{APP}{}", path(length));
        assert_eq!(browser.visit_to(&location, &end).await, end);
        let through = browser.is_signed_in("https://c.example.com").await;
        assert_eq!(through, length <= fits, "{length}");
    }
}

/// An application that takes the session away each time: the way through the
/// further hosts has a new signature in each turn, its end is the same.
#[tokio::test]
async fn a_circle_through_further_hosts_is_seen() {
    let rig = Rig::bare().await;
    rig.publish_routes(settings_with_c(&rig), [route()]);
    let wanted = format!("{APP}/wanted?x=1");
    let mut browser = rig.browser();
    let mut seen = Vec::new();
    loop {
        let cookie = browser.cookie("app.example.com", "_pomerium_binding");
        let mut ask = Ask::new().path("/wanted?x=1");
        if let Some(binding) = cookie {
            ask = ask.header("cookie", format!("_pomerium_binding={binding}"));
        }
        let told = told(&rig, ask).await;
        if let Some(cookie) = told.header("set-cookie") {
            let value = cookie.split_once('=').unwrap().1.split_once(';').unwrap().0;
            let jar = browser.cookies.entry("app.example.com".to_owned()).or_default();
            jar.insert("_pomerium_binding".to_owned(), value.to_owned());
        }
        let location = told.header("location").unwrap().to_owned();
        let to = leads_to(&location);
        assert!(!seen.contains(&to), "{to}");
        seen.push(to);
        if seen.len() == 3 {
            let answer = browser.visit(&location).await;
            answer.refused(400, "redirect_loop");
            assert!(
                answer.body.contains(&format!("href=\"{wanted}\"")),
                "{}",
                answer.body
            );
            return;
        }
        browser.visit_to(&location, &wanted).await;
        let jar = browser.cookies.get_mut("app.example.com").unwrap();
        jar.remove("_pomerium").unwrap();
        rig.advance(1);
    }
}
