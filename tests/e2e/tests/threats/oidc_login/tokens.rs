//! What the provider hands out: tokens, keys, metadata, and what we hand on.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::cookie;
use crate::support::evil::{Twist, answer};
use crate::support::world::World;

#[test]
fn oi_04_s256_is_always_asked_for_and_no_verifier_serves_twice() {
    let world = World::start();
    // Its metadata does not say that it can do it at all, or that it can do `plain`.
    world.assert_login_works();
    let page = world.read_anew(Twist {
        discovery: json!({"code_challenge_methods_supported": ["plain"]}),
        ..Default::default()
    });
    assert_eq!(page.status, 200, "{}", page.text());
    let asked = world.evil.asked("/authorize");
    let redeemed = world.evil.asked("/token");
    assert_eq!(asked.len(), redeemed.len());
    assert!(asked.len() >= 2);
    for (asked, redeemed) in asked.iter().zip(&redeemed) {
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["response_type"], "code");
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, redeemed["code_verifier"].as_bytes());
        assert_eq!(asked["code_challenge"], URL_SAFE_NO_PAD.encode(hash));
    }
    for name in ["code_challenge", "state", "nonce"] {
        assert_ne!(asked[0][name], asked[1][name], "{name}");
    }
    assert_ne!(redeemed[0]["code_verifier"], redeemed[1]["code_verifier"]);
}

#[test]
fn oi_05_an_id_token_is_for_us_fresh_and_of_its_access_token() {
    let world = World::start();
    let claims = |claims: Value| Twist {
        claims,
        ..Default::default()
    };
    let now = 1_767_225_600;
    for (what, twist) in [
        ("aud: another", claims(json!({"aud": "another"}))),
        ("aud: none", claims(json!({"aud": null}))),
        ("aud: empty", claims(json!({"aud": []}))),
        ("aud: others", claims(json!({"aud": ["another", "one"]}))),
        (
            "aud: several, no azp",
            claims(json!({"aud": ["the-client", "another"]})),
        ),
        ("azp: another", claims(json!({"azp": "another"}))),
        (
            "azp: another of several",
            claims(json!({"aud": ["the-client", "another"], "azp": "another"})),
        ),
        ("iss: another", claims(json!({"iss": "https://evil.example"}))),
        (
            "iss: with a slash",
            claims(json!({"iss": format!("{}/", world.evil.issuer())})),
        ),
        ("iss: none", claims(json!({"iss": null}))),
        ("exp: past", claims(json!({"exp": now}))),
        ("exp: none", claims(json!({"exp": null}))),
        ("sub: none", claims(json!({"sub": null}))),
        ("sub: empty", claims(json!({"sub": ""}))),
        ("sub: a number", claims(json!({"sub": 7}))),
        (
            "at_hash of another access token",
            claims(json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
        ),
        (
            "a logout token",
            claims(json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}})),
        ),
        (
            "alg: none",
            Twist {
                header: json!({"alg": "none"}),
                signature: Some(String::new()),
                ..Default::default()
            },
        ),
        (
            "alg: HS256",
            Twist {
                header: json!({"alg": "HS256"}),
                ..Default::default()
            },
        ),
        (
            "another signature",
            Twist {
                signature: Some(URL_SAFE_NO_PAD.encode([0; 64])),
                ..Default::default()
            },
        ),
        (
            "an unknown key",
            Twist {
                header: json!({"kid": "another"}),
                ..Default::default()
            },
        ),
    ] {
        world.evil.twist(twist);
        world.assert_login_fails(502, what);
    }
    for (what, twist) in [
        ("aud: a list", claims(json!({"aud": ["the-client"]}))),
        (
            "aud: several with azp",
            claims(json!({"aud": ["another", "the-client"], "azp": "the-client"})),
        ),
        ("no at_hash", claims(json!({"at_hash": null}))),
    ] {
        world.evil.twist(twist);
        println!("{what}");
        world.assert_login_works();
    }
    // A code that the provider says is not for us, or was used.
    let error = |status: u16, body: Value| Twist {
        token_answer: Some(answer(status, "application/json", body.to_string().as_bytes())),
        ..Default::default()
    };
    world.evil.twist(error(400, json!({"error": "invalid_grant"})));
    world.assert_login_fails(400, "invalid_grant");
    world.evil.twist(error(401, json!({"error": "invalid_client"})));
    let page = world.client().open(&world.url("app", "/"));
    assert!(matches!(page.status, 400 | 502), "{}", page.text());
    assert!(!world.gateway.log().contains("the-client-secret"));
}

#[test]
fn oi_07_userinfo_is_of_the_same_user_or_there_is_no_login() {
    let world = World::start();
    let userinfo = |status: u16, said: Value| Twist {
        userinfo: Some((status, said)),
        ..Default::default()
    };
    let page = world.read_anew(userinfo(
        200,
        json!({"sub": "id-of-user", "name": "Uma of userinfo"}),
    ));
    assert_eq!(page.status, 200, "{}", page.text());
    let mut client = world.assert_login_works();
    let user = client.get(&world.url("app", "/.pomerium/user")).json();
    assert_eq!(
        (&user["sub"], &user["name"]),
        (&"id-of-user".into(), &"Uma of userinfo".into())
    );
    for (what, status, twist) in [
        (
            "another user",
            502,
            userinfo(200, json!({"sub": "id-of-admin", "email": "admin@example.com"})),
        ),
        (
            "another spelling",
            502,
            userinfo(200, json!({"sub": "ID-OF-USER"})),
        ),
        (
            "nobody",
            502,
            userinfo(200, json!({"email": "admin@example.com"})),
        ),
        ("no object", 502, userinfo(200, json!(["id-of-user"]))),
    ] {
        world.evil.twist(twist);
        world.assert_login_fails(status, what);
    }
    // What the metadata promises must be there: a login without some of its claims
    // could match another policy.
    for status in [401, 404, 500, 503] {
        world.evil.twist(userinfo(status, json!({})));
        let page = world.client().open(&world.url("app", "/"));
        assert!(
            matches!(page.status, 400 | 502 | 503),
            "{status}: {} {}",
            page.status,
            page.text()
        );
        crate::support::assert_no_session(&page, "userinfo fails");
    }
    world.evil.twist(userinfo(200, json!({"sub": "id-of-user"})));
    world.assert_login_works();
}

#[test]
fn oi_09_an_answer_of_the_token_endpoint_that_is_none_ends_the_login() {
    let world = World::start();
    world.assert_login_works();
    let json_kind = "application/json";
    let good = json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "id_token": "e.e.e"})
        .to_string();
    let doubled = r#"{"access_token":"a","access_token":"b","token_type":"Bearer","id_token":"x.y.z","id_token":"e.e.e"}"#;
    // A kibibyte of deflated zeros that a decoder would make a mebibyte of.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xed; 1024]].concat();
    let zipped = {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {json_kind}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        [head.as_bytes(), &bomb].concat()
    };
    let endless = {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {json_kind}\r\ncontent-length: 104857600\r\n\r\n");
        [head.into_bytes(), vec![b' '; 4 << 20]].concat()
    };
    for (what, token_answer) in [
        ("HTML", answer(200, "text/html", b"<html>Sign in</html>")),
        ("no JSON", answer(200, json_kind, b"{\"access_token\":")),
        ("nothing", answer(200, json_kind, b"")),
        ("an array", answer(200, json_kind, b"[]")),
        ("a key twice", answer(200, json_kind, doubled.as_bytes())),
        ("the wrong type", answer(200, "text/html", good.as_bytes())),
        ("an id token of nothing", answer(200, json_kind, good.as_bytes())),
        ("deep", answer(200, json_kind, "[".repeat(100_000).as_bytes())),
        ("compressed", zipped),
        ("100 MiB", endless),
    ] {
        world.evil.twist(Twist {
            token_answer: Some(token_answer),
            ..Default::default()
        });
        world.assert_login_fails(502, what);
    }
    for tokens in [
        json!({"id_token": null}),
        json!({"id_token": ""}),
        json!({"id_token": 1}),
        json!({"access_token": null}),
        json!({"token_type": null}),
        json!({"id_token": "A".repeat(2 << 20)}),
    ] {
        let what = tokens.to_string();
        world.evil.twist(Twist {
            tokens,
            ..Default::default()
        });
        world.assert_login_fails(502, &what[..what.len().min(60)]);
    }
    world.evil.behave();
    world.assert_login_works();
}

#[test]
fn oi_15_a_login_outlives_a_rotation_of_the_providers_keys() {
    let world = World::start();
    world.assert_login_works();
    assert_eq!(world.evil.asked("/jwks").len(), 1);
    world.evil.new_key(false);
    let mut client = world.client();
    let begun = client.get(&world.url("app", "/"));
    let back = client.follow_until(begun, |url| url.path() == "/oauth2/callback");
    assert_eq!(
        client.open(back.as_str()).status,
        200,
        "the keys are read once more"
    );
    assert_eq!(world.evil.asked("/jwks").len(), 2);
    world.assert_login_works();
    assert_eq!(world.evil.asked("/jwks").len(), 2, "and then known");
    // Whoever makes up keys does not make us ask for each.
    world.evil.twist(Twist {
        header: json!({"kid": "made-up"}),
        ..Default::default()
    });
    for _ in 0..5 {
        world.assert_login_fails(502, "an unknown key");
    }
    let asked = world.evil.asked("/jwks").len();
    assert!(asked <= 4, "{asked} times");
}

/// A listener that counts who comes.
fn canary() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&came);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    (port, came)
}

#[test]
fn oi_16_metadata_leads_nowhere_else() {
    let world = World::start();
    let (port, came) = canary();
    let elsewhere = format!("http://127.0.0.1:{port}");
    let redirect = |to: &str| {
        Some(format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    };
    let large = format!("{{\"pad\":\"{}\"}}", "x".repeat(10 << 20));
    let document = |discovery: Value| Twist {
        discovery,
        ..Default::default()
    };
    let whole = |discovery_answer| Twist {
        discovery_answer,
        ..Default::default()
    };
    for (what, twist) in [
        (
            "another issuer",
            document(json!({"issuer": "https://evil.example"})),
        ),
        (
            "the issuer with a slash",
            document(json!({"issuer": format!("{}/", world.evil.issuer())})),
        ),
        ("no issuer", document(json!({"issuer": null}))),
        ("no token endpoint", document(json!({"token_endpoint": null}))),
        ("no keys", document(json!({"jwks_uri": null}))),
        ("a file", document(json!({"jwks_uri": "file:///etc/passwd"}))),
        (
            "a redirect",
            whole(redirect(&format!("{elsewhere}/.well-known/openid-configuration"))),
        ),
        (
            "a redirect to cloud metadata",
            whole(redirect("http://169.254.169.254/latest/meta-data/")),
        ),
        (
            "10 MiB",
            whole(Some(answer(200, "application/json", large.as_bytes()))),
        ),
        ("HTML", whole(Some(answer(200, "text/html", b"<html></html>")))),
    ] {
        let page = world.read_anew(twist);
        let status = page.status;
        assert!(matches!(status, 502 | 503), "{what}: {status} {}", page.text());
        crate::support::assert_no_session(&page, what);
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "a redirect was followed");
    assert_eq!(world.read_anew(Twist::default()).status, 200);
    world.assert_login_works();
}

/// What we say of a user to the user, and to the application.
#[test]
fn oi_23_no_token_and_no_session_id_leaves_us() {
    let world = World::start();
    let mut client = world.client();
    assert_eq!(client.open(&world.url("app", "/?mark=oi-23")).status, 200);
    let claims = world.assertion("mark=oi-23");
    let sid = claims["sid"].as_str().unwrap().to_owned();
    let mut secrets = world.evil.said();
    assert_eq!(secrets.len(), 3);
    let cookies = [("app", "_pomerium"), ("authenticate", "_pomerium_authenticate")];
    secrets.extend(cookies.map(|(host, name)| cookie(&client, host, name).unwrap()));
    for (host, path) in [
        ("app", "/.pomerium/"),
        ("app", "/.pomerium/user"),
        ("app", "/.pomerium/routes"),
        ("app", "/.pomerium/api/v1/routes"),
        ("app", "/.pomerium/jwt"),
        ("app", "/.well-known/pomerium"),
        ("app", "/.well-known/pomerium/jwks.json"),
        ("app", "/.pomerium/nothing"),
        ("authenticate", "/.pomerium/"),
        ("authenticate", "/.pomerium/user"),
        ("authenticate", "/.pomerium/sign_out"),
    ] {
        let page = client.get(&world.url(host, path));
        let whole = format!("{:?}\n{}", page.head.fields, page.text());
        for secret in secrets.iter().chain([&sid]) {
            assert!(
                !whole.contains(secret.as_str()),
                "{secret} at {path} on {host}: {whole}"
            );
        }
    }
    let seen = world.upstream.one("mark=oi-23").text();
    let log = world.gateway.log();
    for secret in &secrets {
        assert!(!seen.contains(secret.as_str()), "{secret} reached the upstream");
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
    }
}

/// Tokens of the provider and grants without a browser are no way in.
#[test]
fn oi_24_a_token_of_the_provider_lets_nobody_in() {
    let world = World::start();
    world.assert_login_works();
    for token in world.evil.said() {
        for (name, value) in [
            ("Authorization", format!("Bearer {token}")),
            ("Authorization", format!("Bearer Pomerium-{token}")),
            ("Authorization", format!("Pomerium {token}")),
            ("X-Pomerium-Authorization", token.clone()),
            ("X-Pomerium-Jwt-Assertion", token.clone()),
            ("Cookie", format!("_pomerium={token}")),
        ] {
            let answer = world.client().get_with(&world.url("app", "/"), &[(name, &value)]);
            assert!(matches!(answer.status, 302 | 401), "{name}: {}", answer.status);
        }
    }
    for path in [
        "/token",
        "/oauth2/token",
        "/.pomerium/token",
        "/.pomerium/api/v1/token",
        "/device_authorization",
    ] {
        let url = url::Url::parse(&world.url("authenticate", path)).unwrap();
        let form = b"grant_type=client_credentials&client_id=the-client&client_secret=the-client-secret";
        let answer = world.client().send("POST", &url, &[], form);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
}

/// A login takes as long as the provider; whoever has a session notices nothing.
#[test]
fn oi_17_a_provider_that_hangs_holds_up_its_own_logins_alone() {
    let world = World::start();
    let mut known = world.assert_login_works();
    world.evil.twist(Twist {
        token_takes: Duration::from_secs(60),
        ..Default::default()
    });
    let logins: Vec<_> = (0..20)
        .map(|_| {
            let (mut client, url) = (world.client(), world.url("app", "/"));
            thread::spawn(move || {
                let began = Instant::now();
                let page = client.open(&url);
                (page.status, began.elapsed(), page.text())
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(known.get(&world.url("app", "/")).status, 200);
            began.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[198] < Duration::from_millis(500), "p99 {:?}", times[198]);
    for login in logins {
        let (status, took, text) = login.join().unwrap();
        assert_eq!(status, 503, "{text}");
        assert!(took < Duration::from_secs(14), "{took:?}");
    }
    // It breaks the connections off in the middle of a login; and it is well again.
    world.evil.behave();
    let mut client = world.client();
    let begun = client.get(&world.url("app", "/"));
    let back = client.follow_until(begun, |url| url.path() == "/oauth2/callback");
    world.evil.twist(Twist {
        resets: true,
        ..Default::default()
    });
    let page = client.get(back.as_str());
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(page.header("retry-after").is_some(), "{:?}", page.head);
    assert_eq!(known.get(&world.url("app", "/")).status, 200);
    world.evil.behave();
    world.assert_login_works();
}
