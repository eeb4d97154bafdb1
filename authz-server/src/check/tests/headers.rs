//! What becomes of a client's headers beside somebody else's Envoy, which may have let
//! everything pass.

use crate::fixture::{Ask, Fixture, HOST, public, route, route_of, settings};
use portcullis_bundle::Settings;
use portcullis_model::HeaderName;

const ENVOYS: [&str; 12] = [
    "x-envoy-original-path",
    "X-Envoy-Original-Path",
    "x_envoy_original_path",
    "x-envoy-original-host",
    "x-envoy-original-method",
    "x-envoy-original-dst-host",
    "x-envoy-auth-partial-body",
    "x-envoy-decorator-operation",
    "x-envoy-attempt-count",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-external-address",
];

fn foreign(ask: Ask) -> Ask {
    ask.context(&[])
}

#[tokio::test]
async fn a_client_says_nothing_in_the_name_of_another_s_envoy() {
    let fixture = Fixture::of(&public());
    for name in ENVOYS {
        let ask = Ask::new().header(name, "forged");
        for ask in [foreign(ask.clone()), foreign(ask.clone()).joined()] {
            assert!(
                fixture.check(&ask).await.removed().contains(&name),
                "{name} stays"
            );
        }
        if name == "x-envoy-auth-partial-body" {
            // Of which no check tells.
            assert!(
                fixture
                    .check(&foreign(Ask::new()))
                    .await
                    .removed()
                    .contains(&name)
            );
        }
        // Ours took out the client's before it asked.
        assert!(!fixture.check(&ask).await.removed().contains(&name), "{name}");
    }
    for name in [
        "x-envoy-internal",
        "x-envoy-peer-metadata",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoys-original-path",
    ] {
        let told = fixture.check(&foreign(Ask::new().header(name, "its own"))).await;
        assert!(!told.removed().contains(&name), "{name}");
    }
}

/// The peer of every check of the fixture is 192.0.2.7.
#[tokio::test]
async fn nobody_says_which_address_they_have() {
    const NAME: &str = "x-envoy-external-address";
    let fixture = Fixture::of(&public());
    for (values, removed) in [
        (&["192.0.2.7"][..], false),
        (&["::ffff:192.0.2.7"], false),
        (&["10.0.0.1"], true),
        (&["192.0.2.7, 10.0.0.1"], true),
        (&["192.0.2.7", "10.0.0.1"], true),
        (&["192.0.2.7:80"], true),
        (&[""], true),
    ] {
        let ask = values
            .iter()
            .fold(Ask::new(), |ask, value| ask.header(NAME, value));
        for ask in [foreign(ask.clone()), foreign(ask.clone()).joined()] {
            let told = fixture.check(&ask).await;
            assert_eq!(told.removed().contains(&NAME), removed, "{values:?}");
        }
        assert!(!fixture.check(&ask).await.removed().contains(&NAME));
    }
}

/// `allowed_headers` of the filter: what a client says in our name is then not among the
/// lines, and would go on.
#[tokio::test]
async fn what_a_filter_may_hide_is_taken_out_unseen() {
    let names = [
        "x-pomerium-jwt-assertion",
        "x_pomerium_jwt-assertion",
        "x-pomerium-jwt-assertion-for",
        "x-email",
        "x_email",
        "x-envoy-original-path",
        "x-envoy-external-address",
        "transfer_encoding",
    ];
    let fixture = Fixture::of(&public());
    for context in [&[][..], &[("route", "verify")]] {
        let ask = Ask::new().context(context);
        for ask in [ask.clone(), ask.joined()] {
            assert!(
                !fixture.check(&ask).await.removed().contains(&"x_email"),
                "all is seen"
            );
            let some = ask.clone().hiding();
            for hiding in [
                some.clone(),
                // Whoever adds one to their list has not shown the others.
                some.clone().header(":path", "/"),
                some.clone().header(":method", "GET").header(":authority", HOST),
            ] {
                let told = fixture.check(&hiding).await;
                assert!(told.passes());
                let removed = told.removed();
                for name in names {
                    assert!(
                        removed.contains(&name) || told.header(name).is_some(),
                        "{name} stays"
                    );
                }
                assert!(!removed.contains(&"transfer-encoding"));
                let mut once = removed.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), removed.len(), "{removed:?}");
            }
        }
    }
    // Ours sends every line, and says which route it is.
    let ours = fixture.check(&Ask::new().hiding()).await;
    assert!(!ours.removed().contains(&"x_email"));
}

#[tokio::test]
async fn another_mark_in_the_place_of_a_hyphen_makes_no_other_name() {
    let fixture = Fixture::of(&public());
    for name in [
        "x.email",
        "X~Email",
        "x_email",
        "x.pomerium-claim-other",
        "x|portcullis|scope",
    ] {
        let told = fixture.check(&foreign(Ask::new().header(name, "forged"))).await;
        assert!(told.removed().contains(&name), "{name} stays");
    }
    let told = fixture.check(&foreign(Ask::new().header("xemail", "fine"))).await;
    assert!(!told.removed().contains(&"xemail"));
}

#[tokio::test]
async fn another_spelling_of_framing_goes_no_further() {
    let fixture = Fixture::of(&public());
    for (name, removed) in [
        ("transfer_encoding", true),
        ("Content_Length", true),
        ("keep_alive", true),
        ("content-length", false),
        ("transfer-encoding", false),
        ("content_type", false),
    ] {
        let told = fixture.check(&foreign(Ask::new().header(name, "5"))).await;
        assert_eq!(told.removed().contains(&name), removed, "{name}");
    }
}

#[tokio::test]
async fn what_a_route_removes_is_removed_by_whoever_can() {
    let fixture = Fixture::empty();
    let mut removing = route(&public());
    removing.remove_request_headers = ["x-original-url", "x-email"]
        .map(|name| HeaderName::parse(name).unwrap())
        .into();
    fixture.publish(settings(), [removing]);
    let told = fixture.check(&foreign(Ask::new())).await;
    for name in ["x-original-url", "x-email"] {
        assert!(told.removed().contains(&name), "{name} stays");
    }
    // Our own Envoy's route does it.
    assert!(
        !fixture
            .check(&Ask::new())
            .await
            .removed()
            .contains(&"x-original-url")
    );
}

/// Whether it passes behind our own Envoy, and beside another's.
async fn passes(hops: u32, headers: &[(&str, &str)]) -> (bool, bool) {
    let fixture = Fixture::empty();
    let office = Settings {
        trusted_hops: hops,
        ..settings()
    };
    // The peer of every check of the fixture is 192.0.2.7.
    fixture.publish(office, [route_of("allow: {and: [{source_ip: 198.51.100.0/24}]}")]);
    let ask = headers
        .iter()
        .fold(Ask::new(), |ask, (name, value)| ask.header(name, value));
    let mut found = Vec::new();
    for ask in [ask.clone(), foreign(ask)] {
        let passes = fixture.check(&ask).await.passes();
        assert_eq!(fixture.check(&ask.joined()).await.passes(), passes, "{headers:?}");
        found.push(passes);
    }
    (found[0], found[1])
}

#[tokio::test]
async fn a_policy_goes_by_the_address_that_a_trusted_proxy_names() {
    const FOR: &str = "x-forwarded-for";
    for (hops, line, ours, anothers) in [
        (0, "198.51.100.1", false, false),
        (0, "198.51.100.1, 192.0.2.7", false, false),
        (1, "198.51.100.1, 192.0.2.7", true, true),
        (1, "::ffff:198.51.100.1, ::ffff:192.0.2.7", true, true),
        (1, "198.51.100.1, 203.0.113.1, 192.0.2.7", false, false),
        (1, "198.51.100.1", false, false),
        // Ours writes an address of its machine for who is on it; another's may have
        // written nothing.
        (1, "198.51.100.1, 198.51.100.2", true, false),
        (1, "198.51.100.1, nonsense", false, false),
        (2, "198.51.100.1, 203.0.113.1, 192.0.2.7", true, true),
        (2, "198.51.100.1, 192.0.2.7", false, false),
    ] {
        let found = passes(hops, &[(FOR, line)]).await;
        assert_eq!(found, (ours, anothers), "{hops}: {line}");
    }
    let twice = [(FOR, "6.6.6.6"), (FOR, "198.51.100.1, 192.0.2.7")];
    assert_eq!(passes(1, &twice).await, (true, true));
    assert_eq!(passes(1, &[]).await, (false, false));
    for other in [
        "x-real-ip",
        "forwarded",
        "x-envoy-external-address",
        "true-client-ip",
    ] {
        assert_eq!(
            passes(1, &[(other, "198.51.100.1")]).await,
            (false, false),
            "{other}"
        );
    }
}
