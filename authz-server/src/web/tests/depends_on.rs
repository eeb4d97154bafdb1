//! A login that signs in to further hosts.

use portcullis_bundle::Route;
use portcullis_model::{Host, HostPattern};
use portcullis_session::signed_url;
use prost::Message as _;
use url::Url;

use super::rig::{APP, OTHER, Rig};
use crate::fixture::{Ask, route_of};

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

/// Where a Check of this path sends an anonymous browser.
async fn begun(rig: &Rig, path: &str) -> (String, String) {
    let asked = Ask::new()
        .host("app.example.com")
        .path(path)
        .request()
        .encode_to_vec();
    let reply = crate::check::check(&rig.server, &asked).await.unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    let told = crate::fixture::Told(prost::Message::decode(&*bytes).unwrap());
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
    let url = Url::parse(&location).unwrap();
    let to = url
        .query_pairs()
        .find(|(name, _)| name == "pomerium_redirect_uri")
        .unwrap()
        .1;
    assert_eq!(to, format!("{APP}{path}"));
}
