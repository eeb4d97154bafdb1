//! The options outside routes.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::path::PathBuf;

use super::{authenticate, boolean, headers, idp, relations, secrets, storage, text};
use crate::codes::{ADDRESS, COOKIE_EXPIRE, COOKIE_NAME};
use crate::report::{Problem, Report};
use crate::schema::{Fields, excerpt};
use crate::{Address, CertificateFiles, CookieOptions, Global, Located, LogLevel, value};

const HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28080);

pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Global {
    relations::global(report, fields);
    let shared_secret = secrets::key(report, fields, "shared_secret");
    let storage = storage::read(report, fields, shared_secret.is_some());
    let idp = idp::read(report, fields);
    let authenticate = authenticate::read(report, fields, idp.is_some());
    Global {
        address: address(report, fields),
        certificates: certificates(fields),
        authenticate,
        idp,
        shared_secret,
        cookie_secret: secrets::key(report, fields, "cookie_secret"),
        signing_key: secrets::signing_key(report, fields),
        cookie: CookieOptions {
            name: cookie_name(report, fields),
            expire: cookie_expire(report, fields),
        },
        jwt_claims_headers: headers::claims(report, fields),
        pass_identity_headers: boolean(fields, "pass_identity_headers").unwrap_or(false),
        storage,
        log_level: text(fields, "log_level").map_or(LogLevel::Info, |text| log_level(&text)),
        health_check_addr: health_check_addr(report, fields),
    }
}

fn address(report: &mut Report, fields: &Fields<'_>) -> Address {
    let text = text(fields, "address").unwrap_or_default();
    // Envoy listens on addresses and resolves no name for it.
    let is_address = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok();
    match value::host_and_port(&text).filter(|(host, _)| host.as_deref().is_none_or(is_address)) {
        Some((host, port)) => Address {
            host,
            port: port.unwrap_or(443),
        },
        None => {
            bad_address(report, fields, "address", &text);
            Address {
                host: None,
                port: 443,
            }
        }
    }
}

/// The health server needs an address before anything can resolve names.
fn health_check_addr(report: &mut Report, fields: &Fields<'_>) -> SocketAddr {
    let Some(text) = text(fields, "health_check_addr") else {
        return HEALTH;
    };
    let address = value::host_and_port(&text).and_then(|(host, port)| {
        let host = match host.as_deref() {
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(host) => host.parse().ok()?,
        };
        Some(SocketAddr::new(host, port?))
    });
    address.unwrap_or_else(|| {
        bad_address(report, fields, "health_check_addr", &text);
        HEALTH
    })
}

fn bad_address(report: &mut Report, fields: &Fields<'_>, name: &str, text: &str) {
    if let Some(field) = fields.get(name) {
        let message = format!("`{name}` takes IP:PORT or :PORT, not `{}`", excerpt(text));
        report.add(Problem::error(ADDRESS, field.node.span, message));
    }
}

/// `certificates` first, then `certificate_file`, as in Pomerium.
fn certificates(fields: &Fields<'_>) -> Vec<CertificateFiles> {
    let mut pairs = Vec::new();
    if let Some(field) = fields.get("certificates") {
        for entries in super::items(field).into_iter().filter_map(|node| node.as_map()) {
            let path = |name: &str| {
                let entry = entries
                    .iter()
                    .find(|entry| entry.key.eq_ignore_ascii_case(name))?;
                let text = value::text(entry.value.as_scalar()?).filter(|text| !text.is_empty())?;
                Some(Located {
                    value: PathBuf::from(text),
                    span: entry.value.span,
                })
            };
            if let (Some(cert), Some(key)) = (path("cert"), path("key")) {
                pairs.push(CertificateFiles {
                    cert,
                    key,
                    listed: true,
                });
            }
        }
    }
    if let (Some(cert), Some(key)) = (
        secrets::path(fields, "certificate_file"),
        secrets::path(fields, "certificate_key_file"),
    ) {
        pairs.push(CertificateFiles {
            cert,
            key,
            listed: false,
        });
    }
    pairs
}

/// A token of RFC 6265, short enough that the names derived from it stay cookies too.
fn cookie_name(report: &mut Report, fields: &Fields<'_>) -> String {
    let default = || "_pomerium".to_owned();
    let Some(name) = text(fields, "cookie_name") else {
        return default();
    };
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.len() <= 64 && name.bytes().all(token) {
        return name;
    }
    if let Some(field) = fields.get("cookie_name") {
        let message = "`cookie_name` takes at most 64 letters, digits and a few signs, without spaces";
        report.add(Problem::error(COOKIE_NAME, field.node.span, message));
    }
    default()
}

fn cookie_expire(report: &mut Report, fields: &Fields<'_>) -> Duration {
    let Some(field) = fields.get("cookie_expire") else {
        return Duration::from_hours(14);
    };
    let nanos = field
        .node
        .as_scalar()
        .and_then(value::nanoseconds)
        .unwrap_or_default();
    if nanos <= 0 {
        let message = "a session ends at the moment in which it begins";
        report.add(
            Problem::warning(COOKIE_EXPIRE, field.node.span, message).help("write a time such as `14h`"),
        );
    }
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

fn log_level(text: &str) -> LogLevel {
    match text.to_ascii_lowercase().as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "warn" | "warning" => LogLevel::Warn,
        "error" | "critical" | "fatal" | "panic" => LogLevel::Error,
        "off" | "none" | "disabled" => LogLevel::Off,
        _ => LogLevel::Info,
    }
}
