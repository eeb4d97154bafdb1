use super::*;
use core::time::Duration;
use portcullis_model::Host;
use secrecy::SecretBox;
use std::collections::HashSet;

fn settings(shared: u8) -> Arc<Settings> {
    Arc::new(Settings {
        authenticate: Authenticate::Own {
            host: Host::parse("auth.example.com").unwrap(),
            port: 443,
        },
        provider: Some(Provider::new(
            "oidc".into(),
            "https://idp.example.com".into(),
            "client".into(),
            Some("hush-hush".to_owned().into()),
            vec!["openid".into()],
        )),
        cookie: Cookie {
            name: "_pomerium".into(),
            expire: Duration::from_secs(3600),
        },
        keys: Keys {
            shared_secret: SecretBox::new(Box::new([shared; 32])),
            cookie_secret: SecretBox::new(Box::new([2; 32])),
            signing_key_pem: None,
        },
        jwt_claims_headers: Vec::new(),
        redirect_hosts: HashSet::from([
            (Host::parse("a.example.com").unwrap(), 443),
            (Host::parse("b.example.com").unwrap(), 8443),
        ]),
    })
}

fn route(id: u64, why: &str) -> Arc<Route> {
    Arc::new(Route {
        id: RouteId(id),
        name: None,
        host: Host::parse("a.example.com").unwrap(),
        port: None,
        policy: RoutePolicy::Invalid { message: why.into() },
        pass_identity_headers: false,
    })
}

fn reason(bundle: &Bundle, id: u64) -> Option<&str> {
    match &bundle.route(RouteId(id))?.policy {
        RoutePolicy::Invalid { message } => Some(message),
        RoutePolicy::Program(_) => None,
    }
}

#[test]
fn the_version_does_not_depend_on_the_order() {
    let a = Bundle::new(settings(1), [route(1, "x"), route(2, "y")]);
    let b = Bundle::new(settings(1), [route(2, "y"), route(1, "x")]);
    assert_eq!(a.version, b.version);
    assert_eq!(a.version.as_str().len(), 64);
}

#[test]
fn any_change_of_content_changes_the_version() {
    let base = Bundle::new(settings(1), [route(1, "x")]).version;
    let mut renamed = Route::clone(&route(1, "x"));
    renamed.name = Some("n".into());
    let mut passing = Route::clone(&route(1, "x"));
    passing.pass_identity_headers = true;
    let mut ported = Route::clone(&route(1, "x"));
    ported.port = Some(0);
    for other in [
        Bundle::new(settings(2), [route(1, "x")]),
        Bundle::new(settings(1), [route(1, "z")]),
        Bundle::new(settings(1), [route(2, "x")]),
        Bundle::new(settings(1), []),
        Bundle::new(settings(1), [Arc::new(renamed)]),
        Bundle::new(settings(1), [Arc::new(passing)]),
        Bundle::new(settings(1), [Arc::new(ported)]),
    ] {
        assert_ne!(base, other.version);
    }
}

#[test]
fn of_two_routes_with_one_id_the_first_serves() {
    let bundle = Bundle::new(settings(1), [route(1, "first"), route(1, "second")]);
    assert_eq!(reason(&bundle, 1), Some("first"));
}

#[test]
fn a_union_keeps_old_ids_and_prefers_new_content() {
    let old = Bundle::new(settings(1), [route(1, "old"), route(2, "old")]);
    let new = Bundle::new(settings(2), [route(2, "new"), route(3, "new")]);
    let both = new.union(&old);
    assert_eq!(reason(&both, 1), Some("old"));
    assert_eq!(reason(&both, 2), Some("new"));
    assert_eq!(reason(&both, 3), Some("new"));
    assert_eq!(both.settings.digest(), new.settings.digest());
    assert_ne!(both.version, new.version);
    assert_ne!(both.version, old.version);
}

#[test]
fn a_union_without_old_ids_is_the_new_bundle() {
    let old = Bundle::new(settings(1), [route(1, "old")]);
    let new = Bundle::new(settings(1), [route(1, "new"), route(2, "new")]);
    assert_eq!(new.union(&old).version, new.version);
}

#[test]
fn debug_and_provider_id_show_no_secret() {
    let bundle = Bundle::new(settings(1), [route(1, "x")]);
    let text = format!("{bundle:?}");
    assert!(!text.contains("hush-hush"), "{text}");
    assert!(!text.contains("[1, 1, 1"), "{text}");
    let provider = |secret: Option<&str>| {
        Provider::new(
            "oidc".into(),
            "u".into(),
            "c".into(),
            secret.map(|s| s.to_owned().into()),
            Vec::new(),
        )
    };
    assert_eq!(
        provider(Some("a")).id,
        provider(None).id,
        "the id must not depend on the secret"
    );
}

#[test]
fn the_client_secret_changes_the_version_but_not_the_provider_id() {
    let with = |secret: &str| {
        let mut changed = Arc::try_unwrap(settings(1)).unwrap();
        let provider = changed.provider.as_mut().unwrap();
        provider.client_secret = Some(secret.to_owned().into());
        (provider.id.clone(), changed.digest())
    };
    let ((id_a, a), (id_b, b)) = (with("a"), with("b"));
    assert_eq!(id_a, id_b);
    assert_ne!(a, b);
}
