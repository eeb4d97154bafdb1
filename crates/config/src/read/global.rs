//! The options outside routes.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use super::{
    authenticate, boolean, certificates, client_certificates, cookie, headers, idp, pages, relations,
    secrets, services, storage, text, times,
};
use crate::codes::ADDRESS;
use crate::report::{Problem, Report};
use crate::schema::{Fields, excerpt};
use crate::{Address, Global, LogLevel, value};
use portcullis_model::PathParameters;

const HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 28080);

pub(super) fn read(report: &mut Report, fields: &Fields<'_>) -> Global {
    relations::global(report, fields);
    let shared_secret = secrets::keys(report, fields, "shared_secret");
    let storage = storage::read(report, fields, !shared_secret.is_empty());
    let idp = idp::read(report, fields);
    let authenticate = authenticate::read(report, fields, idp.is_some());
    let insecure_server = boolean(fields, "insecure_server").unwrap_or(false);
    let mut limit = |name, default| times::limit(report, fields, name).unwrap_or(default);
    let default_upstream_timeout = limit("default_upstream_timeout", Duration::from_secs(30));
    let timeout_read = limit("timeout_read", Duration::from_secs(30));
    let timeout_write = limit("timeout_write", Duration::ZERO);
    let timeout_idle = limit("timeout_idle", Duration::from_mins(5));
    Global {
        address: address(report, fields, if insecure_server { 80 } else { 443 }),
        insecure_server,
        certificates: certificates::read(fields),
        client_certificates: client_certificates::read(report, fields),
        authenticate,
        idp,
        shared_secret,
        cookie_secret: secrets::keys(report, fields, "cookie_secret"),
        signing_key: secrets::signing_key(report, fields),
        cookie: cookie::read(report, fields),
        jwt_claims_headers: headers::claims(report, fields),
        pages: pages::read(report, fields),
        path_parameters: text(fields, "path_parameters").map(|word| path_parameters(&word)),
        xff_num_trusted_hops: hops(fields),
        pass_identity_headers: boolean(fields, "pass_identity_headers").unwrap_or(false),
        set_response_headers: headers::response(report, fields),
        default_upstream_timeout,
        timeout_read,
        timeout_write,
        timeout_idle,
        grpc_address: services::grpc_address(report, fields),
        grpc_insecure: boolean(fields, "grpc_insecure"),
        authorize_service_urls: services::authorize(report, fields),
        storage,
        log_level: text(fields, "log_level").map_or(LogLevel::Info, |text| log_level(&text)),
        health_check_addr: health_check_addr(report, fields),
    }
}

/// Without a port, that of the scheme which is spoken.
fn address(report: &mut Report, fields: &Fields<'_>, default_port: u16) -> Address {
    let text = text(fields, "address").unwrap_or_default();
    // Envoy listens on addresses and resolves no name for it.
    let is_address = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok();
    match value::host_and_port(&text).filter(|(host, _)| host.as_deref().is_none_or(is_address)) {
        Some((host, port)) => Address {
            host,
            port: port.unwrap_or(default_port),
        },
        None => {
            bad_address(report, fields, "address", &text);
            Address {
                host: None,
                port: default_port,
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

/// The schema has reported what is negative. More than a number can say are more than any request has passed.
fn hops(fields: &Fields<'_>) -> u32 {
    let field = fields.get("xff_num_trusted_hops");
    let number = field
        .and_then(|field| field.node.as_scalar())
        .and_then(value::integer);
    let number = number.filter(|number| *number >= 0).unwrap_or_default();
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The schema lets in these two alone; what is neither is on the safe side.
fn path_parameters(text: &str) -> PathParameters {
    if text.eq_ignore_ascii_case("allow") {
        PathParameters::Allow
    } else {
        PathParameters::Reject
    }
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
