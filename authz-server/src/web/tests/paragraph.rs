//! What error pages say first (`error_message_first_paragraph`), by whoever they are.

use http::Method;
use portcullis_model::Paragraph;
use prost::Message as _;

use super::rig::{APP, Rig};
use crate::fixture::{Ask, ROUTE, Told, route_of};

#[tokio::test]
async fn every_error_page_begins_with_the_configured_words() {
    let rig = Rig::new().await;
    let mut settings = rig.settings();
    settings.pages.branding.error_paragraph = Paragraph::parse("Call <4711>.\nWe help.");
    let mut route = route_of("allow: {or: [reject: true]}");
    route.id = ROUTE;
    route.host = portcullis_model::HostPattern::parse("app.example.com").unwrap();
    rig.publish_routes(settings, [route]);

    let ask = Ask::new().host("app.example.com").header("accept", "text/html");
    let reply = crate::check::check(&rig.server, &ask.request().encode_to_vec())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    let refusal = Told(prost::Message::decode(&*bytes).unwrap());
    assert_eq!(refusal.status(), 403);
    let html = [("accept", "text/html")];
    let url = format!("{APP}/.pomerium/nothing");
    let page = rig.browser().send(Method::GET, &url, &html).await;
    page.refused(404, "not_found");
    for body in [refusal.body(), &page.body] {
        let (_, paragraph) = body.split_once("id=\"first\">").unwrap();
        let paragraph = paragraph.split_once("</p>").unwrap().0;
        let plain = paragraph.replace("&#60;", "<").replace("&#62;", ">");
        assert_eq!(plain, "Call <4711>.\nWe help.");
        assert!(!paragraph.contains('<'));
    }
    // Programs are told the code alone.
    let json = [("accept", "application/json")];
    let page = rig.browser().send(Method::GET, &url, &json).await;
    assert!(!page.body.contains("4711"));
}
