//! Secrets replaced while people are signed in and logins are on their way.

use http::StatusCode;
use portcullis_bundle::Settings;
use portcullis_model::Secrets;
use serde_json::Value;

use super::rig::{APP, AUTHENTICATE, Browser, OTHER, Rig, SHARED_SECRET};

/// What an operator publishes one after the other, the first one before.
const STEPS: [&[u8]; 4] = [&[8], &[8, 18], &[18, 8], &[18]];

/// The settings with both secrets in this step.
fn settings(rig: &Rig, step: &[u8]) -> Settings {
    let secrets = |own: [u8; 32]| {
        let secret = |number: &u8| if *number == 8 { own } else { [*number; 32] };
        Secrets::new(step.iter().map(secret)).unwrap()
    };
    let mut settings = rig.settings();
    settings.keys.cookie_secret = secrets([8; 32]);
    settings.keys.shared_secret = secrets(SHARED_SECRET);
    settings
}

async fn kids(rig: &Rig) -> Vec<String> {
    let url = format!("{APP}/.well-known/pomerium/jwks.json");
    let jwks: Value = rig.browser().get(&url).await.json();
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn nobody_is_signed_out_by_a_rotation() {
    let rig = Rig::new().await;
    let mut browsers: Vec<(&[u8], Browser<'_>)> = Vec::new();
    for step in STEPS {
        rig.publish(settings(&rig, step));
        // Whoever came in a step before is still in; one that came before the last
        // step but one is not any more, once that secret is gone.
        for (since, browser) in &mut browsers {
            let stays = step.contains(&since[0]);
            for host in [APP, AUTHENTICATE] {
                assert_eq!(browser.is_signed_in(host).await, stays, "{since:?} in {step:?}");
            }
        }
        let mut browser = rig.browser();
        let page = browser.visit(&format!("{APP}/.pomerium/")).await;
        assert_eq!(page.status, StatusCode::OK);
        browsers.push((step, browser));
    }
    assert_eq!(rig.idp.logins(), STEPS.len());
}

#[tokio::test]
async fn a_login_that_began_before_a_step_ends_after_it() {
    for pair in STEPS.windows(2) {
        let rig = Rig::new().await;
        let [before, after] = pair else {
            panic!("a step and the next")
        };
        let goes_on = after.contains(&before[0]);

        // The signed sign-in address, the state at the provider with verifier and
        // nonce, and the callback: each from before.
        rig.publish(settings(&rig, before));
        let (mut one, mut two, mut three) = (rig.browser(), rig.browser(), rig.browser());
        let sign_in = one.sign_in_url(APP).await;
        let back = two.provider_answer(APP).await;
        let callback = three.callback_url(APP).await;
        rig.publish(settings(&rig, after));
        for (browser, url) in [(&mut one, sign_in), (&mut two, back), (&mut three, callback)] {
            let answer = browser.visit(&url).await;
            let good = answer.status == StatusCode::OK;
            assert_eq!(good, goes_on, "{before:?} {after:?}: {}", answer.body);
            assert_eq!(browser.is_signed_in(APP).await, goes_on);
            // And in any case the browser can go on.
            let page = browser.visit(&format!("{OTHER}/.pomerium/")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        }
    }
}

/// Two tabs that began in different steps share one browser's cookies.
#[tokio::test]
async fn tabs_of_different_steps_all_end_logged_in() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    let mut backs = Vec::new();
    for step in &STEPS[..3] {
        rig.publish(settings(&rig, step));
        backs.push(browser.provider_answer(APP).await);
    }
    for back in backs {
        assert_eq!(browser.visit(&back).await.status, StatusCode::OK);
    }
    assert!(browser.is_signed_in(APP).await);
}

#[tokio::test]
async fn the_published_keys_are_those_of_all_shared_secrets() {
    let rig = Rig::new().await;
    let mut seen = Vec::new();
    for step in STEPS {
        rig.publish(settings(&rig, step));
        seen.push(kids(&rig).await);
    }
    let [old, both, turned, new] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!((old.len(), new.len()), (1, 1));
    assert_eq!(*both, [old[0].clone(), new[0].clone()]);
    assert_eq!(*turned, [new[0].clone(), old[0].clone()]);
}
