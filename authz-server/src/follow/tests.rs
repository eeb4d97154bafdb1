mod plane;

use core::time::Duration;
use std::sync::Arc;

use portcullis_bundle::Bundle;
use portcullis_proto::channel::{ClientOptions, connect};
use portcullis_proto::feed::{Kind, Nack, Update};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{FeedView, follow};
use crate::fixture::{Ask, Fixture, any_user, public, route, settings};
use plane::Plane;

fn bundle(routes: impl IntoIterator<Item = portcullis_bundle::Route>) -> Arc<Bundle> {
    Arc::new(Bundle::new(
        Arc::new(settings()),
        routes.into_iter().map(Arc::new),
    ))
}

/// A server that follows `plane`, until the guard goes.
fn following(plane: &Plane) -> (Fixture, DropGuard) {
    let fixture = Fixture::empty();
    let channel = connect(&ClientOptions {
        url: Url::parse(&format!("unix://{}", plane.path().display())).unwrap(),
        ca_pem: None,
        identity: None,
        key: None,
        plaintext: false,
    })
    .unwrap();
    let stop = CancellationToken::new();
    let server = Arc::clone(&fixture.server);
    tokio::spawn(follow(server, channel, "authz-1".to_owned(), stop.clone()));
    (fixture, stop.drop_guard())
}

async fn until(fixture: &Fixture, is_so: impl FnMut(&FeedView) -> bool) {
    let mut view = fixture.server.feed_state().watch();
    tokio::time::timeout(Duration::from_secs(5), view.wait_for(is_so))
        .await
        .expect("it never happened")
        .unwrap();
}

#[tokio::test]
async fn each_bundle_decides_before_it_is_acknowledged() {
    let first = bundle([route(&any_user())]);
    let mut plane = Plane::start(Some(first.clone()));
    let (fixture, _stop) = following(&plane);
    let hello = plane.hello().await;
    assert_eq!((&*hello.version, &*hello.instance), ("", "authz-1"));
    assert!(!hello.software.is_empty());
    assert_eq!(plane.acknowledged().await, first.version.as_str());
    let by_name = Ask::new().context(&[("route", "verify")]);
    let by_host = Ask::new().context(&[]);
    for ask in [&Ask::new(), &by_name, &by_host] {
        assert_eq!(fixture.check(ask).await.status(), 302);
    }

    let second = bundle([route(&public())]);
    plane.publish(second.clone());
    assert_eq!(plane.acknowledged().await, second.version.as_str());
    for ask in [&Ask::new(), &by_name, &by_host] {
        assert!(fixture.check(ask).await.passes(), "at once");
    }
    assert_eq!(
        plane.last_base(),
        first.version.as_str(),
        "only what changed was sent"
    );
    let view = fixture.server.feed_state().view();
    assert_eq!(
        (view.connected, view.version),
        (true, Some(second.version.clone()))
    );
}

#[tokio::test]
async fn the_last_bundle_decides_on_while_the_control_plane_is_away() {
    let first = bundle([route(&any_user())]);
    let mut plane = Plane::start(Some(first.clone()));
    let (fixture, _stop) = following(&plane);
    plane.hello().await;
    plane.acknowledged().await;

    plane.kill().await;
    until(&fixture, |view| !view.connected).await;
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);
    let view = fixture.server.feed_state().view();
    assert_eq!(view.version, Some(first.version.clone()));
    assert!(view.last_error.is_some());

    // It comes back with something new, and is told what is held.
    let second = bundle([route(&public())]);
    plane.restart(Some(second.clone()));
    assert_eq!(plane.hello().await.version, first.version.as_str());
    assert_eq!(plane.acknowledged().await, second.version.as_str());
    until(&fixture, |view| view.connected && view.last_error.is_none()).await;
    assert!(fixture.check(&Ask::new()).await.passes());
}

#[tokio::test]
async fn a_bundle_that_cannot_serve_is_refused_with_its_reason() {
    let good = bundle([route(&public())]);
    let mut plane = Plane::start(Some(good.clone()));
    let (fixture, _stop) = following(&plane);
    plane.hello().await;
    plane.acknowledged().await;

    let mut unusable = settings();
    unusable.keys.signing_key_pem = Some("hush-hush".to_owned().into());
    let bad = Arc::new(Bundle::new(Arc::new(unusable), []));
    plane.publish(bad.clone());
    let Kind::Nack(Nack { version, reason }) = plane.word().await else {
        panic!("it was not refused");
    };
    assert_eq!(version, bad.version.as_str());
    assert!(
        reason.contains("signing key") && !reason.contains("hush"),
        "{reason}"
    );
    assert!(
        fixture.check(&Ask::new()).await.passes(),
        "the last one decides on"
    );
    until(&fixture, |view| view.last_error.is_some()).await;

    // The next one starts from the bundle that decides.
    let mended = bundle([route(&any_user())]);
    plane.publish(mended.clone());
    assert_eq!(plane.acknowledged().await, mended.version.as_str());
    assert_eq!(fixture.check(&Ask::new()).await.status(), 302);
    until(&fixture, |view| view.last_error.is_none()).await;
}

#[tokio::test]
async fn an_update_that_makes_no_bundle_is_refused_and_the_whole_helps() {
    let good = bundle([route(&public())]);
    let mut plane = Plane::start(Some(good.clone()));
    let (fixture, _stop) = following(&plane);
    plane.hello().await;
    plane.acknowledged().await;
    plane.send(Update {
        base: "of another".to_owned(),
        version: "0".repeat(64),
        ..Update::default()
    });
    let Kind::Nack(Nack { version, reason }) = plane.word().await else {
        panic!("it was not refused");
    };
    assert!(
        version.is_empty() && reason.contains("not held"),
        "{version} {reason}"
    );
    assert!(fixture.check(&Ask::new()).await.passes());
    let next = bundle([route(&any_user())]);
    plane.publish(next.clone());
    assert_eq!(plane.acknowledged().await, next.version.as_str());
}

#[tokio::test]
async fn it_waits_for_a_control_plane_that_is_not_there_yet_and_stops_when_told() {
    let mut plane = Plane::start(None);
    plane.kill().await;
    let (fixture, stop) = following(&plane);
    until(&fixture, |view| view.last_error.is_some()).await;
    assert_eq!(fixture.server.feed_state().view().since, None);
    plane.restart(Some(bundle([route(&public())])));
    plane.hello().await;
    plane.acknowledged().await;
    drop(stop);
    until(&fixture, |view| !view.connected).await;
    assert!(fixture.check(&Ask::new()).await.passes());
}
