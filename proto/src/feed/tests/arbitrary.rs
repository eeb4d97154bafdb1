//! Bundles of every kind. The values come from a few, so that two bundles have
//! something in common.

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use portcullis_bundle::matcher::PathPattern;
use portcullis_bundle::{
    Advice, Authenticate, Bundle, Content, Cookie, FoundBy, Keys, Listing, OwnAnswer, PathRedirect, Provider,
    Redirect, RedirectHosts, Route, RoutePolicy, SameSite, SchemeRedirect, Settings, Template,
};
use portcullis_model::{
    Branding, Color, HeaderName, Host, HostPattern, Image, Pages, Paragraph, PathParameters, RouteId,
    Secrets, SignOut, WebUrl,
};
use portcullis_policy::{ClientAuthorities, ClientRequirements, Legacy, Policy, Program, SanType, compile};
use proptest::prelude::*;
use serde_json::Value;

pub(super) fn program(users: &[&str]) -> Program {
    compiled(&Legacy {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        ..Legacy::default()
    })
}

fn compiled(legacy: &Legacy) -> Program {
    compile(&Policy::from_route(legacy, None)).unwrap()
}

pub(super) fn route(id: u64, program: &Program) -> Arc<Route> {
    Arc::new(Route {
        id: RouteId(id),
        name: Some(format!("route {id} {:_>300}", "")),
        host: HostPattern::parse(&format!("app-{id}.example.com")).unwrap(),
        port: None,
        policy: RoutePolicy::Program(program.clone()),
        pass_identity_headers: true,
        set_request_headers: Vec::new(),
        remove_request_headers: Vec::new(),
        allow_websockets: false,
        answer: None,
        error_details: None,
        listing: Listing::default(),
        depends_on: Vec::new(),
        found_by: Some(FoundBy {
            path: PathPattern::Any,
            turn: 0,
        }),
    })
}

pub(super) fn settings(secret: u8) -> Arc<Settings> {
    Arc::new(plain_settings(secret))
}

pub(super) fn plain_settings(secret: u8) -> Settings {
    Settings {
        authenticate: Authenticate::None,
        provider: None,
        cookie: Cookie {
            name: "_pomerium".to_owned(),
            expire: Duration::from_secs(3600),
            domain: None,
            http_only: true,
            same_site: SameSite::Unset,
        },
        keys: Keys {
            shared_secret: [secret; 32].into(),
            cookie_secret: [2; 32].into(),
            signing_key_pem: None,
        },
        jwt_claims_headers: Vec::new(),
        redirect_hosts: RedirectHosts::from_iter([(HostPattern::parse("a.example.com").unwrap(), 443)]),
        pages: Pages::default(),
        path_parameters: None,
        trusted_hops: 0,
        client_authorities: None,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["", "a", "b", "a@b.example", "ü\"\\\u{0}"]).prop_map(String::from),
        1 => any::<String>(),
    ]
}

fn host() -> impl Strategy<Value = HostPattern> {
    prop::sample::select(vec![
        "a.example.com",
        "b.example.com",
        "*.example.com",
        "*",
        "[::1]",
        "10.0.0.1",
    ])
    .prop_map(|host| HostPattern::parse(host).unwrap())
}

fn header_name() -> impl Strategy<Value = HeaderName> {
    prop::sample::select(vec!["x-a", "x-b"]).prop_map(|name| HeaderName::parse(name).unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::String),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

fn policy() -> impl Strategy<Value = RoutePolicy> {
    let legacy = (
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(text(), 0..3),
        prop::collection::vec((text(), prop::collection::vec(value(), 0..3)), 0..3),
    );
    let legacy = legacy.prop_map(|(public, any_authenticated, users, claims)| Legacy {
        public,
        any_authenticated,
        users,
        claims,
        ..Legacy::default()
    });
    prop_oneof![
        3 => legacy.prop_map(|legacy| RoutePolicy::Program(compiled(&legacy))),
        1 => text().prop_map(|message| RoutePolicy::Invalid { message }),
    ]
}

fn any_route() -> impl Strategy<Value = Arc<Route>> {
    let advice = (text(), text()).prop_map(|(explanation, remediation)| Advice {
        explanation,
        remediation,
    });
    let header = (header_name(), text()).prop_map(|(name, text)| (name, Template::parse(&text)));
    (
        0..8_u64,
        prop::option::of(text()),
        host(),
        prop::option::of(any::<u16>()),
        policy(),
        any::<bool>(),
        (
            prop::collection::vec(header, 0..3),
            prop::collection::vec(header_name(), 0..3),
        ),
        any::<bool>(),
        prop::option::of(prop::collection::vec(advice, 0..3)),
        listing(),
    )
        .prop_map(
            |(
                id,
                name,
                host,
                port,
                policy,
                pass,
                (set_request_headers, remove_request_headers),
                allow_websockets,
                error_details,
                listed,
            )| {
                let (listing, depends_on, found_by, answer) = listed;
                Arc::new(Route {
                    id: RouteId(id),
                    name,
                    host,
                    port,
                    policy,
                    pass_identity_headers: pass,
                    set_request_headers,
                    remove_request_headers,
                    allow_websockets,
                    answer,
                    error_details,
                    listing,
                    depends_on,
                    found_by,
                })
            },
        )
}

type Listed = (Listing, Vec<(Host, u16)>, Option<FoundBy>, Option<Arc<OwnAnswer>>);

fn listing() -> impl Strategy<Value = Listed> {
    let listing = (text(), text(), text()).prop_map(|(from, description, logo_url)| Listing {
        from,
        description,
        logo_url,
    });
    let host = Host::parse("d.example.com").unwrap();
    let path = prop_oneof![
        Just(PathPattern::Any),
        text().prop_map(PathPattern::Prefix),
        text().prop_map(PathPattern::Path),
        text().prop_map(PathPattern::Regex),
    ];
    let found_by = (path, any::<u32>()).prop_map(|(path, turn)| FoundBy { path, turn });
    (
        listing,
        prop::collection::vec((Just(host), any::<u16>()), 0..3),
        prop::option::of(found_by),
        prop::option::of(own_answer()),
    )
}

fn own_answer() -> impl Strategy<Value = Arc<OwnAnswer>> {
    let scheme = prop_oneof![
        any::<bool>().prop_map(SchemeRedirect::Https),
        text().prop_map(SchemeRedirect::Named),
    ];
    let path = prop_oneof![
        text().prop_map(PathRedirect::Path),
        text().prop_map(PathRedirect::Prefix),
    ];
    let redirect = (
        prop::option::of(scheme),
        prop::option::of(text()),
        prop::option::of(any::<u32>()),
        prop::option::of(path),
        300..400_u16,
        any::<bool>(),
    )
        .prop_map(|(scheme, host, port, path, status, strip_query)| Redirect {
            scheme,
            host,
            port,
            path,
            status,
            strip_query,
        });
    let content = prop_oneof![
        redirect.prop_map(Content::Redirect),
        (200..600_u16, text()).prop_map(|(status, body)| Content::Respond { status, body }),
    ];
    (content, prop::collection::vec((header_name(), text()), 0..3))
        .prop_map(|(content, headers)| Arc::new(OwnAnswer { content, headers }))
}

fn pages() -> impl Strategy<Value = Pages> {
    let color = || prop::sample::select(vec![None, Color::parse("#123"), Color::parse("#fedcba")]);
    let image = || {
        prop::sample::select(vec![
            None,
            Image::parse("/a"),
            Image::parse("data:image/png;base64,AA=="),
        ])
    };
    let colors = (color(), color(), color(), color());
    let url = prop::sample::select(vec![None, WebUrl::parse("https://www.example.com/bye")]);
    let sign_out = (url, any::<bool>()).prop_map(|(redirect_url, any_redirect)| SignOut {
        redirect_url,
        any_redirect,
    });
    let host = prop::sample::select(vec!["localhost", "[::1]", "a.example.com"]);
    let hosts = prop::collection::vec(host.prop_map(|host| Host::parse(host).unwrap()), 0..3);
    let paragraph = prop::sample::select(vec![None, Paragraph::parse("Ask\nus.")]);
    let images = (image(), image(), paragraph);
    (any::<bool>(), any::<bool>(), hosts, sign_out, colors, images).prop_map(
        |(routes_portal, jwt_endpoint, programmatic_redirects, sign_out, (a, b, c, d), images)| Pages {
            routes_portal,
            jwt_endpoint,
            programmatic_redirects,
            sign_out,
            branding: Branding {
                primary_color: a,
                secondary_color: b,
                darkmode_primary_color: c,
                darkmode_secondary_color: d,
                logo_url: images.0,
                favicon_url: images.1,
                error_paragraph: images.2,
            },
        },
    )
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let authenticate = prop_oneof![
        any::<u16>().prop_map(|port| Authenticate::Own {
            host: Host::parse("auth.example.com").unwrap(),
            port,
        }),
        text().prop_map(|url| Authenticate::Hosted { url }),
        Just(Authenticate::EachHost),
        Just(Authenticate::None),
    ];
    let secret = || prop::option::of(text().prop_map(|text| text.into()));
    let provider = (
        text(),
        text(),
        text(),
        secret(),
        prop::collection::vec(text(), 0..3),
    )
        .prop_map(|(kind, issuer, client, secret, scopes)| {
            Provider::new(kind, issuer, client, secret, scopes)
        });
    let same_site = prop::sample::select(vec![
        SameSite::Unset,
        SameSite::Lax,
        SameSite::Strict,
        SameSite::None,
    ]);
    let cookie = (
        text(),
        any::<Duration>(),
        prop::option::of(text()),
        any::<bool>(),
        same_site,
    )
        .prop_map(|(name, expire, domain, http_only, same_site)| Cookie {
            name,
            expire,
            domain,
            http_only,
            same_site,
        });
    let secrets = || {
        let bytes = prop::collection::vec(0..12_u8, 1..=Secrets::MAX);
        bytes.prop_map(|bytes| Secrets::new(bytes.into_iter().map(|byte| [byte; 32])).unwrap())
    };
    let keys =
        (secrets(), secrets(), secret()).prop_map(|(shared_secret, cookie_secret, signing_key_pem)| Keys {
            shared_secret,
            cookie_secret,
            signing_key_pem,
        });
    let hosts = prop::collection::vec((host(), 0..3_u16), 0..5);
    (
        authenticate,
        prop::option::of(provider),
        cookie,
        keys,
        prop::collection::vec((header_name(), text()), 0..3),
        hosts,
        (
            pages(),
            prop::sample::select(vec![
                None,
                Some(PathParameters::Allow),
                Some(PathParameters::Reject),
            ]),
            any::<u32>(),
            client_authorities(),
        ),
    )
        .prop_map(
            |(
                authenticate,
                provider,
                cookie,
                keys,
                jwt_claims_headers,
                hosts,
                (pages, path_parameters, trusted_hops, client_authorities),
            )| {
                Settings {
                    authenticate,
                    provider,
                    cookie,
                    keys,
                    jwt_claims_headers,
                    redirect_hosts: hosts.into_iter().collect(),
                    pages,
                    path_parameters,
                    trusted_hops,
                    client_authorities,
                }
            },
        )
}

/// Two authorities and a list, made once.
fn client_authorities() -> impl Strategy<Value = Option<Arc<ClientAuthorities>>> {
    static MADE: LazyLock<(Vec<Vec<u8>>, Vec<u8>)> = LazyLock::new(|| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let first = params.self_signed(&key).unwrap().der().to_vec();
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 1, 1),
            next_update: rcgen::date_time_ymd(2027, 1, 1),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = list
            .signed_by(&rcgen::Issuer::from_params(&params, &key))
            .unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let second = params.self_signed(&other).unwrap().der().to_vec();
        (vec![first, second], list.der().to_vec())
    });
    let name = (prop::sample::select(SanType::ALL.to_vec()), "[a-z.*]{0,4}")
        .prop_filter("an expression", |name| {
            portcullis_policy::SanPatterns::new([(name.0, name.1.as_str())]).is_ok()
        });
    let some = (
        1..=2_usize,
        any::<bool>(),
        any::<u32>(),
        prop::collection::vec(name, 0..3),
    );
    let some = some.prop_map(|(authorities, with_list, max_depth, names)| {
        let (made, list) = &*MADE;
        let requirements = ClientRequirements {
            authorities: made.iter().take(authorities).cloned().collect(),
            revoked: with_list.then(|| list.clone()).into_iter().collect(),
            max_depth,
            names,
        };
        Arc::new(ClientAuthorities::new(requirements).unwrap())
    });
    prop::option::of(some)
}

pub(super) fn bundle() -> impl Strategy<Value = Bundle> {
    (any_settings(), prop::collection::vec(any_route(), 0..8))
        .prop_map(|(settings, routes)| Bundle::new(Arc::new(settings), routes))
}

/// `old` with some of what `new` has, as the bits of `mix` say.
pub(super) fn edited(old: &Bundle, new: &Bundle, mix: u64) -> Bundle {
    let takes = |id: &RouteId| mix >> (id.0 % 64) & 1 == 1;
    let of_new = new.routes.values().filter(|route| takes(&route.id));
    let of_old = old.routes.values().filter(|route| !takes(&route.id));
    let settings = if takes(&RouteId(63)) { new } else { old };
    Bundle::new(Arc::clone(&settings.settings), of_new.chain(of_old).cloned())
}
