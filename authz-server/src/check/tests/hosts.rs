//! Routes for many hosts, and cookies of a domain.

use crate::fixture::{Ask, Fixture, HOST, any_user, no_claims, public, route, settings};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_bundle::Route;
use portcullis_model::HostPattern;
use portcullis_policy::Legacy;
use portcullis_session::handle::{self, Handle, Scope};
use serde_json::Value;

fn wildcard(legacy: &Legacy) -> Route {
    Route {
        host: HostPattern::parse("*.example.com").unwrap(),
        ..route(legacy)
    }
}

fn audience(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["aud"].clone()
}

#[tokio::test]
async fn a_pattern_is_for_the_hosts_that_fit() {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [wildcard(&public())]);
    for host in ["a.example.com:8443", "a.b.example.com", "A.Example.com"] {
        let told = fixture.check(&Ask::new().host(host)).await;
        assert!(told.passes(), "{host}");
    }
    for host in [
        "example.com",
        "evilexample.com",
        "a.example.com.evil.test",
        "evil.test",
        "*.example.com",
    ] {
        assert!(!fixture.check(&Ask::new().host(host)).await.passes(), "{host}");
    }
}

#[tokio::test]
async fn an_assertion_is_for_the_host_that_was_asked_for() {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [wildcard(&public())]);
    for _ in 0..2 {
        for host in ["a.example.com", "b.example.com"] {
            let told = fixture.check(&Ask::new().host(host)).await;
            let token = told.header("x-pomerium-jwt-assertion").unwrap();
            assert_eq!(audience(token), host);
        }
    }
    assert_eq!(fixture.server.assertions().len(), 2);
}

#[tokio::test]
async fn a_login_returns_to_the_host_that_was_asked_for() {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [wildcard(&any_user())]);
    let told = fixture
        .check(&Ask::new().host("a.example.com:8443").path("/x"))
        .await;
    assert_eq!(told.status(), 302);
    let location = told.header("location").unwrap();
    assert!(
        location.contains("https%3A%2F%2Fa.example.com%3A8443%2Fx"),
        "{location}"
    );
}

#[tokio::test]
async fn the_cookie_of_one_host_of_a_pattern_is_nothing_on_another() {
    let fixture = Fixture::empty();
    fixture.publish(settings(), [wildcard(&any_user())]);
    let (stored, _) = fixture.session("user@example.com", no_claims()).await;
    let cookie = fixture.cookie(stored.session.id, "a.example.com");
    let on = |host: &str| Ask::new().host(host).session(&cookie);
    assert!(fixture.check(&on("a.example.com")).await.passes());
    assert_eq!(fixture.check(&on("b.example.com")).await.status(), 302);
}

#[tokio::test]
async fn the_cookie_of_a_domain_is_good_on_its_hosts_alone() {
    let fixture = Fixture::empty();
    let mut shared = settings();
    shared.cookie.domain = Some("example.com".to_owned());
    let other = Route {
        host: HostPattern::parse("*").unwrap(),
        ..route(&any_user())
    };
    fixture.publish(shared, [other]);
    let (stored, of_host) = fixture.session("user@example.com", no_claims()).await;
    let active = fixture.server.feed().active().unwrap();
    let handle = Handle {
        session_id: stored.session.id,
        provider_id: active.settings().provider.as_ref().unwrap().id.clone(),
        issued_at: stored.session.issued_at,
    };
    let seal = |scope| handle::seal(&handle, &active.keys, "_pomerium", scope, [1; 12]).unwrap();
    let of_domain = seal(Scope::Domain("example.com"));
    let elsewhere = seal(Scope::Host("verify.other.test"));
    for (host, cookie, passes) in [
        (HOST, &of_domain, true),
        ("a.b.example.com", &of_domain, true),
        ("example.com", &of_domain, true),
        ("verify.other.test", &of_domain, false),
        ("evilexample.com", &of_domain, false),
        (HOST, &of_host, false),
        (HOST, &seal(Scope::Domain("verify.example.com")), false),
        ("verify.other.test", &elsewhere, true),
    ] {
        let told = fixture.check(&Ask::new().host(host).session(cookie)).await;
        assert_eq!(told.passes(), passes, "{host}");
    }
}
