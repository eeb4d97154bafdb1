//! Envoy with a listener for each variant. All are copies of the one that
//! Portcullis would give it, but for the port, for TLS, and for whom they ask.

use crate::process::{Places, Process, free_port, on};
use portcullis_bench::address::Address;
use portcullis_bench::http1::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::runtime::Runtime;

const FILTER: &str = "envoy.filters.http.ext_authz";
const CLUSTER: &str = "portcullis-authz";

/// Whom a listener asks; `None`: nobody.
pub struct Listener {
    pub port: u16,
    pub asks: Option<Address>,
}

/// What `portcullis envoy-config` prints.
pub fn printed(program: &Path, config: &Path) -> Value {
    let output = Command::new(program)
        .args(["envoy-config", "-c"])
        .arg(config)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "envoy-config: {log}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Starts one Envoy with one worker.
pub fn start(
    runtime: &Runtime,
    directory: &Path,
    places: &Places,
    printed: Value,
    listeners: &[Listener],
) -> Process {
    let admin = free_port();
    let bootstrap = directory.join("envoy.json");
    std::fs::write(&bootstrap, patched(printed, listeners, admin).to_string()).unwrap();
    let mut command = on(places.first.as_ref(), binary());
    command.arg("-c").arg(bootstrap).args([
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "error",
    ]);
    let mut envoy = Process::start("envoy", &mut command, directory);
    let admin = Address::Tcp(([127, 0, 0, 1], admin).into());
    envoy.wait_until(|_| is_live(runtime, &admin));
    envoy
}

/// The pinned Envoy, which `make bench` installs, or another.
pub fn binary() -> PathBuf {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/envoy/1.40.0/envoy");
    std::env::var_os("PORTCULLIS_ENVOY").map_or(pinned, PathBuf::from)
}

fn is_live(runtime: &Runtime, admin: &Address) -> bool {
    runtime.block_on(async {
        let Ok(client) = Client::open(admin).await else {
            return false;
        };
        matches!(
            client
                .ask_last(b"GET /ready HTTP/1.1\r\nhost: admin\r\n\r\n")
                .await,
            Ok(200)
        )
    })
}

fn patched(mut bootstrap: Value, listeners: &[Listener], admin: u16) -> Value {
    let listener = bootstrap["static_resources"]["listeners"][0].clone();
    let clusters = bootstrap["static_resources"]["clusters"].take();
    let Value::Array(mut clusters) = clusters else {
        panic!("no clusters");
    };
    // Nobody answers there.
    clusters.retain(|cluster| cluster["name"] != "portcullis-xds");
    let at = clusters.iter().position(|cluster| cluster["name"] == CLUSTER);
    let authz = clusters.remove(at.expect("a cluster of the authorization server"));

    let mut copies = Vec::new();
    for Listener { port, asks } in listeners {
        let name = format!("{CLUSTER}-{port}");
        copies.push(copy(&listener, *port, asks.is_some().then_some(&*name)));
        if let Some(address) = asks {
            let mut cluster = authz.clone();
            let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
            endpoint["address"] = match address {
                Address::Unix(path) => json!({"pipe": {"path": path}}),
                Address::Tcp(address) => socket(address.port()),
            };
            cluster["load_assignment"]["cluster_name"] = json!(name);
            cluster["name"] = json!(name);
            clusters.push(cluster);
        }
    }
    bootstrap["static_resources"]["listeners"] = Value::Array(copies);
    bootstrap["static_resources"]["clusters"] = Value::Array(clusters);
    bootstrap["admin"] = json!({"address": socket(admin)});
    bootstrap.as_object_mut().unwrap().remove("dynamic_resources");
    bootstrap
}

fn copy(listener: &Value, port: u16, cluster: Option<&str>) -> Value {
    let mut listener = listener.clone();
    listener["name"] = json!(format!("listener-{port}"));
    listener["address"] = socket(port);
    let chain = listener["filter_chains"][0].as_object_mut().unwrap();
    chain.remove("transport_socket");
    let filters = &mut chain["filters"][0]["typed_config"]["http_filters"];
    let filters = filters.as_array_mut().unwrap();
    let at = filters.iter().position(|filter| filter["name"] == FILTER);
    let at = at.expect("a filter that asks");
    match cluster {
        None => drop(filters.remove(at)),
        Some(cluster) => {
            let target = &mut filters[at]["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"];
            assert_eq!(*target, CLUSTER);
            *target = json!(cluster);
        }
    }
    listener
}

fn socket(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
