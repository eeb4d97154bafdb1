//! Hosts with stars.

use super::*;

fn names(snapshot: &Snapshot) -> Vec<(String, Vec<Match>)> {
    let policies = |host: &crate::VirtualHost| {
        host.routes
            .iter()
            .filter(|route| matches!(route.value.context, Context::Policy(_)))
            .map(|route| route.value.matcher.clone())
            .collect()
    };
    snapshot
        .hosts()
        .map(|host| (host.value.name.clone(), policies(&host.value)))
        .collect()
}

fn with_prefix(from: &str, prefix: &str) -> portcullis_config::Route {
    let mut route = route(from, "http://u:1", legacy("a@x.test"));
    matching(
        &mut route,
        portcullis_config::PathMatcher::Prefix(prefix.to_owned()),
    );
    route
}

#[test]
fn stars_stand_in_the_catch_all_in_their_order() {
    let (snapshot, bundle) = both(&config([
        with_prefix("https://*.a.test", "/1"),
        with_prefix("https://x.a.test", "/2"),
        with_prefix("https://*.test:8443", "/3"),
        with_prefix("https://*.a.test", "/4"),
    ]));
    let prefix = |text: &str| Match::Prefix(text.to_owned());
    assert_eq!(
        names(&snapshot),
        [
            ("x.a.test".to_owned(), vec![prefix("/2")]),
            ("*".to_owned(), vec![prefix("/1"), prefix("/3"), prefix("/4")]),
        ]
    );
    let catch_all = snapshot.hosts().last().unwrap();
    let authorities: Vec<_> = catch_all
        .value
        .routes
        .iter()
        .map(|route| route.value.authority.as_deref())
        .collect();
    let any = r"(?i)^[0-9a-z._-]*\.a\.test(:[0-9]+)?$";
    let bound = r"(?i)^[0-9a-z._-]*\.test:8443$";
    let mut expected = vec![None; 6];
    expected.extend([Some(any), Some(bound), Some(any), None, None]);
    assert_eq!(authorities, expected, "ours first, the terminal routes last");
    let hosts: Vec<_> = bundle.routes.values().map(|route| route.host.as_str()).collect();
    assert_eq!(hosts.iter().filter(|host| **host == "*.a.test").count(), 2);
    let to = portcullis_model::Host::parse("y.a.test").unwrap();
    assert!(bundle.settings.redirect_hosts.contains(&to, 443));
}

#[test]
fn a_host_with_stars_has_no_virtual_host_of_its_own() {
    let with = |third: &str| {
        config([
            with_prefix("https://a.test", "/"),
            with_prefix("https://*.b.test", third),
        ])
    };
    let ((old, _), (new, _)) = (both(&with("/1")), both(&with("/2")));
    let changes = diff(&old, &new);
    assert_eq!(changes.hosts.changed, ["*"]);
    assert!(changes.hosts.added.is_empty() && changes.hosts.removed.is_empty());
}
