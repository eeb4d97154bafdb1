//! From configuration and materials to snapshot and bundle.

mod beside;
mod certificates;
mod clients;
mod hosts;
mod keys;
mod report;
mod routes;
mod settings;

#[cfg(test)]
mod tests;

use crate::{Listener, Materials, Part, RouteTable, Snapshot, Timeouts, codes};
use core::time::Duration;
use portcullis_bundle::Bundle;
use portcullis_config::{Address, Config, Diagnostic, Global, Span};
use report::Report;
use routes::Compiled;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a configuration became.
#[derive(Debug)]
pub struct Built {
    /// Envoy's side; `None` where a problem that no single route has forbids the
    /// configuration to take effect.
    pub snapshot: Option<Snapshot>,
    /// The authz-servers' side; present when `snapshot` is.
    pub bundle: Option<Arc<Bundle>>,
    /// What was found here, beside what parsing had found before, in the order of
    /// position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Builds both sides.
#[must_use]
pub fn build(config: &Config, materials: &Materials) -> Built {
    let mut report = Report::new(config);
    let addresses = addresses(&config.global.address, materials, &mut report);
    let certificates = certificates::load(&config.global, materials, &mut report);
    let settings = settings::settings(config, materials, &mut report);
    let Compiled { routes, clusters } = routes::compile(config, materials, &mut report);
    if materials.each_host_logs_in {
        beside::advise(config, &mut report);
    }
    clients::advise(&config.global, materials, &mut report);

    let (failed, diagnostics) = report.finish();
    let (false, Some(settings)) = (failed, settings) else {
        return Built {
            snapshot: None,
            bundle: None,
            diagnostics,
        };
    };
    let response_headers = response_headers(&config.global);
    let listener = Listener {
        addresses,
        port: config.global.address.port,
        certificates: certificates.names,
        route_table: Snapshot::ROUTE_TABLE.to_owned(),
        protected_headers: protected_headers(&config.global),
        client_certificates: settings.client_authorities.as_deref().map(clients::asked_for),
        own_cookies: portcullis_model::cookie_names(&config.global.cookie.name).into(),
        response_headers: response_headers.clone(),
        trusted_hops: config.global.xff_num_trusted_hops,
        timeouts: Timeouts {
            request_ms: millis(config.global.timeout_read),
            exchange_ms: millis(config.global.timeout_write),
            idle_ms: millis(config.global.timeout_idle),
        },
    };
    let hosts = hosts::hosts(&settings.authenticate, &routes);
    let table = RouteTable {
        response_headers,
        hosts,
    };
    let snapshot = Snapshot {
        listeners: BTreeMap::from([(Snapshot::LISTENER.to_owned(), Arc::new(Part::new(listener)))]),
        route_tables: BTreeMap::from([(Snapshot::ROUTE_TABLE.to_owned(), Arc::new(table.into_part()))]),
        clusters,
        secrets: certificates.secrets,
    };
    let bundle = Bundle::new(
        Arc::new(settings),
        routes.into_iter().filter_map(|route| route.decides),
    );
    Built {
        snapshot: Some(snapshot),
        bundle: Some(Arc::new(bundle)),
        diagnostics,
    }
}

/// The IP addresses of `address`. Without a host it means all of the machine's.
fn addresses(address: &Address, materials: &Materials, report: &mut Report) -> Vec<String> {
    let Some(host) = address.host.as_deref() else {
        let all: &[&str] = if materials.ipv4_only {
            &["0.0.0.0"]
        } else {
            &["::", "0.0.0.0"]
        };
        return all.iter().map(|&ip| ip.to_owned()).collect();
    };
    if host.eq_ignore_ascii_case("localhost") {
        return vec!["127.0.0.1".to_owned()];
    }
    match host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<core::net::IpAddr>()
    {
        Ok(ip) => vec![ip.to_string()],
        Err(_) => {
            let message = format!("the host of `address` must be an IP address, not `{host}`");
            report.error(
                Span::START,
                codes::ADDRESS_INVALID,
                message,
                Some("write `:443` for every address"),
            );
            Vec::new()
        }
    }
}

/// The claim headers, which nobody but us may set.
fn protected_headers(global: &Global) -> Vec<String> {
    let names: BTreeSet<&str> = global
        .jwt_claims_headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The response headers of all routes, Pomerium's own set where none is configured.
fn response_headers(global: &Global) -> Vec<(String, String)> {
    match &global.set_response_headers {
        Some(headers) => headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
            .collect(),
        None => stock_response_headers(!global.insecure_server && !global.certificates.is_empty()),
    }
}

/// Pomerium's set. Browsers are told to insist on TLS only where a certificate is
/// configured that they can be expected to trust.
fn stock_response_headers(trusted: bool) -> Vec<(String, String)> {
    let hsts = (
        "Strict-Transport-Security",
        "max-age=31536000; includeSubDomains; preload",
    );
    let always = [
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-XSS-Protection", "1; mode=block"),
    ];
    trusted
        .then_some(hsts)
        .into_iter()
        .chain(always)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A time in Envoy's terms, where 0 means no end: what is shorter than a
/// millisecond must not come to that.
fn millis(duration: Duration) -> u64 {
    let whole = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if duration.subsec_nanos().is_multiple_of(1_000_000) {
        whole
    } else {
        whole.saturating_add(1)
    }
}
