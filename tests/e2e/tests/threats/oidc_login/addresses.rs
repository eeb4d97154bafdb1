//! Where a login and a sign-out may lead, and what our signature covers.

use portcullis_harness::Client;
use url::Url;

use crate::support::{
    ADMIN, SITE, USER, altered, assert_refused, callback, cookie, parameter, plus, signed_in, with,
};

/// The signed address of the sign-in that a visit leads to.
#[track_caller]
fn sign_in(client: &mut Client, url: &str) -> Url {
    let first = client.get(url);
    let sign_in = first
        .location()
        .unwrap_or_else(|| panic!("{url}: {}", first.status));
    assert_eq!(sign_in.path(), "/.pomerium/sign_in");
    sign_in
}

/// Neither a login nor a sign-out leads to a place that is not ours.
#[test]
fn oi_10_nobody_is_led_elsewhere() {
    let site = SITE.get();
    for path in [
        "//evil.example/",
        "/\\evil.example",
        "/@evil.example",
        "/?next=//evil.example/&pomerium_redirect_uri=https://evil.example/",
        "/%09/evil.example",
        "/https:evil.example",
        "/javascript:alert(1)",
    ] {
        let client = site.client();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: app.example.test:{}\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n\r\n",
            site.port()
        );
        let first = client.raw(&site.url("app", "/"), request.as_bytes());
        let sign_in = first.location().expect("a redirect to the sign-in");
        assert_eq!(sign_in.host_str(), Some("authenticate.example.test"), "{path}");
        let to = Url::parse(&parameter(&sign_in, "pomerium_redirect_uri")).unwrap();
        assert_eq!(to.host_str(), Some("app.example.test"), "{path}");
        assert_eq!((to.port(), to.username()), (Some(site.port()), ""), "{path}");
        // What we did not write is not signed.
        let changed = sign_in.as_str().replace("app.example.test", "evil.example");
        assert_refused(&site.client().get(&changed), &changed);
    }
    let mut client = signed_in(&site, "app", ADMIN);
    let query =
        "?redirect_uri=https://evil.example/&pomerium_redirect_uri=https://evil.example/&rd=//evil.example";
    let mut answer = client.type_in(&site.url("app", &format!("/.pomerium/sign_out{query}")));
    for _ in 0..5 {
        let Some(next) = answer.location() else { break };
        assert_ne!(next.host_str(), Some("evil.example"), "{next}");
        answer = client.get(next.as_str());
    }
    assert!(!answer.text().contains("evil.example"), "{}", answer.text());
}

#[test]
fn oi_10_a_sign_in_that_we_did_not_sign_leads_nowhere() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    let port = site.port();
    for target in [
        "https://evil.test/".to_owned(),
        "//evil.test".to_owned(),
        "https:evil.test".to_owned(),
        "\t//evil.test".to_owned(),
        "javascript:alert(1)".to_owned(),
        format!("https://app.example.test:{port}@evil.test/"),
        format!("https://app.example.test:{port}.evil.test/"),
        format!("http://app.example.test:{port}/"),
        "https://app.example.test:1/".to_owned(),
        "https://app.example.test/\r\nset-cookie: a=b".to_owned(),
        format!("https://app.example.test:{port}/"),
    ] {
        let url = Url::parse(&site.url("authenticate", "/.pomerium/sign_in")).unwrap();
        let url = plus(&url, "pomerium_redirect_uri", &target);
        assert_refused(&client.get(url.as_str()), &target);
    }
}

/// An address of 4 KiB and more comes back without its query, then without its path.
#[test]
fn oi_10_a_long_address_leads_back_to_its_host() {
    let site = SITE.get();
    for (path, led_to) in [
        (format!("/kept?{}", "q".repeat(5_000)), "/kept"),
        (format!("/{}", "p".repeat(5_000)), "/"),
    ] {
        let mut client = site.client();
        let sign_in = sign_in(&mut client, &site.url("app", &path));
        assert!(sign_in.as_str().len() < 8_000, "{}", sign_in.as_str().len());
        let to = Url::parse(&parameter(&sign_in, "pomerium_redirect_uri")).unwrap();
        assert_eq!(to.host_str(), Some("app.example.test"));
        assert_eq!((to.path(), to.query()), (led_to, None));
    }
}

#[test]
fn oi_12_the_signature_covers_the_whole_address_of_a_sign_in() {
    let site = SITE.get();
    let mut client = site.client();
    let good = sign_in(&mut client, &site.url("app", "/"));
    let signature = parameter(&good, "pomerium_signature");
    let reversed = {
        let pairs: Vec<_> = good.query_pairs().into_owned().collect();
        let mut url = good.clone();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(pairs.into_iter().rev());
        url
    };
    let mut changes = vec![
        ("no signature", with(&good, "pomerium_signature", None)),
        (
            "another signature",
            with(&good, "pomerium_signature", Some(&altered(&signature))),
        ),
        ("an empty signature", with(&good, "pomerium_signature", Some(""))),
        ("one parameter more", plus(&good, "x", "y")),
        (
            "the signature twice",
            plus(&good, "pomerium_signature", &signature),
        ),
        ("reordered", reversed),
        ("later", with(&good, "pomerium_expiry", Some("9999999999"))),
    ];
    for (name, value) in good.query_pairs() {
        changes.push(("a parameter removed", with(&good, &name, None)));
        changes.push((
            "a parameter changed",
            with(&good, &name, Some(&format!("{value}x"))),
        ));
        changes.push(("a parameter twice", plus(&good, &name, &value)));
    }
    // On another host, another port, another path.
    let elsewhere = good.as_str().replacen("//authenticate.", "//app.", 1);
    changes.push(("another host", Url::parse(&elsewhere).unwrap()));
    let elsewhere = good.as_str().replacen("/sign_in?", "/sign_out?", 1);
    changes.push(("another path", Url::parse(&elsewhere).unwrap()));
    for (what, changed) in changes {
        // As reordering by name may be what was signed.
        if changed == good {
            continue;
        }
        assert_refused(
            &site.client().get(changed.as_str()),
            &format!("{what}: {changed}"),
        );
    }
    assert_eq!(
        client.get(good.as_str()).status,
        302,
        "the good one is still good"
    );
}

#[test]
fn oi_12_the_signature_covers_the_whole_address_of_a_sign_out() {
    let site = SITE.get();
    let mut client = signed_in(&site, "app", ADMIN);
    let before = client.clone();
    let first = client.type_in(&site.url("app", "/.pomerium/sign_out"));
    let good = first.location().expect("the way to the authenticate host");
    for (name, value) in good.query_pairs() {
        for changed in [
            with(&good, &name, None),
            with(&good, &name, Some(&format!("{value}x"))),
            plus(&good, &name, &value),
            plus(&good, "x", "y"),
        ] {
            let answer = before.clone().get(changed.as_str());
            // Without any signature it is an ordinary request, which asks first.
            let asks = answer.status == 200 && answer.text().contains("<form method=\"post\"");
            assert!(
                asks || (400..500).contains(&answer.status),
                "{changed}: {}",
                answer.status
            );
            assert_eq!(before.clone().get(&site.url("app", "/")).status, 200, "{changed}");
        }
    }
    client.get(good.as_str());
    assert_eq!(before.clone().get(&site.url("app", "/")).status, 302);
}

#[test]
fn oi_12_a_callback_is_sealed_as_a_whole() {
    let site = SITE.get();
    let mut client = site.client();
    let good = callback(&mut client, &site.url("app", "/"), USER);
    let token = parameter(&good, "portcullis_callback");
    for (what, changed) in [
        (
            "altered",
            with(&good, "portcullis_callback", Some(&altered(&token))),
        ),
        (
            "cut",
            with(&good, "portcullis_callback", Some(&token[..token.len() - 4])),
        ),
        ("none", with(&good, "portcullis_callback", None)),
        ("twice", plus(&good, "portcullis_callback", &token)),
        ("the session cookie", {
            let value = cookie(&client, "authenticate", "_pomerium_authenticate").unwrap();
            with(&good, "portcullis_callback", Some(&value))
        }),
    ] {
        assert_refused(&client.get(changed.as_str()), what);
        assert_eq!(cookie(&client, "app", "_pomerium"), None, "{what}");
    }
    let elsewhere = good.as_str().replacen("//app.", "//other.", 1);
    client.get(&site.url("other", "/"));
    assert_refused(&client.get(&elsewhere), "another host");
    assert_eq!(client.open(good.as_str()).status, 200);
}
