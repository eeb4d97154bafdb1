//! What the Envoys are told: those of somebody else the same routes as Portcullis, in
//! a file of their own; ours what `portcullis envoy-config` prints. All of them write
//! down, for each request, the name of the route that they chose.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use portcullis_harness::repository;
use serde_json::{Value, json};

use crate::reference::AUTHENTICATE_HOST;
use crate::routes::{Paths, Rewrite, Route};
use crate::world::Kind;

/// Where Envoy writes its account.
pub(crate) const ACCESS_LOG: &str = "envoy/access.log";

/// How long Envoy keeps a connection open after an error, for the client to close it; its
/// own second would be most of the run.
const CLOSE: &str = "0.02s";

fn access_log() -> Value {
    json!([{
        "name": "file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": ACCESS_LOG,
            "log_format": {"json_format": {
                "mark": "%REQ(X-MARK)%",
                "request_id": "%REQ(X-REQUEST-ID)%",
                "route": "%ROUTE_NAME%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "method": "%REQ(:METHOD)%",
                "path": "%REQ(:PATH)%",
                "original_path": "%REQ(X-ENVOY-ORIGINAL-PATH)%",
            }},
        },
    }])
}

/// The configuration of somebody else's Envoy: the connection manager and the filters
/// of the example, with these routes in this order.
pub(crate) fn foreign(
    kind: Kind,
    routes: &[Route],
    order: &[usize],
    upstreams: &[u16],
    port: u16,
    grpc: u16,
) -> String {
    let (example, service) = match kind {
        Kind::Bare | Kind::BareByName => ("examples/plain-envoy/envoy.yaml", "portcullis"),
        _ => (
            "examples/istio/envoy.yaml",
            "outbound|5444||portcullis.portcullis.svc.cluster.local",
        ),
    };
    let path = repository::root().join(example);
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("`{example}` cannot be read: {e}"));
    let cut = |text: &str, from: &str, to: &str| {
        let place = |at: &str| {
            let mut places = text.match_indices(at).map(|(place, _)| place);
            let place = places.next().filter(|_| places.next().is_none());
            place.unwrap_or_else(|| panic!("`{example}` has not exactly one `{}`", at.trim()))
        };
        let (from, to) = (place(from), place(to));
        (text[..from].to_owned(), text[to..].to_owned())
    };
    let (listener, filters) = cut(&text, "            virtual_hosts:\n", "          http_filters:\n");
    // Clear text, so that the time goes into requests.
    let (listener, manager) = cut(&listener, "    - transport_socket:\n", "      filters:\n");
    let manager = manager.replacen("      filters:", "    - filters:", 1);
    let (filters, _) = cut(&filters, "  clusters:\n", "  clusters:\n");
    assert!(
        filters.contains(service),
        "`{example}` names the server otherwise"
    );
    let hosts = hosts(kind, routes, order);
    let listener = format!(
        "{listener}{manager}            virtual_hosts: {hosts}\n          access_log: {}\n          delayed_close_timeout: {CLOSE}\n{filters}",
        access_log()
    );
    let listener = listener.replace("port_value: 8443", &format!("port_value: {port}"));
    let mut clusters = "  clusters:\n".to_owned();
    for (place, upstream) in upstreams.iter().enumerate() {
        let _ = writeln!(
            clusters,
            "  - {}",
            cluster(&format!("upstream-{place}"), *upstream)
        );
    }
    let mut check = cluster(service, grpc);
    check["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
    format!("{listener}{clusters}  - {check}\n")
}

fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        }}]}]},
    })
}

/// A virtual host for each host, or host and port; those with stars are tried one after
/// the other in one for everything else.
fn hosts(kind: Kind, routes: &[Route], order: &[usize]) -> Value {
    let mut hosts: Vec<(String, Vec<String>, Vec<Value>)> = Vec::new();
    for place in order {
        let route = &routes[*place];
        let (name, domains) = match (route.has_stars(), route.port) {
            (true, _) => ("*".to_owned(), vec!["*".to_owned()]),
            (false, Some(port)) => {
                let bound = format!("{}:{port}", route.host);
                (bound.clone(), vec![bound])
            }
            // The port is cut off before, or any fits.
            (false, None) if kind.is_istio() => (route.host.clone(), vec![route.host.clone()]),
            (false, None) => (
                route.host.clone(),
                vec![route.host.clone(), format!("{}:*", route.host)],
            ),
        };
        let of_envoy = one(kind, route, *place);
        match hosts.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, _, of_host)) => of_host.push(of_envoy),
            None => hosts.push((name, domains, vec![of_envoy])),
        }
    }
    let host = |(name, domains, routes)| json!({"name": name, "domains": domains, "routes": routes});
    hosts.into_iter().map(host).collect()
}

fn one(kind: Kind, route: &Route, place: usize) -> Value {
    let mut matches = match &route.paths {
        Paths::All => json!({"prefix": "/"}),
        Paths::Prefix(prefix) => json!({"prefix": prefix}),
        Paths::Exact(path) => json!({"path": path}),
        Paths::Regex(pattern) => json!({"safe_regex": {"regex": pattern.written()}}),
    };
    if route.has_stars() {
        let host = route.host.replace('.', "\\.").replace('*', "[^:\\[\\]]*");
        let port = route
            .port
            .map_or("(?::[0-9]+)?".to_owned(), |port| format!(":{port}"));
        matches["headers"] = json!([{
            "name": ":authority",
            "string_match": {"safe_regex": {"regex": format!("(?i){host}{port}")}},
        }]);
    }
    let mut action = json!({"cluster": format!("upstream-{place}")});
    match &route.rewrite {
        Rewrite::None => {}
        Rewrite::Matched(by) => action["prefix_rewrite"] = json!(by),
        Rewrite::FirstSlash => {
            action["regex_rewrite"] = json!({"pattern": {"regex": "^/"}, "substitution": "/rw/"});
        }
    }
    let mut written = json!({"name": route.name, "match": matches, "route": action});
    if kind.is_by_name() {
        written["typed_per_filter_config"] = json!({"envoy.filters.http.ext_authz": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
            "check_settings": {"context_extensions": {"route": route.name}},
        }});
    }
    written
}

/// What our own Envoy is given, as it is printed, with an account, on another port and
/// in clear text. `sockets` is where those of the running gateway are.
pub(crate) fn ours(printed: &str, port: u16, sockets: &Path) -> Value {
    let text = printed.replace("/run/portcullis", &sockets.display().to_string());
    let mut bootstrap: Value = serde_json::from_str(&text).expect("JSON is printed");
    let whole = bootstrap.as_object_mut().expect("a bootstrap is an object");
    whole.remove("dynamic_resources");
    whole.remove("admin");
    let listener = &mut bootstrap["static_resources"]["listeners"][0];
    listener["address"] = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    // The handshake is what these look at.
    listener
        .as_object_mut()
        .expect("a listener")
        .remove("listener_filters");
    let chain = &mut listener["filter_chains"][0];
    let fields = chain.as_object_mut().expect("a filter chain");
    fields.remove("transport_socket");
    fields.remove("filter_chain_match");
    let manager = &mut chain["filters"][0]["typed_config"];
    manager["access_log"] = access_log();
    manager["delayed_close_timeout"] = json!(CLOSE);
    assert!(route_table(&bootstrap).is_array(), "no routes are printed");
    bootstrap
}

/// The virtual hosts of a printed bootstrap.
pub(crate) fn route_table(bootstrap: &Value) -> &Value {
    let chain = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    &chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
}

/// What decides which route serves. Envoy hides what the check is told; the name of a
/// route has its id.
pub(crate) fn choices(virtual_hosts: &Value) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let choice = |route: &Value| {
        json!([
            route["name"],
            route["match"],
            route["route"]["cluster"],
            route["route"]["prefix_rewrite"],
        ])
    };
    let host = |host: &Value| {
        let routes: Vec<Value> = list(&host["routes"]).iter().map(choice).collect();
        json!([host["domains"], routes])
    };
    list(virtual_hosts).iter().map(host).collect()
}

/// Keys of a gateway's configuration, beside its routes.
pub(crate) fn gateway_keys(port: u16) -> String {
    format!(
        "address: 127.0.0.1:{port}
authenticate_service_url: https://{AUTHENTICATE_HOST}:{port}
certificates:
- {{cert: tls.crt, key: tls.key}}
"
    )
}
