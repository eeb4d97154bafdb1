//! Many tabs, browsers that keep no cookies, and redirects that would go round.

use http::Method;
use url::Url;

use super::rig::{APP, AUTHENTICATE, Answer, Browser, Rig, user};

/// OI-13. Each tab asks before any answer has come, so that each gets a cookie of
/// its own, on both hosts, and the last one stays.
#[tokio::test]
async fn twenty_tabs_of_a_cold_browser_all_end_signed_in() {
    const TABS: usize = 20;
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let page = format!("{APP}/.pomerium/");
    let mut steps = vec![page.clone(); TABS];
    for _ in 0..2 {
        let cold = browser.clone();
        for step in &mut steps {
            let mut tab = cold.clone();
            *step = tab.get(step).await.location().to_owned();
            browser.cookies = tab.cookies;
        }
    }
    assert!(steps.iter().all(|step| step.starts_with(&rig.idp.issuer())));
    let mut restarted = 0;
    for step in steps {
        let back = rig.idp.log_in(&step, user());
        let first = browser.get(&back).await;
        restarted += usize::from(first.status == 400);
        let next = match first.header("refresh").split_once(";url=") {
            Some((_, again)) => again,
            None => first.location(),
        };
        let seen = browser.visit(next).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        assert!(seen.body.contains("user@example.com"));
    }
    assert_eq!(restarted, TABS - 1, "each tab had a cookie of its own");
    assert!(browser.is_signed_in(APP).await && browser.is_signed_in(AUTHENTICATE).await);
    let sessions = rig.server.store().query("session", None, 30).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(browser.cookies["app.example.com"].len(), 2);
    assert_eq!(browser.cookies["authenticate.example.com"].len(), 2);
    assert_eq!(rig.idp.logins(), TABS + 1, "the first alone went there again");
}

/// Follows redirects like a browser that keeps no cookie of this name; the page
/// where they end, and how many there were.
async fn without(rig: &Rig, browser: &mut Browser<'_>, name: &str, url: &str) -> (Answer, usize) {
    let mut next = url.to_owned();
    for redirects in 0..40 {
        let answer = browser.get(&next).await;
        for jar in browser.cookies.values_mut() {
            jar.retain(|cookie, _| !cookie.starts_with(name) || (name == "_pomerium" && cookie != name));
        }
        if !answer.status.is_redirection() {
            return (answer, redirects);
        }
        let location = Url::parse(&next).unwrap().join(answer.location()).unwrap();
        next = match location.as_str().starts_with(&rig.idp.issuer()) {
            true => rig.idp.log_in(location.as_str(), user()),
            false => location.into(),
        };
    }
    panic!("the browser goes round in circles at {next}");
}

/// The session cookie alone is lost: a domain that does not fit, a cookie jar that
/// is full, an application that takes it away.
#[tokio::test]
async fn the_third_turn_without_the_session_is_a_diagnosis() {
    let rig = Rig::new().await;
    for (page, lost) in [
        (format!("{APP}/.pomerium/"), "_pomerium"),
        (format!("{AUTHENTICATE}/.pomerium/"), "_pomerium_authenticate"),
    ] {
        let mut browser = rig.browser();
        let (seen, redirects) = without(&rig, &mut browser, lost, &page).await;
        seen.refused(400, "redirect_loop");
        assert!(redirects <= 10, "{redirects}");
        assert!(seen.body.contains(&format!("href=\"{page}\"")), "{}", seen.body);
        assert!(seen.body.contains("Allow cookies") && seen.header("refresh").is_empty());
        // After a minute, and with cookies, all is well again.
        rig.advance(61);
        assert_eq!(browser.visit(&page).await.status, 200);
    }
}

/// A browser that refuses all cookies comes to a page on its first way round.
#[tokio::test]
async fn without_any_cookie_nobody_goes_round() {
    let rig = Rig::new().await;
    let page = format!("{APP}/.pomerium/");
    let (seen, redirects) = without(&rig, &mut rig.browser(), "", &page).await;
    seen.refused(400, "other_browser");
    assert_eq!(redirects, 2);
    assert!(seen.body.contains("allow cookies") && seen.body.contains(&format!("href=\"{page}\"")));
    // The authenticate host's cookies are kept, the application's are not.
    let (seen, _) = without(&rig, &mut rig.browser(), "_pomerium_binding", &page).await;
    seen.refused(400, "other_browser");
    assert!(seen.body.contains(&format!("href=\"{page}\"")), "{}", seen.body);
}

/// Whoever works on with a live session is never taken for one who goes round.
#[tokio::test]
async fn callbacks_with_a_session_do_not_count_as_lost() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    for _ in 0..10 {
        let kept = browser.cookies.clone();
        browser
            .cookies
            .get_mut("app.example.com")
            .unwrap()
            .remove("_pomerium");
        let url = {
            let sign_in = browser.sign_in_url(APP).await;
            browser.get(&sign_in).await.location().to_owned()
        };
        browser.cookies = kept;
        assert_eq!(browser.get(&url).await.status, 302);
    }
}

#[tokio::test]
async fn a_thousand_expired_scripts_leave_at_most_three_cookies() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    rig.advance(14 * 3600);
    let headers: [&[(&str, &str)]; 3] = [
        &[("x-requested-with", "XMLHttpRequest")],
        &[("sec-fetch-mode", "cors")],
        &[("sec-fetch-mode", "no-cors"), ("accept", "image/*")],
    ];
    for number in 0..1000 {
        let url = format!("{APP}/.pomerium/");
        let answer = browser.send(Method::GET, &url, headers[number % 3]).await;
        answer.refused(401, "login_required");
    }
    for (host, jar) in &browser.cookies {
        assert!(jar.len() <= 3, "{host}: {jar:?}");
    }
}

/// What was begun and cannot be finished: the page says so, and its link begins
/// again where the login was to lead.
#[tokio::test]
async fn every_broken_login_has_a_way_to_begin_anew() {
    let rig = Rig::new().await;
    let page = format!("{APP}/.pomerium/");
    let link = format!("href=\"{page}\"");
    // Expired at the provider, and after it.
    let mut browser = rig.browser();
    let back = browser.provider_answer(APP).await;
    rig.advance(301);
    let seen = browser.get(&back).await;
    assert!(
        seen.refused(400, "login_expired").body.contains(&link),
        "{}",
        seen.body
    );
    let mut browser = rig.browser();
    let callback = browser.callback_url(APP).await;
    rig.advance(61);
    let seen = browser.get(&callback).await;
    assert!(
        seen.refused(400, "link_expired").body.contains(&link),
        "{}",
        seen.body
    );
    // In a browser without any cookie, and in one with cookies of its own.
    let callback = rig.browser().callback_url(APP).await;
    let back = rig.browser().provider_answer(APP).await;
    let mut other = rig.browser();
    other.authorize_url(APP).await;
    for (url, browser) in [
        (&back, rig.browser()),
        (&callback, rig.browser()),
        (&back, other.clone()),
        (&callback, other),
    ] {
        let mut browser: Browser<'_> = browser;
        let seen = browser.get(url).await;
        assert!(
            seen.refused(400, "other_browser").body.contains(&link),
            "{}",
            seen.body
        );
        assert!(!browser.is_signed_in(APP).await);
    }
    // Of another host: nobody knows where it was to lead, so its own page.
    let foreign = back.replace("state=", "state=x");
    let seen = rig.browser().get(&foreign).await;
    let own = format!("href=\"{}/.pomerium/\"", AUTHENTICATE);
    assert!(
        seen.refused(400, "other_browser").body.contains(&own),
        "{}",
        seen.body
    );
    let mut known = rig.browser();
    known.authorize_url(APP).await;
    let seen = known.get(&foreign).await;
    assert!(
        seen.refused(400, "state_invalid").body.contains(&own),
        "{}",
        seen.body
    );
}

/// The back button leads to an answer of the provider that has been used: the page
/// says so, and its link leads on with the session that there is.
#[tokio::test]
async fn an_answer_that_was_used_leads_on() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let back = browser.provider_answer(APP).await;
    assert_eq!(browser.visit(&back).await.status, 200);
    let seen = browser.get(&back).await;
    seen.refused(400, "idp_refused");
    assert!(seen.body.contains("used before"));
    let link = format!("{APP}/.pomerium/");
    assert!(seen.body.contains(&format!("href=\"{link}\"")));
    let logins = rig.idp.logins();
    assert_eq!(browser.visit(&link).await.status, 200);
    assert_eq!(rig.idp.logins(), logins);
}
