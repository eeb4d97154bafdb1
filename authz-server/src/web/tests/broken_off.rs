//! Logins whose browser goes while the provider is waited for (XA-10).

use core::time::Duration;

use axum::body::Body;
use http::Request;
use tokio::time::sleep;

use super::rig::{APP, Browser, Rig, user};

/// The way back from the provider, as this browser would ask for it.
fn way_back(browser: &Browser<'_>, url: &str) -> Request<Body> {
    let (authority, target) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    let jar = browser.cookies.get(authority.split(':').next().unwrap()).unwrap();
    let cookies: Vec<String> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Request::get(format!("/{target}"))
        .header("host", authority)
        .header("cookie", cookies.join("; "))
        .body(Body::empty())
        .unwrap()
}

/// By a check, and over HTTP: what is broken off while the code is redeemed asks for nothing
/// more, signs nobody in and is in nobody's way.
#[tokio::test]
async fn a_login_that_is_broken_off_asks_the_provider_for_nothing_more() {
    for by_check in [true, false] {
        let mut rig = Rig::new().await;
        rig.by_check = by_check;
        rig.idp.script(|script| script.userinfo = Some(user()));
        let mut backs = Vec::new();
        for _ in 0..20 {
            let mut browser = rig.browser();
            let url = browser.provider_answer(APP).await;
            backs.push((browser, url));
        }
        rig.idp
            .script(|script| script.redemption = Duration::from_millis(1_500));
        let calls = backs
            .iter()
            .map(|(browser, url)| rig.send(way_back(browser, url)));
        let each_code_has_arrived = async {
            while rig.idp.codes() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = futures::future::join_all(calls) => panic!("all were answered before they were broken off"),
            () = each_code_has_arrived => {}
        }

        // One that is not broken off, and takes longer than those would have.
        let mut browser = rig.browser();
        assert_eq!(browser.visit(&format!("{APP}/.pomerium/")).await.status, 200);
        let calls = rig.idp.script(|script| script.userinfo_calls);
        assert_eq!(calls, 1, "somebody else's login went on without a browser");
        for (browser, _) in &mut backs {
            assert!(!browser.is_signed_in(APP).await);
        }
        // A code is good once, so that the same way back ends in words, not in a session.
        let (browser, url) = &backs[0];
        let again = rig.send(way_back(browser, url)).await;
        assert!(
            again.status.is_client_error() || again.status.is_server_error(),
            "{}",
            again.status
        );
        let signs_in = again
            .set_cookies()
            .iter()
            .any(|cookie| cookie.starts_with("_pomerium="));
        assert!(!signs_in, "{:?}", again.set_cookies());
    }
}
