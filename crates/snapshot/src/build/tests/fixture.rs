//! Configurations made by hand.

use crate::{Generated, Materials};
use core::time::Duration;
use portcullis_config::{
    Action, Address, Authenticate, Certificate, CertificateFiles, Config, CookieOptions, From, Global, GoUrl,
    HostRewrite, Idp, Located, LogLevel, PathMatcher, Route, RoutePolicy, RouteResponseHeaders, SameSite,
    Secret, Span, Storage, To, Upstream, UpstreamTls, Written,
};
use portcullis_model::{Host, HostPattern};
use portcullis_policy::{Legacy, Policy};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) fn materials() -> Materials {
    Materials {
        files: BTreeMap::new(),
        generated: Generated {
            shared_secret: [1; 32],
            cookie_secret: [2; 32],
        },
        self_signed: None,
        ipv4_only: false,
        each_host_logs_in: false,
    }
}

pub(super) fn config(routes: impl IntoIterator<Item = Route>) -> Config {
    let mut routes: Vec<Route> = routes.into_iter().collect();
    for (index, route) in routes.iter_mut().enumerate() {
        route.index = index;
        route.span = span(100 + u32::try_from(index).unwrap());
    }
    Config {
        places: portcullis_config::Places::new("config.yaml"),
        global: Global {
            address: Address {
                host: None,
                port: 8443,
            },
            insecure_server: false,
            certificates: Vec::new(),
            client_certificates: None,
            authenticate: None,
            idp: None,
            shared_secret: Vec::new(),
            cookie_secret: Vec::new(),
            signing_key: None,
            cookie: CookieOptions {
                name: "_pomerium".into(),
                expire: Duration::from_secs(3600),
                domain: None,
                http_only: true,
                same_site: SameSite::Unset,
            },
            jwt_claims_headers: Vec::new(),
            path_parameters: None,
            xff_num_trusted_hops: 0,
            pages: portcullis_model::Pages::default(),
            pass_identity_headers: false,
            set_response_headers: None,
            default_upstream_timeout: Duration::from_secs(30),
            timeout_read: Duration::from_secs(30),
            timeout_write: Duration::ZERO,
            timeout_idle: Duration::from_mins(5),
            grpc_address: None,
            grpc_insecure: None,
            authorize_service_urls: Vec::new(),
            storage: Storage::Memory,
            log_level: LogLevel::Info,
            health_check_addr: "127.0.0.1:28080".parse().unwrap(),
        },
        routes,
    }
}

pub(super) fn route(from: &str, to: &str, legacy: Legacy) -> Route {
    let at = url::Url::parse(from).unwrap();
    Route {
        index: 0,
        span: span(1),
        name: None,
        from: From {
            host: HostPattern::parse(at.host_str().unwrap()).unwrap(),
            port: at.port(),
            raw: from.into(),
        },
        action: Some(Action::Upstream(Upstream {
            to: vec![server(to, 0)],
            prefix_rewrite: None,
            host_rewrite: HostRewrite::Upstream,
            tls: UpstreamTls::default(),
        })),
        matcher: PathMatcher::Any,
        written: Written::default(),
        policy: RoutePolicy::Valid(Policy::from_route(&legacy, None)),
        show_error_details: false,
        description: String::new(),
        logo_url: String::new(),
        depends_on: Vec::new(),
        advice: Vec::new(),
        pass_identity_headers: None,
        set_request_headers: Vec::new(),
        remove_request_headers: Vec::new(),
        set_response_headers: RouteResponseHeaders::Inherit(Vec::new()),
        timeout: None,
        idle_timeout: None,
        allow_websockets: false,
        unused_files: Vec::new(),
        for_envoy: Vec::new(),
        invalid: None,
    }
}

/// A server of a route's `to`.
pub(super) fn server(to: &str, weight: u32) -> To {
    let url = GoUrl::parse(to).unwrap();
    // A scheme that the reader knows gives the same parts.
    let upstream = url::Url::parse(&to.replacen("h2c:", "http:", 1)).unwrap();
    To {
        raw: to.into(),
        tls: upstream.scheme() == "https",
        h2c: url.scheme == "h2c",
        host: upstream.host_str().unwrap().trim_matches(['[', ']']).into(),
        port: upstream.port_or_known_default().unwrap(),
        path: url.path_as_written.clone(),
        url,
        weight,
    }
}

/// Which paths a route is for, as the one option that says so.
pub(super) fn matching(route: &mut Route, matcher: PathMatcher) {
    route.written = match matcher.clone() {
        PathMatcher::Any => Written::default(),
        PathMatcher::Prefix(prefix) => Written {
            prefix,
            ..Written::default()
        },
        PathMatcher::Path(path) => Written {
            path,
            ..Written::default()
        },
        PathMatcher::Regex(regex) => Written {
            regex,
            ..Written::default()
        },
    };
    route.matcher = matcher;
}

/// How a route's requests go upstream, to be changed.
pub(super) fn upstream(route: &mut Route) -> &mut Upstream {
    match &mut route.action {
        Some(Action::Upstream(upstream)) => upstream,
        other => panic!("{other:?}"),
    }
}

pub(super) fn legacy(user: &str) -> Legacy {
    Legacy {
        users: vec![user.to_owned()],
        ..Legacy::default()
    }
}

pub(super) fn own(host: &str, port: u16) -> Authenticate {
    Authenticate::Own {
        host: Host::parse(host).unwrap(),
        port,
        url: format!("https://{host}:{port}"),
    }
}

pub(super) fn idp(secret: &str) -> Idp {
    Idp {
        provider: "oidc".into(),
        url: "https://idp.test".into(),
        client_id: "client".into(),
        client_secret: Some(inline(secret)),
        scopes: Vec::new(),
    }
}

/// A secret that stands in line 2.
pub(super) fn inline(secret: &str) -> Secret {
    Secret::Inline(Located {
        value: secret.to_owned().into(),
        span: span(2),
    })
}

pub(super) fn span(line: u32) -> Span {
    Span { line, column: 3 }
}

pub(super) fn at(path: &str, line: u32) -> Located<PathBuf> {
    Located {
        value: path.into(),
        span: span(line),
    }
}

/// A fresh certificate in the files `NAME.crt` and `NAME.key`.
pub(super) fn certificate(materials: &mut Materials, name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed([format!("{name}.test")]).unwrap();
    let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
    materials
        .files
        .insert(cert.clone().into(), Ok(made.cert.pem().into_bytes()));
    materials.files.insert(
        key.clone().into(),
        Ok(made.signing_key.serialize_pem().into_bytes()),
    );
    files(&cert, 10, &key, 11)
}

/// A pair in these files, which are named in these lines.
pub(super) fn files(cert: &str, cert_line: u32, key: &str, key_line: u32) -> Certificate {
    Certificate::Files(CertificateFiles {
        cert: at(cert, cert_line),
        key: at(key, key_line),
        listed: true,
    })
}
