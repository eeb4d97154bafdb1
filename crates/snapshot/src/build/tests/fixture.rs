//! Configurations made by hand.

use crate::{Generated, Materials};
use core::time::Duration;
use portcullis_config::{
    Address, Authenticate, CertificateFiles, Config, CookieOptions, From, Global, GoUrl, Idp, Located,
    LogLevel, PathMatcher, Route, RoutePolicy, Secret, Span, Storage, To,
};
use portcullis_model::Host;
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
    }
}

pub(super) fn config(routes: impl IntoIterator<Item = Route>) -> Config {
    let mut routes: Vec<Route> = routes.into_iter().collect();
    for (index, route) in routes.iter_mut().enumerate() {
        route.index = index;
        route.span = span(100 + u32::try_from(index).unwrap());
    }
    Config {
        file: "config.yaml".into(),
        global: Global {
            address: Address {
                host: None,
                port: 8443,
            },
            certificates: Vec::new(),
            authenticate: None,
            idp: None,
            shared_secret: None,
            cookie_secret: None,
            signing_key: None,
            cookie: CookieOptions {
                name: "_pomerium".into(),
                expire: Duration::from_secs(3600),
            },
            jwt_claims_headers: Vec::new(),
            pass_identity_headers: false,
            storage: Storage::Memory,
            log_level: LogLevel::Info,
            health_check_addr: "127.0.0.1:28080".parse().unwrap(),
        },
        routes,
    }
}

pub(super) fn route(from: &str, to: &str, legacy: Legacy) -> Route {
    let url = GoUrl::parse(to).unwrap();
    let at = url::Url::parse(from).unwrap();
    let upstream = url::Url::parse(to).unwrap();
    Route {
        index: 0,
        span: span(1),
        name: None,
        from: From {
            host: Host::parse(at.host_str().unwrap()).unwrap(),
            port: at.port(),
            raw: from.into(),
        },
        to: Some(To {
            raw: to.into(),
            tls: upstream.scheme() == "https",
            host: upstream.host_str().unwrap().trim_matches(['[', ']']).into(),
            port: upstream.port_or_known_default().unwrap(),
            path: url.path_as_written.clone(),
            url,
            weight: 0,
        }),
        matcher: PathMatcher::Any,
        policy: RoutePolicy::Valid(Policy::from_route(&legacy, None)),
        pass_identity_headers: None,
        unused_files: Vec::new(),
        invalid: None,
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
pub(super) fn certificate(materials: &mut Materials, name: &str) -> CertificateFiles {
    let made = rcgen::generate_simple_self_signed([format!("{name}.test")]).unwrap();
    let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
    materials
        .files
        .insert(cert.clone().into(), Ok(made.cert.pem().into_bytes()));
    materials.files.insert(
        key.clone().into(),
        Ok(made.signing_key.serialize_pem().into_bytes()),
    );
    CertificateFiles {
        cert: at(&cert, 10),
        key: at(&key, 11),
        listed: true,
    }
}
