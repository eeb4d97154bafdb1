//! Cookies that another site of the domain has planted beside ours.

use http::Method;

use super::rig::{APP, AUTHENTICATE, Rig, user};

const PLANTED: [(&str, &str); 1] = [("cookie", "_pomerium_authenticate=planted")];

/// Else each turn of the circle is a login at the provider and a new session.
#[tokio::test]
async fn a_planted_cookie_sends_nobody_round_in_circles() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{AUTHENTICATE}/.pomerium/")).await;
    browser
        .send(Method::GET, &format!("{AUTHENTICATE}/.pomerium/"), &PLANTED)
        .await
        .refused(400, "ambiguous_cookies");
    // A single planted cookie is only no session.
    let mut fresh = rig.browser();
    let answer = fresh
        .send(Method::GET, &format!("{AUTHENTICATE}/.pomerium/"), &PLANTED)
        .await;
    assert_eq!(answer.status, 302, "{}", answer.body);
}

/// The planted cookie does not keep anybody from a login to an application.
#[tokio::test]
async fn a_login_to_an_application_works_beside_a_planted_cookie() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{AUTHENTICATE}/.pomerium/")).await;
    let sign_in = browser.sign_in_url(APP).await;
    let answer = browser.send(Method::GET, &sign_in, &PLANTED).await;
    let back = rig.idp.log_in(answer.location(), user());
    let answer = browser.send(Method::GET, &back, &PLANTED).await;
    let callback = answer.location().to_owned();
    assert!(
        callback.starts_with(&format!("{APP}/.pomerium/callback/")),
        "{callback}"
    );
    browser.get(&callback).await;
    assert!(browser.is_signed_in(APP).await);
}
