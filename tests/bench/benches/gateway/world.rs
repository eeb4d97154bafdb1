//! Every process of the comparison, side by side.

use crate::envoy::{self, Listener};
use crate::process::{Places, Process, free_port, on};
use crate::servers::{self, LOAD, Portcullis, Server};
use envoy_types::ext_authz::v3::pb::{CheckResponse, HttpResponse, OkHttpResponse};
use portcullis_bench::address::Address;
use portcullis_bench::http1::{Client, request};
use portcullis_bench::procfs;
use portcullis_bench::rpc::{Connection, frame};
use prost::Message as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const AUTHORITY: &str = "admin.localhost:8443";
const PATH: &str = "/reports/2026?page=2";

/// What runs. Fields are dropped in their order: who asks goes first.
pub struct World {
    /// The one Envoy.
    pub envoy: Process,
    /// Portcullis, on the Unix socket and on TCP.
    pub portcullis: Portcullis,
    /// The no-op, on both.
    pub noop: Vec<Server>,
    _upstream: Process,
    /// Envoy's ports: without a check, then as the servers stand above.
    pub ports: Ports,
    /// A request of somebody who is let in, as bytes.
    pub request: PathBuf,
    /// The Check that Envoy makes of it.
    pub check: PathBuf,
    /// Where each runs.
    pub places: Places,
    _directory: TempDir,
}

/// Envoy's ports.
pub struct Ports {
    pub no_authz: u16,
    pub portcullis: Vec<u16>,
    pub noop: Vec<u16>,
}

impl World {
    /// Starts everything and sees to it that it answers.
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let directory = tempfile::Builder::new().prefix("bench-").tempdir().unwrap();
        let path = directory.path();
        let pinned = std::env::var_os("PORTCULLIS_BENCH_UNPINNED").is_none();
        let places = if pinned {
            Places::of(&procfs::processors())
        } else {
            Places::default()
        };

        let upstream_port = free_port();
        let upstream_address = Address::Tcp(([127, 0, 0, 1], upstream_port).into());
        let mut upstream = on(places.others.as_ref(), LOAD);
        let upstream = upstream.arg("upstream").arg(upstream_address.to_string());
        let upstream = Process::start("upstream", upstream, path).says_ready();

        let config = servers::config(path, upstream_port);
        let printed = envoy::printed(servers::PORTCULLIS.as_ref(), &config);
        let cookie = servers::signed_in(&runtime, &config, path);
        let portcullis = servers::portcullis(&config, path, &places);

        let noop_addresses = [
            Address::Unix(path.join("noop.sock")),
            Address::Tcp(([127, 0, 0, 1], free_port()).into()),
        ];
        let ports = Ports {
            no_authz: free_port(),
            portcullis: portcullis.servers.iter().map(|_| free_port()).collect(),
            noop: noop_addresses.iter().map(|_| free_port()).collect(),
        };
        let asks = |port: u16, address: &Address| Listener {
            port,
            asks: Some(address.clone()),
        };
        let mut listeners = vec![Listener {
            port: ports.no_authz,
            asks: None,
        }];
        let ours = ports.portcullis.iter().zip(&portcullis.servers);
        listeners.extend(ours.map(|(port, server)| asks(*port, &server.address)));
        let others = ports.noop.iter().zip(&noop_addresses);
        listeners.extend(others.map(|(port, address)| asks(*port, address)));
        let envoy = envoy::start(&runtime, path, &places, printed, &listeners);

        let let_in = request(AUTHORITY, PATH, Some(&cookie));
        let request_file = path.join("request");
        std::fs::write(&request_file, &let_in).unwrap();

        // What Envoy asks, and what Portcullis answers: the no-op has to answer the like.
        let check = path.join("check");
        let capturing = servers::noop("capture", &noop_addresses[0], "capture", &check, path, &places);
        assert_eq!(status(&runtime, ports.noop[0], &let_in), 403);
        drop(capturing);
        std::fs::remove_file(path.join("noop.sock")).unwrap();
        let answer_file = path.join("answer");
        let answer = answer(&runtime, &portcullis.servers[0].address, &check);
        std::fs::write(&answer_file, answer.encode_to_vec()).unwrap();
        let noop = noop_addresses
            .iter()
            .enumerate()
            .map(|(index, address)| {
                let name = format!("noop-{index}");
                servers::noop(&name, address, "answer", &answer_file, path, &places)
            })
            .collect();

        // Portcullis decides, and whoever asks nobody does not.
        let stranger = request(AUTHORITY, PATH, None);
        for port in &ports.portcullis {
            assert_eq!(status(&runtime, *port, &let_in), 200);
            assert_eq!(status(&runtime, *port, &stranger), 302);
        }
        assert_eq!(status(&runtime, ports.no_authz, &stranger), 200);
        Self {
            envoy,
            portcullis,
            noop,
            _upstream: upstream,
            ports,
            request: request_file,
            check,
            places,
            _directory: directory,
        }
    }
}

fn status(runtime: &Runtime, port: u16, request: &[u8]) -> u16 {
    let address = Address::Tcp(([127, 0, 0, 1], port).into());
    runtime.block_on(async {
        let client = Client::open(&address).await.unwrap();
        client.ask_last(request).await.unwrap()
    })
}

/// The answer to the Check in `check`, as far as the no-op has to give it: headers
/// to set and to remove.
fn answer(runtime: &Runtime, address: &Address, check: &Path) -> CheckResponse {
    let check = frame(&std::fs::read(check).unwrap());
    let message = runtime.block_on(async {
        let connection = Connection::open(address).await.unwrap();
        connection.check(&check).await.unwrap()
    });
    let CheckResponse {
        status,
        http_response,
        ..
    } = CheckResponse::decode(message).unwrap();
    let Some(HttpResponse::OkResponse(ok)) = http_response else {
        panic!("Portcullis denies: {http_response:?}");
    };
    let names: Vec<&str> = ok
        .headers
        .iter()
        .flat_map(|o| &o.header)
        .map(|h| h.key.as_str())
        .collect();
    assert!(names.contains(&"x-pomerium-jwt-assertion"), "{names:?}");
    CheckResponse {
        status,
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: ok.headers,
            headers_to_remove: ok.headers_to_remove,
            ..OkHttpResponse::default()
        })),
        ..CheckResponse::default()
    }
}
