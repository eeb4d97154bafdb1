//! The list of routes, the assertion, form posts and the look.

use axum::body::Body;
use http::{Method, StatusCode};
use portcullis_bundle::{Listing, Route};
use portcullis_model::{Color, HostPattern, Image, RouteId};
use portcullis_session::assertion;
use prost::Message as _;
use serde_json::json;

use super::rig::{APP, AUTHENTICATE, Rig, user};
use crate::fixture::{Ask, Told, route_of};

fn named(id: u64, name: &str, host: &str, policy: &str) -> Route {
    Route {
        id: RouteId(id),
        name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        host: HostPattern::parse(host).unwrap(),
        port: None,
        listing: Listing {
            from: format!("https://{host}"),
            description: format!("All about <{name}>"),
            logo_url: String::new(),
        },
        ..route_of(policy)
    }
}

pub(super) fn routes() -> [Route; 6] {
    let mut app = named(
        1,
        "Wiki",
        "app.example.com",
        "allow: {and: [claim/groups: staff]}",
    );
    app.listing.logo_url = "data:image/png;base64,AAAA".to_owned();
    let mut remote = named(2, "", "b.example.com", "allow: {or: [authenticated_user: true]}");
    remote.listing.logo_url = "https://cdn.example.com/b.png".to_owned();
    [
        app,
        remote,
        named(
            3,
            "Secret",
            "c.example.com",
            "allow: {and: [claim/groups: admins]}",
        ),
        // Which Pomerium's reading would list, and the next would not.
        named(
            4,
            "Refused",
            "d.example.com",
            "{allow: {or: [accept: true]}, deny: {or: [authenticated_user: true]}}",
        ),
        named(
            5,
            "Both",
            "*.e.example.com",
            "allow: {and: [claim/groups: staff, claim/team: a]}",
        ),
        named(
            6,
            "Posts",
            "f.example.com",
            "allow: {and: [http_method: {is: POST}]}",
        ),
    ]
}

async fn rig() -> Rig {
    let rig = Rig::bare().await;
    rig.publish_routes(rig.settings(), routes());
    rig
}

#[tokio::test]
async fn the_list_has_what_the_policies_open_and_nothing_else() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let url = format!("{APP}/.pomerium/api/v1/routes");
    browser.get(&url).await.refused(401, "login_required");
    let page = browser.visit(&format!("{APP}/.pomerium/routes")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let answer = browser.get(&url).await;
    assert_eq!(
        answer.json(),
        json!({"routes": [
            {"id": RouteId(5).to_string(), "name": "Both", "type": "http", "from": "https://*.e.example.com",
             "description": "All about <Both>", "logo_url": ""},
            {"id": RouteId(1).to_string(), "name": "Wiki", "type": "http", "from": "https://app.example.com",
             "description": "All about <Wiki>", "logo_url": "data:image/png;base64,AAAA"},
            {"id": RouteId(2).to_string(), "name": "b.example.com", "type": "http",
             "from": "https://b.example.com", "description": "All about <>",
             "logo_url": "https://cdn.example.com/b.png"},
        ]})
    );
    assert_eq!(answer.header("access-control-allow-origin"), "");
    for there in [
        "<a href=\"https://app.example.com/\">Wiki</a>",
        "All about &#60;Wiki&#62;",
        "src=\"data:image/png;base64,AAAA\" alt=\"\"",
        "aria-current=\"page\"",
        "as user@example.com",
    ] {
        assert!(page.body.contains(there), "{there} is missing in {}", page.body);
    }
    for absent in [
        "Secret",
        "Refused",
        "Posts",
        "cdn.example.com",
        "href=\"https://*",
    ] {
        assert!(!page.body.contains(absent), "{absent} in {}", page.body);
    }
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("img-src 'self' data:;") && !policy.contains("http"),
        "{policy}"
    );
    // On the authenticate host as well, and whatever the group is now.
    let there = browser.visit(&format!("{AUTHENTICATE}/.pomerium/routes")).await;
    assert!(there.body.contains("Wiki"), "{}", there.body);
}

#[tokio::test]
async fn a_fresh_browser_comes_back_to_the_list() {
    let rig = rig().await;
    for origin in [APP, AUTHENTICATE] {
        let page = rig.browser().visit(&format!("{origin}/.pomerium/routes")).await;
        assert!(page.body.contains("Wiki"), "{origin}: {}", page.body);
    }
}

#[tokio::test]
async fn switched_off_there_is_no_list() {
    let rig = rig().await;
    let mut settings = rig.settings();
    settings.pages.routes_portal = false;
    rig.publish_routes(settings, routes());
    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert!(!page.body.contains("<nav"), "{}", page.body);
    for path in ["/.pomerium/routes", "/.pomerium/api/v1/routes"] {
        browser
            .get(&format!("{APP}{path}"))
            .await
            .refused(404, "not_found");
    }
}

#[tokio::test]
async fn the_assertion_is_given_out_behind_its_flag_to_who_may_enter() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let url = format!("{APP}/.pomerium/jwt");
    browser.get(&url).await.refused(404, "not_found");
    let mut settings = rig.settings();
    settings.pages.jwt_endpoint = true;
    rig.publish_routes(settings, routes());
    browser.get(&url).await.refused(401, "login_required");
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let answer = browser.get(&url).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/jwt")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let active = rig.server.feed().active().unwrap();
    assert_eq!(
        assertion::verify(&active.signing, &answer.body, rig.now()),
        Ok(())
    );
    // Whom no route of the host lets in gets none.
    let mut stranger = rig.browser();
    let authorize = stranger.authorize_url(APP).await;
    let back = rig.idp.log_in(&authorize, json!({"sub": "user-2"}));
    stranger.visit(&back).await;
    stranger.get(&url).await.refused(403, "no_assertion");
}

#[tokio::test]
async fn an_answer_as_a_form_becomes_one_by_address() {
    let rig = rig().await;
    let mut browser = rig.browser();
    let back = browser.provider_answer(APP).await;
    let (url, form) = back.split_once('?').unwrap();
    let kind = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    // As another site's form comes: without cookies.
    let form = format!("{form}&session_state=x");
    let posted = |body: String, headers: [(&'static str, &'static str); 1]| {
        let mut bare = rig.browser();
        let url = url.to_owned();
        async move {
            bare.send_body(Method::POST, &url, &headers, Body::from(body))
                .await
        }
    };
    let answer = posted(form.clone(), kind).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(
        answer.location().starts_with("/oauth2/callback?code=")
            && !answer.location().contains("session_state")
    );
    let seen = browser
        .visit(&format!("{AUTHENTICATE}{}", answer.location()))
        .await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.body);
    assert!(browser.is_signed_in(APP).await);
    posted(form.clone(), [("content-type", "text/plain")])
        .await
        .refused(415, "not_a_form");
    posted(format!("{form}&code=x"), kind)
        .await
        .refused(400, "duplicate_parameter");
    posted("a".repeat(20_000), kind)
        .await
        .refused(414, "query_too_long");
}

#[tokio::test]
async fn branding_is_seen_and_admitted_by_the_policy() {
    let rig = rig().await;
    let mut settings = rig.settings();
    let branding = &mut settings.pages.branding;
    branding.primary_color = Color::parse("#ffd400");
    branding.secondary_color = Color::parse("#123456");
    branding.darkmode_primary_color = Color::parse("#202020");
    branding.darkmode_secondary_color = Color::parse("#654321");
    branding.logo_url = Image::parse("/logo.png");
    branding.favicon_url = Image::parse("data:image/png;base64,AAAA");
    rig.publish_routes(settings, routes());
    let page = rig
        .browser()
        .get(&format!("{AUTHENTICATE}/.pomerium/signed_out"))
        .await;
    for there in [
        "@media (prefers-color-scheme:light){:root{--button:#ffd400;--on-button:#000000;--edge:color-mix(in srgb,var(--button),var(--text));--band:#123456;}}",
        "@media (prefers-color-scheme:dark){:root{--button:#202020;--on-button:#ffffff;--edge:color-mix(in srgb,var(--button),var(--text));--band:#654321;}}",
        "<img class=\"logo\" src=\"/logo.png\" alt=\"\">",
        "<link rel=\"icon\" href=\"data:image/png;base64,AAAA\">",
    ] {
        assert!(page.body.contains(there), "{there} is missing in {}", page.body);
    }
    let style = page
        .body
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}'; img-src 'self' data:;")),
        "{policy}"
    );
    // What went wrong looks no different, whichever door says so.
    let missing = rig.browser().get(&format!("{APP}/.pomerium/nothing")).await;
    let asked = Ask::new().host("app.example.com").header("accept", "text/html");
    let asked = asked.context(&[("internal", "false")]).request().encode_to_vec();
    let mut bytes = Vec::new();
    crate::check::check(&rig.server, &asked)
        .await
        .unwrap()
        .encode(&mut bytes);
    let told = Told(prost::Message::decode(&*bytes).unwrap());
    let policy = told.header("content-security-policy").unwrap();
    missing.refused(404, "not_found");
    assert_eq!(policy, missing.header("content-security-policy"));
    assert!(policy.contains("img-src 'self' data:;"), "{policy}");
    for body in [&missing.body, told.body()] {
        assert!(
            body.contains("--button:#ffd400;") && body.contains("src=\"/logo.png\""),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_list_goes_by_the_address_of_the_client() {
    let rig = Rig::bare().await;
    let policy = "allow: {and: [{source_ip: 192.0.2.0/24}, {authenticated_user: true}]}";
    rig.publish_routes(rig.settings(), [named(1, "Office", "app.example.com", policy)]);
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let url = format!("{APP}/.pomerium/api/v1/routes");
    for (address, count) in [
        ("192.0.2.7", 1),
        ("::ffff:192.0.2.7", 1),
        ("192.0.2.7, ::ffff:198.51.100.7", 0),
        ("nonsense", 0),
    ] {
        let answer = browser
            .send(Method::GET, &url, &[("x-forwarded-for", address)])
            .await;
        assert_eq!(
            answer.json()["routes"].as_array().unwrap().len(),
            count,
            "{address}"
        );
    }
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_ended_by_oneself_alone() {
    let rig = rig().await;
    let page = format!("{APP}/.pomerium/");
    let (mut here, mut there, mut stranger) = (rig.browser(), rig.browser(), rig.browser());
    there.visit(&page).await;
    rig.advance(60);
    let seen = here.visit(&page).await;
    let authorize = stranger.authorize_url(APP).await;
    let strangers = stranger
        .visit(&rig.idp.log_in(&authorize, json!({"sub": "user-2"})))
        .await;
    assert_eq!(seen.body.matches("this browser").count(), 1);
    assert_eq!(strangers.body.matches("<form").count(), 0, "{}", strangers.body);
    let end = |body: &str| {
        let (_, rest) = body.split_once("<form method=\"post\" action=\"").unwrap();
        format!("{APP}{}", rest.split_once('"').unwrap().0)
    };
    let ends = end(&seen.body);
    assert_eq!(seen.body.matches("<form").count(), 1);
    let policy = seen.header("content-security-policy");
    assert!(policy.contains("form-action 'self'"), "{policy}");
    for id in rig.server.store().query("session", None, 9).await.unwrap() {
        assert!(!seen.body.contains(&id.id));
    }
    // Not by another site, nobody, somebody else, nor by a text of their own.
    let foreign = [("sec-fetch-site", "cross-site")];
    here.send(Method::POST, &ends, &foreign)
        .await
        .refused(403, "cross_site");
    rig.browser()
        .send(Method::POST, &ends, &[])
        .await
        .refused(401, "login_required");
    stranger
        .send(Method::POST, &ends, &[])
        .await
        .refused(400, "session_unknown");
    here.send(
        Method::POST,
        &format!("{APP}/.pomerium/sessions/end?portcullis_session=x"),
        &[],
    )
    .await
    .refused(400, "session_unknown");
    assert!(there.is_signed_in(APP).await);
    let answer = here
        .send(Method::POST, &ends, &[("sec-fetch-site", "same-origin")])
        .await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/.pomerium/")
    );
    assert!(
        !there.is_signed_in(APP).await && here.is_signed_in(APP).await && stranger.is_signed_in(APP).await
    );
    // Once more does no harm.
    assert_eq!(
        here.send(Method::POST, &ends, &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(here.get(&page).await.body.matches("<form").count(), 0);
    assert_eq!(user()["sub"], "user-1");
}
