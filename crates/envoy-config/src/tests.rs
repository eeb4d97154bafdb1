//! What is sent to Envoy, as JSON. Real Envoy reads it in the end-to-end tests.

mod clients;
mod fixture;
mod guard;
mod options;

use crate::{ResourceSet, ResourceType, Sockets, XdsProtocol, bootstrap, resources, static_bootstrap};
use fixture::{KEY, ROUTE_ID, part, snapshot, sockets};
use portcullis_snapshot::Snapshot;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn whole() -> Value {
    static_bootstrap(&snapshot(), &sockets()).unwrap()
}

/// Visits every object of a JSON value.
fn objects(value: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(fields);
            fields.values().for_each(|value| objects(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| objects(value, visit)),
        _ => {}
    }
}

fn manager(whole: &Value) -> &Value {
    &whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

fn hosts(whole: &Value) -> &Vec<Value> {
    manager(whole)["route_config"]["virtual_hosts"]
        .as_array()
        .unwrap()
}

#[test]
fn nothing_ever_lets_a_failed_check_pass_or_switches_the_check_off() {
    let whole = whole();
    let mut seen = 0;
    objects(&whole, &mut |fields| {
        for key in [
            "failure_mode_allow",
            "failure_mode_allow_header_add",
            "filter_enabled",
            "shadow_mode",
            "disabled",
        ] {
            assert!(!fields.contains_key(key), "{key} in {fields:?}");
        }
        seen += 1;
    });
    assert!(seen > 100, "only {seen} objects were looked at");
    let filter = &manager(&whole)["http_filters"][0];
    assert_eq!(filter["name"], "envoy.filters.http.ext_authz");
    assert_eq!(
        filter["typed_config"],
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "grpc_service": {"envoy_grpc": {"cluster_name": "portcullis-authz"}, "timeout": "10s"},
            "status_on_error": {"code": "ServiceUnavailable"},
            "include_peer_certificate": true,
            "transport_api_version": "V3",
            "include_tls_session": true,
            "encode_raw_headers": true,
            "decoder_header_mutation_rules": {"allow_envoy": true, "disallow_system": true},
            "validate_mutations": true,
        })
    );
}

#[test]
fn every_route_of_every_host_tells_the_check_what_it_is() {
    let whole = whole();
    let mut contexts = Vec::new();
    for host in hosts(&whole) {
        let routes = host["routes"].as_array().unwrap();
        let [.., connect, all] = routes.as_slice() else {
            panic!("{host}")
        };
        assert_eq!(connect["match"], json!({"connect_matcher": {}}));
        assert_eq!(all["match"], json!({"prefix": "/"}));
        for route in [connect, all] {
            assert_eq!(route["direct_response"], json!({"status": 404}));
        }
        for route in routes {
            let check = &route["typed_per_filter_config"]["envoy.filters.http.ext_authz"]["check_settings"];
            contexts.push((route["name"].clone(), check["context_extensions"].clone()));
        }
    }
    let internal = json!({"internal": "true", "route_id": ""});
    let terminal = json!({"internal": "false", "route_id": "", "terminal": "no_route"});
    assert_eq!(
        contexts,
        [
            (json!("internal"), internal),
            (
                json!("policy"),
                json!({"internal": "false", "route_id": ROUTE_ID})
            ),
            (
                json!("invalid"),
                json!({"internal": "false", "route_id": ROUTE_ID})
            ),
            (json!("terminal-connect"), terminal.clone()),
            (json!("terminal"), terminal.clone()),
            (json!("terminal-connect"), terminal.clone()),
            (json!("terminal"), terminal),
        ]
    );
}

#[test]
fn routes_lead_where_the_snapshot_says() {
    let whole = whole();
    let routes = &hosts(&whole)[0]["routes"];
    assert_eq!(
        routes[0]["route"],
        json!({"cluster": "portcullis-web", "timeout": "30s"})
    );
    assert_eq!(
        routes[1]["route"],
        json!({
            "cluster": "upstream-tls",
            "prefix_rewrite": "/a",
            "timeout": "30.500s",
            "auto_host_rewrite": true,
            "append_x_forwarded_host": true,
        })
    );
    assert_eq!(routes[2]["direct_response"], json!({"status": 503}));
    assert_eq!(
        manager(&whole)["route_config"]["response_headers_to_add"],
        json!([{
            "header": {"key": "X-Test", "value": "100%%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }])
    );
}

#[test]
fn only_we_set_our_headers() {
    let whole = whole();
    let early = &manager(&whole)["early_header_mutation_extensions"][0]["typed_config"]["mutations"];
    let prefix =
        |text: &str| json!({"remove_on_match": {"key_matcher": {"prefix": text, "ignore_case": true}}});
    let pomerium = json!({
        "remove_on_match": {"key_matcher": {"safe_regex": {"regex": "x[-_]pomerium[-_].*"}}},
    });
    let copy = |from: &str, to: &str| {
        json!({
            "append": {
                "header": {"key": to, "value": format!("%REQ({from})%")},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            },
        })
    };
    assert_eq!(
        *early,
        json!([
            prefix("x-portcullis-"),
            prefix("x-envoy-"),
            copy("x-pomerium-jwt-assertion", "x-portcullis-in-jwt-assertion"),
            copy("x-pomerium-jwt-assertion-for", "x-portcullis-in-jwt-assertion-for"),
            copy("x-pomerium-authorization", "x-portcullis-in-authorization"),
            pomerium,
            {"remove": "x-email"},
            copy("x-portcullis-in-authorization", "x-pomerium-authorization"),
            {"remove": "x-portcullis-in-authorization"},
        ])
    );
    let filters = manager(&whole)["http_filters"].as_array().unwrap();
    let names: Vec<_> = filters
        .iter()
        .map(|filter| filter["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "envoy.filters.http.ext_authz",
            "envoy.filters.http.header_mutation",
            "envoy.filters.http.router"
        ]
    );
    assert_eq!(
        filters[1]["typed_config"]["mutations"]["request_trailers_mutations"],
        json!([prefix("x-portcullis-"), prefix("x-envoy-"), pomerium, {"remove": "x-email"}])
    );
}

#[test]
fn the_connection_manager_refuses_what_is_ambiguous() {
    let whole = whole();
    let manager = manager(&whole);
    for (key, value) in [
        ("normalize_path", json!(true)),
        ("merge_slashes", json!(true)),
        ("path_with_escaped_slashes_action", json!("REJECT_REQUEST")),
        ("strip_trailing_host_dot", json!(true)),
        ("use_remote_address", json!(true)),
        ("xff_num_trusted_hops", json!(2)),
        ("always_set_request_id_in_response", json!(true)),
        (
            "internal_address_config",
            json!({"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}),
        ),
        ("max_request_headers_kb", json!(128)),
        ("request_timeout", json!("30s")),
        (
            "common_http_protocol_options",
            json!({
                "idle_timeout": "300s",
                "max_headers_count": 1000,
                "headers_with_underscores_action": "REJECT_REQUEST",
            }),
        ),
    ] {
        assert_eq!(manager[key], value, "{key}");
    }
    // Not switched off by any route, since Envoy would then refuse without a check.
    assert_eq!(manager["upgrade_configs"], json!([{"upgrade_type": "websocket"}]));
    let mapper = &manager["local_reply_config"]["mappers"][0];
    let flags = &mapper["filter"]["response_flag_filter"]["flags"];
    assert_eq!(flags.as_array().unwrap().len(), 28);
    assert!(flags.as_array().unwrap().contains(&json!("UAEX")));
    // What the check has set on a denial stays.
    assert_eq!(
        mapper["headers_to_add"],
        json!([{"header": {"key": "X-Test", "value": "100%%"}, "append_action": "ADD_IF_ABSENT"}])
    );
    assert!(mapper.get("body_format_override").is_none());
}

#[test]
fn certificates_are_references_and_no_key_is_printed() {
    let whole = whole();
    assert!(!whole.to_string().contains(KEY));
    let listener = &whole["static_resources"]["listeners"][0];
    assert_eq!(listener["name"], "https-ingress");
    let address = |value: &Value| value["address"]["socket_address"]["address"].clone();
    assert_eq!(address(listener), "::");
    assert_eq!(address(&listener["additional_addresses"][0]), "0.0.0.0");
    let tls = &listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"];
    let sds = json!([{
        "name": "certificate-a",
        "sds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
    }]);
    assert_eq!(tls["tls_certificate_sds_secret_configs"], sds);
    assert_eq!(tls["alpn_protocols"], json!(["h2", "http/1.1"]));
    assert_eq!(tls["tls_params"]["tls_minimum_protocol_version"], "TLSv1_2");
    assert_eq!(tls["tls_params"]["cipher_suites"].as_array().unwrap().len(), 6);
}

#[test]
fn upstreams_are_verified_by_their_name() {
    let whole = whole();
    let clusters = whole["static_resources"]["clusters"].as_array().unwrap();
    let cluster = |name: &str| clusters.iter().find(|cluster| cluster["name"] == name).unwrap();
    let tls = &cluster("upstream-tls")["transport_socket"]["typed_config"];
    assert_eq!(tls["sni"], "up.test");
    assert_eq!(
        tls["common_tls_context"]["validation_context"],
        json!({
            "trusted_ca": {"filename": "/etc/ssl/certs/ca-certificates.crt"},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "up.test"}}],
        })
    );
    assert_eq!(
        cluster("upstream-tls")["cluster_type"]["name"],
        "envoy.clusters.dns"
    );

    let tls = &cluster("upstream-ip")["transport_socket"]["typed_config"];
    assert!(tls.get("sni").is_none(), "an address is no server name");
    let names = &tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
    assert_eq!(
        *names,
        json!([{"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}}])
    );

    let plain = cluster("upstream-plain");
    assert!(plain.get("transport_socket").is_none() && plain.get("cluster_type").is_none());
    let endpoint = &plain["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(endpoint["hostname"], "localhost:8000");
    assert_eq!(
        endpoint["address"],
        json!({"socket_address": {"address": "127.0.0.1", "port_value": 8000}})
    );
}

#[test]
fn unchanged_resources_are_taken_over() {
    let first = resources(&snapshot(), &sockets(), None);
    let mut edited = snapshot();
    let table = edited.route_tables.get_mut("main").unwrap();
    let mut value = table.value.clone();
    value.response_headers.clear();
    *table = Arc::new(part(value));
    let second = resources(&edited, &sockets(), Some(&first));
    let mut changed = Vec::new();
    for (kind, resources) in second.iter() {
        for (name, resource) in resources {
            let old = &first[kind][name];
            if resource.version != old.version {
                changed.push(name.as_str());
            }
            let shared = resource.bytes.as_ptr() == old.bytes.as_ptr();
            assert_eq!(shared, resource.version == old.version, "{name}");
        }
    }
    assert_eq!(changed, ["main"]);
}

#[test]
fn every_type_is_served_and_only_once() {
    let set = resources(&snapshot(), &sockets(), None);
    let names = |set: &ResourceSet| -> Vec<(ResourceType, Vec<String>)> {
        set.iter()
            .map(|(kind, resources)| (*kind, resources.keys().cloned().collect()))
            .collect()
    };
    let own = [
        "portcullis-authz",
        "portcullis-web",
        "upstream-ip",
        "upstream-plain",
        "upstream-tls",
    ];
    assert_eq!(
        names(&set),
        [
            (ResourceType::Cluster, own.map(str::to_owned).to_vec()),
            (ResourceType::Secret, vec!["certificate-a".to_owned()]),
            (ResourceType::Listener, vec!["https-ingress".to_owned()]),
            (ResourceType::RouteConfiguration, vec!["main".to_owned()]),
        ]
    );
    assert_eq!(resources(&Snapshot::default(), &sockets(), None).len(), 4);
    // A private key must not reach a log.
    assert!(!format!("{set:?}").contains(KEY));
    let elsewhere = Sockets {
        authz: "/other/authz.sock".into(),
        ..sockets()
    };
    let moved = resources(&snapshot(), &elsewhere, Some(&set));
    let cluster = |set: &ResourceSet, name: &str| set[&ResourceType::Cluster][name].version.clone();
    assert_ne!(
        cluster(&moved, "portcullis-authz"),
        cluster(&set, "portcullis-authz")
    );
    assert_eq!(cluster(&moved, "portcullis-web"), cluster(&set, "portcullis-web"));
}

#[test]
fn type_urls_are_those_of_the_messages() {
    use envoy_types::pb::envoy::{config, extensions::transport_sockets::tls};
    use prost::Name as _;
    let urls = [
        config::cluster::v3::Cluster::type_url(),
        tls::v3::Secret::type_url(),
        config::listener::v3::Listener::type_url(),
        config::route::v3::RouteConfiguration::type_url(),
    ];
    assert_eq!(
        ResourceType::ALL.map(ResourceType::type_url),
        urls.each_ref().map(String::as_str)
    );
}

#[test]
fn equal_snapshots_print_alike() {
    let text = whole().to_string();
    for _ in 0..8 {
        assert_eq!(whole().to_string(), text);
    }
}

#[test]
fn the_bootstrap_says_which_protocol_envoy_speaks() {
    let (xds, admin) = (Path::new("/run/xds.sock"), Path::new("/run/admin.sock"));
    let delta = bootstrap("node-1", xds, admin, XdsProtocol::Delta);
    let mut sotw = bootstrap("node-1", xds, admin, XdsProtocol::Sotw);
    let api_type = &mut sotw["dynamic_resources"]["ads_config"]["api_type"];
    assert_eq!(*api_type, "GRPC");
    *api_type = json!("DELTA_GRPC");
    assert_eq!(sotw, delta, "nothing else differs");
}

#[test]
fn the_bootstrap_waits_for_its_configuration() {
    let json = bootstrap(
        "node-1",
        Path::new("/run/xds.sock"),
        Path::new("/run/admin.sock"),
        XdsProtocol::Delta,
    );
    assert_eq!(json["node"], json!({"id": "node-1", "cluster": "portcullis"}));
    assert_eq!(
        json["admin"]["address"]["pipe"],
        json!({"path": "/run/admin.sock", "mode": 0o600})
    );
    assert_eq!(json["dynamic_resources"]["ads_config"]["api_type"], "DELTA_GRPC");
    for source in ["lds_config", "cds_config"] {
        let expected = json!({"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"});
        assert_eq!(json["dynamic_resources"][source], expected);
    }
    let cluster = &json["static_resources"]["clusters"][0];
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(
        (&cluster["name"], &endpoint["address"]["pipe"]["path"]),
        (&json!("portcullis-xds"), &json!("/run/xds.sock"))
    );
}
