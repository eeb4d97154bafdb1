use super::*;
use crate::matcher::PathPattern;
use core::time::Duration;
use portcullis_model::{
    Color, HeaderName, Host, HostPattern, Image, Pages, Paragraph, PathParameters, WebUrl,
};
use portcullis_policy::{ClientAuthorities, ClientRequirements, SanType};
use std::sync::LazyLock;

pub(crate) fn settings(shared: u8) -> Arc<Settings> {
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
            domain: None,
            http_only: true,
            same_site: SameSite::Unset,
        },
        keys: Keys {
            shared_secret: [shared; 32].into(),
            cookie_secret: [2; 32].into(),
            signing_key_pem: None,
        },
        jwt_claims_headers: Vec::new(),
        redirect_hosts: RedirectHosts::from_iter([
            (HostPattern::parse("a.example.com").unwrap(), 443),
            (HostPattern::parse("b.example.com").unwrap(), 8443),
        ]),
        pages: Pages::default(),
        path_parameters: None,
        trusted_hops: 0,
        client_authorities: None,
    })
}

pub(crate) fn simple_route(id: u64, why: &str) -> Arc<Route> {
    Arc::new(Route {
        id: RouteId(id),
        name: None,
        host: HostPattern::parse("a.example.com").unwrap(),
        port: None,
        policy: RoutePolicy::Invalid { message: why.into() },
        pass_identity_headers: false,
        set_request_headers: Vec::new(),
        remove_request_headers: Vec::new(),
        allow_websockets: false,
        error_details: None,
        listing: Listing::default(),
        answer: None,
        depends_on: Vec::new(),
        found_by: None,
    })
}

fn clients(max_depth: u32, names: &[&str], authorities: usize) -> Arc<ClientAuthorities> {
    static AUTHORITY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    });
    let requirements = ClientRequirements {
        authorities: vec![AUTHORITY.clone(); authorities],
        revoked: Vec::new(),
        max_depth,
        names: names
            .iter()
            .map(|name| (SanType::Dns, (*name).to_owned()))
            .collect(),
    };
    Arc::new(ClientAuthorities::new(requirements).unwrap())
}

fn found_by(path: PathPattern, turn: u32) -> FoundBy {
    FoundBy { path, turn }
}

fn advice(explanation: &str, remediation: &str) -> Advice {
    Advice {
        explanation: explanation.into(),
        remediation: remediation.into(),
    }
}

fn reason(bundle: &Bundle, id: u64) -> Option<&str> {
    match &bundle.route(RouteId(id))?.policy {
        RoutePolicy::Invalid { message } => Some(message),
        RoutePolicy::Program(_) => None,
    }
}

#[test]
fn the_version_does_not_depend_on_the_order() {
    let a = Bundle::new(settings(1), [simple_route(1, "x"), simple_route(2, "y")]);
    let b = Bundle::new(settings(1), [simple_route(2, "y"), simple_route(1, "x")]);
    assert_eq!(a.version, b.version);
    assert_eq!(a.version.as_str().len(), 64);
}

#[test]
fn any_change_of_content_changes_the_version() {
    let base = Bundle::new(settings(1), [simple_route(1, "x")]).version;
    let of_route = |change: fn(&mut Route)| {
        let mut changed = Route::clone(&simple_route(1, "x"));
        change(&mut changed);
        Bundle::new(settings(1), [Arc::new(changed)])
    };
    let of_settings = |change: fn(&mut Settings)| {
        let mut changed = Arc::try_unwrap(settings(1)).unwrap();
        change(&mut changed);
        Bundle::new(Arc::new(changed), [simple_route(1, "x")])
    };
    let header = |name: &str, value: &str| (HeaderName::parse(name).unwrap(), Template::parse(value));
    let with_headers = |headers: Vec<(HeaderName, Template)>| {
        let mut changed = Route::clone(&simple_route(1, "x"));
        changed.set_request_headers = headers;
        Bundle::new(settings(1), [Arc::new(changed)])
    };
    let versions = [
        Bundle::new(settings(2), [simple_route(1, "x")]),
        Bundle::new(settings(1), [simple_route(1, "z")]),
        Bundle::new(settings(1), [simple_route(2, "x")]),
        Bundle::new(settings(1), []),
        of_route(|route| route.name = Some("n".into())),
        of_route(|route| route.pass_identity_headers = true),
        of_route(|route| route.port = Some(0)),
        of_route(|route| route.allow_websockets = true),
        of_route(|route| route.remove_request_headers = vec![HeaderName::parse("a").unwrap()]),
        of_route(|route| route.error_details = Some(Vec::new())),
        of_route(|route| route.error_details = Some(vec![Advice::default()])),
        of_route(|route| route.error_details = Some(vec![advice("a", "")])),
        of_route(|route| route.error_details = Some(vec![advice("", "a")])),
        of_route(|route| route.listing.from = "a".to_owned()),
        of_route(|route| route.listing.description = "a".to_owned()),
        of_route(|route| route.listing.logo_url = "a".to_owned()),
        of_route(|route| route.depends_on = vec![(Host::parse("d.test").unwrap(), 443)]),
        of_route(|route| route.depends_on = vec![(Host::parse("d.test").unwrap(), 444)]),
        of_route(|route| route.found_by = Some(found_by(PathPattern::Any, 0))),
        of_route(|route| route.found_by = Some(found_by(PathPattern::Any, 1))),
        of_route(|route| route.found_by = Some(found_by(PathPattern::Path("/a".into()), 0))),
        of_route(|route| route.found_by = Some(found_by(PathPattern::Prefix("/a".into()), 0))),
        of_route(|route| route.found_by = Some(found_by(PathPattern::Regex("/a".into()), 0))),
        of_settings(|settings| settings.authenticate = Authenticate::EachHost),
        of_settings(|settings| settings.trusted_hops = 1),
        of_settings(|settings| settings.client_authorities = Some(clients(1, &[], 1))),
        of_settings(|settings| settings.client_authorities = Some(clients(2, &[], 1))),
        of_settings(|settings| settings.client_authorities = Some(clients(1, &["a"], 1))),
        of_settings(|settings| settings.client_authorities = Some(clients(1, &["b"], 1))),
        of_settings(|settings| settings.client_authorities = Some(clients(1, &[], 2))),
        of_settings(|settings| settings.path_parameters = Some(PathParameters::Allow)),
        of_settings(|settings| settings.path_parameters = Some(PathParameters::Reject)),
        of_route(|route| route.host = HostPattern::parse("*.example.com").unwrap()),
        with_headers(vec![header("a", "b")]),
        with_headers(vec![header("a", "c")]),
        with_headers(vec![header("a", "b"), header("b", "")]),
        of_settings(|settings| settings.pages.routes_portal = false),
        of_settings(|settings| settings.pages.jwt_endpoint = true),
        of_settings(|settings| {
            settings.pages.sign_out.redirect_url = WebUrl::parse("https://www.example.com/")
        }),
        of_settings(|settings| settings.pages.sign_out.any_redirect = true),
        of_settings(|settings| settings.pages.branding.primary_color = Color::parse("#123")),
        of_settings(|settings| settings.pages.branding.secondary_color = Color::parse("#123")),
        of_settings(|settings| settings.pages.branding.darkmode_primary_color = Color::parse("#123")),
        of_settings(|settings| settings.pages.branding.darkmode_secondary_color = Color::parse("#123")),
        of_settings(|settings| settings.pages.branding.logo_url = Image::parse("/a")),
        of_settings(|settings| settings.pages.branding.favicon_url = Image::parse("/a")),
        of_settings(|settings| settings.pages.branding.error_paragraph = Paragraph::parse("a")),
        of_settings(|settings| settings.pages.programmatic_redirects.clear()),
        of_settings(|settings| settings.cookie.domain = Some("example.com".into())),
        of_settings(|settings| settings.cookie.domain = Some(String::new())),
        of_settings(|settings| settings.cookie.http_only = false),
        of_settings(|settings| settings.cookie.same_site = SameSite::Lax),
        of_settings(|settings| settings.cookie.same_site = SameSite::Strict),
        of_settings(|settings| settings.cookie.same_site = SameSite::None),
        of_settings(|settings| {
            let pattern = HostPattern::parse("*.example.com").unwrap();
            settings.redirect_hosts.insert(pattern, 443);
        }),
    ]
    .map(|bundle| bundle.version);
    for (at, version) in versions.iter().enumerate() {
        assert_ne!(base, *version, "{at}");
        assert!(!versions[..at].contains(version), "{at}");
    }
}

#[test]
fn a_cookie_has_its_domain_on_hosts_of_the_domain_alone() {
    let mut cookie = settings(1).cookie.clone();
    let on = |cookie: &Cookie, host: &str| {
        cookie
            .domain_on(&Host::parse(host).unwrap())
            .map(ToOwned::to_owned)
    };
    assert_eq!(on(&cookie, "a.example.com"), None);
    cookie.domain = Some("example.com".into());
    for host in ["example.com", "a.example.com", "a.b.example.com"] {
        assert_eq!(on(&cookie, host).as_deref(), Some("example.com"), "{host}");
    }
    for host in [
        "com",
        "evilexample.com",
        "example.com.evil.test",
        "127.0.0.1",
        "[::1]",
    ] {
        assert_eq!(on(&cookie, host), None, "{host}");
    }
    cookie.domain = Some("0.1".into());
    assert_eq!(on(&cookie, "127.0.0.1"), None, "an address has no domain");
}

#[test]
fn of_two_routes_with_one_id_the_first_serves() {
    let bundle = Bundle::new(settings(1), [simple_route(1, "first"), simple_route(1, "second")]);
    assert_eq!(reason(&bundle, 1), Some("first"));
}

#[test]
fn a_union_keeps_old_ids_and_prefers_new_content() {
    let old = Bundle::new(settings(1), [simple_route(1, "old"), simple_route(2, "old")]);
    let new = Bundle::new(settings(2), [simple_route(2, "new"), simple_route(3, "new")]);
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
    let old = Bundle::new(settings(1), [simple_route(1, "old")]);
    let new = Bundle::new(settings(1), [simple_route(1, "new"), simple_route(2, "new")]);
    assert_eq!(new.union(&old).version, new.version);
}

#[test]
fn debug_and_provider_id_show_no_secret() {
    let bundle = Bundle::new(settings(1), [simple_route(1, "x")]);
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
