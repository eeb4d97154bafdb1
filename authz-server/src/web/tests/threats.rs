//! Cases of the threat catalogue that need a clock, a provider or a number of requests
//! that no end-to-end test can have; the others are in `tests/e2e/tests/threats/`.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use portcullis_bundle::Provider;
use serde_json::json;

use super::rig::{APP, AUTHENTICATE, Rig};

/// What a provider does with whoever comes.
#[derive(Clone, Copy, Debug)]
enum Hang {
    /// Takes the connection and says nothing: in TLS, if that is spoken.
    Silent,
    /// Sends a byte of an answer now and then.
    Trickle,
    /// Sends the head, and of the body a byte now and then.
    TrickledBody,
    /// Ends the connection.
    Closes,
}

/// A listener that hangs; its port.
fn hanging(how: Hang) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head =
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
                match how {
                    Hang::Silent => std::thread::sleep(Duration::from_secs(60)),
                    Hang::Closes => {}
                    Hang::Trickle | Hang::TrickledBody => {
                        if matches!(how, Hang::TrickledBody) && stream.write_all(head).is_err() {
                            return;
                        }
                        for byte in head.iter().cycle() {
                            if stream.write_all(&[*byte]).is_err() {
                                return;
                            }
                            std::thread::sleep(Duration::from_millis(200));
                        }
                    }
                }
            });
        }
    });
    port
}

fn rig_without(rig: &Rig) -> portcullis_bundle::Settings {
    portcullis_bundle::Settings {
        provider: None,
        ..rig.settings()
    }
}

/// However it hangs, a login ends with a page within the time for an answer (3 s here),
/// and whoever has a session does not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn oi_17_a_provider_that_hangs_costs_its_time_and_no_more() {
    for (scheme, how) in [
        ("http", Hang::Silent),
        ("https", Hang::Silent),
        ("http", Hang::Trickle),
        ("http", Hang::TrickledBody),
        ("http", Hang::Closes),
    ] {
        let rig = Rig::new().await;
        let mut known = rig.browser();
        known.visit(&format!("{APP}/.pomerium/")).await;
        let mut settings = rig.settings();
        let own = settings.provider.take().unwrap();
        // What is known of a provider goes with it; sessions are its own again as soon as
        // its id is there again.
        rig.publish(rig_without(&rig));
        settings.provider = Some(Provider {
            issuer_url: format!("{scheme}://127.0.0.1:{}", hanging(how)),
            ..own
        });
        rig.publish(settings);
        let mut newcomer = rig.browser();
        let began = Instant::now();
        let login = async {
            let sign_in = newcomer.sign_in_url(APP).await;
            newcomer.get(&sign_in).await
        };
        let meanwhile = async {
            let mut slowest = Duration::ZERO;
            for _ in 0..200 {
                let began = Instant::now();
                assert!(known.is_signed_in(APP).await);
                slowest = slowest.max(began.elapsed());
            }
            slowest
        };
        let (answer, slowest) = tokio::join!(login, meanwhile);
        answer.refused(503, "idp_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        assert!(
            began.elapsed() < Duration::from_secs(6),
            "{scheme} {how:?}: {:?}",
            began.elapsed()
        );
        assert!(
            slowest < Duration::from_secs(1),
            "{scheme} {how:?}: a session waited {slowest:?}"
        );
    }
}

/// 1,000 logins of two users, a hundred at a time and in every order.
#[tokio::test]
async fn oi_25_a_thousand_interleaved_logins_are_never_swapped() {
    let rig = Rig::new().await;
    let one = |number: usize| {
        let rig = &rig;
        async move {
            let user = ["one", "two"][number % 2];
            let mut browser = rig.browser();
            let authorize = browser.authorize_url(APP).await;
            let claims = json!({"sub": format!("user-{user}"), "email": format!("{user}@example.com")});
            let back = rig.idp.log_in(&authorize, claims);
            assert_eq!(browser.visit(&back).await.status, 200);
            for origin in [APP, AUTHENTICATE] {
                let said = browser.get(&format!("{origin}/.pomerium/user")).await.json();
                assert_eq!(said["sub"], format!("user-{user}"));
                assert_eq!(said["email"], format!("{user}@example.com"));
            }
        }
    };
    for batch in 0..40 {
        futures::future::join_all((0..25).map(|number| one(batch * 25 + number))).await;
    }
    assert_eq!(rig.idp.logins(), 1000);
}

/// What is compared with something secret is compared by primitives of constant time:
/// a clock could show no less on a busy machine, so the sources are looked at.
#[test]
fn ck_17_what_is_secret_is_compared_in_constant_time() {
    const PRIMITIVES: [&str; 3] = [
        "ct_eq(",
        "hmac::verify(",
        "constant_time::verify_slices_are_equal",
    ];
    const SECRET: [&str; 6] = ["mac", "tag", "signature", "expected", "print", "fingerprint"];
    let sources = [
        (
            "browser",
            include_str!("../../../../crates/session/src/browser.rs"),
            2,
        ),
        (
            "signed_url",
            include_str!("../../../../crates/session/src/signed_url.rs"),
            1,
        ),
        (
            "credential",
            include_str!("../../../../proto/src/credential.rs"),
            2,
        ),
        (
            "keyring",
            include_str!("../../../../crates/session/src/keyring.rs"),
            0,
        ),
        (
            "handle",
            include_str!("../../../../crates/session/src/handle.rs"),
            0,
        ),
        (
            "token",
            include_str!("../../../../crates/session/src/token.rs"),
            0,
        ),
    ];
    for (name, source, comparisons) in sources {
        let code = source.split("mod tests {").next().unwrap_or_default();
        let found: usize = PRIMITIVES
            .iter()
            .map(|primitive| code.matches(primitive).count())
            .sum();
        assert_eq!(found, comparisons, "{name}: a comparison came or went");
        for line in code
            .lines()
            .filter(|line| line.contains("==") || line.contains("!="))
        {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(!words.any(|word| SECRET.contains(&word)), "{name}: {line}");
        }
    }
}

/// The same session, sealed in the same moment for the same host, never looks alike: no
/// two seals share a nonce.
#[tokio::test]
async fn ck_18_no_two_seals_are_alike() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    browser.visit(&format!("{APP}/.pomerium/")).await;
    let mut heads = HashSet::new();
    let mut tails = HashSet::new();
    // Sixty within a minute would be a circle.
    for _ in 0..50 {
        // Without the cookie for one request only: who has a session goes round none.
        let kept = browser.cookies.clone();
        browser
            .cookies
            .get_mut("app.example.com")
            .unwrap()
            .remove("_pomerium");
        let sign_in = browser.sign_in_url(APP).await;
        let callback = browser.get(&sign_in).await.location().to_owned();
        browser.cookies = kept;
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let cookie = browser.cookie("app.example.com", "_pomerium").unwrap();
        heads.insert(cookie[..40].to_owned());
        tails.insert(cookie[cookie.len() - 40..].to_owned());
    }
    assert_eq!((heads.len(), tails.len()), (50, 50));
}

/// Nothing is left of what somebody has tried: a thousand answers of the provider that
/// nobody asked for make no session, no record and no cookie.
#[tokio::test]
async fn oi_01_answers_that_nobody_asked_for_leave_nothing() {
    let rig = Rig::new().await;
    let mut browser = rig.browser();
    for number in 0..1000 {
        let url = format!("{AUTHENTICATE}/oauth2/callback?code=code-{number}&state=state-{number}");
        browser.get(&url).await.refused(400, "other_browser");
    }
    assert!(browser.cookies.values().all(std::collections::BTreeMap::is_empty));
    let kept = rig.server.store().query("session", None, 10).await.unwrap();
    assert!(kept.is_empty());
}
