//! What a login does to what policies see.

use std::sync::Arc;

use http::StatusCode;
use portcullis_bundle::{Bundle, Route};
use portcullis_model::HostPattern;
use prost::Message as _;
use serde_json::json;

use super::rig::{APP, Browser, Rig, user};
use crate::fixture::{Ask, route_of};

/// Whether the policy of [`APP`] lets the browser in.
async fn is_let_in(rig: &Rig, browser: &Browser<'_>) -> bool {
    let cookie = browser.cookie("app.example.com", "_pomerium").unwrap();
    let ask = Ask::new().host("app.example.com").session(cookie);
    let asked = ask.request().encode_to_vec();
    let reply = crate::check::check(&rig.server, &asked).await.unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    let response = envoy_types::ext_authz::v3::pb::CheckResponse::decode(&*bytes).unwrap();
    response.status.unwrap().code == 0
}

/// In Pomerium it goes on to match, since its user record only ever grows.
#[tokio::test]
async fn a_claim_that_vanished_at_the_provider_stops_matching() {
    let rig = Rig::bare().await;
    let route = Route {
        host: HostPattern::parse("app.example.com").unwrap(),
        port: None,
        ..route_of("allow: {and: [claim/team: a]}")
    };
    let bundle = Bundle::new(Arc::new(rig.settings()), [Arc::new(route)]);
    rig.server.feed().publish(Arc::new(bundle)).unwrap();

    let mut browser = rig.browser();
    let page = browser.visit(&format!("{APP}/.pomerium/")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(is_let_in(&rig, &browser).await);

    // The session ends, and the same user comes back without the claim.
    rig.advance(15 * 3600);
    assert!(!is_let_in(&rig, &browser).await);
    let mut claims = user();
    claims.as_object_mut().unwrap().remove("team");
    let authorize = browser.authorize_url(APP).await;
    let back = browser.get(&rig.idp.log_in(&authorize, claims)).await;
    let done = browser.get(back.location()).await;
    assert_eq!(done.location(), format!("{APP}/.pomerium/"), "{}", done.body);
    let known = browser.get(&format!("{APP}/.pomerium/user")).await.json();
    assert_eq!((&known["sub"], &known["team"]), (&json!("user-1"), &json!(null)));
    assert!(!is_let_in(&rig, &browser).await);
}
